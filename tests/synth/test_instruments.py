"""The contract of every instrument: it sounds in tune and clean, answers touch, and falls silent.

Each instrument plays once, in one engine; the checks share what was heard.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest

from segue.music.errors import UnknownNameError
from segue.music.events import EVENT, Channel
from segue.music.orchestra import ORCHESTRA
from segue.synth import material
from segue.synth.engine import Engine
from segue.synth.instruments import instrument
from segue.synth.kit import DRUM_OF_NUMBER, DRUMS, nearest_number
from segue.synth.recipes import bake

RATE = 48_000
ONSET = 1_200  # frame of each note in what was heard of it
GAIN_DB, MAKEUP_DB = -30.0, 2.3  # so low that compressor and limiter rest
LINE_LUFS, LINE_WITHIN = -19.5, 2.5  # of a line and a chord at velocity 0.6
MELODIC = [name for name, player in ORCHESTRA.items() if not player.is_kit]
KITS = [name for name, player in ORCHESTRA.items() if player.is_kit]
CLOUDS = ("texture",)  # grains scatter in pitch
LONGEST_SECONDS = 20.0  # that a note may ring
BUILD_SECONDS, TABLE_BYTES = 12.0, 40e6  # when nothing is kept from an earlier run
STEP_DB = 5.0  # most between notes three semitones apart, of a sound that beats


@dataclass
class Heard:
    """What an instrument played: float arrays [shape=(frames, 2)], each note from `ONSET` on."""

    name: str
    build_seconds: float
    table_bytes: int
    held: dict[int, np.ndarray] = field(default_factory=dict)  # loud, two seconds, by pitch
    touched: dict[str, np.ndarray] = field(default_factory=dict)  # one note, touched differently
    sweep: dict[int, np.ndarray] = field(default_factory=dict)  # short notes over the range
    short_to_silence: np.ndarray | None = None
    long_to_silence: np.ndarray | None = None
    voices_left: int = -1
    line: np.ndarray | None = None
    non_finite_blocks: int = -1

    def all(self) -> Iterator[np.ndarray]:
        yield from (*self.held.values(), *self.touched.values(), *self.sweep.values())
        yield from (self.short_to_silence, self.long_to_silence, self.line)


class Stage:
    """Plays notes on one engine, each as if nothing had sounded before."""

    def __init__(self, name: str) -> None:
        self.engine = Engine([Channel("a", name, reverb=0.0)], block_frames=1024, gain_db=GAIN_DB)

    def note(self, pitch, velocity, hold_seconds, total_seconds):
        self.rest()
        rows = [(self.engine.frame + ONSET, int(hold_seconds * RATE), pitch, velocity, 0)]
        self.engine.schedule(np.array(rows, dtype=EVENT))
        return self.engine.render(int(total_seconds * RATE)).astype(float)

    def until_silent(self, pitch, velocity, hold_seconds):
        parts = [self.note(pitch, velocity, hold_seconds, hold_seconds + 0.1)]
        while self.engine.metrics().voices_active and len(parts) < LONGEST_SECONDS * 4:
            parts.append(self.engine.render(RATE // 4).astype(float))
        return np.concatenate([*parts, self.engine.render(RATE // 4).astype(float)])

    def line(self, middle):
        """A scale, then a chord."""
        self.rest()
        scale = [(at, 13_000, middle - 6 + up) for at, up in enumerate((0, 2, 4, 5, 7, 9, 11, 12))]
        rows = [(at * 14_400, length, pitch, 0.6, 0) for at, length, pitch in scale]
        rows += [(8 * 14_400, 60_000, middle - 6 + up, 0.6, 0) for up in (0, 4, 7, 12)]
        events = np.array(rows, dtype=EVENT)
        events["at_frame"] += self.engine.frame + ONSET
        self.engine.schedule(events)
        return self.engine.render(8 * 14_400 + 96_000).astype(float)

    def rest(self):
        """Fade all that sounds, and wait until it has."""
        self.engine.seek(0)
        self.engine.render(8 * 1024)


def perform(name):
    player = ORCHESTRA[name]
    low, high, middle = player.lowest, player.highest, (player.lowest + player.highest) // 2
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            material,
            "bake",
            lambda *of: made.extend(z.nbytes for z in bake(*of).zones) or bake(*of),
        )
        start = time.process_time()
        stage = Stage(name)
        heard = Heard(name, time.process_time() - start, sum(made))
    with stage.engine as engine:
        for pitch in (low, middle, high):
            heard.held[pitch] = stage.note(pitch, 0.9, 2.0, 2.1)
        for kind, velocity, brightness in (
            ("soft", 0.2, 0.5),
            ("loud", 0.95, 0.5),
            ("dark", 0.6, 0.1),
            ("bright", 0.6, 0.9),
        ):
            engine.control("layer.a.brightness", brightness)
            heard.touched[kind] = stage.note(middle, velocity, 0.9, 0.9)
        engine.control("layer.a.brightness", 0.5)
        for pitch in range(low, high + 1, 3):
            heard.sweep[pitch] = stage.note(pitch, 0.6, 0.35, 0.35)
        heard.short_to_silence = stage.until_silent(middle, 0.8, 0.001)
        heard.long_to_silence = stage.until_silent(low, 0.8, 1.0)
        heard.voices_left = engine.metrics().voices_active
        heard.line = stage.line(middle)
        heard.non_finite_blocks = engine.metrics().non_finite_blocks
    return heard


@pytest.fixture(scope="module", params=MELODIC)
def heard(request):
    return perform(request.param)


def power_spectrum(samples):
    windowed = samples * np.hanning(len(samples))[:, None]
    power = (np.abs(np.fft.rfft(windowed, axis=0)) ** 2).sum(axis=1)
    return power, np.fft.rfftfreq(len(samples), 1 / RATE)


def centroid_hz(samples):
    power, hz = power_spectrum(samples)
    return float((power * hz).sum() / power.sum())


def upper_share(samples, first_hz):
    """Share of the power that lies above the third partial, most of it from the onset."""
    power, hz = power_spectrum(np.concatenate([samples[::-1], samples]))
    return float(power[hz > 3.5 * first_hz].sum() / power.sum())


def rms_db(samples):
    return float(10 * np.log10(np.square(samples).mean() + 1e-20))


def short_highs(samples):
    """Energy above 6 kHz in windows of 1.3 ms, one every 16 frames: a click is a peak in it."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, 64, axis=0)[::16] * np.hanning(64)
    power = (np.abs(np.fft.rfft(windows, axis=2)) ** 2).sum(axis=1)
    return power[:, np.fft.rfftfreq(64, 1 / RATE) > 6_000].sum(axis=1)


