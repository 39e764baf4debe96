import math

import pytest

from segue.music.cue import Binding, Cue, Layer, Parameter
from segue.music.errors import RangeError, UnknownNameError
from segue.music.mood import Mood
from segue.music.parameters import CURVES, Parameters, check_ramp
from segue.music.tempo import Meter
from segue.music.theory import Key


def cue() -> Cue:
    return Cue(
        name="test",
        title="Test",
        key=Key(),
        meter=Meter(),
        tempo_bpm=(80.0, 160.0),
        modes=("ionian",),
        layers=(Layer("drums", "drums", "drums"), Layer("bass", "bass", "bass")),
        sections=(),
        transitions=(),
        parameters=(
            Parameter("danger", 0.0, 1.0, 0.0, ramp_seconds=2.0),
            Parameter("health", 0.0, 100.0, 100.0, ramp_seconds=0.0),
        ),
        bindings=(
            Binding("danger", "mood.arousal", ((0.0, -0.5), (0.5, 0.0), (1.0, 0.9))),
            Binding("health", "mood.arousal", ((0.0, 0.6), (100.0, 0.0))),
            Binding("danger", "level.drums", ((0.0, 0.0), (1.0, 1.0))),
        ),
    )


def test_a_parameter_moves_in_a_line_over_its_own_ramp() -> None:
    parameters = Parameters(cue())
    parameters.set("danger", 1.0, at_seconds=10.0)
    values = [parameters.value("danger", t) for t in (9.0, 10.0, 11.0, 11.5, 12.0, 99.0)]
    assert values == pytest.approx([0.0, 0.0, 0.5, 0.75, 1.0, 1.0])


def test_a_new_value_starts_where_the_ramp_has_come_to() -> None:
    parameters = Parameters(cue())
    parameters.set("danger", 1.0, 0.0)
    parameters.set("danger", 0.0, 1.0, ramp_seconds=1.0)
    assert parameters.value("danger", 1.0) == pytest.approx(0.5)
    assert parameters.value("danger", 1.5) == pytest.approx(0.25)


def test_the_mood_is_the_sum_of_the_bindings_within_its_range() -> None:
    parameters = Parameters(cue())
    assert parameters.mood(0.0) == Mood(0.0, -0.5, 0.0)
    parameters.set("danger", 0.75, 0.0, ramp_seconds=0.0)
    assert parameters.mood(0.0).arousal == pytest.approx(0.45)
    parameters.set("health", 0.0, 0.0)
    parameters.set("danger", 1.0, 0.0, ramp_seconds=0.0)
    assert parameters.mood(0.0).arousal == 1.0  # 0.9 + 0.6


def test_levels_come_from_their_bindings_and_are_full_without() -> None:
    parameters = Parameters(cue())
    assert parameters.level("drums", 0.0) == 0.0
    assert parameters.level("bass", 0.0) == 1.0
    parameters.set("danger", 0.4, 0.0, ramp_seconds=0.0)
    assert parameters.level("drums", 0.0) == pytest.approx(0.4)
    with pytest.raises(UnknownNameError, match="'drums'"):
        parameters.level("drum", 0.0)


def test_a_mood_that_was_asked_for_ramps_in_and_is_handed_back() -> None:
    parameters = Parameters(cue())
    parameters.set_mood({"arousal": 0.5}, 0.0, ramp_seconds=2.0)
    assert parameters.mood(0.0).arousal == pytest.approx(-0.5)
    assert parameters.mood(1.0).arousal == pytest.approx(0.0)
    assert parameters.mood(2.0) == Mood(0.0, 0.5, 0.0)  # the other axes stay with the bindings
    parameters.set_mood({"arousal": None}, 4.0, ramp_seconds=1.0)
    assert parameters.mood(4.5).arousal == pytest.approx(0.0)
    assert parameters.mood(5.0).arousal == pytest.approx(-0.5)


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'danger'"):
        Parameters(cue()).set("dangr", 0.5, 0.0)
    with pytest.raises(UnknownNameError, match="did you mean 'health'"):
        Parameters(cue()).value("helth", 0.0)
    with pytest.raises(UnknownNameError, match="mood axis"):
        Parameters(cue()).set_mood({"joy": 0.5}, 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1, "loud", None])
def test_a_bad_value_raises_and_changes_nothing(value: float) -> None:
    parameters = Parameters(cue())
    with pytest.raises(RangeError, match="danger"):
        parameters.set("danger", value, 0.0)
    with pytest.raises(RangeError, match="ramp_seconds"):
        parameters.set("danger", 0.5, 0.0, ramp_seconds=math.nan)
    assert parameters.values(9.0) == {"danger": 0.0, "health": 100.0}


@pytest.mark.parametrize("value", [math.nan, -1.5])
def test_a_bad_mood_raises_and_changes_nothing(value: float) -> None:
    parameters = Parameters(cue())
    with pytest.raises(RangeError, match="arousal"):
        parameters.set_mood({"valence": 0.5, "arousal": value}, 0.0, 0.0)
    assert parameters.mood(9.0) == Mood(0.0, -0.5, 0.0)


def test_a_snapshot_brings_back_targets_and_moods() -> None:
    first, second = Parameters(cue()), Parameters(cue())
    first.set("danger", 0.8, 0.0)
    first.set_mood({"valence": -0.3}, 0.0)
    second.set_mood({"tension": 1.0}, 0.0)
    second.restore(first.snapshot(), 5.0)
    assert second.values(5.0) == first.values(9.0)
    assert second.mood(5.0) == first.mood(9.0)


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_curves_go_from_nothing_to_all_and_never_back(curve: str) -> None:
    shares = [CURVES[curve](step / 20) for step in range(21)]
    assert shares[0] == 0.0 and shares[-1] == 1.0
    assert shares == sorted(shares)
    half = CURVES[curve](0.5)
    assert half == 0.5 or (half > 0.5) == (curve == "early")


def test_a_mood_goes_along_its_curve_and_an_unknown_one_is_refused() -> None:
    parameters = Parameters(cue())
    before = parameters.mood(0.0).valence
    parameters.set_mood({"valence": 1.0}, 0.0, 2.0, "late")
    assert parameters.mood(1.0).valence == pytest.approx(before + (1.0 - before) * 0.25)
    with pytest.raises(UnknownNameError, match="did you mean 'late'"):
        check_ramp(1.0, "lat")
