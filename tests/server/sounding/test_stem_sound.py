"""Sessions whose cue has recordings: stems at their frames, and a sampled instrument."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import segue
from segue.client import protocol as p
from segue.music.cue import Cue, Layer
from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.errors import CueError, SegueError
from segue.server.sessions.session import Session
from segue.synth.stream import BlockQueue, PcmBlock, Stream

RATE = 48_000
NEAR = round(0.003 * RATE)  # attacks stay in place to a millisecond, and the master looks ahead


class Tape:
    """Keeps the sound of a session."""

    def __init__(self) -> None:
        self.blocks: list[PcmBlock] = []
        self.stream = Stream(self.blocks.append, realtime=False)

    def sound(self) -> NDArray[np.float32]:
        """All of it [shape=(frames, 2)]."""
        return np.concatenate([np.asarray(block.samples, np.float32) for block in self.blocks])

    def clicks(self) -> list[int]:
        """Frames at which a click begins, to a millisecond."""
        level = np.abs(self.sound()).max(axis=1)
        loud = np.flatnonzero(level > 0.1 * level.max())
        return [int(frame) for frame in loud[np.diff(loud, prepend=-RATE) > RATE // 10]]


def clicks(bpm: float, beats: int) -> NDArray[np.float64]:
    """A loop with 5 ms of noise on each beat."""
    beat = round(RATE * 60 / bpm)
    loop = np.zeros(beats * beat)
    burst = np.random.default_rng(1).uniform(-0.8, 0.8, 240) * np.linspace(1, 0, 240)
    for number in range(beats):
        loop[number * beat : number * beat + 240] = burst
    return loop


@pytest.fixture
def clicking(tmp_path: Path) -> Cue:
    """The dungeon's bass and drums far down, and a loop of 8 clicks at 110 bpm over them."""
    cue = load_cue("dungeon")
    soundfile.write(tmp_path / "clicks.wav", clicks(110, 8), RATE)
    quiet = tuple(replace(layer, gain_db=-60.0, reverb=0.0, delay=0.0) for layer in cue.layers[-2:])
    stem = Layer("clicks", "stem", file="clicks.wav", bpm=110, beats=8, fade_beats=0.25, reverb=0.0)
    made = replace(cue, layers=(*quiet, stem), folder=str(tmp_path), bindings=())
    write_cue(replace(made, mix=replace(made.mix, sidechains=())), tmp_path / "clicking")
    assert check_cue(tmp_path / "clicking") == []
    return load_cue(tmp_path / "clicking")


def beats(session: Session, events: list[p.Event], until: int) -> list[int]:
    """Frames of the beats that have been told."""
    return [e.at_frame for e in events if isinstance(e, p.BeatEvent) and e.at_frame < until]


def same(found: list[int], expected: list[int], *, but_first: bool = False) -> None:
    """The same frames nearly; the first one may be cut by the fade of the start."""
    if but_first and len(found) == len(expected) - 1:
        expected = expected[1:]
    assert len(found) == len(expected), (found, expected)
    assert np.abs(np.subtract(found, expected)).max() <= NEAR, (found, expected)


