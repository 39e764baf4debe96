"""Filters, groups, sends, side chains and immediate controls of the mixer, on real pyo."""

import numpy as np
import pytest

from segue.analysis.sound.audio import find_clicks
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.events import Channel, MixSettings, Sidechain
from segue.synth.controls import control_ranges
from segue.synth.engine import Engine

RATE = 48_000
NOTE = (0, 10**7, 52, 0.7, 0)
STRINGS = Channel("a", "strings", reverb=0.0)


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples))))


def highs(samples, above_hz=2_000.0):
    """Share of the energy above a frequency."""
    power = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)))) ** 2
    return float(power[np.fft.rfftfreq(len(samples), 1 / RATE) > above_hz].sum() / power.sum())


@pytest.mark.parametrize("scope", ["layer.a.filter", "master.filter"])
def test_a_filter_darkens_and_opens_again_without_clicks(events, scope):
    with Engine([STRINGS]) as engine:
        engine.schedule(events(NOTE))
        bright = engine.render(RATE)
        engine.control(scope, 300.0)
        dark = engine.render(RATE)
        engine.control(scope, 20_000.0, ramp_seconds=0.1)
        again = engine.render(RATE)
    assert highs(dark[4_800:]) < 0.01 * highs(bright[-24_000:])
    assert highs(again[-24_000:]) == pytest.approx(highs(bright[-24_000:]), rel=0.5)
    assert not len(find_clicks(np.concatenate([bright, dark, again]), RATE))


def test_brightness_darkens_notes_of_any_instrument(events):
    def share(name, brightness):
        with Engine([Channel("a", name, reverb=0.0)]) as engine:
            engine.control("layer.a.brightness", brightness)
            engine.schedule(events(NOTE))
            return highs(engine.render(RATE)[4_800:], above_hz=1_500.0)

    for name in ("strings", "piano", "bass"):
        assert share(name, 0.1) < 0.8 * share(name, 0.9)


def test_a_group_turns_its_own_layers_and_no_others(events):
    channels = [STRINGS, Channel("b", "flute", reverb=0.0, group="others")]
    with Engine(channels) as engine:
        engine.schedule(events(NOTE, (0, 10**7, 84, 0.7, 1)))
        engine.render(RATE)
        both = engine.render(RATE)
        engine.control("group.music.gain", 0.0, ramp_seconds=0.2)
        engine.render(RATE)
        flute = engine.render(RATE)
        engine.control("group.others.gain", 0.0)
        engine.render(RATE)
        assert not np.any(engine.render(1_000))
    assert rms(flute) < rms(both)
    assert highs(flute, 900.0) > 0.9


