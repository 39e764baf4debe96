"""What the rules pay, published and repaired."""

import numpy as np
import pytest

from segue.envs import make_core
from segue.envs.melody.events import HOLD, OFF
from segue.envs.melody.rules import GROUPS

BOUNCE = [14, 21] * 16
TUNE = [14, HOLD, 16, 18, 19, HOLD, 18, 16, 21, HOLD, 19, 18, 16, 18, 16, HOLD]
TUNE += [14, HOLD, 16, 18, 19, HOLD, 18, 16, 19, HOLD, 18, 16, 14, HOLD, HOLD, HOLD]


def earned(piece: list[int], **options: object) -> dict[str, float]:
    """The sum of each term over a piece."""
    core = make_core("melody", 1, **options)
    core.reset(np.random.default_rng(0))
    total = dict.fromkeys(core.REWARDS, 0.0)
    for event in piece:
        _, _, _, terms = core.step(np.array([event]))
        for name, value in terms.items():
            total[name] += float(value[0])
    return total


def rules_only(terms: dict[str, float]) -> float:
    return sum(terms[group] for group in GROUPS)


def test_published_rules_pay_for_bouncing_and_repaired_ones_do_not() -> None:
    published = {
        "tune": earned(TUNE, rules="published"),
        "bounce": earned(BOUNCE[:], rules="published"),
    }
    repaired = {"tune": earned(TUNE), "bounce": earned(BOUNCE)}
    assert rules_only(repaired["tune"]) > rules_only(repaired["bounce"]) + 20
    assert repaired["bounce"]["leaps"] < -20
    assert published["bounce"]["leaps"] >= 0


def test_a_leap_is_paid_when_it_is_answered_and_resolved() -> None:
    step_back = [14, 21, 19, 18, 16, 14]
    goes_on = [14, 21, 23, 25, 26, 28]
    doubled = [14, 21, 28, 26, 25, 23]
    paid = [earned(piece)["leaps"] for piece in (step_back, goes_on, doubled)]
    assert paid == pytest.approx([2.5 + 1.0 + 2.0, 2.5 - 1.0, 2 * 2.5 - 1.0 + 1.0 - 3.0])
    many = earned([14, 21, 19, 18, 16, 14] * 4)["leaps"]
    assert many < 2 * paid[0] + 1


def test_a_leap_of_the_last_bar_is_not_paid_but_its_answer_is() -> None:
    steps = [14, 16, 18, 19] * 6
    assert earned([*steps, 18, HOLD, 16, HOLD, 14, HOLD, 26, HOLD])["leaps"] == 0.0
    assert earned([*steps, 14, 21, 19, 18, 16, HOLD, 14, HOLD])["leaps"] == pytest.approx(3.0)
    late = [*steps[:-1], 26, 25, 23, 21, 19, 18, 16, 14, HOLD]  # leaps as the third bar ends
    assert earned(late)["leaps"] == pytest.approx(2.5 + 1.0 + 2.0)


def test_an_end_on_the_tonic_is_paid_once_and_taken_back_if_it_goes_on() -> None:
    start = [16] * 3 + [HOLD] * 21
    ends = [16, HOLD, 18, 16, 14, HOLD, HOLD, HOLD]
    assert earned(start + ends)["tonic"] == pytest.approx(7.0 + 3.0 + 0.5 + 1.5)
    assert earned([*start, *ends[:5], 16, HOLD, HOLD])["tonic"] == pytest.approx(0.0)
    assert earned([*start, 14, HOLD, 14, HOLD, 14, HOLD, 14, OFF])["tonic"] < 9.5
    assert earned([14])["tonic"] == 2.0


def test_what_is_paid_as_it_changes_adds_up_to_its_end() -> None:
    terms = earned(BOUNCE)
    x = np.array(BOUNCE) - np.mean(BOUNCE)
    excess = [abs((x[lag:] * x[:-lag]).sum() / (x * x).sum()) - 0.2 for lag in (1, 2, 3)]
    assert terms["autocorrelation"] == pytest.approx(-8.0 * sum(excess))
    assert terms["extremes"] == 0.0
    assert earned(TUNE)["extremes"] == 1.0  # its highest note is there once, its lowest thrice


def test_a_bar_that_comes_again_is_paid_for_a_while() -> None:
    bar = [14, 16, 18, 19, 21, HOLD, 19, HOLD]
    other = [23, HOLD, 21, HOLD, 19, HOLD, 18, HOLD]
    assert earned(bar + other + bar)["repeated_motif"] == 3.0
    assert earned(bar * 4)["repeated_motif"] < 0.0


def test_key_repeats_motif_and_intervals_cost() -> None:
    assert earned([15, 14, 17])["key"] == -6.0
    assert earned([14] * 6)["repeats"] == -5.0
    assert earned([14, HOLD] * 4)["motif"] == pytest.approx(-2.5)
    assert earned([14, 20, 31])["intervals"] == -2.0


def test_weights_scale_their_terms_and_zero_silences_them() -> None:
    plain, changed = earned(TUNE), earned(TUNE, tonic_weight=2.0, note_model_weight=0.0)
    assert changed["tonic"] == 2 * plain["tonic"]
    assert changed["note_model"] == 0.0
    assert plain["note_model"] < 0.0
