"""Who accompanies: live equals simulated, the shipped player follows, the rules are rules."""

from pathlib import Path

import numpy as np
import pytest

from segue.agents.accompany.baselines import Rule
from segue.agents.accompany.players import MODELS, Accompanist, NetworkPlayer, load_network
from segue.agents.accompany.report import played_chords, shifted
from segue.agents.accompany.scores import Played, recovery
from segue.agents.accompany.study import RULE_MARGIN, RULE_WEIGHTS, STUDY
from segue.agents.evaluate import evaluate
from segue.envs.accompany.chords import IS_SEVENTH, NONE, chord_number
from segue.envs.accompany.clips import Clips, fixed_clips
from segue.envs.accompany.core import AccompanyCore
from segue.envs.accompany.corpus import load_songs
from segue.envs.accompany.measures import note_in_chord
from segue.envs.accompany.prior import PRIOR
from segue.envs.accompany.songs import REST
from segue.music.errors import FileFormatError, RangeError, SegueError

SHIPPED = MODELS / "accompanist-0.json"


@pytest.fixture(scope="module")
def clips() -> Clips:
    return fixed_clips(load_songs("themes", "test"))


def triads(clips: Clips, player: NetworkPlayer | Rule) -> float:
    chords = played_chords(player, clips)
    return float(note_in_chord(clips.melody, chords, triads=True).mean())


def test_live_gives_the_chords_of_the_environment(clips: Clips) -> None:
    one = clips.take(np.array([3]))
    core = AccompanyCore(1)
    core.begin(one)
    network = load_network(SHIPPED)
    player = NetworkPlayer(network, seed=7)
    live = Accompanist(network, bar_frames=int(one.bar[0, 0]), seed=7)
    for frame in range(128):
        (chord,) = player.act(core)
        assert live.number == chord
        core.step(np.array([chord]))
        pitch = int(one.melody[0, frame])
        live.hear(None if pitch == REST else pitch, bool(one.onset[0, frame]))


def test_the_shipped_player_beats_its_own_model_on_melodies_it_never_heard(clips: Clips) -> None:
    player = triads(clips, NetworkPlayer(load_network(SHIPPED), seed=0))
    own = triads(clips, NetworkPlayer(load_network(PRIOR), seed=0))
    assert player > own + 0.1
    assert player > 0.5


def test_the_shipped_player_follows_a_soloist_who_changes_key(clips: Clips) -> None:
    moved = shifted(clips)
    chords = played_chords(NetworkPlayer(load_network(SHIPPED), seed=0), moved)
    found = recovery(Played(moved, chords))
    assert found["beats_0_4"] < 0.8 * found["before_shift"]  # it is not told
    assert found["beats_16_32"] > 0.8 * found["before_shift"]


def test_rules_hold_what_was_heard(clips: Clips) -> None:
    chords = played_chords(Rule(RULE_WEIGHTS, RULE_MARGIN, triads=True), clips)
    assert not IS_SEVENTH[chords].any()
    assert (chords[:, 0] == NONE).all()  # nothing was heard yet
    restless = played_chords(Rule(RULE_WEIGHTS, 0.0, triads=True), clips)
    changes = [(one[:, 1:] != one[:, :-1]).sum() for one in (chords, restless)]
    assert changes[0] < changes[1]
    assert note_in_chord(clips.melody, chords).mean() > 0.5


def test_a_held_note_is_one_note() -> None:
    again = Accompanist(load_network(SHIPPED), seed=1)
    spelled = Accompanist(load_network(SHIPPED), seed=1)
    for at in range(12):
        assert again.hear(60) == spelled.hear(60, onset=at == 0)


def test_bad_input_is_told(tmp_path: Path) -> None:
    network = load_network(SHIPPED)
    with pytest.raises(RangeError, match="pitch"):
        Accompanist(network).hear(128)
    with pytest.raises(RangeError, match="place"):
        Accompanist(network, bar_frames=6, place=6)
    with pytest.raises(RangeError, match="temperature"):
        NetworkPlayer(network, temperature=0.0)
    with pytest.raises(SegueError, match="no accompanist"):
        load_network(tmp_path / "none.json")
    with pytest.raises(FileFormatError, match="model of"):
        load_network(MODELS / "accompany-judge.json")


def test_the_study_reports_sets_and_gains() -> None:
    names = ("truth", "constant", "rule-triads", "prior", "accompanist")
    played = evaluate(STUDY, names, episodes=16, seeds=(0,), options={"shift_semitones": 6})
    told = STUDY.summary(played)
    assert told["truth_vendi_share_of_truth"] == pytest.approx(1.0)
    assert told["constant_vendi"] == pytest.approx(1.0)
    assert told["constant_chords"] == 1.0
    assert told["constant_seventh_share"] == 1.0
    assert told["triad_gain_over_own_model"] > 0.0
    assert told["vendi"] == told["accompanist_vendi"]
    assert 0.0 < told["accompanist_recovered_in_8_beats"] < 2.0
    assert -3.0 < told["accompanist_log_probability"] < 0.0
    assert 0.0 <= told["accompanist_realism"] <= 1.0
    assert told["constant_realism"] < told["truth_realism"]


def test_e_minor_seventh_is_the_constant_chord() -> None:
    (played,) = evaluate(STUDY, ("constant",), episodes=2, seeds=(0,))
    assert (played.kept[0][0].chords == chord_number(4, "m7")).all()
