import json
import sys

import numpy as np
import pytest
import soundfile

from segue.analysis import networks
from segue.analysis.report import of_sound as module
from segue.analysis.report.analyze import PARTS, USUAL_PARTS, analyze_file, check_parts, find_files
from segue.analysis.report.picture import draw_analysis
from segue.analysis.report.told import (
    analysis_dict,
    analysis_row,
    analysis_rows,
    clock,
    key_text,
    plain,
)
from segue.analysis.sound.audio import FLOOR_DB
from segue.music.errors import FileFormatError, SegueError, UnknownNameError
from segue.music.midi import write_midi
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap
from segue.music.theory import Key

RATE = 22_050
PLAIN = ("loudness", "features", "roughness", "tuning")  # that need no network


def music(seconds=4.0, rate=RATE):
    """A chord with a stroke on each half second."""
    t = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.18, 329.63))
    stroke = np.random.default_rng(0).standard_normal(len(t)) * np.exp(-40.0 * (t % 0.5))
    return (0.1 * chord + 0.2 * stroke).astype(np.float32)


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([music()] * 2, axis=1), RATE)
    return tmp_path / "a.wav"


@pytest.fixture
def midi(tmp_path):
    rows = [(beat, 0.9, 60 + 2 * (beat % 4), 0.7) for beat in range(16)]
    drums = Track("kit", make_notes([(beat, 0.1, 36, 0.9) for beat in range(16)]), 0, 9)
    score = Score((Track("a", make_notes(rows)), drums), TempoMap(90.0), Meter(3, 4))
    write_midi(score, tmp_path / "a.mid")
    return tmp_path / "a.mid"


def test_the_plain_parts_of_a_sound(sound):
    told = []
    found = analyze_file(sound, only=PLAIN, progress=lambda *at: told.append(at))
    assert found.kind == "sound"
    assert found.duration_seconds == pytest.approx(4.0)
    assert -20.0 < found.loudness_lufs < -8.0
    assert 200.0 < found.features["centroid_hz"].mean < 6_000.0
    assert found.features["mfcc"].mean.shape == (20,)
    assert found.roughness > 0.0
    assert 0.05 < found.percussive_share < 0.95
    assert abs(found.tuning.cents) < 5.0
    assert found.beats is None and found.key is None and found.outline is None
    assert not found.remarks
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_only_what_is_asked_for(sound):
    found = analyze_file(sound, only=["loudness"])
    assert found.loudness_lufs is not None
    assert not found.features and found.tuning is None
    assert [row["what"] for row in analysis_rows(found)] == ["duration", "file", "loudness"]
    with pytest.raises(UnknownNameError, match="did you mean 'tempo'"):
        analyze_file(sound, only=["temp"])
    assert check_parts(PARTS) == USUAL_PARTS | {"notes"}


