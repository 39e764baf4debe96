"""Samples are opened, and their faults told with file and way out, without keeping their sound."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.music.cue_file import check_cue
from segue.music.sample_names import sample_name
from segue.music.stems import scan_audio
from segue.synth.sample_check import FAULTS_TOLD, sample_faults
from segue.synth.sampler import load_samples

RATE = 8_000
SFZ = "<region> sample=a.wav key=60\n<region> sample=b.flac key=62 loop_start=10 loop_end=500\n"


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-0.5, 0.5, frames)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An SFZ file and a folder of recordings, all sound."""
    for name in ("a.wav", "b.flac", "c.ogg", "set/A4.wav", "set/C5.flac", "set/E5.aiff"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, noise(40_000), RATE)
    (tmp_path / "x.sfz").write_text(SFZ)
    return tmp_path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def spoil(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:20_000] + bytes(500) + data[20_500:])


def not_numbers(path: Path) -> None:
    soundfile.write(path, np.array([0.0, np.nan, 0.1] * 200), RATE, subtype="FLOAT")


def no_sound(path: Path) -> None:
    soundfile.write(path, np.zeros(0), RATE)


def text(path: Path) -> None:
    path.write_text("RIFF, but not a sound")


@pytest.mark.parametrize("name", ["x.sfz", "set/"])
def test_sound_samples_have_no_fault(folder: Path, name: str) -> None:
    assert sample_faults(sample_name(name, folder)) == []


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("a.wav", Path.unlink, "x.sfz line 1: there is no sample .*a.wav; check its name"),
        ("b.flac", Path.unlink, "x.sfz line 2: there is no sample .*b.flac; check"),
        ("a.wav", cut, r"line 1: .*a.wav is damaged or cut short \(60\d\d\d bytes lack\); fetch"),
        ("b.flac", cut, "line 2: .*b.flac cannot be read as sound .*; give a WAV"),
        ("b.flac", spoil, "line 2: .*b.flac cannot be read as sound"),
        ("a.wav", text, "line 1: .*a.wav cannot be read as sound"),
        ("a.wav", not_numbers, "line 1: .*a.wav has samples that are not numbers; export"),
        ("a.wav", no_sound, "line 1: .*a.wav holds no sound; leave it out"),
        ("set/A4.wav", cut, "set: .*A4.wav is damaged or cut short"),
        ("set/E5.aiff", cut, r"set: .*E5.aiff is damaged or cut short \(60\d\d\d bytes"),
        ("set/C5.flac", text, "set: .*C5.flac cannot be read"),
    ],
)
def test_a_recording_that_is_missing_or_broken_is_named(
    folder: Path, file: str, damage: object, words: str
) -> None:
    damage(folder / file)  # type: ignore[operator]
    name = "set/" if file.startswith("set") else "x.sfz"
    (fault,) = sample_faults(sample_name(name, folder))
    assert re.search(words, fault), fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<region> sample=a.wav offset=40000", "line 1: plays frames 40000 to 40000 of a sample"),
        (
            "<region> sample=a.wav loop_mode=loop_sustain loop_start=5 loop_end=40000",
            "line 1: loops frames 5 to 40001",
        ),
        ("<region> sample=a.wav lokey=9 hikey=3", "line 1: lokey 9 is above hikey 3"),
        ("<region> sample=a.wav volume=loud", "x.sfz line 1: volume is 'loud'"),
        ("none", "has no region with a sample"),
        ("\0", "is not text"),
    ],
)
def test_what_the_player_would_refuse_is_a_fault(folder: Path, text: str, words: str) -> None:
    (folder / "x.sfz").write_text(text)
    (fault,) = sample_faults(sample_name("x.sfz", folder))
    assert words in fault


