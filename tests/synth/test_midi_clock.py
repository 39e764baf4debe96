"""MIDI clock as it is sent and as it is followed."""

import numpy as np
import pytest
from mido import Message

from segue.synth.midi_clock import ClockFollower, MidiClock, Stretch

RATE = 48_000


def drain(clock: MidiClock, until: int = 10**9) -> list[tuple[int, str]]:
    """Frame and text of all messages due before a frame."""
    sent = []
    while (frame := clock.next_frame()) is not None and frame < until:
        message = clock.pop()
        text = message.type if message.type != "songpos" else f"songpos {message.pos}"
        sent.append((frame, text))
    return sent


def bars(clock: MidiClock, bpms: list[float], beats: float = 4.0, start: int = 9_600) -> list[int]:
    """Add bars one after the other; the frames at which they begin, and the end."""
    frames, beat = [start], 0.0
    for bpm in bpms:
        clock.add(Stretch(frames[-1], beat, beats, bpm))
        frames.append(frames[-1] + round(beats * 60 / bpm * RATE))
        beat += beats
    return frames


def test_start_leads_and_24_ticks_make_a_beat() -> None:
    clock = MidiClock(RATE)
    bars(clock, [120.0])
    sent = drain(clock)
    assert sent[0] == (9_600 - 96, "start")
    assert sent[1:] == [(9_600 + 1000 * n, "clock") for n in range(96)]
    assert clock.next_frame() is None
    with pytest.raises(LookupError):
        clock.pop()


@pytest.mark.parametrize("beats", [4.0, 3.0, 3.5, 0.125])
def test_ticks_follow_every_change_of_tempo_at_its_bar(beats: float) -> None:
    rng = np.random.default_rng(1)
    bpms = [float(bpm) for bpm in rng.uniform(40, 220, 30)]
    clock = MidiClock(RATE)
    edges = bars(clock, bpms, beats)
    ticks = [frame for frame, kind in drain(clock)[1:] if kind == "clock"]
    in_bar = round(beats * 24)
    assert len(ticks) == 30 * in_bar
    for number, bpm in enumerate(bpms):
        expected = edges[number] + np.arange(in_bar) * 60 / bpm / 24 * RATE
        np.testing.assert_allclose(ticks[number * in_bar : (number + 1) * in_bar], expected, atol=1)


def test_what_is_taken_back_is_not_sent_and_what_comes_instead_goes_on() -> None:
    clock = MidiClock(RATE)
    edges = bars(clock, [120.0, 120.0])
    before = drain(clock, 50_000)
    clock.cancel(edges[1])
    clock.add(Stretch(edges[1], 4.0, 4.0, 60.0))
    sent = before + drain(clock)
    assert [kind for _, kind in sent] == ["start"] + ["clock"] * 192
    assert np.diff([frame for frame, _ in sent[97:]]).tolist() == [2000] * 95


def test_a_gap_in_what_is_known_is_a_gap_in_the_ticks() -> None:
    clock = MidiClock(RATE)
    (_, end) = bars(clock, [120.0])
    drain(clock)
    clock.add(Stretch(end + 5_000, 4.0, 4.0, 120.0))
    assert drain(clock)[0] == (end + 5_000, "clock")  # the same beat goes on: no word is needed


def test_a_jump_stops_locates_and_continues_at_a_sixteenth() -> None:
    clock = MidiClock(RATE)
    bars(clock, [120.0])
    drain(clock, 50_000)
    clock.cancel(50_000)
    clock.add(Stretch(60_000, 30.1, 4.0, 120.0))
    sent = drain(clock)
    sixteenth = 60_000 + round(0.15 * 24_000)  # beat 30.25
    assert sent[:4] == [
        (60_000 - 480 + round(0.6 * 1000), "stop"),  # ahead of the first tick after the jump
        (sixteenth - 480, "songpos 121"),
        (sixteenth - 96, "continue"),
        (sixteenth, "clock"),
    ]


def test_a_bar_that_began_before_now_is_entered_where_it_is() -> None:
    clock = MidiClock(RATE)
    clock.add(Stretch(0, 8.0, 4.0, 120.0), now_frame=30_000)
    sent = drain(clock)
    assert sent[0][1] == "songpos 37" and sent[2] == (30_000, "clock")
    assert sum(kind == "clock" for _, kind in sent) == 66


