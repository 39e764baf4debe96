"""Stems: loading, loops without a seam, and playing in time at any tempo."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from segue.music.errors import FileFormatError, RangeError, SegueError
from segue.music.stems import SEGMENT, Segments
from segue.synth.stem_player import StemPlayer
from segue.synth.stems import Stem, find_onsets, load_or_silence

RATE = 48_000
BPM = 120.0
BEATS = 16
LENGTH = RATE * 8  # 16 beats at 120
Audio = NDArray[np.float32]


def stereo(signal: NDArray[np.floating]) -> Audio:
    return np.stack([signal, signal], axis=1).astype(np.float32)


def sine(hz: float, frames: int = LENGTH, amplitude: float = 0.5) -> Audio:
    return stereo(amplitude * np.sin(2 * np.pi * hz * np.arange(frames) / RATE))


CLICKS = np.arange(BEATS) * (RATE // 2) + 500


def clicks() -> Audio:
    signal = np.zeros(LENGTH)
    signal[CLICKS] = 1.0
    return stereo(signal)


def drums() -> Audio:
    """A kick on the beats, noise on the eighths between, over a low tone."""
    rng = np.random.default_rng(3)
    signal = 0.1 * np.sin(2 * np.pi * 55 * np.arange(LENGTH) / RATE)
    t = np.arange(RATE // 5) / RATE
    kick = 0.8 * np.sin(2 * np.pi * (50 * t + 6 * (1 - np.exp(-t * 40)))) * np.exp(-t * 18)
    hat = 0.4 * rng.standard_normal(len(t)) * np.exp(-t * 60)
    for beat in range(BEATS):
        at = beat * RATE // 2
        signal[at : at + len(t)] += kick
        signal[at + RATE // 4 : at + RATE // 4 + len(t)] += hat
    return stereo(signal)


def stem_of(audio: Audio, length: int = LENGTH, beats: float = BEATS) -> Stem:
    return Stem.of_audio(audio, length, beats, RATE)


def bars(*bpm: float, start: int = 0, source: float = 0.0) -> Segments:
    """Bars of four beats that follow each other."""
    rows = []
    edge = float(start)
    for number, tempo in enumerate(bpm):
        end = edge + 4 * 60 / tempo * RATE
        rows.append((round(edge), round(end) - round(edge), source + 4 * number, 4.0, 0))
        edge = end
    return np.array(rows, SEGMENT)


def end_of(segments: Segments) -> int:
    return int(segments["at_frame"][-1] + segments["duration_frames"][-1])


def play(player: StemPlayer, until: int, block: int = 256, start: int = 0) -> Audio:
    heads = range(start, until, block)
    return np.concatenate([player.render(at, min(block, until - at)) for at in heads])


def played(stem: Stem, segments: Segments, block: int = 256, fade_beats: float = 0.25) -> Audio:
    player = StemPlayer(stem, fade_beats)
    player.schedule(segments)
    return play(player, end_of(segments), block)


def purity_db(signal: NDArray[np.floating], hz: float) -> float:
    """Power within 8 Hz of a frequency by all other power."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(signal), 1 / RATE) - hz) < 8
    return float(10 * np.log10(spectrum[near].sum() / spectrum[~near].sum()))


# Time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [clicks, drums, lambda: sine(220)])
def test_at_its_own_tempo_a_stem_sounds_as_recorded(make: Callable[[], Audio]) -> None:
    stem = stem_of(make())
    heard = played(stem, bars(*[BPM] * 6))
    still = slice(200, 5 * 2 * RATE)
    wanted = np.concatenate([stem.frames, stem.frames])
    np.testing.assert_array_equal(heard[still], wanted[still])


@pytest.mark.parametrize("tempo", [60, 84, 108, 119, 121, 133, 180, 240])
def test_clicks_stay_sharp_and_in_place_at_any_tempo(tempo: float) -> None:
    heard = played(stem_of(clicks()), bars(*[tempo] * 5))[:, 0]
    found = np.flatnonzero(np.abs(heard) > 1e-4)
    beats = np.concatenate([CLICKS, CLICKS + LENGTH]) / LENGTH * BEATS
    wanted = beats[:20] * 60 / tempo * RATE
    wanted = wanted[
        wanted < len(heard) - 0.3 * RATE * 60 / tempo
    ]  # the last ones fall with the end
    found = found[: len(wanted)]
    assert len(found) == len(wanted)  # one frame each
    assert np.abs(found - wanted).max() <= 0.001 * RATE
    np.testing.assert_allclose(heard[found[1:-1]], 1.0, atol=1e-6)


