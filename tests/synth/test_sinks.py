"""File and null sinks: whole files or none."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import soundfile

from segue.music.errors import SegueError, UnknownNameError
from segue.synth.sinks import FileSink, NullSink

BLOCK = np.linspace(-0.5, 0.5, 512, dtype=np.float32).reshape(256, 2)


@pytest.mark.parametrize("ending", [".wav", ".flac", ".WAV"])
def test_file_appears_whole_at_close(tmp_path, ending):
    path = tmp_path / f"music{ending}"
    with FileSink(path, 48_000) as sink:
        for _ in range(3):
            sink.write(BLOCK)
        assert not path.exists()
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 48_000
    assert np.allclose(samples, np.tile(BLOCK, (3, 1)), atol=2**-22)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    sink.close()  # twice is allowed
    with pytest.raises(SegueError, match="closed"):
        sink.write(BLOCK)


def test_vorbis_takes_a_very_long_block_and_keeps_the_pitch(tmp_path):
    path = tmp_path / "music.ogg"
    turns = np.arange(60 * 48_000) * 440 / 48_000
    with FileSink(path, 48_000) as sink:
        sink.write(np.repeat(0.3 * np.sin(2 * np.pi * turns), 2).reshape(-1, 2).astype(np.float32))
    assert soundfile.info(path).subtype == "VORBIS" and path.stat().st_size < 1_500_000
    sound, rate = soundfile.read(path)
    assert rate == 48_000 and sound.shape == (60 * 48_000, 2)
    piece = sound[48_000:96_000, 0] * np.hanning(48_000)
    assert np.argmax(np.abs(np.fft.rfft(piece))) == 440


def test_an_error_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "music.wav"
    path.write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt), FileSink(path, 48_000) as sink:
        sink.write(BLOCK)
        raise KeyboardInterrupt
    assert path.read_bytes() == b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_bad_places_are_told(tmp_path):
    with pytest.raises(UnknownNameError, match=r"'\.mp3'.*known: \.flac, \.ogg, \.wav"):
        FileSink(tmp_path / "music.mp3", 48_000)
    with pytest.raises(SegueError, match=r"cannot write .*nowhere.*choose another place"):
        FileSink(tmp_path / "nowhere" / "music.wav", 48_000)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(SegueError, match="it is a folder"):
        FileSink(tmp_path / "folder.wav", 48_000)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file size limits")
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, ending):
    program = f"""
        import resource
        import numpy as np
        from segue.music.errors import SegueError
        from segue.synth.sinks import FileSink
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        noise = np.random.default_rng(0).uniform(-1, 1, (48_000, 2)).astype(np.float32)
        try:
            with FileSink({str(tmp_path / f"music.{ending}")!r}, 48_000) as sink:
                for _ in range(4):
                    sink.write(noise)
        except SegueError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "cannot write" in done.stdout and "space" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_null_sink_counts():
    sink = NullSink()
    sink.write(BLOCK)
    sink.close()
    assert sink.frames == 256
