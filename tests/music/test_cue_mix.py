"""Cues with a mix of their own: reading, writing, and every fault of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.events import MixSettings, Sidechain

TEXT = """[cue]
title = "T"
key = "C"
tempo_bpm = [80, 150]
modes = ["ionian"]
origin = "own"
[mix]
reverb_seconds = 3.5
reverb_hz = 4000
echo_beats = 1.5
echo_feedback = 0.2
loudness_lufs = -18
[[sidechains]]
source = "drums"
target = "bass"
depth_db = 4.5
release_seconds = 0.25
[[sidechains]]
source = "drums"
target = "pad"
[[layers]]
name = "pad"
role = "harmony"
instrument = "pad"
delay = 0.3
group = "soft"
[[layers]]
name = "bass"
role = "bass"
instrument = "bass"
[[layers]]
name = "drums"
role = "drums"
instrument = "drums"
[[sections]]
name = "calm"
chords = "C"
"""
MIX = MixSettings(
    3.5, 4000, 1.5, 0.2, -18, (Sidechain("drums", "bass", 4.5, 0.25), Sidechain("drums", "pad"))
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cue").mkdir()
    (tmp_path / "cue" / "cue.toml").write_text(TEXT)
    return tmp_path / "cue"


def test_a_mix_is_read(folder: Path) -> None:
    assert check_cue(folder) == []
    cue = load_cue(folder)
    assert cue.mix == MIX
    assert (cue.layers[0].delay, cue.layers[0].group) == (0.3, "soft")
    assert (cue.layers[1].delay, cue.layers[1].group) == (0, "music")


def test_a_mix_is_written_and_read_again(folder: Path, tmp_path: Path) -> None:
    cue = load_cue(folder)
    write_cue(cue, tmp_path / "copy")
    assert check_cue(tmp_path / "copy") == []
    copy = load_cue(tmp_path / "copy")
    assert (copy.mix, copy.layers) == (MIX, cue.layers)
    write_cue(replace(cue, mix=MixSettings()), tmp_path / "plain")
    assert load_cue(tmp_path / "plain").mix == MixSettings()
    text = (tmp_path / "plain" / "cue.toml").read_text()
    assert "[mix]" not in text and "sidechains" not in text


FAULTS = [  # text, its replacement, code, place, words of message or remedy
    ("reverb_seconds = 3.5", "reverb_seconds = 0.1", "out-of-range", "mix.reverb_seconds", "0.2"),
    ("reverb_seconds = 3.5", "reverb_seconds = 9", "out-of-range", "mix.reverb_seconds", "8"),
    ("reverb_hz = 4000", "reverb_hz = nan", "out-of-range", "mix.reverb_hz", "nan"),
    ("reverb_hz = 4000", "reverb_hz = 20000", "out-of-range", "mix.reverb_hz", "16000"),
    ("echo_beats = 1.5", "echo_beats = 5", "out-of-range", "mix.echo_beats", "4"),
    ("feedback = 0.2", "feedback = 1", "out-of-range", "mix.echo_feedback", "0.9"),
    ("lufs = -18", "lufs = 0", "out-of-range", "mix.loudness_lufs", "-6"),
    ("lufs = -18", 'lufs = "loud"', "wrong-type", "mix.loudness_lufs", "number"),
    ("reverb_hz", "reverb_herz", "unknown-key", "mix.reverb_herz", "'reverb_hz'"),
    ("[mix]", "[[mix]]", "wrong-type", "mix", ""),
    ("[mix]", "[mixx]", "unknown-table", "mixx", "'mix'"),
    ("[[sidechains]]", "[[sidechain]]", "unknown-table", "sidechain", "'sidechains'"),
    ('source = "drums"', 'source = "drum"', "unknown-layer", "sidechains[0].source", "'drums'"),
    ('target = "bass"', 'target = "base"', "unknown-layer", "sidechains[0].target", "'bass'"),
    ('target = "bass"', 'target = "drums"', "own-sidechain", "sidechains[0]", "drums"),
    ('source = "drums"\n', "", "missing-key", "sidechains[0]", "source"),
    ('target = "bass"\n', "", "missing-key", "sidechains[0]", "target"),
    ("depth_db = 4.5", "depth_db = 25", "out-of-range", "sidechains[0].depth_db", "24"),
    ("depth_db = 4.5", "depth = 4.5", "unknown-key", "sidechains[0].depth", "'depth_db'"),
    ("seconds = 0.25", "seconds = 0", "out-of-range", "sidechains[0].release_seconds", "0.01"),
    ("delay = 0.3", "delay = 1.3", "out-of-range", "layers[0].delay", "1"),
    ('group = "soft"', "group = 3", "wrong-type", "layers[0].group", "text"),
]


@pytest.mark.parametrize(("old", "new", "code", "place", "words"), FAULTS)
def test_each_fault_of_a_mix_has_its_place_and_a_remedy(
    folder: Path, old: str, new: str, code: str, place: str, words: str
) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new) if old.startswith("[[") else TEXT.replace(old, new, 1)
    (folder / "cue.toml").write_text(text)
    faults = check_cue(folder)
    found = [fault for fault in faults if (fault.code, fault.place) == (code, place)]
    assert found, faults
    assert words in found[0].message + found[0].remedy
    assert found[0].remedy
    assert len(faults) == 1, faults


def test_every_code_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "cues.md").read_text("utf-8")
    assert {code for _, _, code, _, _ in FAULTS if f"`{code}`" not in guide} == set()