def test_a_stem_sounds_on_the_beats_of_the_session(clicking: Cue) -> None:
    tape = Tape()
    with Session.open(clicking, director="table", output=tape.stream) as session:
        session.mood(arousal=0.7)
        session.advance(4.0)
        session.direct(tempo=0.9)
        session.advance(6.0)
        events = session.events()
        bpm = {event.bpm for event in events if isinstance(event, p.BarEvent)}
        expected = beats(session, events, 10 * RATE - RATE // 20)
    assert len(bpm) > 1 and 110 not in bpm
    same([c for c in tape.clicks() if c < 10 * RATE - RATE // 20], expected, but_first=True)


def test_a_stem_follows_a_seek_and_a_restore(clicking: Cue) -> None:
    tape = Tape()
    with Session.open(clicking, director="table", output=tape.stream) as session:
        session.advance(4.1)
        before = beats(session, session.events(), round(4.1 * RATE) - NEAR)
        state = session.snapshot()
        session.advance(1.2)
        session.events()
        session.seek(1)
        after_seek = session.position()
        assert after_seek.bar == 1
        session.advance(3.0)
        sought = beats(session, session.events(), round(8.3 * RATE) - NEAR)
        session.restore(state)
        here = session.position()
        assert here.beat == pytest.approx(state["music"]["beat"], abs=1e-6)
        session.advance(2.5)
        restored = beats(session, session.events(), round(10.8 * RATE) - RATE // 20)
    found = np.array(tape.clicks())
    first, second, third = (round(seconds * RATE) for seconds in (4.1, 5.3, 8.3))
    same(list(found[found < first - NEAR]), before, but_first=True)
    assert sought and sought[0] == after_seek.frame  # a bar begins there
    same(list(found[(found >= second - NEAR) & (found < third - NEAR)]), sought, but_first=True)
    assert restored and restored[0] > third
    same(list(found[(found >= third) & (found < third + 2.5 * RATE - RATE // 20)]), restored)


def test_a_stem_stands_while_the_session_is_paused(clicking: Cue) -> None:
    queue = BlockQueue(100_000)
    with segue.open(clicking, director="table", output=Stream(queue.put)) as session:
        assert session.realtime
        blocks = listen(queue, 2.0)
        session.pause()
        asked = session.position().frame
        blocks += listen(queue, 0.1)
        stood = session.position().frame
        assert asked <= stood <= asked + 0.011 * RATE  # it fades out
        blocks += listen(queue, 0.9)
        assert session.position().paused and session.position().frame == stood
        session.resume()
        blocks += listen(queue, 2.0)
        bpm = session.position().bpm
        kinds = [type(event) for event in session.events()]
        assert kinds.index(p.PausedEvent) < kinds.index(p.ResumedEvent)
    assert [block.sequence for block in blocks] == list(range(len(blocks)))
    tape = Tape()
    tape.blocks = blocks
    gaps = np.diff(tape.clicks())
    beat = RATE * 60 / bpm
    (long,) = np.flatnonzero(gaps > 1.2 * beat)
    others = np.delete(gaps, long)
    assert len(others) >= 3
    assert np.abs(others - beat).max() <= NEAR
    assert 0.8 * RATE < gaps[long] - beat < 1.5 * RATE  # what it stood for


def listen(queue: BlockQueue, seconds: float) -> list[PcmBlock]:
    """The blocks of the next seconds."""
    blocks: list[PcmBlock] = []
    while sum(len(block.samples) for block in blocks) < seconds * RATE:
        block = queue.get(20.0)
        assert block is not None, "the stream has stopped"
        blocks.append(block)
    return blocks


def test_a_session_to_a_stream_sounds_as_one_to_a_file(clicking: Cue, tmp_path: Path) -> None:
    def play(output: str | Stream) -> None:
        with Session.open(clicking, director="table", output=output, seed=2) as session:
            session.advance(1.0)
            session.stinger("danger")
            session.advance(1.5)

    float_tape, whole = Tape(), []
    play(float_tape.stream)
    play(Stream(whole.append, sample_format="int16", realtime=False))
    play(f"file:{tmp_path / 'x.wav'}")
    blocks = float_tape.blocks
    assert [block.sequence for block in blocks] == list(range(len(blocks)))
    sizes = [len(block.samples) for block in blocks]
    assert [block.frame for block in blocks] == [sum(sizes[:i]) for i in range(len(sizes))]
    sound = float_tape.sound()
    assert len(sound) == 2.5 * RATE  # nothing rings on: nobody asked for more
    file = soundfile.read(tmp_path / "x.wav", dtype="float32")[0]
    assert np.abs(file[: len(sound)] - sound).max() < 2**-22
    pcm = np.concatenate([block.samples for block in whole])
    assert pcm.dtype == np.int16 and np.abs(pcm / 32767 - sound).max() < 2**-15


def test_a_stream_whose_reader_fails_does_not_stop_the_music(clicking: Cue) -> None:
    told = []

    def fail(block: PcmBlock) -> None:
        told.append(block)
        raise ValueError("the reader is broken")

    with segue.open(clicking, director="table", output=Stream(fail)) as session:
        while session.position().frame < RATE:
            threading.Event().wait(0.01)
        assert session.position().frame >= RATE
    assert len(told) == 1


# Sampled instruments --------------------------------------------------------------------------


@pytest.fixture
def sampled(clicking: Cue, tmp_path: Path) -> Callable[[str], Cue]:
    """The cue with its bass as samples, and no stem; the bass alone is heard."""

    def make(name: str) -> Cue:
        folder = tmp_path / "clicking"
        text = (folder / "cue.toml").read_text()
        bass = next(layer for layer in clicking.layers if layer.role == "bass")
        head, tail = text.split(f'name = "{bass.name}"')
        tail = tail.replace(f'instrument = "{bass.instrument}"', f'instrument = "{name}"', 1)
        tail = tail.replace("gain_db = -60", "gain_db = 0", 1)
        tail = (
            tail[: tail.index('name = "clicks"')].removesuffix("[[layers]]\n")
            + tail[tail.index("[[sections]]") :]
        )
        (folder / "cue.toml").write_text(head + f'name = "{bass.name}"' + tail)
        return load_cue(folder)

    return make


def tone(path: Path, midi: int) -> None:
    """Three seconds of a sine."""
    hz = 440.0 * 2 ** ((midi - 69) / 12)
    soundfile.write(path, 0.4 * np.sin(2 * np.pi * hz * np.arange(3 * RATE) / RATE), RATE)


def test_a_layer_of_samples_sounds_in_a_session(
    sampled: Callable[[str], Cue], tmp_path: Path
) -> None:
    samples = tmp_path / "clicking" / "samples"
    samples.mkdir()
    tone(samples / "sine_C2.wav", 36)
    tone(samples / "sine_A2.wav", 45)
    (samples / "sine_C3.wav").write_bytes(b"RIFF, but no sound")  # its neighbours play for it
    tape = Tape()
    with Session.open(sampled("samples/"), director="table", output=tape.stream) as session:
        session.direct(bass=1.0)
        session.advance(4.0)
        notes = session.score().track("bass").notes
    sound = tape.sound().mean(axis=1)
    assert len(notes) > 1 and np.abs(sound).max() > 0.02
    spectrum = np.abs(np.fft.rfft(sound[RATE // 2 : RATE] * np.hanning(RATE // 2)))
    hz = spectrum.argmax() * 2.0
    pitch = 69 + 12 * np.log2(hz / 440)
    assert np.abs(notes["pitch"] - pitch).min() < 0.7


def test_samples_that_are_not_there_are_told_before_the_music(
    sampled: Callable[[str], Cue], tmp_path: Path
) -> None:
    with pytest.raises(CueError, match="no samples at"):
        sampled("samples/none")
    (tmp_path / "clicking" / "empty").mkdir()
    cue = sampled_again(tmp_path, "samples/none", "empty/")
    with pytest.raises(SegueError, match="empty"):
        Session.open(cue, director="table", output=Tape().stream)


def sampled_again(tmp_path: Path, old: str, new: str) -> Cue:
    """The cue with other samples."""
    path = tmp_path / "clicking" / "cue.toml"
    path.write_text(path.read_text().replace(old, new))
    return load_cue(tmp_path / "clicking")