def test_the_echo_repeats_in_tempo(events):
    mix = MixSettings(echo_beats=1.0, echo_feedback=0.0)
    with Engine([Channel("a", "drums", reverb=0.0, delay=0.8)], mix=mix) as engine:
        engine.control("master.tempo", 150.0)
        engine.schedule(events((4_800, 100, 37, 0.8, 0)))
        sound = engine.render(RATE)
    left, right = sound[:, 0], sound[:, 1]
    beat = RATE * 60 // 150
    assert rms(left[4_800 + beat :][:2_000]) > 0.1 * rms(left[4_800:6_800])
    assert rms(right[4_800 + 3 * beat // 2 :][:2_000]) > 0.1 * rms(right[4_800:6_800])
    assert rms(left[4_800 + beat // 2 :][:2_000]) < 0.01 * rms(left[4_800:6_800])


def test_a_side_chain_steps_back_while_its_source_sounds(events):
    channels = [STRINGS, Channel("kick", "drums", gain_db=-12.0, pan=1.0, reverb=0.0)]
    mix = MixSettings(sidechains=(Sidechain("kick", "a", depth_db=12.0),))
    with Engine([*channels], mix=mix) as engine:
        engine.schedule(events(NOTE, *[(n * 24_000, 100, 36, 1.0, 1) for n in range(2, 8)]))
        sound = engine.render(4 * RATE)[:, 0]  # the kick is on the right side only
    quiet = rms(sound[24_000:48_000])
    ducked = [rms(sound[n * 24_000 + 1_000 : n * 24_000 + 4_000]) for n in range(3, 8)]
    assert max(ducked) < 0.6 * quiet
    assert rms(sound[8 * 24_000 - 4_000 :]) > 0.8 * quiet
    assert not len(find_clicks(sound, RATE))


@pytest.mark.parametrize("scope", ["layer.a.filter", "master.filter"])
def test_a_filter_that_has_opened_leaves_no_trace(events, scope):
    heard = []
    for closes in (False, True):
        with Engine([STRINGS, Channel("b", "flute", delay=0.3)]) as engine:
            engine.schedule(events(NOTE, (0, 10**7, 84, 0.7, 1)))
            first = engine.render(100 * 256)
            if closes:
                engine.control(scope, 2_000.0)
            engine.render(2 * RATE)
            engine.control(scope, 20_000.0)  # open within one block
            engine.render(2 * RATE)
            heard.append(np.concatenate([first, engine.render(RATE)]))
    np.testing.assert_allclose(*heard, atol=2e-3)  # the compressor has not quite forgotten
    np.testing.assert_array_equal(heard[0][: 90 * 256], heard[1][: 90 * 256])


def test_controls_that_move_and_come_back_leave_no_trace(events):
    channels = [STRINGS, Channel("kick", "drums", pan=0.3, reverb=0.2)]
    rows = [NOTE, *[(n * 24_000, 100, 36, 1.0, 1) for n in range(2, 8)]]
    heard = []
    for level in (1.0, 0.9999):
        with Engine(channels) as engine:
            engine.schedule(events(*rows))
            parts = []
            for target in (level, 1.0, level, 1.0):
                for name in ("layer.a.gain", "group.music.gain"):
                    engine.control(name, target, ramp_seconds=0.01)
                parts.append(engine.render(24_100))
            heard.append(np.concatenate(parts))
    np.testing.assert_allclose(*heard, atol=1e-3)
    assert not len(find_clicks(heard[1], RATE))


def test_a_side_chain_lets_go_when_its_source_has_gone_to_rest(events):
    channels = [STRINGS, Channel("kick", "drums", gain_db=-12.0, pan=1.0, reverb=0.0)]
    mix = MixSettings(sidechains=(Sidechain("kick", "a", 12.0, 1.0),))
    with Engine(channels, mix=mix) as engine:
        engine.schedule(events(NOTE, (48_000, 100, 36, 1.0, 1)))
        sound = engine.render(8 * RATE)[:, 0]
    loud = [rms(sound[at : at + 4_800]) for at in range(48_000, 8 * RATE, 4_800)]
    assert min(loud) < 0.6 * loud[-1]
    assert not len(find_clicks(sound, RATE))


def test_a_side_chain_hears_its_source_through_its_filter(events):
    channels = [STRINGS, Channel("b", "flute", pan=1.0, reverb=0.0)]
    mix = MixSettings(sidechains=(Sidechain("b", "a", 12.0, 0.1),))
    with Engine(channels, mix=mix) as engine:
        engine.schedule(events(NOTE, (0, 10**7, 96, 0.9, 1)))
        down = rms(engine.render(2 * RATE)[RATE:, 0])
        engine.control("layer.b.filter", 40.0)
        up = rms(engine.render(2 * RATE)[RATE:, 0])
    assert up > 2.0 * down


def test_the_echo_sleeps_until_it_is_sent_to_and_when_it_has_died_away(events):
    mix = MixSettings(echo_beats=0.25, echo_feedback=0.3)
    with Engine([Channel("a", "drums", reverb=0.0)], mix=mix) as engine:
        echo = engine._mixer._echo
        engine.schedule(events((0, 100, 37, 0.8, 0), (2 * RATE, 100, 37, 0.8, 0)))
        engine.render(RATE)
        assert not echo.group.awake
        engine.control("layer.a.delay", 0.8)
        engine.render(2 * RATE)
        assert echo.group.awake
        engine.render(12 * RATE)
        assert not echo.group.awake
        assert not np.any(engine.render(1_000))


@pytest.mark.parametrize("name", ["gain", "pan", "reverb", "delay"])
def test_controls_are_heard_within_one_block(events, name):
    value = {"gain": 0.2, "pan": 0.9, "reverb": 0.9, "delay": 0.9}[name]
    heard = []
    for change in (False, True):
        with Engine([STRINGS], mix=MixSettings(echo_beats=0.125)) as engine:
            engine.control("master.tempo", 400.0)
            engine.schedule(events(NOTE))
            parts = [engine.render(100 * 256)]
            if change:
                engine.control(f"layer.a.{name}", value)
            parts.append(engine.render(40 * 256))
            heard.append(np.concatenate(parts))
    first = int(np.flatnonzero(np.abs(heard[0] - heard[1]).max(axis=1) > 1e-7)[0])
    shortest_path = {"reverb": 0.011, "delay": 0.018}.get(name, 0.0)  # first reflection, echo
    assert 100 * 256 <= first <= 100 * 256 + 256 + engine.latency_frames + shortest_path * RATE


def test_what_the_mixer_cannot_do_is_told():
    channels = [STRINGS, Channel("b", "flute")]
    bad = [
        (MixSettings(reverb_seconds=0.0), RangeError, "reverb_seconds"),
        (MixSettings(echo_feedback=1.0), RangeError, "echo_feedback"),
        (MixSettings(sidechains=(Sidechain("c", "a"),)), UnknownNameError, "'c'"),
        (MixSettings(sidechains=(Sidechain("a", "a"),)), SegueError, "own side chain"),
        (MixSettings(sidechains=(Sidechain("b", "a", depth_db=99),)), RangeError, "depth_db"),
    ]
    for mix, kind, words in bad:
        with pytest.raises(kind, match=words):
            Engine(channels, mix=mix)
    with Engine(channels) as engine:
        assert set(engine.controls()) == set(control_ranges(channels))
        with pytest.raises(UnknownNameError, match=r"layer\.a\.gain"):
            engine.control("layer.a.gian", 0.5)
        with pytest.raises(RangeError):
            engine.control("layer.a.filter", float("nan"))
