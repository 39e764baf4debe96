"""Cues with samples: how folders are named, and what is a kit."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.music.arranger import arrange
from segue.music.cue import Layer
from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.midi import DRUM_CHANNEL, read_midi, write_midi
from segue.music.sample_names import sample_name
from segue.music.score import Score, Track, make_notes
from segue.music.soundfont_presets import is_kit_preset, read_presets
from segue.music.tempo import Meter, TempoMap
from segue.music.transpose import transpose

TEXT = """[cue]
title = "T"
key = "D minor"
tempo_bpm = [80, 150]
modes = ["aeolian", "ionian"]
theme = "theme.mid"
origin = "own"
[[layers]]
name = "lead"
role = "melody"
instrument = "cello"
track = "melody"
[[layers]]
name = "beat"
role = "track"
instrument = "samples/toms"
track = "toms"
[[layers]]
name = "drums"
role = "drums"
instrument = "samples/toms"
[[sections]]
name = "calm"
chords = "Dm"
"""


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def soundfont(*presets: tuple[str, int, int]) -> bytes:
    """As much of a SoundFont as names its presets: (name, bank, program)."""
    rows = [(name.encode(), program, bank) for name, bank, program in presets] + [(b"EOP", 0, 0)]
    headers = b"".join(struct.pack("<20s9H", *row, *[0] * 7) for row in rows)
    sound = chunk(b"LIST", b"sdta" + chunk(b"smpl", bytes(64)))
    body = b"sfbk" + sound + chunk(b"LIST", b"pdta" + chunk(b"phdr", headers))
    return chunk(b"RIFF", body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cue with a melody, a track of toms, and drums, on samples."""
    tracks = {
        "melody": make_notes([(beat, 1, 62 + 3 * (beat % 2), 0.8) for beat in range(4)]),
        "toms": make_notes([(beat, 0.5, 41 + 2 * beat, 0.8) for beat in range(4)]),
    }
    parts = tuple(Track(name, notes) for name, notes in tracks.items())
    write_midi(Score(parts, TempoMap(100.0), Meter(4, 4)), tmp_path / "theme.mid")
    for name in ("samples/toms", "solo cello", "flute"):
        (tmp_path / name).mkdir(parents=True)
        soundfile.write(tmp_path / name / "A4.wav", np.zeros(100), 8_000)
    (tmp_path / "band.sf2").write_bytes(
        soundfont(("Standard", 128, 0), ("Strings", 0, 48), ("strings", 128, 48))
    )
    (tmp_path / "one.sf2").write_bytes(soundfont(("Kit", 128, 25)))
    (tmp_path / "broken.sf2").write_bytes(soundfont(("Standard", 128, 0))[:70])
    (tmp_path / "empty.sf2").write_bytes(b"")
    (tmp_path / "cue.toml").write_text(TEXT)
    return tmp_path


def rewrite(folder: Path, old: str, new: str) -> None:
    text = (folder / "cue.toml").read_text()
    assert old in text
    (folder / "cue.toml").write_text(text.replace(old, new, 1))


TOMS = 'instrument = "samples/toms"'
FAULTS = [  # text, its replacement, code, key of the layer, words of message or remedy
    ('"cello"', '"celo"', "unknown-instrument", "layers[0].instrument", "'cello'"),
    ('"cello"', '"solo celo"', "unknown-instrument", "layers[0].instrument", "no folder beside"),
    ('"cello"', '".."', "unknown-instrument", "layers[0].instrument", "no folder beside"),
    ('"cello"', f'"{"x" * 5000}"', "unknown-instrument", "layers[0].instrument", "folder"),
    ('"cello"', f'"{"x" * 5000}/"', "missing-file", "layers[0].instrument", "no samples"),
    ('"cello"', '"celo/"', "missing-file", "layers[0].instrument", "celo"),
    ('"cello"', '"theme.mid"', "unknown-instrument", "layers[0].instrument", "theme.mid"),
    ('"cello"', '"cello"\nkit = false', "unused-key", "layers[0].kit", "leave kit out"),
    ('"cello"', '"solo cello"\nkit = 1', "wrong-type", "layers[0].kit", "true or false"),
    ('"cello"', '"solo cello"\nkit = true', "unfit-instrument", "layers[0].instr", "kit = false"),
    ('"cello"', '"band.sf2#128:9"', "unfit-instrument", "layers[0].instr", "kit = false"),
    ('"cello"', '"band.sf2# STANDARD"', "unfit-instrument", "layers[0].instr", "kit = false"),
    ('"cello"', '"one.sf2"', "unfit-instrument", "layers[0].instr", "which is a kit"),
    (f'"drums"\n{TOMS}', f'"drums"\n{TOMS}\nkit = false', "unfit-instrument", "layers[2]", "true"),
    (f"{TOMS}\ntrack", f"{TOMS}\nkit = true\ntrack", "", "", ""),
    ('"cello"', '"one.sf2"\nkit = false', "", "", ""),
    ('"cello"', '"solo cello"', "", "", ""),
]


