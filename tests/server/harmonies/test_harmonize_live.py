import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from segue.analysis.pitch.voice import hz_to_midi, track_pitch
from segue.analysis.sound.audio import find_clicks
from segue.music.cue_file import load_cue
from segue.music.errors import MissingPartError, RangeError, SegueError, UnknownNameError
from segue.server.harmonies.harmonize_jack import (
    CLIENT_NAME,
    JackHarmonizer,
    LiveMix,
    LiveOptions,
    harmonize_live,
)
from segue.server.harmonies.harmonize_live import LiveHarmonizer
from segue.server.harmonies.harmony_plan import Course

RATE = 48_000
BLOCK = 256
BPM = 96.0
BAR_SECONDS = 4 * 60 / BPM


@pytest.fixture(scope="module")
def course():
    return Course(load_cue("dungeon"), 30.0, bpm=BPM)  # Dm | Bb | Gm | A ...


def notes(*pieces):
    """Pitches at each sample of (seconds, MIDI or None)."""
    return np.concatenate([np.full(round(s * RATE), np.nan if p is None else p) for s, p in pieces])


def harmonised(live, voice, size=BLOCK):
    blocks = [live.push(voice[at : at + size]) for at in range(0, len(voice), size)]
    return np.concatenate([block.parts for block in blocks], axis=1), blocks


def test_a_held_note_gets_tones_of_the_chord(sing, course):
    voice = sing(notes((0.3, None), (1.8, 61.9)))[0]
    live = LiveHarmonizer(course)
    parts, blocks = harmonised(live, voice)
    assert parts.shape == (2, len(voice))
    for part in parts:
        track = track_pitch(part, RATE)
        held = (track.times_seconds > 0.7) & (track.times_seconds < 2.0)
        assert track.voiced[held].mean() > 0.98
        midi = hz_to_midi(track.hz[held & track.voiced])
        assert np.std(midi) < 0.05
        assert round(np.median(midi) + 0.1) % 12 in (2, 5, 9)  # of D minor
        assert np.median(midi) % 1.0 == pytest.approx(0.9, abs=0.05)  # in tune with the singer
        assert len(find_clicks(part, RATE)) == 0
    events = [block.events for block in blocks if len(block.events)]
    assert len(events) == 1 and not any(block.release for block in blocks)
    assert set(np.round(events[0]["pitch"] + 0.1).astype(int) % 12) <= {2, 5, 9}


def test_notes_are_told_within_the_latency(sing, course):
    voice = sing(notes((0.4, None), (0.6, 62.0), (0.6, 65.0), (0.4, None)))[0]
    live = LiveHarmonizer(course)
    _, blocks = harmonised(live, voice)
    begun = [at * BLOCK / RATE for at, block in enumerate(blocks) if len(block.events)]
    ended = [at * BLOCK / RATE for at, block in enumerate(blocks) if block.release]
    slack = 2 * BLOCK / RATE + 0.02  # the voice needs time to start
    assert len(begun) == 2 and len(ended) == 2
    assert 0.4 < begun[0] < 0.4 + live.guess_latency_seconds + slack
    assert 1.0 < begun[1] < 1.0 + live.guess_latency_seconds + slack
    assert 1.6 < ended[1] < 1.6 + live.note_latency_seconds + slack
    assert live.pitch_latency_seconds < 0.045
    assert live.shift_latency_seconds < 0.035
    assert live.note_latency_seconds < 0.11


def test_the_parts_come_after_the_shift_latency(sing, course):
    voice = sing(notes((0.3, None), (0.5, 62.0), (0.3, None)))[0]
    for wait in (0.0, 0.1):
        live = LiveHarmonizer(course, wait_seconds=wait)
        parts, _ = harmonised(live, voice)
        level = np.abs(parts[0]) > 0.02
        end = np.flatnonzero(level)[-1] / RATE
        assert end == pytest.approx(0.8 + live.shift_latency_seconds, abs=0.03)


