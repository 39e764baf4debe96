import os
import struct

import numpy as np
import pytest
import soundfile

from segue.analysis.sound.sound_file import (
    MonoPieces,
    SoundReader,
    read_mono,
    read_sound,
    sound_info,
    stream_sound,
)
from segue.analysis.spectra import to_mono
from segue.music.errors import FileFormatError, SegueError


def tone(seconds=0.5, rate=44_100, channels=1, level=0.3):
    wave = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return np.stack([wave * (1 + at) / channels for at in range(channels)], axis=1)


@pytest.mark.parametrize(
    ("name", "exact"),
    [("a.wav", 1e-4), ("a.flac", 1e-4), ("a.aiff", 1e-4), ("a.ogg", 0.05), ("a.mp3", 0.2)],
)
def test_every_format(tmp_path, name, exact):
    wave = tone(channels=2)
    soundfile.write(tmp_path / name, wave, 44_100)
    samples, rate = read_sound(tmp_path / name)
    assert rate == 44_100
    assert samples.shape == wave.shape
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, wave, atol=exact)
    info = sound_info(tmp_path / name)
    assert (info.channels, info.sample_rate, info.frames) == (2, 44_100, len(wave))
    assert info.duration_seconds == pytest.approx(0.5)
    assert info.promised_share == 1.0


@pytest.mark.parametrize("suffix", [".mp3", ".raw", ".txt", "", ".mid"])
def test_contents_count_and_not_the_name(tmp_path, suffix):
    soundfile.write(tmp_path / "a.flac", tone(), 44_100)
    wrong = (tmp_path / "a.flac").rename(tmp_path / f"wrong{suffix}")
    assert sound_info(wrong).format == "FLAC"
    assert len(read_sound(wrong)[0]) == 22_050


@pytest.mark.parametrize("rate", [8_000, 11_025, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_rates_and_channels(tmp_path, rate, channels):
    wave = tone(0.1, rate, channels)
    soundfile.write(tmp_path / "a.wav", wave, rate, subtype="FLOAT")
    mono = read_mono(tmp_path / "a.wav")
    assert abs(len(mono) - 2205) <= 1
    np.testing.assert_allclose(mono, to_mono(wave.astype(np.float32), rate)[: len(mono)], atol=1e-5)


def test_a_stream_is_the_whole_in_order(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(2.0, channels=2), 44_100)
    shares = []
    blocks = list(stream_sound(tmp_path / "a.flac", 0.3, shares.append))
    assert [len(block) for block in blocks] == [13_230] * 6 + [8_820]
    np.testing.assert_array_equal(np.concatenate(blocks), read_sound(tmp_path / "a.flac")[0])
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_pieces_are_the_whole_in_order():
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal((44_100 * 3, 2)).astype(np.float32)
    for size in (1_000, 30_000, len(sound)):
        pieces = MonoPieces(44_100, 1.0)
        found = []
        for at in range(0, len(sound), size):
            found += pieces.push(sound[at : at + size])
        found += pieces.finish()
        assert [len(piece) for piece in found] == [22_050] * 3
        np.testing.assert_allclose(np.concatenate(found), to_mono(sound, 44_100), atol=1e-5)
    assert MonoPieces(44_100, 1.0).finish() == []


def test_channels_that_cancel_are_not_lost(tmp_path):
    wave = tone()
    soundfile.write(tmp_path / "a.wav", np.hstack([wave, -wave]), 44_100)
    assert np.abs(read_mono(tmp_path / "a.wav")).max() > 0.25


def test_empty_missing_and_folder(tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"empty\.wav is empty"):
        read_sound(tmp_path / "empty.wav")
    with pytest.raises(SegueError, match=r"none\.wav.*no such file"):
        read_sound(tmp_path / "none.wav")
    with pytest.raises(SegueError, match="a folder"):
        read_sound(tmp_path)
    with pytest.raises(SegueError, match="no such file"):
        read_sound("a\0b.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), 44_100)
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(SegueError, match="denied"):
        read_sound(tmp_path / "a.wav")


def test_no_sound_in_it(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 1)), 44_100)
    with pytest.raises(FileFormatError, match="holds no sound"):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("data", [b"x", b"RIFF", b"hello " * 500, bytes(5000), b"MThd\0\0\0\6" * 9])
def test_what_is_no_sound_is_told(tmp_path, data):
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(FileFormatError, match=r"a\.wav is no sound that can be read"):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_a_truncated_plain_file_gives_what_is_there(tmp_path, name):
    soundfile.write(tmp_path / name, tone(), 44_100)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert len(read_sound(tmp_path / name)[0]) == pytest.approx(11_025, abs=60)
    assert sound_info(tmp_path / name).promised_share == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_a_truncated_packed_file_is_told(tmp_path, name):
    noise = 0.1 * np.random.default_rng(0).standard_normal(44_100 * 3)
    soundfile.write(tmp_path / name, noise, 44_100)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileFormatError, match=rf"{name} breaks off after .* of 3\.00 seconds"):
        read_sound(tmp_path / name)


def test_what_is_not_finite_is_told(tmp_path):
    wave = tone(channels=2)
    wave[22_049 // 2, 1] = np.nan
    soundfile.write(tmp_path / "a.wav", wave, 44_100, subtype="FLOAT")
    with pytest.raises(FileFormatError, match=r"a\.wav has samples.*not finite.*0\.25 seconds"):
        read_sound(tmp_path / "a.wav")
    wave[:] = np.inf
    soundfile.write(tmp_path / "a.wav", wave, 44_100, subtype="FLOAT")
    with pytest.raises(FileFormatError, match="not finite"):
        read_sound(tmp_path / "a.wav")


def test_integers_written_as_floats_are_told(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(level=20_000.0), 44_100, subtype="FLOAT")
    with pytest.raises(FileFormatError, match="full scale is 1"):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [100, 4_000, 1_000_000])
def test_other_rates_are_told(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(), 44_100)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(FileFormatError, match=f"has {rate} samples a second"):
        read_sound(tmp_path / "a.wav")


def test_files_are_closed(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), 44_100)
    (tmp_path / "b.wav").write_bytes(b"no sound at all, but more than nothing")
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for _ in range(5):
        read_sound(tmp_path / "a.wav")
        with pytest.raises(SegueError):
            read_sound(tmp_path / "b.wav")
        with pytest.raises(ZeroDivisionError), SoundReader(tmp_path / "a.wav"):
            raise ZeroDivisionError
    after = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    assert after <= before
