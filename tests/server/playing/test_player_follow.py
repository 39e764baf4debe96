"""A session that follows a player's beat."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segue.analysis.rhythm.beat_follower import BeatFollower, Pulse
from segue.client import protocol as p
from segue.music.errors import SegueError
from segue.server.playing.player_follow import HeardClock, PlayerFollower, open_sound_in
from segue.server.sessions.session import Session
from segue.synth.sound_in import CLIENT_NAME, HeardBlock, JackIn, RecordingIn

RATE = 22_050


class Metronome:
    """An ear that knows a steady pulse from some second on."""

    def __init__(self, bpm: float, *, first: float, known_after: float = 2.0) -> None:
        self._pulse = Pulse(first, 1, 4, bpm, 0.9)
        self._known_after, self._frames = known_after, 0

    @property
    def pulse(self) -> Pulse | None:
        return self._pulse if self._frames > self._known_after * RATE else None

    def push(self, block: NDArray[np.floating]) -> None:
        self._frames += len(block)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session.open("dungeon", director="table") as opened:
        yield opened


def clicks(bpm: float, seconds: float, *, first: float = 0.5) -> NDArray[np.float32]:
    """A click track: short decaying tones, the first of four higher."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    tone = np.arange(round(0.05 * RATE)) / RATE
    for beat, at in enumerate(np.arange(first, seconds - 0.1, 60 / bpm)):
        hz = 1760.0 if beat % 4 == 0 else 880.0
        start = round(at * RATE)
        sound[start : start + len(tone)] += 0.5 * np.sin(2 * np.pi * hz * tone) * np.exp(-60 * tone)
    return sound


def play(session: Session, follower: PlayerFollower, seconds: float) -> list[p.BarEvent]:
    for _ in range(round(seconds / 0.02)):
        follower.step()
        session.advance(0.02)
    return [event for event in session.events() if isinstance(event, p.BarEvent)]


@pytest.mark.parametrize(("bpm", "beat_bpm"), [(97.0, 97.0), (132.0, 132.0), (60.0, 120.0)])
def test_beats_come_to_lie_on_the_players_beats(
    session: Session, bpm: float, beat_bpm: float
) -> None:
    ear = Metronome(bpm, first=0.7)
    source = RecordingIn(np.zeros(60 * RATE, np.float32), RATE)
    bars = play(session, PlayerFollower(session, source, ear=ear), 55.0)[-6:]
    beat_seconds = 60 / beat_bpm
    starts = np.array([bar.at_frame / session.sample_rate for bar in bars])
    off = (starts - 0.7 + beat_seconds / 2) % beat_seconds - beat_seconds / 2
    assert np.abs(off).max() < 0.02
    assert np.mean([bar.bpm for bar in bars]) == pytest.approx(beat_bpm, rel=0.01)


def test_who_rests_or_is_not_sure_changes_nothing(session: Session) -> None:
    unsure = Metronome(140.0, first=0.0)
    unsure._pulse = Pulse(0.0, 1, 4, 140.0, 0.05)
    source = RecordingIn(np.zeros(20 * RATE, np.float32), RATE)
    follower = PlayerFollower(session, source, ear=unsure)
    bars = play(session, follower, 15.0)
    assert follower.clock.bpm is None
    assert not any(abs(bar.bpm - 140.0) < 1.0 for bar in bars)


def test_closing_gives_the_tempo_back(session: Session) -> None:
    ear = Metronome(148.0, first=0.0)
    source = RecordingIn(np.zeros(20 * RATE, np.float32), RATE)
    follower = PlayerFollower(session, source, ear=ear)
    assert play(session, follower, 15.0)[-1].bpm == pytest.approx(148.0, rel=0.07)
    follower.close()
    follower.close()
    silent = PlayerFollower(session, RecordingIn(np.zeros(0, np.float32), RATE), ear=ear)
    silent.clock._ear = Metronome(148.0, first=0.0)
    assert play(session, silent, 15.0)[-1].bpm < 135.0


def test_the_place_is_told_on_the_listeners_clock() -> None:
    clock = HeardClock(Metronome(120.0, first=1.0, known_after=0.0), RATE, (60.0, 150.0))
    clock.take(HeardBlock(100.03, np.zeros(RATE, np.float32)))  # late by 30 ms
    clock.take(HeardBlock(101.0, np.zeros(RATE, np.float32)))
    assert clock.beat_at(101.0) == pytest.approx(0.0)
    assert clock.beat_at(102.25) == pytest.approx(2.5)


def test_a_recording_comes_in_pieces_as_time_goes_on() -> None:
    source = RecordingIn(np.arange(RATE, dtype=np.float32) / RATE, RATE)
    first = source.take(0.5)
    rest = source.take(2.0)
    whole = np.concatenate([block.samples for block in (*first, *rest)])
    assert first[0].seconds == 0.0 and first[-1].seconds < 0.5 <= rest[-1].seconds
    assert np.array_equal(whole, np.arange(len(whole), dtype=np.float32) / RATE)
    assert len(whole) >= RATE - round(0.02 * RATE)


def test_a_source_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(SegueError, match="there is no recording"):
        open_sound_in(str(tmp_path / "none.wav"))
    (tmp_path / "bad.wav").write_text("no sound")
    with pytest.raises(SegueError, match="no sound that can be read"):
        open_sound_in(str(tmp_path / "bad.wav"))


def test_a_click_track_is_heard_and_followed(session: Session) -> None:
    source = RecordingIn(clicks(112.0, 40.0), RATE)
    bars = play(session, PlayerFollower(session, source), 36.0)[-4:]
    starts = np.array([bar.at_frame / session.sample_rate for bar in bars])
    off = (starts - 0.5 + 30 / 112) % (60 / 112) - 30 / 112
    assert np.mean([bar.bpm for bar in bars]) == pytest.approx(112.0, rel=0.01)
    assert np.abs(off).max() < 0.06


def test_who_plays_into_jack_is_heard_in_time(jack_graph: Any) -> None:
    """A click track of another client: tempo and place on the clock of the listener."""
    rate, period = 48_000, round(48_000 * 60 / 120)
    begun: list[float] = []
    player = jack_graph.Client("segue-player", no_start_server=True)
    out = player.outports.register("clicks")
    ticks, at = threading.Event(), [0]
    tone = 0.5 * np.sin(np.arange(2_000) / 8) * np.exp(-np.arange(2_000) / 400)

    def process(frames: int) -> None:
        if not begun:
            begun.append(time.monotonic())
        place = (np.arange(frames) + at[0]) % period
        out.get_array()[:] = np.where(place < len(tone), tone[place.clip(0, len(tone) - 1)], 0.0)
        at[0] += frames
        if at[0] > 9 * rate:
            ticks.set()

    player.set_process_callback(process)
    with JackIn() as source, player:
        player.connect(out, f"{CLIENT_NAME}:sound")
        assert ticks.wait(30)
        heard = source.take()
    assert source.sample_rate == rate
    assert sum(len(block.samples) for block in heard) > 7 * rate
    clock = HeardClock(BeatFollower(rate), rate, (100.0, 150.0))
    for block in heard:
        clock.take(block)
    assert clock.bpm == pytest.approx(120.0, rel=0.01)
    place = clock.beat_at(begun[0] + 8.0)
    assert place is not None
    assert abs((place + 0.5) % 1.0 - 0.5) < 0.2  # a period of the graph is a twentieth of a beat
