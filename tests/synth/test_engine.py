"""Timing, determinism, voices, controls and guards of the engine, on real pyo."""

import numpy as np
import pytest

from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.events import EVENT, Channel, MixSettings
from segue.synth.engine import Engine

RATE = 48_000
DRY = {"reverb": 0.0}
BAND = [
    Channel("melody", "piano", reverb=0.25),
    Channel("pad", "pad", reverb=0.35),
    Channel("bass", "bass", reverb=0.05),
    Channel("arp", "pluck", pan=0.2, reverb=0.3),
    Channel("drums", "drums", reverb=0.1),
]


def high_energy(samples, at_frame, above_hz=7_000.0):
    """Energy above `above_hz` in 20 ms round a frame, relative to full scale."""
    piece = samples[at_frame - 480 : at_frame + 480, 0] * np.hanning(960)
    spectrum = np.abs(np.fft.rfft(piece)) ** 2
    return float(spectrum[np.fft.rfftfreq(960, 1 / RATE) > above_hz].sum())


@pytest.mark.parametrize("block_frames", [64, 100, 256, 441, 1024, 2048])
def test_every_onset_is_at_its_frame_at_any_block_size(events, block_frames):
    gaps = np.random.default_rng(1).integers(7_000, 11_000, 14)
    onsets = [0, *np.cumsum(gaps).tolist()]
    with Engine([Channel("a", "drums", **DRY)], block_frames=block_frames) as engine:
        engine.schedule(events(*[(frame, 100, 37, 0.7, 0) for frame in reversed(onsets)]))
        mono = engine.render(onsets[-1] + 4_000)[:, 0]
    ends = [*onsets[1:], len(mono)]
    for onset, end in zip(onsets, ends, strict=True):
        sounding = np.flatnonzero(mono[onset:end])
        assert sounding[0] == 0
        assert sounding[-1] < 6_900  # silent before the next, so that its first frame can be seen


def test_same_seed_and_block_give_the_same_samples(band):
    def render(seed):
        with Engine(BAND, seed=seed) as engine:
            engine.schedule(band(3.0))
            return engine.render(3 * RATE)

    first = render(7)
    assert np.array_equal(first, render(7))


def test_process_and_render_make_the_same_stream(band):
    with Engine(BAND, seed=1) as engine:
        engine.schedule(band(0.5))
        whole = engine.render(20 * 256)
        assert engine.frame == 20 * 256
    with Engine(BAND, seed=1) as engine:
        engine.schedule(band(0.5))
        parts = [engine.process(), engine.render(100), engine.render(412), engine.process()]
        parts += [engine.process() for _ in range(16)]
        assert engine.frame == 20 * 256
    assert np.array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32 and whole.shape == (20 * 256, 2)


def test_two_engines_alive_at_once_do_not_mix(events):
    quiet = Engine([Channel("a", "piano", **DRY)], seed=2)
    loud = Engine([Channel("a", "brass", **DRY)], seed=2)
    loud.schedule(events((0, 40_000, 60, 0.8, 0)))
    heard = [(quiet.process().copy(), loud.process().copy()) for _ in range(60)]
    assert not np.any([pair[0] for pair in heard])
    assert np.abs([pair[1] for pair in heard]).max() > 0.05
    quiet.close()
    loud.schedule(events((loud.frame + 500, 4_000, 64, 0.8, 0)))
    assert np.abs(loud.render(4_000)).max() > 0.05
    loud.close()


def test_late_events_sound_at_once_and_are_counted(events):
    with Engine([Channel("a", "piano", **DRY)]) as engine:
        engine.render(10_000)
        engine.schedule(events((5_000, 30_000, 60, 0.6, 0), (12_000, 9_000, 64, 0.6, 0)))
        sound = engine.render(1_000)
        assert engine.metrics().events_late == 1
        assert 0 <= np.flatnonzero(sound[:, 0])[0] <= engine.block_frames + engine.latency_frames
        assert engine.metrics().events_pending == 1