def midi_pitch(name):
    letter, flat, octave = re.fullmatch(r"([A-G])(b?)(\d)", name).groups()
    return "C D EF G A B".index(letter) - bool(flat) + 12 * (int(octave) + 1)


@pytest.mark.parametrize("name", ORCHESTRA)
def test_its_page_names_its_range(name):
    page = import_module(f"segue.synth.instruments.{name}").__doc__
    player = ORCHESTRA[name]
    assert page.splitlines()[0].endswith(".")
    assert page.splitlines()[1] == ""
    if player.is_kit:
        assert f"numbers {player.lowest} to {player.highest}" in page
    else:
        low, high = re.search(r"^Range (\w+) to (\w+)[.,]", page, re.MULTILINE).groups()
        assert (midi_pitch(low), midi_pitch(high)) == (player.lowest, player.highest)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'strings'"):
        instrument("string")


def test_sounds_in_its_whole_range_without_nan_or_dc(heard):
    assert heard.non_finite_blocks == 0
    for sound in heard.all():
        assert np.isfinite(sound).all()
    levels = [rms_db(sound[ONSET:]) for sound in heard.sweep.values()]
    assert min(levels) > -85.0
    assert max(abs(b - a) for a, b in pairwise(levels)) < STEP_DB
    for sound in heard.held.values():
        assert np.abs(sound.mean(axis=0)).max() < 2e-3 * np.abs(sound).max()