def test_many_faults_are_not_all_told(folder: Path) -> None:
    lines = [f"<region> sample=gone{number}.wav key={number}" for number in range(60)]
    (folder / "x.sfz").write_text("\n".join([*lines, *lines]))  # each is named twice
    faults = sample_faults(sample_name("x.sfz", folder))
    assert len(faults) == FAULTS_TOLD + 1
    assert faults[0].startswith("x.sfz line 1: there is no sample")
    assert "has 55 more faults; mend" in faults[-1]


def test_a_set_that_does_not_fit_into_memory(folder: Path) -> None:
    for number in range(6):
        path = folder / "set" / f"{number + 40}.wav"
        soundfile.write(path, np.zeros(480_000), RATE, subtype="PCM_U8")
    name = sample_name("set/", folder)
    assert sample_faults(name, RATE) == []
    (fault,) = sample_faults(name, 192_000)
    assert "takes 2" in fault and "MB, more than 256; use shorter samples" in fault


def test_sound_is_read_a_block_at_a_time(folder: Path) -> None:
    soundfile.write(folder / "set" / "G5.wav", np.zeros((RATE * 120, 2)), RATE)  # 7.7 MB decoded
    name = sample_name("set/", folder)
    tracemalloc.start()
    assert sample_faults(name) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6


def test_streamed_files_do_not_know_their_size(folder: Path) -> None:
    data = bytearray((folder / "a.wav").read_bytes())
    data[4:8] = b"\xff" * 4
    (folder / "a.wav").write_bytes(bytes(data))
    assert scan_audio(folder / "a.wav").frames == 40_000
    data[4:8] = (len(data) + 100).to_bytes(4, "little")  # as sloppy programs write it
    (folder / "a.wav").write_bytes(bytes(data))
    assert scan_audio(folder / "a.wav").frames == 40_000


CUE = """[cue]
title = "T"
key = "D minor"
tempo_bpm = [80, 150]
modes = ["aeolian"]
origin = "own"
[[layers]]
name = "pad"
role = "harmony"
instrument = "x.sfz"
[[layers]]
name = "arp"
role = "arpeggio"
instrument = "x.sfz"
[[layers]]
name = "loop"
role = "stem"
file = "c.ogg"
bpm = 120
[[sections]]
name = "calm"
chords = "Dm"
"""


def test_a_cue_is_checked_with_all_its_recordings(folder: Path) -> None:
    (folder / "cue.toml").write_text(CUE)
    opened = []

    def check(name: object) -> list[str]:
        opened.append(name)
        return sample_faults(name)  # type: ignore[arg-type]

    assert check_cue(folder, check) == []
    assert len(opened) == 1  # both layers play the same
    (folder / "a.wav").unlink()
    spoil_at = (folder / "c.ogg").stat().st_size // 2
    data = (folder / "c.ogg").read_bytes()
    (folder / "c.ogg").write_bytes(data[:spoil_at] + bytes(2000) + data[spoil_at + 2000 :])
    faults = check_cue(folder, check)
    assert [(fault.code, fault.place) for fault in faults] == [
        ("bad-samples", "layers[0].instrument"),
        ("bad-samples", "layers[1].instrument"),
        ("bad-audio", "layers[2].file"),
    ]
    assert "there is no sample" in faults[0].message and faults[0].message.endswith("a.wav")
    assert faults[0].remedy == "check its name and folder"
    assert "c.ogg is damaged or cut short" in faults[2].message
    assert load_samples(str(folder / "x.sfz"), RATE).regions  # it plays all the same


def test_a_stem_that_was_cut_is_told_even_if_whole_beats_are_left(folder: Path) -> None:
    (folder / "cue.toml").write_text(CUE.replace("c.ogg", "loop.wav"))
    soundfile.write(folder / "loop.wav", np.zeros(RATE * 8), RATE)
    assert check_cue(folder, sample_faults) == []
    data = (folder / "loop.wav").read_bytes()
    (folder / "loop.wav").write_bytes(data[: len(data) // 2])
    (fault,) = check_cue(folder, sample_faults)
    assert fault.code == "bad-audio" and "cut short" in fault.message
