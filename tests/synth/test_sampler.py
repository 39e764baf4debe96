"""Sampled instruments as they sound: exact onsets, loops without a seam, layers, turns, chokes."""

import numpy as np
import pytest
import soundfile

from segue.analysis.sound.audio import find_clicks
from segue.music.errors import SegueError, UnknownNameError
from segue.music.events import Channel
from segue.synth.engine import Engine
from segue.synth.sample_voice import envelope_shape
from segue.synth.sampler import sampled_instrument
from segue.synth.samples import Zone

RATE = 48_000


def sine(hz, seconds=1.0, rate=RATE, level=0.4):
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def sfz(tmp_path):
    """Writes recordings by name and an SFZ file that plays them; returns its name."""

    def make(text, rate=RATE, **recordings):
        for name, sound in recordings.items():
            soundfile.write(tmp_path / f"{name}.wav", sound, rate, subtype="FLOAT")
        (tmp_path / "x.sfz").write_text(text)
        return str(tmp_path / "x.sfz")

    return make


@pytest.fixture
def play(events):
    """Plays rows of (at_frame, duration_frames, pitch, velocity) dry: float [shape=(frames, 2)]."""

    def render(name, rows, seconds, **options):
        with Engine([Channel("a", name, reverb=0.0)], **options) as engine:
            engine.schedule(events(*[(*row, 0) for row in rows]))
            return engine.render(round(seconds * engine.sample_rate)).astype(float)

    return render


def strongest_hz(sound):
    """Frequency of the strongest partial."""
    padded = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    return float(np.argmax(padded) * RATE / (8 * len(sound)))


def residual_db(sound, hz):
    """What is left beside the best sine of a frequency, relative to it."""
    time = np.arange(len(sound)) / RATE
    waves = np.stack([np.sin(2 * np.pi * hz * time), np.cos(2 * np.pi * hz * time)], axis=1)
    factors, *_ = np.linalg.lstsq(waves, sound, rcond=None)
    return 20 * np.log10((sound - waves @ factors).std() / sound.std())


LOOPED = "<region> sample=a.wav key=69 lokey=0 hikey=127 loop_mode=loop_continuous "
LOOPED += "loop_start=9027 loop_end=21026 ampeg_release=0.4"


@pytest.mark.parametrize("block_frames", [64, 256, 1024])
def test_every_note_begins_at_its_very_frame(sfz, events, block_frames):
    name = sfz(
        "<region> sample=a.wav key=69 lokey=0 hikey=127 ampeg_release=0.02", a=sine(440, 0.03)
    )
    frames = np.cumsum(np.random.default_rng(3).integers(3_000, 5_000, 60))
    with Engine([Channel("a", name, reverb=0.0)], block_frames=block_frames) as engine:
        engine.schedule(events(*[(int(f), 600, 60 + i % 20, 0.8, 0) for i, f in enumerate(frames)]))
        sound = engine.render(int(frames[-1]) + 3_000)[:, 0]
    on = np.flatnonzero(sound)
    starts = on[np.diff(on, prepend=-9_999) > 500]
    assert np.array_equal(starts - 1, frames)  # a head begins with a zero