def test_begins_at_its_frame_and_without_a_step(heard):
    for sound in (*heard.held.values(), *heard.touched.values(), *heard.sweep.values()):
        assert not np.any(sound[:ONSET])
        peak = np.abs(sound).max()
        assert np.flatnonzero(np.abs(sound).max(axis=1) > 1e-6 * peak)[0] < ONSET + 0.002 * RATE
        assert np.abs(np.diff(sound[ONSET - 1 : ONSET + 6], axis=0)).max() < 0.08 * peak


def test_stops_without_a_click(heard):
    sound, released = heard.long_to_silence, ONSET + RATE
    before = short_highs(sound[released - 9_600 : released - 64]).max()
    after = short_highs(sound[released - 64 :]).max()
    assert after < 2.0 * before + 1e-5 * np.abs(sound).max() ** 2
    swing = released - 500 + int(np.abs(sound[released - 500 : released]).max(axis=1).argmax())
    cut = sound[: swing + 64].copy()
    cut[swing:] = 0.0  # what a click would be
    assert short_highs(cut[-256:]).max() > 2.0 * before


def test_is_in_tune(heard):
    for pitch, sound in heard.held.items():
        power, hz = power_spectrum(sound[ONSET + 4_800 : ONSET + int(1.95 * RATE)])
        target = 440 * 2 ** ((pitch - 69) / 12)
        near = np.abs(1200 * np.log2(np.maximum(hz, 1.0) / target)) < 45
        cents = 1200 * np.log2((power[near] * hz[near]).sum() / power[near].sum() / target)
        assert abs(cents) < (20.0 if heard.name in CLOUDS else 4.0), f"{pitch}: {cents:.2f} cents"