def test_a_halted_clock_goes_on_at_the_next_sixteenth() -> None:
    clock = MidiClock(RATE)
    bars(clock, [120.0])
    before = drain(clock, 9_600 + 7_500)  # eight ticks
    assert [message.type for message in clock.halt()] == ["stop"]
    assert clock.halt() == []
    after = drain(clock)
    assert [kind for _, kind in after[:3]] == ["songpos 2", "continue", "clock"]
    assert after[2][0] == 9_600 + 12_000
    assert len(before) - 1 == 8


def test_song_positions_go_round_at_a_bar_line() -> None:
    clock = MidiClock(RATE)
    clock.add(Stretch(10_000, 16368 / 4 + 12.0, 4.0, 120.0))
    assert drain(clock)[0][1] == "songpos 48"


# Following ------------------------------------------------------------------------------------


def feed(follower: ClockFollower, times: np.ndarray) -> None:
    for seconds in times.tolist():
        follower.take(seconds, Message("clock"))


def test_a_follower_finds_what_a_clock_sent() -> None:
    clock, follower = MidiClock(RATE), ClockFollower()
    edges = bars(clock, [97.3] * 4)
    while (frame := clock.next_frame()) is not None:
        follower.take(frame / RATE, clock.pop())
    assert follower.bpm == pytest.approx(97.3, abs=0.01)
    assert follower.running and follower.beat == 16 - 1 / 24
    assert follower.beat_at(edges[-1] / RATE) == pytest.approx(16.0, abs=1e-3)


@pytest.mark.parametrize("jitter_ms", [1.0, 3.0])
def test_jitter_is_filtered(jitter_ms: float) -> None:
    rng = np.random.default_rng(2)
    follower = ClockFollower()
    period = 60 / 120 / 24
    errors = []
    for number in range(960):
        seconds = number * period + rng.uniform(-jitter_ms, jitter_ms) / 1000
        follower.take(seconds, Message("clock"))
        if number >= 48 and follower.bpm:
            errors.append(abs(follower.bpm - 120.0))
    assert np.percentile(errors, 99) < 0.2 * jitter_ms


def test_a_jump_of_tempo_is_followed_within_a_beat() -> None:
    rng = np.random.default_rng(3)
    follower = ClockFollower()
    slow = np.arange(96) * 60 / 90 / 24
    fast = slow[-1] + np.arange(1, 97) * 60 / 140 / 24
    feed(follower, slow + rng.uniform(-0.001, 0.001, 96))
    assert follower.bpm == pytest.approx(90, abs=0.5)
    feed(follower, fast[:24] + rng.uniform(-0.001, 0.001, 24))
    assert follower.bpm == pytest.approx(140, abs=4)
    feed(follower, fast[24:])
    assert follower.bpm == pytest.approx(140, abs=0.1)


def test_one_late_tick_moves_little() -> None:
    follower = ClockFollower()
    times = np.arange(96) * 60 / 120 / 24
    times[90] += 0.015
    feed(follower, times)
    assert follower.bpm == pytest.approx(120, abs=1)


def test_start_stop_continue_and_song_position() -> None:
    follower = ClockFollower()
    times = np.arange(200) * 60 / 120 / 24
    feed(follower, times[:30])  # a clock that runs ahead of the start
    assert follower.bpm == pytest.approx(120) and not follower.running
    assert follower.beat == 0.0 and follower.beat_at(times[40]) == 0.0
    follower.take(times[29], Message("start"))
    feed(follower, times[30:54])
    assert follower.running and follower.beat == pytest.approx(23 / 24)
    assert follower.beat_at(times[54]) == pytest.approx(1.0)
    follower.take(times[53], Message("stop"))
    feed(follower, times[54:60])
    assert not follower.running and follower.beat_at(times[70]) == 1.0
    follower.take(times[60], Message("songpos", pos=33))
    follower.take(times[60], Message("continue"))
    feed(follower, times[61:67])
    assert follower.beat_at(times[67]) == pytest.approx(8.25 + 0.25)


def test_a_clock_that_was_away_is_met_anew() -> None:
    follower = ClockFollower()
    assert follower.bpm is None and follower.beat_at(1.0) is None
    feed(follower, np.arange(48) * 60 / 120 / 24)
    feed(follower, 100 + np.arange(48) * 60 / 80 / 24)
    assert follower.bpm == pytest.approx(80, abs=0.01)


def test_ticks_at_one_moment_make_no_tempo() -> None:
    follower = ClockFollower()
    feed(follower, np.full(48, 3.0))
    assert follower.bpm is None