@pytest.mark.parametrize("pitch", [40, 57, 69, 69.37, 75, 98])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_loop_goes_on_where_the_head_ends(sfz, play, pitch, rate):
    hz = 441.0 if rate == 44_100 else 440.0
    text = LOOPED if rate == RATE else LOOPED.replace("21026", "20926")  # whole cycles
    sound = play(sfz(text, rate, a=sine(hz, 1.0, rate)), [(480, 3 * RATE, pitch, 0.6)], 3.6)
    assert not len(find_clicks(sound, RATE))
    wanted = hz * 2 ** ((pitch - 69) / 12)
    assert residual_db(sound[RATE : 3 * RATE, 0], wanted) < -55  # round the loop
    joint = 480 + round((9_027 * RATE / rate) / 2 ** ((pitch - 69) / 12))
    assert residual_db(sound[joint - 1_500 : joint + 1_500, 0], wanted) < -40
    assert not np.any(sound[-RATE // 10 :])


def test_two_renders_are_alike_to_the_bit_and_blocks_do_not_matter(sfz, play):
    name = sfz(LOOPED, a=sine(440))
    rows = [(500, 20_000, 60, 0.05), (9_000, 20_000, 67, 0.09), (21_000, 9_000, 60, 0.04)]
    first, again = (play(name, rows, 1.2) for _ in range(2))
    assert np.array_equal(first, again) and np.abs(first).max() > 0.005
    # so soft that the compressor, whose gain moves from block to block, has nothing to do
    assert np.abs(first - play(name, rows, 1.2, block_frames=1024)).max() < 1e-6


def test_velocity_picks_the_layer_and_turns_come_round(sfz, play):
    name = sfz(
        """<group> pitch_keytrack=0 hivel=63 seq_length=2
        <region> sample=a.wav seq_position=1 <region> sample=b.wav seq_position=2
        <group> pitch_keytrack=0 lovel=64 <region> sample=c.wav""",
        a=sine(300, 0.3),
        b=sine(500, 0.3),
        c=sine(900, 0.3),
    )
    rows = [(24_000 * i, 12_000, 60, v) for i, v in enumerate((0.3, 0.3, 0.9, 0.3, 0.3))]
    sound = play(name, rows, 2.6)[:, 0]
    heard = [strongest_hz(sound[row[0] + 1_000 : row[0] + 9_000]) for row in rows]
    # the turn of a pitch goes on with every note of it, whichever layer plays
    assert heard == pytest.approx([300, 500, 900, 500, 300], abs=3)


def test_notes_without_a_loop_end_by_themselves_and_one_shots_ring_on(sfz, play):
    text = "<region> sample=a.wav key=60 {} ampeg_release=0.02"
    short = play(sfz(text.format(""), a=sine(440, 0.5)), [(0, 4_800, 60, 0.6)], 1.0)
    assert not np.any(short[7_200:])
    ringing = play(
        sfz(text.format("loop_mode=one_shot"), a=sine(440, 0.5)), [(0, 4_800, 60, 0.6)], 1.0
    )
    assert np.abs(ringing[20_000:23_000]).max() > 0.01 and not np.any(ringing[26_000:])
    held = play(sfz(text.format(""), a=sine(440, 0.5)), [(0, 40_000, 60, 0.6)], 1.0)
    assert np.abs(held[20_000:23_000]).max() > 0.01 and not np.any(held[26_000:])
    for sound in (short, ringing, held):
        assert not len(find_clicks(sound, RATE))


def test_one_choke_group_cuts_itself_short_and_no_other(sfz, play):
    name = sfz(
        """<global> loop_mode=one_shot pitch_keytrack=0
        <region> sample=a.wav key=46 group=1 off_by=1 <region> sample=b.wav key=42 group=1 off_by=1
        <region> sample=c.wav key=49""",
        a=sine(300, 1.0),
        b=sine(2_000, 0.05),
        c=sine(700, 1.0),
    )
    sound = play(name, [(0, 100, 46, 0.8), (0, 100, 49, 0.8), (12_000, 100, 42, 0.8)], 1.0)[:, 0]
    late = np.abs(np.fft.rfft(sound[20_000:36_000] * np.hanning(16_000)))  # bins of 3 Hz
    assert late[100] < 1e-3 * late.max()
    assert strongest_hz(sound[20_000:36_000]) == pytest.approx(700, abs=2)
    assert not len(find_clicks(sound, RATE))


def test_stolen_and_repeated_notes_do_not_click(sfz, play):
    name = sfz(LOOPED, a=sine(440))
    random = np.random.default_rng(8)
    rows = [
        (int(random.integers(0, 90_000)), 9_000, int(random.integers(50, 80)), 0.4)
        for _ in range(60)
    ]
    sound = play(name, rows, 2.6, voices_per_channel=3)
    assert not len(find_clicks(sound, RATE)) and not np.any(sound[-RATE // 10 :])


def test_the_volume_envelope_is_followed_in_decibels(sfz, play):
    text = LOOPED + " ampeg_attack=0.1 ampeg_hold=0.1 ampeg_decay=0.6 ampeg_sustain=10"
    sound = play(sfz(text, a=sine(440)), [(0, 60_000, 69, 0.3)], 2.0)[:, 0]

    def level(seconds):
        middle = round(seconds * RATE)
        return 20 * np.log10(np.sqrt(2) * sound[middle - 600 : middle + 600].std())

    top = level(0.15)
    assert level(0.05) - top == pytest.approx(-6.0, abs=0.7)
    assert level(0.5) - top == pytest.approx(-10.0, abs=0.7)
    assert level(1.1) - top == pytest.approx(-20.0, abs=0.7)
    assert not np.any(sound[round(1.25 * RATE + 0.45 * 0.4 * RATE) + 400 :])
    plain = envelope_shape(Zone("", "", lambda: None, sustain=0.25, decay_seconds=1.0))
    assert plain[0] == 0.75 and plain[-1] == 0.0 and np.all(np.diff(plain) <= 0)


def test_pan_and_stereo_recordings_keep_their_sides(sfz, play):
    name = sfz("<region> sample=a.wav key=60 pan=-100", a=sine(440, 0.3))
    sound = play(name, [(0, 9_000, 60, 0.6)], 0.3)
    assert np.abs(sound[:, 1]).max() < 1e-6 < 0.01 < np.abs(sound[:, 0]).max()
    both = np.stack([sine(440, 0.3), sine(660, 0.3)], axis=1)
    sound = play(sfz("<region> sample=a.wav key=60", a=both), [(0, 12_000, 60, 0.6)], 0.3)
    heard = [strongest_hz(sound[1_000:9_000, side]) for side in (0, 1)]
    assert heard == pytest.approx([440, 660], abs=3)


def test_layers_sound_together(sfz, play):
    text = "<global> pitch_keytrack=0 <region> sample=a.wav <region> sample=b.wav lovel=90"
    name = sfz(text, a=sine(400, 0.3), b=sine(1_000, 0.3))
    assert sampled_instrument(name).samples.layers == 2
    for velocity, both in ((0.5, False), (0.9, True)):
        power = np.abs(np.fft.rfft(play(name, [(0, 12_000, 60, velocity)], 0.25)[1_000:10_600, 0]))
        assert (power[200] > 0.3 * power[80]) == both


@pytest.mark.parametrize("gain", [0.01, 0.9])
def test_sets_are_brought_to_one_level(sfz, play, gain):
    import pyloudnorm

    sound = play(sfz(LOOPED, a=sine(440, level=gain)), [(0, 2 * RATE, 69, 0.6)], 2.0)
    assert pyloudnorm.Meter(RATE).integrated_loudness(sound) == pytest.approx(-24, abs=3)


def test_another_rate_of_the_engine_keeps_pitch(sfz, play):
    sound = play(sfz(LOOPED, a=sine(440)), [(0, 44_100, 69, 0.6)], 1.0, sample_rate=44_100)
    assert strongest_hz(sound[10_000:40_000, 0]) * 44_100 / RATE == pytest.approx(440, abs=0.5)


def test_every_pitch_and_velocity_survives(sfz, play):
    rows = [(p * 300, 4_000, p, (p % 10 + 1) / 10) for p in range(128)]
    sound = play(sfz(LOOPED, a=sine(440)), rows, 1.2, block_frames=1024, voices_per_channel=64)
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 1.0


def test_names_that_are_no_samples(events, tmp_path):
    for name, match in (
        (str(tmp_path / "gone.sfz"), "no samples at"),
        (str(tmp_path), "no sound file"),
    ):
        with pytest.raises(SegueError, match=match):
            Engine([Channel("a", name)])
    with pytest.raises(UnknownNameError, match="unknown instrument"):
        Engine([Channel("a", "violine")])