@pytest.mark.parametrize("tempo", [60, 100, 132, 240])
def test_attacks_of_drums_are_as_recorded(tempo: float) -> None:
    audio = drums()
    heard = played(stem_of(audio), bars(*[tempo] * 4))
    for beat in range(1, 14):
        for at in (beat, beat + 0.5):
            source, frame = round(at * RATE / 2), round(at * 60 / tempo * RATE)
            error = [
                np.abs(heard[frame + d : frame + d + 240] - audio[source : source + 240]).max()
                for d in range(-48, 49)
            ]
            assert min(error) < 0.02, (at, min(error))


@pytest.mark.parametrize("hz", [110.0, 440.0, 1000.0])
@pytest.mark.parametrize("tempo", [61, 97, 113, 150, 235])
def test_a_sine_stays_clean(hz: float, tempo: float) -> None:
    heard = played(stem_of(sine(hz)), bars(*[tempo] * 3))[:, 0]
    assert purity_db(heard[2_000 : len(heard) - RATE], hz) > 45


def test_a_steady_chord_stays_clean() -> None:
    chord = sum(sine(hz, amplitude=0.1) for hz in (110, 131, 165, 220, 262, 330))
    stem = stem_of(chord)
    assert stem.steady
    heard = played(stem, bars(*[108] * 4))[2_000:-RATE]
    spectrum = np.abs(np.fft.rfft(heard[:, 0] * np.hanning(len(heard)))) ** 2
    hz = np.fft.rfftfreq(len(heard), 1 / RATE)
    near = np.any([np.abs(hz - line) < 6 for line in (110, 131, 165, 220, 262, 330)], axis=0)
    assert 10 * np.log10(spectrum[near].sum() / spectrum[~near].sum()) > 28


