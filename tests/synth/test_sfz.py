"""SFZ files: inheritance, notes, layers, round robins, and what is wrong with file and line."""

import logging

import numpy as np
import pytest
import soundfile

from segue.music.errors import SegueError
from segue.synth.sampler import load_samples
from segue.synth.sfz import sfz_zones

RATE = 48_000


@pytest.fixture
def sfz(tmp_path):
    """Writes an SFZ file beside the recordings a.wav, b.wav and `Deep Dir/C d.wav`."""
    wave = (0.4 * np.sin(2 * np.pi * 480.0 * np.arange(24_000) / RATE)).astype(np.float32)
    (tmp_path / "Deep Dir").mkdir()
    for name in ("a.wav", "b.wav", "Deep Dir/C d.wav"):
        soundfile.write(tmp_path / name, wave, RATE)

    def make(text, name="x.sfz"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def test_opcodes_are_inherited_down_to_the_region(sfz):
    one, two, three = sfz_zones(
        sfz(
            """
            // a comment  <region> sample=never.wav
            <control> default_path=Deep Dir\\\\ note_offset=12
            <global> volume=-6 ampeg_release=0.5 /* over
            lines */ pan=50
            <group> lovel=64 tune=25 transpose=-1
            <region> sample=C d.wav lokey=c3 hikey=e3 pitch_keycenter=d3
            <region> sample=c D.WAV key=61 volume=3
            <group>
            <control> default_path=
            <region> sample=a.wav offset=100 end=9999 loop_mode=one_shot hivel=63
            """.replace("\\\\", "\\")
        )
    )
    assert (one.low_pitch, one.high_pitch, one.root_pitch) == (60, 64, 62)
    assert (one.low_velocity, one.high_velocity, one.tune_semitones) == (64, 127, -0.75)
    assert (one.gain_db, one.pan, one.release_seconds) == (-6, 0.5, 0.5)
    assert one.load().frames.shape == two.load().frames.shape == (24_000, 1)
    assert (two.low_pitch, two.high_pitch, two.root_pitch, two.gain_db) == (73, 73, 73, 3)
    assert (three.low_velocity, three.high_velocity, three.tune_semitones) == (0, 63, 0)
    assert (three.start_frame, three.end_frame, three.one_shot, three.loops) == (
        100,
        10_000,
        True,
        False,
    )


def test_include_and_define(sfz):
    sfz("<region> sample=$NAME.wav key=$KEY", "part.sfz")
    zones = sfz_zones(sfz('#define $NAME a\n#define $KEY 40\n#include "part.sfz"\n'))
    assert [(z.root_pitch, z.key.rpartition("/")[2]) for z in zones] == [(40, "a.wav")]
    assert zones[0].place == "part.sfz line 1"
    with pytest.raises(SegueError, match=r"includes more than .* does one include itself"):
        sfz_zones(sfz('#include "x.sfz"'))
    with pytest.raises(SegueError, match=r"x.sfz line 2: there is no file 'gone.sfz'"):
        sfz_zones(sfz('\n#include "gone.sfz"'))


def test_round_robin_by_sequence_and_by_random_share(sfz):
    text = """<group> seq_length=2 <region> sample=a.wav seq_position=1
        <region> sample=b.wav seq_position=2"""
    assert [(z.turn, z.turns) for z in sfz_zones(sfz(text))] == [(0, 2), (1, 2)]
    text = """<region> sample=a.wav hirand=0.33 <region> sample=b.wav lorand=0.33 hirand=0.66
        <region> sample=a.wav lorand=0.66"""
    assert [(z.turn, z.turns) for z in sfz_zones(sfz(text))] == [(0, 3), (1, 3), (2, 3)]
    with pytest.raises(SegueError, match=r"line 1: seq_position is 3.0, not a number from 1 to 2"):
        sfz_zones(sfz("<region> sample=a.wav seq_length=2 seq_position=3"))


def test_what_no_key_press_starts_is_left_out(sfz):
    zones = sfz_zones(
        sfz(
            """<global> sw_default=24
            <region> sample=a.wav key=50
            <region> sample=a.wav key=51 trigger=release
            <region> sample=a.wav key=52 locc64=64
            <region> sample=a.wav key=53 hicc64=63
            <region> sample=a.wav key=54 end=-1
            <region> sample=*silence key=55
            <region> sample=a.wav key=56 sw_last=24
            <region> sample=a.wav key=57 sw_last=25
            <region> sample=a.wav hikey=-1"""
        )
    )
    assert [zone.low_pitch for zone in zones] == [50, 53, 56]


def test_loops_chokes_and_envelopes(sfz):
    loop, own, hat = sfz_zones(
        sfz(
            """<region> sample=a.wav loop_mode=loop_sustain loop_start=4800 loop_end=9599
            <region> sample=a.wav loop_start=1 ampeg_attack=0.1 ampeg_hold=0.2
            ampeg_decay=3 ampeg_sustain=25
            <region> sample=a.wav key=42 group=1 off_by=1 pitch_keytrack=0 amplitude=50"""
        )
    )
    assert (loop.loops, loop.loop) == (True, (4_800, 9_600))
    assert (own.loops, own.loop) == (None, None)
    assert (own.attack_seconds, own.hold_seconds, own.decay_seconds, own.sustain) == (
        0.1,
        0.2,
        3,
        0.25,
    )
    assert (hat.choke, hat.tracking) == (1, 0.0) and hat.gain_db == pytest.approx(-6.02, abs=0.01)
    path = sfz("<region> sample=a.wav loop_mode=loop_continuous", "y.sfz")
    assert load_samples(str(path), RATE).regions[0].loop is None  # the file names no loop


def test_unknown_opcodes_are_named_once(sfz, caplog):
    text = """<global> cutoff=500 <region> sample=a.wav fil_type=lpf_2p xyz=1
        <region> sample=b.wav xyz=2"""
    with caplog.at_level(logging.WARNING):
        assert len(sfz_zones(sfz(text))) == 2
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "ignored opcodes: cutoff, fil_type, xyz"
    ]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("<region> sample=a.wav\n lokey=60 hikey=50", "x.sfz line 2: lokey 60 is above hikey 50"),
        ("<region> sample=a.wav lovel=90 hivel=20", "line 1: lovel 90 is above hivel 20"),
        ("<region> sample=a.wav loop_start=9 loop_end=5", "loop_start 9 is above loop_end 5"),
        ("<region> sample=a.wav lokey=h4", "lokey is 'h4'.*or a note such as c4"),
        ("<region> sample=a.wav key=200", "is '200', not a number from -1 to 127"),
        ("<region> sample=a.wav volume=loud", "x.sfz line 1: volume is 'loud'"),
        ("<region> sample=a.wav tune=nan", "tune is 'nan'"),
        ("<region> sample=a.wav loop_mode=round", "loop_mode is 'round'; give one of no_loop"),
        ("Dear diary, = nothing", "has no region with a sample"),
        ("", "has no region"),
    ],
)
def test_faults_are_named_with_file_line_and_way_out(sfz, text, match):
    with pytest.raises(SegueError, match=match):
        sfz_zones(sfz(text))


def test_a_loop_or_cut_outside_of_the_sample_is_refused(sfz):
    for text, match in (
        (
            "\n\n<region> sample=a.wav loop_mode=loop_continuous loop_start=1 loop_end=24000",
            "x.sfz line 3: loops",
        ),
        ("<region> sample=a.wav offset=24000", "line 1: plays frames 24000"),
    ):
        with pytest.raises(SegueError, match=match):
            load_samples(str(sfz(text)), RATE)


def test_a_missing_sample_is_replaced_and_a_set_of_none_refused(sfz, caplog):
    text = "<region> sample=a.wav key=60\n<region> sample=gone.wav key=62"
    with caplog.at_level(logging.WARNING):
        made = load_samples(str(sfz(text)), RATE)
    assert (
        "x.sfz line 2: there is no sample" in caplog.text and "line 1 sounds instead" in caplog.text
    )
    assert made.choose(62, 64)[0].zone.root_pitch == 60
    with pytest.raises(SegueError, match=r"no sample that can be played: z.sfz line 1"):
        load_samples(str(sfz("<region> sample=gone.wav", "z.sfz")), RATE)
    with pytest.raises(SegueError, match="check the name"):
        load_samples("gone.sfz", RATE)
