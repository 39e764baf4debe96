"""Who writes melodies: the filter keeps its rules, the note model is itself, tunes are read."""

from io import BytesIO
from pathlib import Path

import mido
import numpy as np
import pytest

from segue.agents.evaluate import play
from segue.agents.melody.baselines import ModelNotes, RandomNotes
from segue.agents.melody.study import pieces, summary
from segue.agents.melody.tunes import load_tunes, read_tune
from segue.envs import make_core
from segue.envs.melody.events import HOLD
from segue.envs.melody.note_model import START
from segue.music.errors import MissingPartError


def tune_file(key: str, pitches: list[int], pickup: bool = False) -> mido.MidiFile:
    """Eighth notes in 4/4, after a pickup of one if asked for."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("key_signature", key=key))
    track.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    wait = 240 * 7 if pickup else 0
    for pitch in pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=90, time=wait))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=240))
        wait = 0
    file.tracks.append(track)
    buffer = BytesIO()
    file.save(file=buffer)
    buffer.seek(0)
    return mido.MidiFile(file=buffer)


def test_tunes_are_moved_to_c_and_begin_with_a_full_bar() -> None:
    scale = [67, 69, 71, 72, 74, 76, 78, 79]  # G major
    tune = read_tune("x", tune_file("G", [66, *scale * 8], pickup=True))
    assert tune is not None
    assert tune.events[:8].tolist() == [14 + at for at in (0, 2, 4, 5, 7, 9, 11, 12)]
    first, second = tune.phrases()
    assert first[0] == START
    assert second[0] == tune.events[31] == 26
    assert second[1:].tolist() == tune.events[32:].tolist()
    assert read_tune("wide", tune_file("C", [40, 100])) is None


def test_without_the_data_it_is_told_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="SEGUE_DATA"):
        load_tunes(tmp_path)


def test_the_filter_keeps_the_rules_and_stays_near_the_note_model() -> None:
    core = make_core("melody", 64)
    played = {
        name: play(core, player, seed=1, name=name, keep=pieces)
        for name, player in {
            "random": RandomNotes(0),
            "notes": ModelNotes(0),
            "filter": ModelNotes(0, filtered=True),
        }.items()
    }
    found = {
        name: {k: np.nanmean(v) for k, v in one.metrics.items()} for name, one in played.items()
    }
    kept = found["filter"]
    assert kept["not_in_key"] == kept["repeats"] == kept["doubled"] == 0.0
    assert kept["starts_on_tonic"] == kept["ends_on_tonic"] == 1.0
    assert kept["leaps_answered"] > 0.8 > found["notes"]["leaps_answered"]
    assert kept["log_prob"] > found["notes"]["log_prob"] - 0.3
    assert found["random"]["log_prob"] < -4.0 < found["notes"]["log_prob"]
    rewards = [played[name].reward.mean() for name in ("random", "notes", "filter")]
    assert rewards == sorted(rewards)
    numbers = summary(list(played.values()))
    assert numbers["filter_leaps_resolved"] == 1.0
    assert numbers["notes_distinct"] > 0.95
    assert numbers["notes_log_prob_gap"] == 0.0


def test_the_same_piece_again_is_not_distinct() -> None:
    class Holds:
        def act(self, core: object) -> np.ndarray:
            return np.full(8, HOLD)

    played = play(make_core("melody", 8), Holds(), seed=0, name="holds", keep=pieces)
    assert summary([played])["holds_distinct"] == 1 / 8
    assert np.isnan(played.metrics["leaps_resolved"]).all()