def test_cancel_drops_only_what_has_not_begun(events):
    with Engine([Channel("a", "flute", **DRY)]) as engine:
        notes = [(frame, 4_000, 70, 0.6, 0) for frame in (0, 10_000, 20_000, 30_000)]
        engine.schedule(events(*notes))
        engine.render(2_000)
        assert engine.cancel(20_000) == 2
        assert engine.cancel(20_000) == 0
        sound = engine.render(48_000)
        assert np.abs(sound[9_000:11_000]).max() > 0.01
        assert not np.any(sound[25_000:])
        assert engine.metrics().events_played == 2


def test_release_all_lets_notes_ring_out(events):
    with Engine([Channel("a", "strings", **DRY)]) as engine:
        engine.schedule(events((0, 10**9, 60, 0.6, 0), (0, 10**9, 64, 0.6, 0)))
        engine.render(RATE)
        assert engine.metrics().voices_active == 2
        engine.release_all()
        tail = engine.render(2 * RATE)
        assert np.abs(tail[:4_000]).max() > 0.02
        assert not np.any(tail[-RATE // 4 :])
        assert engine.metrics().voices_active == 0


def test_stealing_keeps_the_cap_prefers_released_voices_and_does_not_click(events):
    held = [(0, 10**6, 48, 0.6, 0), (100, 30_000, 52, 0.6, 0), (200, 10**6, 55, 0.6, 0)]
    late = [(33_000, 10**6, 60, 0.6, 0), (70_000, 10**6, 64, 0.6, 0)]
    with Engine([Channel("a", "flute", **DRY)], voices_per_channel=3) as engine:
        engine.schedule(events(*held, *late))
        sound = engine.render(100_000)
        metrics = engine.metrics()
    assert metrics.voices_stolen == 2  # first the released 52, then the oldest, 48
    assert metrics.voices_active == 3
    spectrum = np.abs(np.fft.rfft(sound[75_000:99_000, 0] * np.hanning(24_000)))

    def level(pitch):
        centre = round(440 * 2 ** ((pitch - 69) / 12) * 24_000 / RATE)
        return spectrum[centre - 2 : centre + 3].max()

    assert min(level(55), level(60), level(64)) > 20 * max(level(48), level(52))
    with Engine([Channel("a", "flute", **DRY)], voices_per_channel=8) as engine:
        engine.schedule(events(*held, *late))
        unstolen = engine.render(100_000)
    for onset in (33_000, 70_000):  # the fade adds next to nothing to the attack's own highs
        assert high_energy(sound, onset) < 3 * high_energy(unstolen, onset) + 1e-5


def test_a_chord_beyond_the_cap_and_a_second_wave_within_a_fade(events):
    wave = [(1_000, 9_000, 40 + pitch, 0.6, 0) for pitch in range(12)]
    again = [(1_050, 9_000, 60 + pitch, 0.6, 0) for pitch in range(12)]
    with Engine([Channel("a", "pluck", **DRY)], voices_per_channel=4) as engine:
        engine.schedule(events(*wave, *again))
        sound = engine.render(4_000)
        assert engine.metrics().voices_active == 4
        assert engine.metrics().voices_stolen == 20
        assert np.isfinite(sound).all() and np.abs(sound).max() > 0.01


def short_highs(samples):
    """Energy above 8 kHz in windows of 1.3 ms, one every 16 frames: a click is a peak in it."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, 64)[::16] * np.hanning(64)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    return power[:, np.fft.rfftfreq(64, 1 / RATE) > 8_000].sum(axis=1)


@pytest.mark.parametrize("instrument", ["strings", "pad", "flute", "brass", "bass"])
def test_notes_start_and_stop_without_clicks(events, instrument):
    begin, end = 10_000, 48_000
    with Engine([Channel("a", instrument, **DRY)], gain_db=20.0) as engine:
        engine.schedule(events((begin, end - begin, 45, 0.15, 0)))
        sound = engine.render(end + 20_000)[:, 0].astype(float)

    def highest(samples, first, last):
        return short_highs(samples[first - 64 : last + 64]).max()

    steady = highest(sound, 30_000, 46_000)
    speaking = highest(sound, begin + 64, begin + 12_000)  # breath or finger are no click
    assert highest(sound, begin - 64, begin) <= speaking
    assert highest(sound, end, end + 19_000) < 2 * steady + 1e-5
    swing = end - 500 + int(np.abs(sound[end - 500 : end + 500]).argmax())
    cut_off, cut_in = sound.copy(), sound.copy()  # what clicks would be
    cut_off[swing:], cut_in[:swing] = 0.0, 0.0
    assert highest(cut_off, swing - 64, swing + 64) > 3 * steady + 1e-5
    assert highest(cut_in, swing - 64, swing) > 3 * speaking


def test_controls_act_within_one_block_and_without_zipper(events):
    with Engine([Channel("a", "flute", **DRY), Channel("b", "flute", **DRY)]) as engine:
        engine.schedule(events((0, 10**7, 70, 0.7, 0)))
        engine.render(RATE)
        before = engine.render(9_600)
        engine.control("layer.a.gain", 0.0)
        soon = engine.render(engine.block_frames + engine.latency_frames + 300)
        assert np.abs(np.diff(soon[:, 0])).max() < 2 * np.abs(np.diff(before[:, 0])).max()
        assert not np.any(engine.render(4_000))
        engine.control("layer.a.gain", 1.0, ramp_seconds=0.5)
        ramp = engine.render(RATE // 2)
        levels = [np.abs(ramp[at : at + 4_800]).max() for at in range(0, 24_000, 4_800)]
        assert levels == sorted(levels) and levels[0] < 0.35 * levels[-1]
        engine.control("layer.a.pan", -1.0)
        engine.render(2_000)
        left, right = np.abs(engine.render(RATE // 2)).max(axis=0)  # its vibrato sways the level
        assert left > 0.05 and right < 1e-4
        engine.control("master.gain", 0.5)
        engine.render(2_000)
        assert np.abs(engine.render(RATE // 2))[:, 0].max() == pytest.approx(left / 2, rel=0.15)


def test_master_filter_darkens(events):
    with Engine([Channel("a", "brass", **DRY)]) as engine:
        engine.schedule(events((0, 10**7, 48, 0.9, 0)))
        engine.render(RATE)
        bright = high_energy(engine.render(9_600), 4_800, above_hz=3_000)
        engine.control("master.filter", 400.0)
        engine.render(2_000)
        dark = high_energy(engine.render(9_600), 4_800, above_hz=3_000)
    assert dark < bright / 300


def test_a_nan_in_the_graph_costs_one_block_and_leaves_no_trace(events):
    with Engine([Channel("a", "piano", reverb=0.5)]) as engine:
        engine.control("layer.a.gain", 0.5)
        engine.schedule(events((0, 9_000, 60, 0.6, 0), (20_000, 9_000, 60, 0.6, 0)))
        engine.render(4_096)
        engine._strips[0]._levels[:] = np.nan
        sound = engine.render(40_000)
        assert engine.metrics().non_finite_blocks == 1
        assert np.isfinite(sound).all()
        assert np.abs(sound[16_500:20_000]).max() > 0.01  # the second note sounds
        assert engine._strips[0].ramps["gain"].value == 0.5


def test_loud_events_stay_under_the_ceiling(band):
    loud = band(2.0)
    loud["velocity"] = 1.0
    with Engine(BAND, gain_db=18.0) as engine:
        engine.schedule(loud)
        sound = engine.render(2 * RATE)
        metrics = engine.metrics()
    assert metrics.limiter_reduction_db > 6
    assert np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-6


def test_a_normal_arrangement_is_near_the_loudness_that_was_asked_for(band):
    import pyloudnorm

    with Engine(BAND, mix=MixSettings(loudness_lufs=-16.0)) as engine:
        engine.schedule(band(9.0))
        sound = engine.render(9 * RATE)
        metrics = engine.metrics()
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(sound.astype(float))
    assert loudness == pytest.approx(-16.0, abs=1.5)
    assert metrics.limited_frames < 0.02 * len(sound)
    assert metrics.voices_stolen == 0 and metrics.events_late == 0


def test_voices_sleep_when_done(band):
    with Engine(BAND) as engine:
        engine.schedule(band(1.0))
        engine.render(8 * RATE)
        assert engine._notes.awake == 0
        assert not any(strip.awake for strip in engine._strips)
        assert engine.metrics().voices_active == 0
        assert np.abs(engine.render(RATE)).max() < 1e-4


def test_closed_engine_says_so(events):
    engine = Engine([Channel("a", "piano")])
    engine.close()
    engine.close()
    with pytest.raises(SegueError, match="closed"):
        engine.process()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at_frame", -1),
        ("duration_frames", 0),
        ("pitch", np.nan),
        ("pitch", 128),
        ("velocity", 0),
        ("velocity", np.nan),
        ("velocity", 1.5),
        ("channel", 1),
    ],
)
def test_bad_events_are_refused_whole(events, field, value):
    with Engine([Channel("a", "piano")]) as engine:
        bad = events((0, 100, 60, 0.5, 0), (0, 100, 60, 0.5, 0))
        bad[field][1] = value
        with pytest.raises(RangeError, match=f"{field} of event 1"):
            engine.schedule(bad)
        assert engine.metrics().events_pending == 0


def test_bad_names_and_values_name_the_way_out():
    with Engine([Channel("lead", "piano")]) as engine:
        with pytest.raises(UnknownNameError, match=r"did you mean 'layer\.lead\.gain'"):
            engine.control("layer.led.gain", 1.0)
        with pytest.raises(RangeError, match=r"layer\.lead\.gain"):
            engine.control("layer.lead.gain", float("nan"))
        with pytest.raises(RangeError):
            engine.control("master.filter", 10.0)
        with pytest.raises(RangeError):
            engine.control("master.gain", 1.0, ramp_seconds=-1.0)
        with pytest.raises(SegueError, match="EVENT"):
            engine.schedule(np.zeros(3))
    with pytest.raises(UnknownNameError, match="did you mean 'piano'"):
        Engine([Channel("a", "paino")])
    with pytest.raises(SegueError, match="two channels"):
        Engine([Channel("a", "piano"), Channel("a", "bass")])
    with pytest.raises(RangeError, match="pan"):
        Engine([Channel("a", "piano", pan=2.0)])
    with pytest.raises(RangeError, match="block"):
        Engine([Channel("a", "piano")], block_frames=8)


def test_an_empty_schedule_is_silence():
    with Engine([Channel("a", "piano")]) as engine:
        engine.schedule(np.zeros(0, dtype=EVENT))
        assert not np.any(engine.render(2_000))


def test_levels_add_up_to_what_is_heard(events):
    """What the layers are told to sound at is what goes out, as long as nothing limits it."""
    channels = [Channel("a", "pad", **DRY), Channel("b", "pad", **DRY)]
    mix = MixSettings(loudness_lufs=None)
    with Engine(channels, mix=mix, block_frames=512) as engine:
        engine.schedule(events((0, 10**6, 60, 0.5, 0), (0, 10**6, 67, 0.5, 1)))
        engine.render(48_000)
        levels = engine.levels()
        assert levels.frame == 48_000 and levels.voices == 2
        power = sum(10 ** (level / 10) for level in levels.layers.values())
        out = np.mean([10 ** (level / 10) for level in levels.rms_db])
        assert 10 * np.log10(power / out) == pytest.approx(0.0, abs=1.0)
        engine.control("layer.a.gain", 0.0)
        engine.render(24_000)
        assert engine.levels().layers["a"] == -120.0
