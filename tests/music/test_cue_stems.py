"""Cues with stems: reading, every fault of a stem, and writing with the audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.music.cue import Layer
from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.errors import FileFormatError, SegueError
from segue.music.stems import read_audio_info

TEXT = """[cue]
title = "T"
key = "C"
tempo_bpm = [80, 150]
modes = ["ionian"]
origin = "own"
[[layers]]
name = "choir"
role = "stem"
file = "audio/choir.ogg"
bpm = 120
sections = ["fight"]
anchor = "cue"
[[layers]]
name = "bass"
role = "bass"
instrument = "bass"
[[sections]]
name = "calm"
chords = "C"
[[sections]]
name = "fight"
chords = "C"
[[transitions]]
from = "*"
to = "*"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cue"
    (folder / "audio").mkdir(parents=True)
    soundfile.write(folder / "audio" / "choir.ogg", np.zeros((22_050 * 4 + 900, 2)), 22_050)
    soundfile.write(folder / "six.wav", np.zeros((9_000, 6)), 8_000)
    soundfile.write(folder / "brief.flac", np.zeros(3_000), 8_000)
    soundfile.write(folder / "old.aiff", np.zeros(9_000), 8_000)
    (folder / "bad.wav").write_bytes(b"RIFF, but no audio")
    (folder / "cue.toml").write_text(TEXT)
    return folder


def test_a_stem_is_read_with_the_beats_of_its_file(folder: Path) -> None:
    assert check_cue(folder) == []
    cue = load_cue(folder)
    assert cue.layers[0] == Layer(
        "choir",
        "stem",
        file="audio/choir.ogg",
        bpm=120,
        beats=8,
        sections=("fight",),
        anchor="cue",
    )
    assert cue.layers[0].activity_knob == ""
    assert list(cue.stems) == [0]
    assert cue.stem_path(cue.layers[0]) == folder / "audio" / "choir.ogg"


FILE = 'file = "audio/choir.ogg"'
FAULTS = [  # text, its replacement, code, place, words of message or remedy
    (FILE, 'file = "none.wav"', "missing-file", "file", "'none.wav'"),
    (FILE, 'file = "../cue/bad.wav"', "bad-audio", "file", "wav, flac or ogg"),
    (FILE, 'file = "../secret.wav"', "missing-file", "file", "folder"),
    (FILE, 'file = "audio"', "missing-file", "file", "folder"),
    (FILE, 'file = "six.wav"', "bad-audio", "file", "6 channels"),
    (FILE, 'file = "old.aiff"', "bad-audio", "file", "AIFF"),
    (FILE, 'file = "brief.flac"', "stem-length", "file", "0.75 beats"),
    ("bpm = 120", "bpm = 120\nbeats = 9", "stem-length", "file", "8.08 beats"),
    ("bpm = 120", "bpm = 19", "out-of-range", "bpm", "20"),
    ("bpm = 120", "bpm = 401", "out-of-range", "bpm", "400"),
    ("bpm = 120", "bpm = nan", "out-of-range", "bpm", "nan"),
    ("bpm = 120", "bpm = 70", "stem-tempo", "bpm", "35 to 140"),
    ("bpm = 120", "bpm = 170", "stem-tempo", "bpm", "85 to 340"),
    ("bpm = 120", "", "missing-key", None, "no bpm"),
    (FILE, "", "missing-key", None, "no file"),
    (FILE, 'file = ""', "missing-key", None, "no file"),
    (FILE, f"{FILE}\nfade_beats = -1", "out-of-range", "fade_beats", "-1"),
    (FILE, f"{FILE}\nbeats = 0", "out-of-range", "beats", "0"),
    (FILE, f'{FILE}\ninstrument = "pad"', "unused-key", "instrument", "instrument"),
    (FILE, f"{FILE}\noctave = 1", "unused-key", "octave", "octave"),
    (FILE, f'{FILE}\ntrack = "x"', "unknown-track", "track", "no theme file"),
    ('["fight"]', '["figth"]', "unknown-section", "sections[0]", "'fight'"),
    ('"cue"\n', '"cues"\n', "unknown-anchor", "anchor", "'cue'"),
]


@pytest.mark.parametrize(("old", "new", "code", "key", "words"), FAULTS)
def test_each_fault_has_its_place_and_a_remedy(
    folder: Path, old: str, new: str, code: str, key: str | None, words: str
) -> None:
    assert old in TEXT
    (folder / "cue.toml").write_text(TEXT.replace(old, new, 1))
    (fault, *_) = [fault for fault in check_cue(folder) if fault.code == code]
    assert fault.place == ("layers[0]" if key is None else f"layers[0].{key}")
    assert words in fault.message + fault.remedy


def test_other_roles_have_no_use_for_the_keys_of_stems(folder: Path) -> None:
    text = TEXT.replace('instrument = "bass"', 'instrument = "bass"\nbpm = 100')
    (folder / "cue.toml").write_text(text)
    assert [(f.code, f.place) for f in check_cue(folder)] == [("unused-key", "layers[1].bpm")]
    (folder / "cue.toml").write_text(TEXT.replace('instrument = "bass"', ""))
    assert [(f.code, f.place) for f in check_cue(folder)] == [("missing-key", "layers[1]")]
    (folder / "cue.toml").write_text(TEXT.replace('instrument = "bass"', 'instrument = "bas"'))
    assert [f.code for f in check_cue(folder)] == ["unknown-instrument"]


def test_a_cue_is_written_with_its_stems(folder: Path, tmp_path: Path) -> None:
    cue = load_cue(folder)
    write_cue(cue, tmp_path / "copy")
    copy = load_cue(tmp_path / "copy")
    assert copy.layers == cue.layers
    original = (folder / "audio" / "choir.ogg").read_bytes()
    assert copy.stem_path(copy.layers[0]).read_bytes() == original
    write_cue(copy, tmp_path / "copy")  # in place
    assert check_cue(tmp_path / "copy") == []


def test_a_cue_whose_stem_is_gone_is_not_written_by_half(folder: Path, tmp_path: Path) -> None:
    cue = load_cue(folder)
    (folder / "audio" / "choir.ogg").unlink()
    with pytest.raises(SegueError, match=r"cannot copy .*choir.ogg"):
        write_cue(cue, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_head_of_a_file_is_read(folder: Path) -> None:
    info = read_audio_info(folder / "audio" / "choir.ogg")
    assert (info.sample_rate, info.channels, info.format) == (22_050, 2, "OGG")
    assert info.seconds == pytest.approx(4, abs=0.05)
    with pytest.raises(FileFormatError, match="AIFF"):
        read_audio_info(folder / "old.aiff")
    with pytest.raises(SegueError, match="no file"):
        read_audio_info(folder / "none.wav")