@pytest.mark.parametrize(("old", "new", "code", "place", "words"), FAULTS)
def test_each_fault_has_its_place_and_a_remedy(
    folder: Path, old: str, new: str, code: str, place: str, words: str
) -> None:
    assert check_cue(folder) == []
    rewrite(folder, old, new)
    faults = check_cue(folder)
    if not code:
        assert faults == []
        return
    assert [fault.code for fault in faults] == [code]
    assert faults[0].place.startswith(place)
    assert words in faults[0].message + faults[0].remedy


def test_a_folder_of_samples_needs_no_slash(folder: Path, tmp_path: Path) -> None:
    assert load_cue(folder).layers[0].instrument == "cello"
    rewrite(folder, '"cello"', '"solo cello"')
    cue = load_cue(folder)
    assert Path(cue.instrument(cue.layers[0].instrument)) == folder / "solo cello"
    rewrite(folder, '"solo cello"', '"flute"')
    cue = load_cue(folder)
    assert cue.instrument(cue.layers[0].instrument) == "flute"  # the orchestra's, not the folder


def test_a_kit_is_what_the_role_the_bank_or_the_cue_says(folder: Path) -> None:
    assert [layer.is_kit for layer in load_cue(folder).layers] == [False, False, True]
    rewrite(folder, TOMS, 'instrument = "band.sf2#standard"')
    assert [layer.is_kit for layer in load_cue(folder).layers] == [False, True, True]
    rewrite(folder, '"band.sf2#standard"', '"band.sf2#standard"\nkit = false')
    assert [layer.is_kit for layer in load_cue(folder).layers] == [False, False, True]
    assert Layer("a", "track", "samples/toms", kit=True).is_kit
    assert Layer("a", "track", "drums_electronic").is_kit
    assert not Layer("a", "stem").is_kit


@pytest.mark.parametrize(
    ("name", "kit"),
    [
        ("band.sf2#128:0", True),
        ("band.sf2#0:48", False),
        ("band.sf2#Standard", True),
        ("band.sf2#Strings", False),  # the first of that name, as when it is played
        ("band.sf2", False),
        ("band.sf2#none", False),
        ("one.sf2", True),
        ("broken.sf2#Standard", False),
        ("empty.sf2#Standard", False),
        ("samples/toms", False),
    ],
)
def test_bank_128_of_a_soundfont_holds_kits(folder: Path, name: str, kit: bool) -> None:
    assert is_kit_preset(sample_name(name, folder)) == kit


def test_presets_are_read_without_their_sound(folder: Path) -> None:
    assert [tuple(preset) for preset in read_presets(folder / "band.sf2")] == [
        (0, 48, "Strings"),
        (128, 0, "Standard"),
        (128, 48, "strings"),
    ]
    data = (folder / "band.sf2").read_bytes()
    for size in range(0, len(data), 7):
        (folder / "broken.sf2").write_bytes(data[:size])
        assert len(read_presets(folder / "broken.sf2")) <= 3
    assert read_presets(folder) == read_presets(folder / "gone.sf2") == []


def test_drums_of_a_theme_keep_their_pitches(folder: Path, tmp_path: Path) -> None:
    """In other modes, keys and octaves, and at cadences."""
    rewrite(folder, f"{TOMS}\n", f"{TOMS}\noctave = 1\n")
    pitches = {}
    for kit in (False, True):
        if kit:
            rewrite(folder, f"{TOMS}\n", f"{TOMS}\nkit = true\n")
        cue = load_cue(folder)
        assert cue.kit_tracks == ({"toms"} if kit else set())
        arrangement = arrange(cue)
        heard = [
            arrangement.template(int(number))["pitch"].tolist()
            for number in np.unique(arrangement.index[:, :, :, 1, 1])
        ]
        pitches[kit] = [sorted(row) for row in heard]
        moved = transpose(cue, 3).tracks["toms"]["pitch"] - cue.tracks["toms"]["pitch"]
        assert (moved == (0 if kit else 3)).all()
        write_cue(cue, tmp_path / "copy")
        channels = {t.name: t.channel for t in read_midi(tmp_path / "copy" / "theme.mid").tracks}
        assert (channels["toms"] == DRUM_CHANNEL) == kit
    assert len(pitches[False]) > 1 and max(map(max, pitches[False])) > 50
    assert pitches[True] == [[41, 43, 45, 47]] * len(pitches[True])