def test_a_tempo_change_leaves_no_seam() -> None:
    heard = played(stem_of(sine(200)), bars(120, 90, 150, 120, 110))[:, 0]
    largest = 0.5 * 2 * np.pi * 200 / RATE
    assert np.abs(np.diff(heard[200 : -RATE // 2])).max() < 1.1 * largest


def test_clicks_follow_a_changing_tempo() -> None:
    tempi = (120, 90, 150, 120)
    heard = played(stem_of(clicks()), bars(*tempi))[:, 0]
    found = np.flatnonzero(np.abs(heard) > 1e-4)
    edges = np.concatenate([[0], np.cumsum([4 * 60 / bpm * RATE for bpm in tempi])])
    wanted = np.interp(CLICKS / LENGTH * BEATS, np.arange(5) * 4, edges)
    assert len(found) == len(wanted)
    assert np.abs(found - wanted).max() <= 0.001 * RATE


@pytest.mark.parametrize("make", [clicks, drums, lambda: sine(220)])
def test_any_block_size_gives_the_same_samples(make: Callable[[], Audio]) -> None:
    stem = stem_of(make())
    segments = np.concatenate([bars(110, 95, 140), bars(132, 120, start=250_000, source=9.0)])
    one, *others = (played(stem, segments, block) for block in (256, 64, 1000, 48_000))
    for other in others:
        np.testing.assert_allclose(other, one, atol=1e-6)


# Joints -------------------------------------------------------------------------------------------


def test_a_jump_is_cross_faded_at_constant_power_and_done_on_its_beat() -> None:
    rng = np.random.default_rng(1)
    stem = stem_of((0.1 * rng.standard_normal((LENGTH, 2))).astype(np.float32))
    first = bars(120, 120)
    jump = end_of(first)
    heard = played(stem, np.concatenate([first, bars(120, start=jump, source=11.0)]), fade_beats=2)
    after = heard[jump : jump + 40_000]
    source = round(11 * stem.frames_per_beat)
    np.testing.assert_array_equal(after, stem.read(source, 40_000))
    fade = heard[jump - RATE : jump]  # two beats at 120
    level = np.sqrt(np.square(fade).reshape(10, -1).mean(axis=1)) / 0.1
    assert (np.abs(level - 1.0) < 0.1).all()
    middle = heard[jump - RATE // 2 - 2_000 : jump - RATE // 2 + 2_000]
    old = stem.read(jump - RATE // 2 - 2_000, 4_000)
    new = stem.read(source - RATE // 2 - 2_000, 4_000)
    assert np.vdot(middle, old) / np.vdot(old, old) == pytest.approx(0.707, abs=0.08)
    assert np.vdot(middle, new) / np.vdot(new, new) == pytest.approx(0.707, abs=0.08)


def test_without_a_next_segment_it_falls_silent_at_its_end() -> None:
    player = StemPlayer(stem_of(sine(300)), fade_beats=2)
    segments = bars(120, 120)
    player.schedule(segments)
    heard = play(player, end_of(segments) + 2_000)
    peaks = np.abs(heard[:, 0])
    assert peaks[100_000:140_000].max() > 0.49
    assert 0.3 < peaks[end_of(segments) - RATE // 2 :][:480].max() < 0.4
    assert peaks[end_of(segments) :].max() == 0
    assert player.idle


def test_a_late_next_segment_brings_it_back_without_a_click() -> None:
    player = StemPlayer(stem_of(sine(300)), fade_beats=2)
    both = bars(120, 120)
    player.schedule(both[:1])
    falling = play(player, 80_128)
    player.schedule(both[1:])
    heard = np.concatenate([falling, play(player, 150_016, start=80_128)])[:, 0]
    assert np.abs(heard[79_000:80_000]).max() < 0.4
    assert np.abs(heard[82_000:140_000]).max() > 0.49
    assert np.abs(np.diff(heard[200:])).max() < 0.025  # the sine's own steps are 0.02


@pytest.mark.parametrize("start", [-48_000, -70_007, 0])
def test_an_entry_at_once_begins_gently(start: int) -> None:
    player = StemPlayer(stem_of(stereo(np.full(LENGTH, 0.5))))
    player.schedule(bars(120, 120, start=start))
    heard = play(player, 20_000)
    assert np.abs(np.diff(heard, 2, axis=0, prepend=np.zeros((2, 2)))).max() < 0.002
    assert heard[200, 0] == 0.5


def test_an_entry_called_off_ends_gently() -> None:
    player = StemPlayer(stem_of(stereo(np.full(LENGTH, 0.5))), fade_beats=2)
    player.schedule(bars(120, 120, start=96_000))
    rising = play(player, 80_128)
    player.cancel(80_128)
    heard = np.concatenate([rising, play(player, 90_112, start=80_128)])[:, 0]
    assert heard[80_000] > 0.3 and heard[80_128 + 480 :].max() == 0.0
    assert np.abs(np.diff(heard, 2)).max() < 0.002


def test_an_entry_in_the_middle_is_where_the_music_is() -> None:
    stem = stem_of(drums())
    player = StemPlayer(stem)
    player.schedule(bars(120, 120, start=-48_000))
    heard = play(player, 20_000)
    np.testing.assert_array_equal(heard[200:20_000], stem.frames[48_200:68_000])


def test_a_jump_of_the_head_goes_to_the_right_place() -> None:
    stem = stem_of(drums())
    player = StemPlayer(stem)
    player.schedule(bars(120, 120))
    play(player, 10_240)
    heard = play(player, 120_000, start=60_000)
    np.testing.assert_array_equal(heard[200:40_000], stem.frames[60_200:100_000])
    again = play(player, 30_000, start=20_000)
    np.testing.assert_array_equal(again[200:], stem.frames[20_200:30_000])


def test_what_is_scheduled_again_takes_the_place_of_what_was() -> None:
    stem = stem_of(drums())
    player, plain = StemPlayer(stem), StemPlayer(stem)
    player.schedule(bars(100, 90, 80, source=5.0))
    for one in (player, player, plain):
        one.schedule(bars(120, 110))
    np.testing.assert_array_equal(play(player, 180_000), play(plain, 180_000))


def test_seek_fades_out_what_sounds_and_drops_the_rest() -> None:
    player = StemPlayer(stem_of(sine(300)), fade_beats=1)
    player.schedule(bars(110, 120, 120))
    before = play(player, 60_160)
    player.seek(1_000_000)
    after = play(player, 1_010_000, start=1_000_000)
    heard = np.concatenate([before[200:], after])[:, 0]
    assert np.abs(np.diff(heard)).max() < 0.03
    assert np.abs(after[:100]).max() > 0.4
    assert np.abs(after[500:]).max() == 0
    assert player.idle
    player.schedule(bars(120, 120, start=990_000))
    np.testing.assert_array_equal(
        play(player, 1_030_000, start=1_010_000)[200:], player.stem.frames[20_200:40_000]
    )


def test_blocks_before_the_first_frame_are_silent_and_change_nothing() -> None:
    stem = stem_of(drums())
    segments = bars(110, 120, start=96_000)
    early, plain = StemPlayer(stem), StemPlayer(stem)
    for player in (early, plain):
        player.schedule(segments)
    heard = play(early, 200_000, start=-160)
    assert np.abs(heard[:160]).max() == 0
    np.testing.assert_allclose(heard[160:], play(plain, 200_000), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_any_plan_sounds_the_same_in_any_blocks_without_a_click(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stem = stem_of(sine(301.3, LENGTH + RATE))
    for _ in range(3):
        rows, at, source = [], int(rng.integers(0, 5_000)), 0.0
        for _ in range(5):
            kind = rng.random()
            source += rng.uniform(-9, 9) if kind < 0.3 else 0.0
            at += int(rng.integers(1, 30_000)) if 0.3 <= kind < 0.5 else 0
            frames = round(4 * stem.frames_per_beat / rng.uniform(0.5, 2))
            rows.append((at, frames, source, 4.0, 0))
            at, source = at + frames, source + 4
        segments = np.array(rows, SEGMENT)
        fade = float(rng.choice([0.1, 1, 2, 16]))
        one, *others = (played(stem, segments, block, fade) for block in (256, 1_777, 50_000))
        assert np.abs(np.diff(one[:, 0])).max() < 0.04  # two voices, whose steps are 0.02
        for other in others:
            np.testing.assert_allclose(other, one, atol=1e-6)


def test_cancel_takes_back_a_jump_as_if_it_had_never_been_asked_for() -> None:
    stem = stem_of(drums())
    plain, changed = StemPlayer(stem), StemPlayer(stem)
    both = bars(120, 110)
    for player in (plain, changed):
        player.schedule(both[:1])
    plain.schedule(both[1:])
    changed.schedule(bars(90, start=96_000, source=9.0))
    begun = play(changed, 30_208)  # before the jump is heard
    changed.cancel(96_000)
    changed.schedule(both[1:])
    heard = np.concatenate([begun, play(changed, 160_000, start=30_208)])
    np.testing.assert_array_equal(heard, play(plain, 160_000))


def test_cancel_of_what_has_begun_to_rise_has_no_click() -> None:
    player = StemPlayer(stem_of(sine(300)), fade_beats=2)
    player.schedule(bars(120))
    player.schedule(bars(120, start=96_000, source=7.3))
    begun = play(player, 80_128)
    player.cancel(96_000)
    player.schedule(bars(120, start=96_000, source=4.0))
    heard = np.concatenate([begun, play(player, 150_016, start=80_128)])[:, 0]
    assert np.abs(np.diff(heard[200:])).max() < 0.05
    assert np.abs(heard[96_000:140_000]).max() == pytest.approx(0.5, abs=0.01)


def test_release_fades_all_out() -> None:
    player = StemPlayer(stem_of(sine(300)), fade_beats=1)
    player.schedule(bars(120, 120, 120))
    play(player, 30_208)
    player.release(40_000)
    heard = play(player, 70_000, start=30_208)[:, 0]
    assert np.abs(heard[:9_000]).max() > 0.49
    assert np.abs(heard[40_000 + 24_000 - 30_208 :]).max() == 0
    assert np.abs(np.diff(heard)).max() < 0.025
    assert player.idle


def test_snapshot_and_restore_give_the_same_samples() -> None:
    stem = stem_of(drums())
    segments = np.concatenate([bars(110, 95), bars(132, 120, start=205_838, source=9.0)])
    player = StemPlayer(stem)
    player.schedule(segments)
    until = end_of(segments)
    whole = play(player, until)
    for at in (30_208, 190_208, 240_128):
        player = StemPlayer(stem)
        player.schedule(segments)
        play(player, at)
        twin = StemPlayer(stem)
        twin.restore(json.loads(json.dumps(player.snapshot())))
        np.testing.assert_allclose(play(twin, until, start=at), whole[at:], atol=1e-6)
    with pytest.raises(SegueError, match="snapshot"):
        twin.restore({"format": 9})


def test_segments_that_cannot_be_played_are_refused() -> None:
    player = StemPlayer(stem_of(clicks()))
    for name, value in (("duration_frames", 0), ("source_beats", np.nan), ("length_beats", -1.0)):
        bad = bars(120)
        bad[name] = value
        with pytest.raises(RangeError, match="segment 0"):
            player.schedule(bad)
    with pytest.raises(SegueError, match="SEGMENT"):
        player.schedule(np.zeros(3))
    assert player.idle


# Loading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_chord_of_any_rate_has_no_attack_at_its_ends(tmp_path: Path, rate: int) -> None:
    time = np.arange(round(2.05 * rate)) / rate
    chord = sum(0.1 * np.cos(2 * np.pi * hz * time) for hz in (110.3, 164.6, 220.9))
    soundfile.write(tmp_path / "chord.wav", chord, rate, subtype="FLOAT")
    stem = Stem.load(tmp_path / "chord.wav", RATE, BPM, 4)
    assert len(stem.frames) == 2 * RATE and not len(stem.onsets)
    round_it = stem.read(RATE, 2 * RATE)
    assert np.abs(np.diff(round_it, 2, axis=0)).max() < 3e-4  # the chord's own are 2e-4
    middle = np.cos(2 * np.pi * np.outer((110.3, 164.6, 220.9), np.arange(RATE, RATE + 99) / RATE))
    np.testing.assert_allclose(stem.frames[RATE : RATE + 99, 0], 0.1 * middle.sum(0), atol=1e-5)


@pytest.mark.parametrize(("rate", "kind"), [(44_100, "wav"), (48_000, "flac"), (22_050, "ogg")])
def test_files_of_any_rate_come_to_the_engines(tmp_path: Path, rate: int, kind: str) -> None:
    path = tmp_path / f"loop.{kind}"
    t = np.arange(round(rate * 4.0)) / rate
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * t), rate)  # mono
    stem = Stem.load(path, RATE, 120)
    assert stem.beats == 8
    assert stem.frames.shape == (4 * RATE, 2)
    assert stem.frames.dtype == np.float32
    np.testing.assert_array_equal(stem.frames[:, 0], stem.frames[:, 1])
    assert purity_db(stem.frames[:, 0], 440) > 40
    assert np.abs(stem.frames).max() == pytest.approx(0.5, abs=0.02)


def looped(stem: Stem) -> NDArray[np.floating]:
    return np.concatenate([stem.frames[-RATE:], stem.frames[:RATE]])[:, 0].astype(float)


def test_the_seam_of_a_cut_tone_does_not_click() -> None:
    tone = sine(210.7, LENGTH + RATE)  # no whole number of waves
    step = 0.5 * 2 * np.pi * 210.7 / RATE
    assert np.abs(np.diff(np.concatenate([tone[LENGTH - 9 : LENGTH], tone[:9]])[:, 0])).max() > 0.25
    for audio in (tone, tone[:LENGTH]):
        stem = stem_of(audio)
        assert np.abs(np.diff(looped(stem))).max() < 3 * step
        assert stem.frames.shape == (LENGTH, 2)


def test_a_seam_that_is_smooth_is_left_alone() -> None:
    tone = sine(220)
    np.testing.assert_array_equal(stem_of(tone).frames, tone)


def test_the_tail_rings_on_under_the_attack_that_follows() -> None:
    audio = np.concatenate([drums(), np.full((RATE, 2), 0.05, np.float32)])
    stem = stem_of(audio)
    rest = stem.frames - audio[:LENGTH]
    np.testing.assert_allclose(rest[0], 0.05, atol=1e-3)
    assert np.abs(rest[1_000:]).max() == 0


def test_a_loop_of_given_beats_leaves_the_rest_out(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loop.wav", drums(), RATE)
    assert Stem.load(tmp_path / "loop.wav", RATE, 120, 12).frames.shape == (RATE * 6, 2)
    assert Stem.load(tmp_path / "loop.wav", RATE, 119.8).beats == 16  # a hair too short
    with pytest.raises(SegueError, match=r"holds 16\.00 beats .* needs 17"):
        Stem.load(tmp_path / "loop.wav", RATE, 120, 17)
    with pytest.raises(SegueError, match="bpm"):
        Stem.load(tmp_path / "loop.wav", RATE, float("nan"))


def test_onsets_are_found_where_they_are_and_nowhere_else() -> None:
    np.testing.assert_array_equal(find_onsets(clicks(), RATE), CLICKS)
    found = find_onsets(drums(), RATE)
    wanted = np.arange(2 * BEATS) * RATE // 4
    assert len(found) == len(wanted)
    assert np.abs(found - wanted).max() <= 0.001 * RATE
    pulses = sine(41.2)  # a low tone with a sharp edge in each wave
    pulses[pulses > 0] = 0.5
    assert len(find_onsets(pulses, RATE)) == 0


def test_a_stem_that_cannot_be_loaded_is_silent_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF no audio")
    soundfile.write(tmp_path / "short.wav", np.zeros(1_000), RATE)
    for name, error, match in (
        ("none.wav", SegueError, "there is no file"),
        ("bad.wav", FileFormatError, "wav, flac or ogg"),
        ("short.wav", SegueError, "beats"),
    ):
        with pytest.raises(error, match=match):
            Stem.load(tmp_path / name, RATE, 120)
        with caplog.at_level(logging.WARNING):
            stem = load_or_silence(tmp_path / name, RATE, 120)
        assert match in caplog.text
        assert np.abs(played(stem, bars(100))).max() == 0