def test_the_chord_changes_under_a_held_note(sing, course):
    voice = sing(notes((BAR_SECONDS - 0.8, None), (1.8, 62.0)))[0]
    _, blocks = harmonised(LiveHarmonizer(course), voice)
    chords = [set(np.round(b.events["pitch"]).astype(int) % 12) for b in blocks if len(b.events)]
    assert len(chords) == 2
    assert chords[0] <= {2, 5, 9} and chords[1] <= {10, 2, 5}
    change = [at for at, block in enumerate(blocks) if len(block.events)][1] * BLOCK / RATE
    assert change == pytest.approx(BAR_SECONDS, abs=BLOCK / RATE)


def test_vibrato_keeps_its_notes(sing, course):
    t = np.arange(2 * RATE) / RATE
    voice = sing(62.0 + 0.4 * np.sin(2 * np.pi * 5.5 * t))[0]
    _, blocks = harmonised(LiveHarmonizer(course), voice)
    assert sum(len(block.events) > 0 for block in blocks) == 1


def test_blocks_matter_little(sing, course):
    voice = sing(notes((0.2, None), (0.8, 62.0)))[0]
    small, _ = harmonised(LiveHarmonizer(course), voice, 64)
    large, _ = harmonised(LiveHarmonizer(course), voice, 1024)
    assert small.shape == large.shape
    for part, other in zip(small, large, strict=True):
        here, there = (track_pitch(sound, RATE) for sound in (part, other))
        held = (here.times_seconds > 0.5) & (here.times_seconds < 0.95)
        assert np.abs(hz_to_midi(here.hz[held]) - hz_to_midi(there.hz[held])).max() < 0.1


def test_broken_blocks_are_silence(sing, course):
    live = LiveHarmonizer(course)
    voice = sing(notes((0.5, 62.0)))[0]
    voice[5000] = np.nan
    parts, _ = harmonised(live, voice)
    assert np.isfinite(parts).all() and live.broken_blocks == 1
    with pytest.raises(SegueError, match="mono"):
        live.push(np.zeros((10, 2)))
    assert live.push(np.zeros(0)).parts.shape == (2, 0)


def test_bad_options_are_told(course):
    with pytest.raises(UnknownNameError, match="around"):
        LiveHarmonizer(course, style="arround")
    with pytest.raises(RangeError, match="parts"):
        LiveHarmonizer(course, parts=9)
    with pytest.raises(RangeError, match="wait"):
        LiveHarmonizer(course, wait_seconds=3.0)


def test_faster_than_the_singer(sing, course):
    voice = sing(notes((0.2, None), (1.8, 62.0)))[0]
    live = LiveHarmonizer(course)
    start = time.process_time()
    harmonised(live, voice)
    assert time.process_time() - start < 2.0 * 0.4  # measured about a tenth of a core


def test_the_mix_has_voice_parts_and_choir(sing, course):
    voice = sing(notes((0.3, None), (1.2, 62.0), (0.5, None)))[0]
    heard = {}
    for sound in ("shifted", "choir", "both"):
        options = LiveOptions(sound=sound, band=False, voice_db=-60.0)
        mix = LiveMix(course, options, sample_rate=RATE, block_frames=BLOCK)
        blocks = [mix.push(voice[at : at + BLOCK]) for at in range(0, len(voice), BLOCK)]
        mix.close()
        out = np.concatenate(blocks)
        assert out.shape == (len(voice), 2) and np.isfinite(out).all()
        assert np.abs(out).max() < 1.0
        heard[sound] = out[RATE // 2 : RATE * 3 // 2]
        assert mix.choir_notes == (0 if sound == "shifted" else 2)
    assert min(np.std(sound) for sound in heard.values()) > 0.003
    choir = heard["both"] - heard["shifted"]
    assert np.std(choir) == pytest.approx(np.std(heard["choir"]), rel=0.2)


def test_a_live_band_sounds_in_the_room_of_its_cue():
    heard = {}
    for seconds in (0.2, 8.0):
        cue = load_cue("dungeon")
        course = Course(replace(cue, mix=replace(cue.mix, reverb_seconds=seconds)), 4.0, bpm=BPM)
        options = LiveOptions(sound="shifted", voice_db=-60.0, parts_db=-60.0)
        mix = LiveMix(course, options, sample_rate=RATE, block_frames=1024)
        heard[seconds] = np.concatenate([mix.push(np.zeros(1024)) for _ in range(120)])
        mix.close()
    assert np.isfinite(heard[8.0]).all()
    assert not np.allclose(heard[0.2], heard[8.0], atol=1e-3)


def test_no_server_is_one_clear_error(course, monkeypatch):
    pytest.importorskip("jack", reason="JACK-Client needs the JACK library", exc_type=OSError)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "segue-no-such-server")
    with pytest.raises(MissingPartError, match="no JACK server"):
        JackHarmonizer(course, LiveOptions(band=False))
    with pytest.raises(UnknownNameError, match="choir"):
        harmonize_live("dungeon", LiveOptions(sound="quire"))
    with pytest.raises(UnknownNameError, match="calm"):
        harmonize_live("dungeon", LiveOptions(section="clam"))


