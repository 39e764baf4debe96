"""The detectors of RL Tuner, batched, beside a plain reading of their definitions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segue.envs.melody.events import HOLD, OFF
from segue.envs.melody.statistics import statistics_of

STEPS = 32


def pieces(kind: str) -> NDArray[np.int64]:
    """Sixty pieces that repeat, leap and rest a lot."""
    rng = np.random.default_rng(len(kind))
    if kind == "any":
        return rng.integers(0, 38, (60, STEPS))
    if kind == "few":
        return rng.choice([HOLD, OFF, 14], (60, STEPS), p=[0.4, 0.1, 0.5])
    drawn = rng.choice([HOLD, HOLD, OFF, 5, 14, 14, 16, 25], (60, STEPS))
    if kind == "bars again":
        drawn[:, 8:16] = drawn[:, :8]
        drawn[:, 20:28] = drawn[:, :8]
    return drawn


def excessive(before: list[int], event: int) -> bool:
    same, held, rest = 0, False, False
    for one in reversed(before):
        if one == event:
            same += 1
        elif one == OFF:
            rest = True
        elif one == HOLD:
            held = True
        else:
            break
    if event == OFF and same > 1:
        return True
    return same > (6 if held or rest else 4)


def motif(before: list[int], event: int) -> tuple[bool, bool]:
    """Whether the last bar is a motif, and was there before."""
    bar = [*before, event][-8:]
    if len(bar) < 8 or len({one for one in bar if one > OFF}) < 3:
        return False, False
    earlier = before[:-7]
    return True, any(earlier[at : at + 8] == bar for at in range(len(earlier) - 7))


def leaps(piece: list[int]) -> tuple[int, int, int]:
    """Leaps, resolved ones and doubled ones."""
    count = resolved = doubled = 0
    direction, start, since, last = 0, 0, 0, 0
    for at, event in enumerate(piece):
        if event <= OFF:
            since += at > 0
            continue
        if last and abs(event - last) >= 7:
            count += 1
            towards = 1 if event > last else -1
            if not direction:
                direction, start = towards, last
            elif towards == direction:
                doubled += 1
            else:
                resolved += since > 6
                direction = 0
            since = 0
        else:
            since += at > 0
            if direction * (event - start) <= 0 and direction:
                resolved += 1
                direction = 0
        last = event
    return count, resolved, doubled


@pytest.mark.parametrize("kind", ["any", "few", "leaping", "bars again"])
def test_the_statistics_are_what_their_definitions_say(kind: str) -> None:
    drawn = pieces(kind)
    found = statistics_of(drawn)
    for at, piece in enumerate(drawn.tolist()):
        steps = [(piece[:step], event) for step, event in enumerate(piece)]
        assert found["repeats"][at] * STEPS == sum(excessive(*one) for one in steps)
        motifs = np.sum([motif(*one) for one in steps], axis=0)
        assert found["motif"][at] * STEPS == motifs[0]
        assert found["repeated_motif"][at] * STEPS == motifs[1]
        count, resolved, doubled = leaps(piece)
        assert found["leaps"][at] == count
        if resolved + doubled:
            assert found["leaps_resolved"][at] == pytest.approx(resolved / (resolved + doubled))
        else:
            assert np.isnan(found["leaps_resolved"][at])
        events = np.array(piece)
        notes = events[events > OFF]
        assert found["unique_max"][at] == ((notes == notes.max()).sum() == 1)
        assert found["unique_min"][at] == ((notes == notes.min()).sum() == 1)
        for lag in (1, 2, 3):
            apart = events - events.mean()
            told = (apart[lag:] * apart[:-lag]).sum() / STEPS / apart.var()
            assert found[f"autocorrelation_{lag}"][at] == pytest.approx(told)


def test_a_piece_of_one_note_is_wholly_correlated() -> None:
    found = statistics_of(np.full((1, STEPS), 14))
    assert found["autocorrelation_1"][0] == 1.0
    assert found["repeats"][0] == (STEPS - 5) / STEPS


def test_two_notes_that_bounce_are_told_apart_from_music() -> None:
    """What the published rules reward most: their statistics look well, the guards do not."""
    bouncing = np.tile([14, 21], (1, STEPS // 2))
    scale = np.array([[14, HOLD, 16, 18, 19, HOLD, 18, 16] * 4])
    found = {name: values[0] for name, values in statistics_of(bouncing).items()}
    assert found["not_in_key"] == found["repeats"] == 0.0
    assert found["starts_on_tonic"] == 1.0
    assert found["leaps"] == STEPS - 1
    assert found["autocorrelation_1"] < -0.9
    assert found["bounces"] > 0.9
    assert statistics_of(scale)["bounces"][0] == 0.0
    assert statistics_of(scale)["leaps"][0] == 0.0


def test_shares_where_the_answer_is_known() -> None:
    home = [14, 21, 19, 18, 16, 14]  # a fifth up, answered by a step down, and back
    away = [15, 26, HOLD, 28, HOLD, HOLD]  # out of key; up, and further up
    piece = [*home, HOLD, HOLD, *away, *[HOLD, 28, 26] * 6]
    found = {name: values[0] for name, values in statistics_of(np.array([piece])).items()}
    assert found["leaps"] == 2.0
    assert found["leaps_resolved"] == 1.0  # the other one waits
    assert found["leaps_answered"] == 0.5
    assert found["not_in_key"] == 1 / STEPS
    assert found["starts_on_tonic"] == 1.0
    assert found["ends_on_tonic"] == 1.0
