"""Damaged files: whatever their bytes, readers give a result or raise a SegueError that names them.

`SEGUE_FUZZ_CASES` sets how many cases of each kind the slow test tries.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.analysis.scores.score_features import score_features
from segue.analysis.sound.sound_file import SoundReader
from segue.music.errors import SegueError
from segue.music.midi import read_midi, write_midi
from segue.music.score import Marker, Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap

SOUNDS = (
    ("plain.wav", "PCM_16", None),
    ("float.wav", "FLOAT", None),
    ("extended.wav", "PCM_24", "WAVEX"),
    ("packed.wav", "IMA_ADPCM", None),
    ("a.flac", None, None),
    ("a.ogg", None, None),
    ("a.opus", "OPUS", "OGG"),
    ("a.mp3", None, None),
    ("a.aiff", None, None),
    ("a.caf", None, None),
    ("a.au", None, None),
    ("a.w64", None, None),
)
FAST_CASES = 120
SLOW_CASES = int(os.environ.get("SEGUE_FUZZ_CASES", "3000"))
RATE = 8_000


def damaged(data, rng):
    """The bytes with one to four wounds, mostly where the header is."""
    found = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        reach = len(found) if rng.random() < 0.4 else min(len(found), 128)
        at = int(rng.integers(0, max(reach, 1)))
        length = int(rng.integers(1, 9))
        match rng.integers(0, 8):
            case 0:
                found[at : at + 1] = bytes([rng.integers(0, 256)])
            case 1:
                found[at : at + length] = rng.bytes(length)
            case 2:
                found = found[:at]
            case 3:
                del found[at : at + length]
            case 4:
                found[at:at] = rng.bytes(length)
            case 5:
                found[at : at + length] = bytes([rng.choice([0, 0x7F, 0x80, 0xFF])]) * length
            case 6:
                found[at:at] = found[at : at + 8 * length]
            case 7:
                if at < len(found):
                    found[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(found)


def read_all(path):
    """Read a sound with bounded effort; what comes must be well-formed."""
    with SoundReader(path) as reader:
        frames = 0
        for block in reader.blocks(4_096):
            assert block.ndim == 2 and block.shape[1] == reader.info.channels
            assert np.isfinite(block).all()
            frames += len(block)
            if frames > 1 << 20:
                return
        assert frames > 0


def try_sounds(folder, cases, seed):
    """How many damaged files were read and how many refused."""
    rng = np.random.default_rng(seed)
    wave = 0.3 * np.sin(np.arange(RATE // 8)[:, None] * [0.1, 0.17])
    outcomes = {True: 0, False: 0}
    target = Path(folder) / "damaged.bin"
    for name, subtype, kind in SOUNDS:
        soundfile.write(folder / name, wave, RATE, subtype=subtype, format=kind)
        data = (folder / name).read_bytes()
        for case in range(cases):
            target.write_bytes(damaged(data, rng))
            try:
                read_all(target)
                outcomes[True] += 1
            except SegueError as error:
                assert "damaged.bin" in str(error), (name, case)
                outcomes[False] += 1
            except Exception as error:
                raise AssertionError(f"{name}, seed {seed}, case {case}") from error
    return outcomes


def score():
    tempo = TempoMap(100.0)
    tempo.change(2.0, 140.0)
    rows = [(beat / 2, 0.4, 60 + beat % 12, 0.7) for beat in range(24)]
    drums = Track("kit", make_notes([(beat, 0.1, 36, 0.9) for beat in range(8)]), 0, 9)
    parts = (Track("piano", make_notes(rows), 0, 0), drums)
    return Score(parts, tempo, Meter(3, 4), "a title", (Marker(1.0, "here"),))


def try_scores(folder, cases, seed):
    """As `try_sounds`, with MIDI files; what is read is measured as well."""
    rng = np.random.default_rng(seed)
    write_midi(score(), folder / "a.mid")
    data = (folder / "a.mid").read_bytes()
    outcomes = {True: 0, False: 0}
    target = Path(folder) / "damaged.mid"
    for case in range(cases):
        target.write_bytes(damaged(data, rng))
        try:
            found = read_midi(target)
        except SegueError as error:
            assert "damaged.mid" in str(error)
            outcomes[False] += 1
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}, case {case}") from error
        try:
            features = score_features(found)
            assert all(np.isfinite(values.mean) for values in features.summary().values())
            outcomes[True] += 1
        except SegueError:
            outcomes[False] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, case {case}") from error
    return outcomes


def test_damaged_sounds(tmp_path):
    outcomes = try_sounds(tmp_path, FAST_CASES, 0)
    assert min(outcomes.values()) > 100  # both happen, or the wounds are too many or too few


def test_damaged_midi_files(tmp_path):
    outcomes = try_scores(tmp_path, 6 * FAST_CASES, 0)
    assert min(outcomes.values()) > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_damaged_sounds(tmp_path, seed):
    try_sounds(tmp_path, SLOW_CASES, seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_damaged_midi_files(tmp_path):
    try_scores(tmp_path, 6 * SLOW_CASES, 1)
