"""A cue made of a recording, as a listener hears it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue import cli
from segue.analysis.form import song as song_module
from segue.analysis.form.song_cue import import_recording
from segue.analysis.harmony.chords import Chords
from segue.analysis.harmony.key import KeyTrack
from segue.analysis.rhythm.beats import Beats
from segue.music.midi import write_midi
from segue.music.score import Score, Track, make_notes
from segue.music.theory import Chord, Key
from segue.server.pictures.listen import listen_to_file
from segue.server.sessions.embedded import open_session

RATE, BAR = 22_050, 2.0


def recording(bars: int) -> np.ndarray:
    """Chords that are held, with a stroke on each beat; the second half is another part."""
    rng = np.random.default_rng(0)
    times = np.arange(round(BAR * RATE)) / RATE
    parts = []
    for bar in range(bars):
        roots = (110.0, 146.8) if bar < bars // 2 else (98.0, 130.8)
        held = sum(
            np.sin(2 * np.pi * roots[bar % 2] * ratio * times) * (bar < bars // 2 or ratio > 1)
            for ratio in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
        )
        edge = np.minimum(times / 0.02, (BAR - times) / 0.02)
        sound = 0.06 * np.asarray(held) * np.minimum(edge, 1.0)
        for beat in range(4):
            at = round(beat * BAR / 4 * RATE)
            sound[at : at + 900] += 0.3 * rng.standard_normal(900) * np.linspace(1, 0, 900) ** 2
        parts.append(sound)
    return np.concatenate(parts)


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, and what networks would hear of it."""
    beats = 4 * 16
    ones = np.ones(beats)
    found = Beats(
        np.arange(beats) * BAR / 4, np.arange(beats) % 4 + 1, ones, ones, 4, 1.0, 120.0, 1.0, ()
    )
    chords = Chords(np.zeros(1), np.full(1, 32.0), (Chord(9, "m"),), np.ones(1))
    key = KeyTrack(Key(9, "aeolian"), 1.0, (), ())
    monkeypatch.setattr(song_module, "find_beats", lambda mono, rate: found)
    monkeypatch.setattr(song_module, "find_chords", lambda mono, rate: chords)
    monkeypatch.setattr(song_module, "find_key", lambda mono, rate: key)
    soundfile.write(tmp_path / "song.ogg", recording(16), RATE)
    return tmp_path / "song.ogg"


@pytest.fixture
def cue(song: Path, tmp_path: Path) -> Path:
    import_recording(song, tmp_path / "cue")
    return tmp_path / "cue"


def test_it_goes_round_and_on_without_a_click(cue: Path, tmp_path: Path) -> None:
    with open_session(str(cue), output=f"file:{tmp_path / 'out.wav'}", seed=0) as session:
        session.advance(40.0)
    heard = listen_to_file(tmp_path / "out.wav")
    assert heard.clicks == 0 and heard.clipped_runs == 0
    assert heard.loudness_lufs == pytest.approx(-16.0, abs=1.5)
    assert heard.silence_share < 0.1


def test_low_intensity_leaves_the_strokes_out(cue: Path, tmp_path: Path) -> None:
    shares = {}
    for intensity in (0.0, 1.0):
        path = tmp_path / f"{intensity}.wav"
        with open_session(str(cue), output=f"file:{path}", seed=0) as session:
            session.set(intensity=intensity)
            session.advance(12.0)
        sound, rate = soundfile.read(path)
        power = np.square(np.abs(np.fft.rfft(sound[2 * rate : 10 * rate, 0])))
        shares[intensity] = power[5_000 * 8 :].sum() / power.sum()  # above 5 kHz: noise of strokes
    assert shares[0.0] < 0.05 * shares[1.0]


def command(
    patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str]:
    """The exit code of `segue`, and all it said."""
    patch.setattr(sys, "argv", ["segue", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capfd.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def test_the_command_says_what_it_found(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = command(monkeypatch, capfd, "cue", "import", song, "--picture", "song.png")
    assert code == 0
    assert "song.ogg: A" in said and "120.0 bpm (1.00), 4/4 (1.00), A aeolian (1.00)" in said
    assert "2 sections, 16 bars; hear it: segue render song -o song.wav" in said
    assert (tmp_path / "song.png").is_file()
    assert command(monkeypatch, capfd, "cue", "check", "song") == (0, "song: no faults\n")


def test_the_command_refuses_what_it_cannot_use(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_midi(Score((Track("a", make_notes([(0, 1, 60, 0.5)])),)), "tune.mid")
    (tmp_path / "renamed.ogg").write_bytes((tmp_path / "tune.mid").read_bytes())
    (tmp_path / "junk.ogg").write_bytes(b"no sound")
    for arguments, words in (
        (("tune.mid", "--picture", "x.png"), "belongs to recordings"),
        ((song, "--picture", "x.txt"), "name it .png"),
        (("junk.ogg",), "junk.ogg is no sound"),
        (("none.ogg",), "none.ogg"),
    ):
        code, said = command(monkeypatch, capfd, "cue", "import", *arguments, "-o", "made")
        assert code == 2 and words in said and said.count("\n") == 1
    assert not (tmp_path / "made").exists()
    code, said = command(monkeypatch, capfd, "cue", "import", "renamed.ogg", "-o", "made")
    assert code == 0 and "made: C ionian" in said
