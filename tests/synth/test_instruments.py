"""The contract of every instrument: it sounds, in tune, finite, and falls silent."""

import numpy as np
import pytest

from segue.music.errors import UnknownNameError
from segue.music.events import INSTRUMENTS, Channel
from segue.synth.kit import DRUM_OF_NUMBER, nearest_number
from segue.synth.engine import Engine
from segue.synth.instruments import REGISTRY, instrument

RATE = 48_000
MELODIC = [name for name in INSTRUMENTS if name != "drums"]
PITCHES = {"bass": (28, 40, 52), "bells": (60, 79, 96), "flute": (60, 74, 91)}
GOES_SILENT_SECONDS = 4.0


def note(events, name, pitch, velocity, hold_seconds=1.5, total_seconds=None, block_frames=1024):
    """One dry note from frame 480 on: float [shape=(frames, 2)]."""
    total = total_seconds or 480 / RATE + hold_seconds
    with Engine([Channel("a", name, reverb=0.0)], block_frames=block_frames) as engine:
        engine.schedule(events((480, int(hold_seconds * RATE), pitch, velocity, 0)))
        return engine.render(int(total * RATE)).astype(float)


def power_spectrum(samples):
    windowed = samples * np.hanning(len(samples))[:, None]
    power = (np.abs(np.fft.rfft(windowed, axis=0)) ** 2).sum(axis=1)
    return power, np.fft.rfftfreq(len(samples), 1 / RATE)


def centroid_hz(samples):
    power, hz = power_spectrum(samples)
    return float((power * hz).sum() / power.sum())


def test_the_registry_holds_what_music_promises():
    assert tuple(REGISTRY) == INSTRUMENTS
    with pytest.raises(UnknownNameError, match="did you mean 'strings'"):
        instrument("string")


@pytest.mark.parametrize("name", MELODIC)
def test_in_tune_within_3_cents(events, name):
    for pitch in (*PITCHES.get(name, (48, 60, 76)), 60.5):
        sound = note(events, name, pitch, 0.6, hold_seconds=3.0)[480 + 4_800 :]
        power, hz = power_spectrum(sound)
        target = 440 * 2 ** ((pitch - 69) / 12)
        near = np.abs(1200 * np.log2(np.maximum(hz, 1.0) / target)) < 45
        cents = 1200 * np.log2((power[near] * hz[near]).sum() / power[near].sum() / target)
        assert abs(cents) < 3.0, f"pitch {pitch}: {cents:.2f} cents"


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 96_000])
def test_other_sample_rates_keep_pitch_and_onset(events, sample_rate):
    with Engine([Channel("a", "piano", reverb=0.0)], sample_rate=sample_rate) as engine:
        engine.schedule(events((1_000, 2 * sample_rate, 69, 0.6, 0)))
        sound = engine.render(2 * sample_rate)[:, 0]
    assert np.flatnonzero(sound)[0] == 1_001
    steady = sound[sample_rate // 5 :]
    power = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
    hz = np.fft.rfftfreq(len(steady), 1 / sample_rate)
    near = np.abs(hz - 440) < 10
    assert (power[near] * hz[near]).sum() / power[near].sum() == pytest.approx(440, abs=0.7)


@pytest.mark.parametrize("name", MELODIC)
def test_sounds_without_dc_and_falls_silent(events, name):
    for pitch in PITCHES.get(name, (36, 60, 84)):
        sound = note(events, name, pitch, 0.7, 0.5, total_seconds=0.5 + GOES_SILENT_SECONDS)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.02
        assert np.abs(sound.mean(axis=0)).max() < 2e-3 * np.abs(sound).max()
        assert not np.any(sound[-RATE // 4 :])


@pytest.mark.parametrize("name", MELODIC)
def test_velocity_changes_level_and_brightness(events, name):
    pitch = PITCHES.get(name, (48, 60, 76))[1]
    soft = note(events, name, pitch, 0.25, hold_seconds=0.8)
    hard = note(events, name, pitch, 0.95, hold_seconds=0.8)
    assert np.square(hard).mean() > 10 * np.square(soft).mean()
    assert centroid_hz(hard) > 1.05 * centroid_hz(soft)


@pytest.mark.parametrize("name", MELODIC)
def test_survives_the_whole_keyboard(events, name):
    with Engine([Channel("a", name)], block_frames=1024, voices_per_channel=64) as engine:
        engine.schedule(events(*[(p * 500, 9_000, p, 1.0, 0) for p in range(0, 128, 3)]))
        sound = engine.render(128 * 500 + 20_000)
        assert engine.metrics().non_finite_blocks == 0
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 0.9


@pytest.mark.parametrize("number", sorted(DRUM_OF_NUMBER))
def test_drums_sound_and_fall_silent(events, number):
    sound = note(events, "drums", number, 0.8, hold_seconds=0.01, total_seconds=3.0)
    assert np.isfinite(sound).all()
    assert np.abs(sound[480:5_000]).max() > 0.02
    assert not np.any(sound[-9_600:])
    assert np.abs(np.diff(sound[:490], axis=0)).max() < 0.05  # no step at the stroke


def test_drums_have_their_places_in_the_spectrum(events):
    hz = {n: centroid_hz(note(events, "drums", n, 0.7, 0.3)) for n in (36, 41, 50, 38, 42, 51)}
    assert hz[36] < hz[41] < hz[50] < hz[38] < hz[51] < hz[42]
    assert hz[36] < 90 and 600 < hz[38] < 4_000 and 6_000 < hz[42] < 13_000


def test_other_numbers_go_to_the_nearest_drum(events):
    assert [nearest_number(n) for n in (27, 53, 56, 81)] == [35, 54, 57, 70]
    with Engine([Channel("a", "drums")]) as engine:
        engine.schedule(events(*[(n * 200, 10, n, 0.5, 0) for n in range(128)]))
        assert np.isfinite(engine.render(60_000)).all()


def test_a_closed_hat_cuts_the_open_one(events):
    with Engine([Channel("a", "drums", reverb=0.0)]) as engine:
        engine.schedule(events((0, 10, 46, 0.9, 0), (6_000, 10, 44, 0.2, 0)))
        choked = engine.render(18_000)
    ringing = note(events, "drums", 46, 0.9, 0.01, total_seconds=18_480 / RATE)[480:]
    late = slice(10_000, 14_000)
    assert np.square(choked[late]).mean() < 0.02 * np.square(ringing[late]).mean()