class Singer:
    """A JACK client that sings an array once and records what comes back."""

    def __init__(self, jack, voice):
        self._client = jack.Client("segue-singer", no_start_server=True)
        self._out = self._client.outports.register("voice")
        self._ears = [self._client.inports.register(name) for name in ("left", "right")]
        self._voice, self._at = voice, 0
        self.heard, self.done = [], threading.Event()
        self._client.set_process_callback(self._process)

    def __enter__(self):
        self._client.activate()
        self._client.connect(self._out, f"{CLIENT_NAME}:voice")
        for side, ear in zip(("left", "right"), self._ears, strict=True):
            self._client.connect(f"{CLIENT_NAME}:{side}", ear)
        return self

    def __exit__(self, *_):
        self._client.deactivate()
        self._client.close()

    def _process(self, frames):
        piece = self._voice[self._at : self._at + frames]
        self._out.get_array()[:] = np.pad(piece, (0, frames - len(piece)))
        self.heard.append(np.stack([ear.get_array().copy() for ear in self._ears], axis=1))
        self._at += frames
        if self._at > len(self._voice):
            self.done.set()


@pytest.mark.usefixtures("jack_graph")
def test_live_for_some_seconds():
    report = harmonize_live("dungeon", LiveOptions(sound="shifted", band=False), seconds=0.5)
    assert 0.3 < report.seconds < 5.0
    assert report.notes == 0


def test_a_singer_in_a_jack_graph(jack_graph, sing, course):
    voice = sing(notes((0.5, None), (1.5, 62.0), (0.5, None)))[0].astype(np.float32)
    options = LiveOptions(sound="shifted", voice_db=-60.0, parts=1, band=False)
    harmonizer = JackHarmonizer(course, options, connect=False)
    try:
        harmonizer.start()
        with Singer(jack_graph, voice) as singer:
            assert singer.done.wait(30.0)
            heard = np.concatenate(singer.heard)
        report = harmonizer.report()
        assert harmonizer.failure is None and not harmonizer.wait(0)
    finally:
        harmonizer.close()
    assert report.seconds > 2.4
    assert 0.0 < report.mean_share < 1.0
    track = track_pitch(heard.mean(axis=1).astype(np.float64), RATE)
    midi = hz_to_midi(track.hz[track.voiced])
    assert track.voiced.sum() * 0.005 > 0.9  # a busy machine may lose some blocks
    assert np.median(midi) == pytest.approx(round(np.median(midi)), abs=0.1)
    assert 64.0 <= np.median(midi) <= 71.0  # one part above


@pytest.mark.usefixtures("jack_graph")
def test_ctrl_c_ends_live_harmonies_with_their_report():
    report = harmonize_live(
        "dungeon",
        LiveOptions(sound="shifted", band=False),
        ready=lambda: os.kill(os.getpid(), signal.SIGINT),
    )
    assert 0.0 <= report.seconds < 5.0


@pytest.mark.usefixtures("jack_graph")
def test_a_server_that_ends_is_one_clear_error(jack_server):
    with pytest.raises(SegueError, match="JACK server ended"):
        harmonize_live(
            "dungeon",
            LiveOptions(sound="shifted", band=False),
            seconds=60,
            ready=jack_server.terminate,
        )