def test_without_onnxruntime_the_rest_is_found(sound, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    networks.load_network.cache_clear()
    try:
        found = analyze_file(sound)
    finally:
        networks.load_network.cache_clear()
    assert found.features and found.loudness_lufs is not None and found.form is not None
    assert found.beats is None and found.key is None and found.chords is None
    said = [remark for remark in found.remarks if "onnxruntime" in remark]
    if said:  # once for all that need it
        assert len(said) == 1 and "segue[ears]" in said[0]
    json.dumps(analysis_dict(found), allow_nan=False)


def test_pieces_are_joined(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.flac", music(6.0, 44_100), 44_100)
    whole = analyze_file(tmp_path / "a.flac", only=PLAIN, outline=True)
    monkeypatch.setattr(module, "PIECE_SECONDS", 2.0)
    parts = analyze_file(tmp_path / "a.flac", only=PLAIN, outline=True)
    assert parts.loudness_lufs == whole.loudness_lufs
    for name in ("centroid_hz", "mfcc", "rms"):
        np.testing.assert_allclose(
            parts.features[name].mean, whole.features[name].mean, rtol=0.1, atol=2.0
        )
        np.testing.assert_allclose(
            parts.features[name].sd, whole.features[name].sd, rtol=0.35, atol=2.0
        )
    assert parts.roughness == pytest.approx(whole.roughness, rel=0.1)
    assert parts.tuning.cents == pytest.approx(whole.tuning.cents, abs=3.0)
    assert "3 pieces" in parts.remarks[0]
    assert len(parts.outline.times_seconds) == pytest.approx(
        len(whole.outline.times_seconds), abs=3
    )
    assert (np.diff(parts.outline.times_seconds) > 0).all()


def test_networks_hear_pieces_as_one(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    soundfile.write(tmp_path / "a.wav", music(6.0), RATE)
    monkeypatch.setattr(module, "PIECE_SECONDS", 3.0)
    found = analyze_file(tmp_path / "a.wav", only=["tempo", "key", "chords", "sections", "notes"])
    for chords in (found.chords,):
        assert chords.end_seconds[-1] == pytest.approx(6.0, abs=0.1)
        assert (np.diff(chords.start_seconds) > 0).all()
    assert found.key.local[-1].end_seconds == pytest.approx(6.0, abs=0.1)
    assert sum(chance for _, chance in found.key.candidates) < 1.01
    if found.beats is not None:
        assert (np.diff(found.beats.times_seconds) > 0).all()
    sections = found.form.sections
    assert sections[-1].end_seconds == pytest.approx(6.0, abs=0.1)
    assert [one.start_bar for one in sections] == sorted(one.start_bar for one in sections)
    assert len(found.notes) == len(found.notes.onset_seconds)
    json.dumps(analysis_dict(found), allow_nan=False)


@pytest.mark.parametrize("rate", [8_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_any_rate_and_channels(tmp_path, rate, channels):
    wave = np.stack([music(0.6, rate)] * channels, axis=1)
    soundfile.write(tmp_path / "a.wav", wave, rate)
    found = analyze_file(tmp_path / "a.wav", only=PLAIN)
    assert found.sound.channels == channels
    assert found.loudness_lufs > -30.0


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.5])
def test_short_sounds(tmp_path, seconds):
    soundfile.write(tmp_path / "a.wav", music(seconds, 48_000), 48_000)
    found = analyze_file(tmp_path / "a.wav")
    assert found.duration_seconds == pytest.approx(seconds, abs=1e-4)
    assert not [remark for remark in found.remarks if "beats.json" not in remark]
    json.dumps(analysis_dict(found), allow_nan=False)
    assert analysis_rows(found)


def test_silence_and_clipping(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(2 * RATE), RATE)
    found = analyze_file(tmp_path / "silent.wav")
    assert found.loudness_lufs == FLOOR_DB
    assert found.clipped_share == 0.0
    assert "-inf LUFS" in str(analysis_rows(found))
    assert not found.beats or not len(found.beats)
    assert not found.key or found.key.key is None
    json.dumps(analysis_dict(found), allow_nan=False)
    soundfile.write(tmp_path / "loud.wav", np.clip(20.0 * music(), -1.0, 1.0), RATE)
    found = analyze_file(tmp_path / "loud.wav", only=["loudness"])
    assert found.clipped_share > 0.3
    assert "at full scale" in str(analysis_rows(found))


def test_a_truncated_file_is_told(sound):
    data = sound.read_bytes()
    sound.write_bytes(data[: len(data) // 2])
    found = analyze_file(sound, only=["loudness"])
    assert found.duration_seconds == pytest.approx(2.0, abs=0.01)
    assert "50 % of the sound" in found.remarks[0]


def test_a_midi_file(midi):
    found = analyze_file(midi)
    assert found.kind == "score"
    assert found.tempo_bpm == pytest.approx(90.0)
    assert found.meter == "3/4"
    assert found.score.note_count == 32
    assert analysis_row(found)["bpm"] == "90.0"
    assert "notes per second" in [row["what"] for row in analysis_rows(found)]
    told = analysis_dict(found)
    json.dumps(told, allow_nan=False)
    assert len(told["score"]["register_midi"]) == 6
    assert "summary" in told["score"]


def test_a_midi_file_by_another_name(midi):
    other = midi.rename(midi.with_suffix(".wav"))
    assert analyze_file(other).kind == "score"


def test_a_sound_by_the_name_of_a_score(sound):
    other = sound.rename(sound.with_suffix(".mid"))
    assert analyze_file(other, only=["loudness"]).kind == "sound"
    other.write_bytes(b"neither of both")
    with pytest.raises(FileFormatError, match=r"a\.mid is not a whole MIDI file"):
        analyze_file(other)


def test_midi_in_a_riff_file(midi):
    data = midi.read_bytes()
    head = b"RIFF" + (len(data) + 12).to_bytes(4, "little") + b"RMIDdata"
    midi.write_bytes(head + len(data).to_bytes(4, "little") + data)
    assert analyze_file(midi).score.note_count == 32


def test_notes_that_hang_and_no_notes(tmp_path):
    head = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk"
    hang = b"\0\xff\x51\3\0\0\0\0\x90\x3c\x40\xbf\x00\xff\x2f\0"  # tempo 0, a note without end
    (tmp_path / "hang.mid").write_bytes(head + len(hang).to_bytes(4, "big") + hang)
    found = analyze_file(tmp_path / "hang.mid")
    assert found.score.note_count == 1
    assert np.isfinite(found.duration_seconds)
    none = b"\0\xff\x2f\0"
    (tmp_path / "none.mid").write_bytes(head + len(none).to_bytes(4, "big") + none)
    found = analyze_file(tmp_path / "none.mid")
    assert "no notes" in found.remarks[0]
    json.dumps(analysis_dict(found), allow_nan=False)
    long = b"\0\x90\x3c\x40\x8f\xff\xff\x7f\xff\x2f\0"
    (tmp_path / "long.mid").write_bytes(head + len(long).to_bytes(4, "big") + long)
    try:
        assert "never have been released" in analyze_file(tmp_path / "long.mid").remarks[0]
    except SegueError as error:
        assert "long.mid" in str(error)


def test_files_are_found(tmp_path, sound, midi):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.OGG").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "._a.wav").write_bytes(b"left by another system")
    assert find_files([tmp_path]) == [midi, sound]
    assert find_files([tmp_path], recursive=True) == [midi, sound, tmp_path / "in" / "b.OGG"]
    assert find_files([sound, tmp_path]) == [sound, midi]
    assert find_files([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]
    with pytest.raises(SegueError, match="no file or folder"):
        find_files([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SegueError, match="no sound or MIDI files"):
        find_files([tmp_path / "empty"])


def test_a_picture_is_drawn(sound, midi, tmp_path):
    found = analyze_file(sound, outline=True)
    draw_analysis(found, tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data[:4] == b"\x89PNG" and len(data) > 20_000
    with pytest.raises(SegueError, match="outline"):
        draw_analysis(analyze_file(midi), tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_words():
    assert clock(5.04) == "5.0 s"
    assert clock(187.9) == "3:07"
    assert clock(3723.0) == "1:02:03"
    assert key_text(Key(2, "aeolian")) == "D minor"
    assert key_text(None) == "-"
    assert plain({"a": np.float32(1 / 3), "b": np.array([np.nan, 1.0])}) == {
        "a": 0.333333,
        "b": [None, 1.0],
    }