def test_falls_silent_and_rests(heard):
    assert heard.voices_left == 0
    for sound in (heard.short_to_silence, heard.long_to_silence):
        assert len(sound) < LONGEST_SECONDS * RATE
        assert np.abs(sound).max() > 1e-4
        assert not np.any(sound[-RATE // 8 :])


def test_velocity_makes_it_louder_and_brightness_brighter(heard):
    soft, loud, dark, bright = (sound[ONSET:] for sound in heard.touched.values())
    assert rms_db(loud) > rms_db(soft) + 10.0
    player = ORCHESTRA[heard.name]
    first_hz = 440 * 2 ** (((player.lowest + player.highest) // 2 - 69) / 12)
    assert upper_share(bright, first_hz) > 1.2 * upper_share(dark, first_hz)
    if "brightness" in instrument(heard.name).shaped_by:
        assert upper_share(loud, first_hz) > 1.2 * upper_share(soft, first_hz)


def test_is_as_loud_as_the_others(heard):
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(heard.line) - GAIN_DB - MAKEUP_DB
    assert loudness == pytest.approx(LINE_LUFS, abs=LINE_WITHIN)


def test_is_built_soon_and_small(heard):
    assert heard.build_seconds < BUILD_SECONDS
    assert 0 < heard.table_bytes < TABLE_BYTES


@pytest.mark.parametrize("name", ["piano", "strings", "flute"])
def test_survives_the_whole_keyboard(events, name):
    with Engine([Channel("a", name)], block_frames=1024) as engine:
        engine.schedule(events(*[(p * 500, 9_000, p, 1.0, 0) for p in range(128)]))
        sound = engine.render(128 * 500 + 20_000)
        assert engine.metrics().non_finite_blocks == 0
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 0.9


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 96_000])
@pytest.mark.parametrize("name", ["celesta", "clarinet"])
def test_other_sample_rates_keep_pitch_and_onset(events, name, sample_rate):
    with Engine([Channel("a", name, reverb=0.0)], sample_rate=sample_rate) as engine:
        engine.schedule(events((1_000, 2 * sample_rate, 69, 0.6, 0)))
        sound = engine.render(2 * sample_rate)[:, 0]
    assert 1_000 <= np.flatnonzero(sound)[0] < 1_004
    steady = sound[sample_rate // 5 :]
    power = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
    hz = np.fft.rfftfreq(len(steady), 1 / sample_rate)
    near = np.abs(hz - 440) < 10
    assert (power[near] * hz[near]).sum() / power[near].sum() == pytest.approx(440, abs=0.7)


# kits


@pytest.fixture(scope="module", params=KITS)
def struck(request):
    """A kit's name, and each of its numbers struck once."""
    stage = Stage(request.param)
    with stage.engine:
        sounds = {n: stage.note(n, 0.8, 0.01, 4.0) for n in sorted(DRUM_OF_NUMBER)}
        soft = stage.note(38, 0.3, 0.01, 1.0)
        assert stage.engine.metrics().non_finite_blocks == 0
    return request.param, sounds, soft


def test_a_kit_has_all_drums(struck):
    name, sounds, _ = struck
    assert set(instrument(name).patches) == set(DRUMS)
    for sound in sounds.values():
        peak = np.abs(sound).max()
        assert np.isfinite(sound).all() and peak > 1e-3
        assert not np.any(sound[:ONSET])
        assert np.flatnonzero(np.abs(sound).max(axis=1))[0] < ONSET + 0.001 * RATE
        assert np.abs(np.diff(sound[ONSET - 1 : ONSET + 3], axis=0)).max() < 0.05 * peak
        assert not np.any(sound[-RATE // 8 :])
        assert np.abs(sound.mean(axis=0)).max() < 2e-3 * peak


def test_drums_have_their_places_in_the_spectrum(struck):
    _, sounds, soft = struck
    hz = {n: centroid_hz(np.concatenate([sound[::-1], sound])) for n, sound in sounds.items()}
    assert hz[36] < hz[50] < hz[38] < hz[51]
    assert hz[41] < hz[50]
    assert hz[36] < 700 and hz[38] > 600 and 6_000 < hz[42] < 14_000
    hard = centroid_hz(np.concatenate([sounds[38][::-1], sounds[38]]))
    assert hard > centroid_hz(np.concatenate([soft[::-1], soft]))


def test_kick_stands_in_the_middle_and_cymbals_are_wide(struck):
    _, sounds, _ = struck
    kick, crash = (sounds[n] for n in (36, 49))
    assert np.array_equal(kick[:, 0], kick[:, 1])
    assert abs(np.corrcoef(crash.T)[0, 1]) < 0.6


def test_strokes_differ_a_little(events):
    with Engine([Channel("a", "drums", reverb=0.0)]) as engine:
        engine.schedule(events((0, 10, 42, 0.6, 0), (24_000, 10, 42, 0.6, 0)))
        first, second = np.split(engine.render(48_000), 2)
    assert not np.array_equal(first, second)
    assert rms_db(first) == pytest.approx(rms_db(second), abs=0.5)


def test_other_numbers_go_to_the_nearest_drum(events):
    assert [nearest_number(n) for n in (27, 53, 56, 81)] == [35, 54, 57, 70]
    with Engine([Channel("a", "drums")]) as engine:
        engine.schedule(events(*[(n * 200, 10, n, 0.5, 0) for n in range(128)]))
        assert np.isfinite(engine.render(60_000)).all()


def test_a_closed_hat_cuts_the_open_one(events):
    stage = Stage("drums")
    with stage.engine as engine:
        ringing = stage.note(46, 0.9, 0.01, 0.5)[ONSET:]
        stage.rest()
        at = engine.frame
        engine.schedule(events((at, 10, 46, 0.9, 0), (at + 6_000, 10, 44, 0.2, 0)))
        choked = engine.render(18_000).astype(float)
    late = slice(10_000, 14_000)
    assert np.square(choked[late]).mean() < 0.05 * np.square(ringing[late]).mean()
