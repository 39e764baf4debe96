"""Samples as data: cutting, resampling, loops, folders by note names, and what is bad."""

import logging
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile

from segue.music.errors import FileFormatError, SegueError
from segue.music.sample_names import is_sample_name, sample_name
from segue.synth import samples as samples_module
from segue.synth.sample_folder import folder_zones, note_pitch, read_name
from segue.synth.sampler import load_samples
from segue.synth.samples import (
    MIN_HEAD_FRAMES,
    Clip,
    Zone,
    build,
    cut_region,
    low_pass,
    resample_ring,
    seamless,
)

RATE = 48_000


def tone(hz, seconds=0.5, rate=RATE, level=0.5):
    """A sine [shape=(frames, 1)]."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)[:, None]


def zone(clip, **options):
    options = {"place": "test", "key": str(id(clip)), "load": lambda: clip} | options
    return Zone(**options)


def write(path, frames, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, frames, rate, subtype=subtype)


def unrolled(region, frames):
    """What a region sounds at its own pitch [shape=(frames,)], read exactly."""
    places = region.loop_entry + np.arange(frames - len(region.head))
    places *= len(region.loop) / region.loop_frames
    ring = np.append(region.loop[:, 0], region.loop[0, 0])
    loop = np.interp(places % len(region.loop), np.arange(len(ring)), ring)
    return np.concatenate([region.head[:, 0], loop])


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050, 96_000])
def test_a_looped_sine_stays_that_sine_at_every_rate(rate):
    hz, first = 441.0, 3_001  # the loop begins and ends within a cycle and within a frame
    clip = Clip(tone(hz, 1.0, rate), rate)
    period = 100 * rate / hz
    after = first + round(period)
    hz = hz * period / round(period)  # what repeats exactly
    clip = Clip(tone(hz, 1.0, rate), rate)
    region = cut_region(zone(clip, loop=(first, after)), clip, RATE)
    wanted = tone(hz, 3.0)[:, 0]
    error = unrolled(region, 3 * RATE) - wanted
    assert np.abs(error[200:]).max() < 2e-3
    assert region.loop_frames == pytest.approx((after - first) * RATE / rate)


def test_a_loop_of_few_frames_keeps_its_pitch_exactly():
    cycle = np.sin(2 * np.pi * np.arange(50) / 50).astype(np.float32)
    clip = Clip(np.tile(cycle, 4)[:, None], 22_050)
    region = cut_region(zone(clip, loop=(150, 200)), clip, RATE)
    assert region.loop_frames == pytest.approx(50 * RATE / 22_050)
    assert len(region.loop) >= samples_module.MIN_LOOP_FRAMES
    spectrum = np.abs(np.fft.rfft(region.loop[:, 0]))
    assert spectrum[1] > 1000 * spectrum[2:].max()  # one clean cycle


def test_a_loop_from_the_first_frame_on_has_a_head_all_the_same():
    clip = Clip(tone(480.0, 0.5), RATE)  # 100 frames a cycle
    region = cut_region(zone(clip, loop=(0, 100)), clip, RATE)
    assert len(region.head) >= MIN_HEAD_FRAMES
    assert np.abs(unrolled(region, 9_000) - tone(480.0, 9_000 / RATE)[:, 0])[50:].max() < 1e-3


def test_good_seams_are_left_alone_and_bad_ones_mended():
    good = tone(480.0, 0.5)
    first, body = seamless(good, 4_800, 9_600, RATE)
    assert first == 4_800 and np.array_equal(body, good[4_800:9_600])
    bad = tone(480.0, 0.5)
    first, body = seamless(bad, 4_800, 9_640, RATE)  # ends in mid-cycle
    around = np.concatenate([body, body[:10]])[:, 0]
    usual = np.abs(np.diff(bad[:, 0], n=2)).max()
    assert np.abs(np.diff(around, n=2)).max() < 1.5 * usual
    raw = np.concatenate([bad[4_800:9_640], bad[4_800:4_810]])[:, 0]
    assert np.abs(np.diff(raw, n=2)).max() > 10 * usual


def test_a_long_loop_over_the_whole_recording_gives_up_its_start():
    whole = tone(441.3, 1.0)
    first, body = seamless(whole, 0, len(whole), RATE)
    assert 0 < first < RATE // 10 and len(body) == len(whole) - first
    around = np.concatenate([body, body[:10]])[:, 0]
    assert np.abs(np.diff(around, n=2)).max() < 3 * np.abs(np.diff(whole[:, 0], n=2)).max()


def test_without_a_loop_the_end_is_faded_and_the_length_kept():
    clip = Clip(np.ones((4_410, 1), np.float32), 44_100)
    region = cut_region(zone(clip, start_frame=441, end_frame=3_969), clip, RATE)
    assert len(region.head) == pytest.approx(3_528 * RATE / 44_100, abs=1)
    assert region.loop is None and abs(region.head[-1, 0]) < 1e-6 and region.head[0, 0] == 0
    assert np.abs(np.diff(region.head[:, 0])).max() < 0.08


@pytest.mark.parametrize(
    ("size", "count"), [(60, 90), (61, 5_000), (9_601, 10_450), (9_600, 4_410)]
)
def test_a_ring_of_another_number_of_frames_is_the_same_wave(size, count):
    def wave(frames):
        return np.sin(2 * np.pi * 3 * np.arange(frames) / frames) + 0.2

    ring = resample_ring(wave(size)[:, None].astype(np.float32), count)[:, 0]
    assert len(ring) == count and np.abs(ring - wave(count)).max() < 1e-5


def test_low_pass_keeps_a_loop_a_loop():
    random = np.random.default_rng(1).standard_normal((8_000, 1)).astype(np.float32)
    done = low_pass(Clip(random, RATE), 500.0, (4_000, 8_000))
    body = done.frames[4_000:8_000, 0]
    around = np.abs(np.diff(np.append(body, body[:2]), n=2))
    assert around[-2:].max() <= 1.2 * around[:-2].max()
    assert np.square(body).mean() < 0.05 * np.square(random).mean()


# choosing


def test_velocity_layers_and_the_nearest_where_none_fits():
    soft, hard = Clip(tone(220.0), RATE), Clip(tone(440.0), RATE)
    made = build(
        "t",
        [
            zone(soft, low_velocity=10, high_velocity=60, low_pitch=40, high_pitch=60),
            zone(hard, low_velocity=61, high_velocity=120, low_pitch=40, high_pitch=60),
        ],
        RATE,
    )
    low, high = made.regions
    assert made.choose(50, 60) == [low] and made.choose(50, 61) == [high]
    assert made.choose(50, 1) == [low] and made.choose(50, 127) == [high]
    assert made.choose(0, 100) == [high] and made.choose(127, 30) == [low]
    assert made.layers == 1 and (made.lowest, made.highest) == (40, 60)


def test_round_robin_takes_turns():
    clips = [Clip(tone(hz), RATE) for hz in (200.0, 300.0, 400.0)]
    made = build("t", [zone(c, turn=i, turns=3) for i, c in enumerate(clips)], RATE)
    played = [made.choose(60, 64, turn)[0].zone.turn for turn in range(6)]
    assert played == [0, 1, 2, 0, 1, 2] and made.layers == 1


def test_zones_of_one_recording_share_its_memory():
    clip = Clip(tone(440.0, 1.0), RATE)
    zones = [zone(clip, low_pitch=p, high_pitch=p + 9, pan=0.1) for p in range(0, 120, 10)]
    made = build("t", zones, RATE)
    assert made.bytes == clip.frames.nbytes and made.stereo


def test_too_large_a_set_is_refused_before_memory_runs_out(monkeypatch):
    monkeypatch.setattr(samples_module, "MAX_SET_BYTES", 2**20)
    clips = [Clip(np.zeros((60_000, 1), np.float32), RATE) for _ in range(8)]
    tracemalloc.start()
    with pytest.raises(SegueError, match="more than 1 MB; use shorter samples"):
        build("big", [zone(clip) for clip in clips], RATE)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


# folders


@pytest.mark.parametrize(
    ("name", "pitch"),
    [("A4", 69), ("c4", 60), ("C#3", 49), ("As3", 58), ("Eb-1", 3), ("G9", 127), ("B10", None)],
)
def test_note_names(name, pitch):
    assert note_pitch(name) == pitch


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("violin_A4_mf_rr2.wav", (69, 80, 2)),
        ("bass-clarinet_As3_very-long_mezzo-piano_normal.ogg", (58, 64, 0)),
        ("Kick 36.wav", (36, None, 0)),
        ("piano.C#4.v3.flac", (61, 3, 0)),
        ("cello-E2-fortissimo.wav", (40, 112, 0)),
    ],
)
def test_file_names_say_note_dynamic_and_turn(tmp_path, name, expected):
    said = read_name(tmp_path / name)
    assert said is not None and (said.pitch, said.dynamic, said.turn) == expected
    assert read_name(tmp_path / "readme.wav") is None


def test_a_folder_plays_the_nearest_recording(tmp_path):
    for name in ("x_C4_p.wav", "x_C4_f.wav", "x_E4_f_rr1.wav", "x_E4_f_rr2.wav"):
        write(tmp_path / name, tone(300.0, 0.1))
    (tmp_path / "notes.txt").write_text("no sound")
    made = build("x", folder_zones(tmp_path), RATE)

    def plays(pitch, velocity, turn=0):
        return [
            region.zone.place.rpartition("/")[2] for region in made.choose(pitch, velocity, turn)
        ]

    assert plays(60, 40) == plays(30, 72) == ["x_C4_p.wav"]
    assert plays(60, 100) == plays(61, 127) == ["x_C4_f.wav"]
    assert plays(64, 100, 0) == ["x_E4_f_rr1.wav"] and plays(90, 100, 1) == ["x_E4_f_rr2.wav"]
    assert plays(64, 40) == ["x_E4_f_rr1.wav"]  # four semitones are farther than one dynamic


def test_numbered_layers_share_the_velocities_evenly(tmp_path):
    for layer in (1, 2, 3, 4):
        write(tmp_path / f"x_C4_v{layer}.wav", tone(300.0, 0.1))
    ranges = sorted((z.low_velocity, z.high_velocity) for z in folder_zones(tmp_path))
    assert ranges[0][0] == 1 and ranges[-1][1] == 127 and len(ranges) == 4
    assert all(28 <= high - low <= 34 for low, high in ranges)


def test_the_loop_in_a_wav_file_is_taken(tmp_path):
    write(tmp_path / "x_A4.wav", tone(480.0, 0.5), subtype="PCM_16")
    sound = (tmp_path / "x_A4.wav").read_bytes()
    loop = struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, 1, 0) + struct.pack(
        "<6I", 0, 0, 4_800, 9_599, 0, 0
    )
    sound += b"smpl" + struct.pack("<I", len(loop)) + loop
    sound = sound[:4] + struct.pack("<I", len(sound) - 8) + sound[8:]
    (tmp_path / "x_A4.wav").write_bytes(sound)
    region = load_samples(str(tmp_path), RATE).regions[0]
    assert len(region.head) == 4_800 and region.loop_frames == 4_800


# bad input


def test_one_missing_sample_is_replaced_by_its_neighbour(tmp_path, caplog):
    for note in ("C3", "C4", "D5"):
        write(tmp_path / f"x_{note}.wav", tone(300.0, 0.1))
    (tmp_path / "x_C5.wav").write_bytes(b"RIFF of nothing")
    with caplog.at_level(logging.WARNING):
        made = load_samples(str(tmp_path), RATE)
    assert "x_C5.wav cannot be read as sound" in caplog.text
    assert "x_D5.wav sounds instead" in caplog.text
    assert made.choose(72, 64)[0].zone.place.endswith("x_D5.wav")
    assert made.choose(72, 64)[0].zone.root_pitch == 74


def test_a_folder_without_any_playable_sample_is_refused(tmp_path):
    with pytest.raises(SegueError, match="no sound file"):
        folder_zones(tmp_path)
    write(tmp_path / "hello.wav", tone(300.0, 0.1))
    with pytest.raises(SegueError, match="1 sound files, none of which names a note"):
        folder_zones(tmp_path)
    (tmp_path / "x_C4.wav").write_bytes(b"RIFF of nothing")
    with pytest.raises(SegueError, match=r"no sample that can be played.*x_C4"):
        load_samples(str(tmp_path), RATE)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"loop": (100, 99_999)}, "loops frames 100 to 99999, but plays 0 to 24000"),
        ({"start_frame": 30_000}, "plays frames 30000 to 24000 of a sample of 24000"),
        ({"end_frame": 24_001}, "give a start and an end inside of the sample"),
        ({"start_frame": 500, "loop": (100, 900)}, "give a loop inside"),
    ],
)
def test_cuts_outside_of_the_sample_are_refused(options, match):
    clip = Clip(tone(440.0, 0.5), RATE)
    with pytest.raises(SegueError, match=f"test: .*{match}"):
        build("t", [zone(clip, **options)], RATE)


def test_sound_that_is_not_finite_or_empty_is_refused(tmp_path):
    broken = tone(440.0, 0.1)
    broken[7] = np.nan
    write(tmp_path / "x_C4.wav", broken)
    with pytest.raises(SegueError, match="not numbers"):
        load_samples(str(tmp_path), RATE)
    write(tmp_path / "x_C4.wav", broken[:0])
    with pytest.raises(SegueError, match="holds no sound"):
        load_samples(str(tmp_path), RATE)


def test_names_of_samples(tmp_path):
    assert all(map(is_sample_name, ("a/b", "x.sfz", "x.SF2#0:1", "x.sf2#Grand/Piano", "..\\x")))
    assert not any(map(is_sample_name, ("piano", "drums_electronic", "")))
    (tmp_path / "band.sf2").write_bytes(b"")
    (tmp_path / "a.txt").write_text("")
    name = sample_name("band.sf2# Strings ", tmp_path)
    assert (name.path, name.preset, name.kind) == (tmp_path / "band.sf2", "Strings", ".sf2")
    with pytest.raises(SegueError, match=r"no samples at .*gone.sfz; check the name"):
        sample_name("gone.sfz", tmp_path)
    with pytest.raises(SegueError, match="is no instrument; name a folder"):
        sample_name("a.txt", tmp_path)


def test_a_sound_file_of_two_channels_stays_stereo(tmp_path):
    write(tmp_path / "x_C4.wav", np.concatenate([tone(300.0), tone(400.0)], axis=1), 44_100)
    made = load_samples(str(tmp_path), RATE)
    assert made.stereo and made.regions[0].head.shape == (round(0.5 * 48_000 / 44_100 * 48_000), 2)


def test_format_errors_are_of_their_kind(tmp_path):
    (tmp_path / "x.sfz").write_bytes(b"\0\1\2")
    with pytest.raises(FileFormatError, match="not text"):
        load_samples(str(tmp_path / "x.sfz"), RATE)
