"""SoundFont files: presets, zones, generators and samples, from files built here byte by byte."""

import struct

import numpy as np
import pytest

from segue.music.errors import FileFormatError, SegueError
from segue.music.events import Channel
from segue.music.sample_names import sample_name
from segue.synth.engine import Engine
from segue.synth.sample_check import sample_faults
from segue.synth.sampler import load_samples
from segue.synth.soundfont import SoundFont

RATE = 48_000
KEYS, VELOCITIES, INSTRUMENT, SAMPLE = 43, 44, 41, 53


def chunk(name, body):
    return name.encode() + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def span(low, high):
    return low | high << 8


class Writer:
    """Collects presets, instruments and samples, and writes them as a SoundFont."""

    def __init__(self):
        self.presets, self.instruments, self.headers = [], [], []
        self.sound, self.fine = np.zeros(0, np.int16), None

    def sample(self, sound, rate=RATE, pitch=69, loop=(0, 0), kind=1, link=0, correction=0):
        start = len(self.sound)
        self.sound = np.concatenate([self.sound, np.round(sound * 32767).astype(np.int16)])
        points = [start, len(self.sound), start + loop[0], start + loop[1], rate]
        self.headers.append(
            struct.pack(
                "<20s5IBbHH", b"s%d" % len(self.headers), *points, pitch, correction, link, kind
            )
        )
        self.sound = np.concatenate([self.sound, np.zeros(46, np.int16)])
        return len(self.headers) - 1

    def instrument(self, *zones):
        """Each zone is a dict of generators, the sample or instrument last."""
        self.instruments.append(zones)
        return len(self.instruments) - 1

    def preset(self, name, bank, program, *zones):
        self.presets.append((name, bank, program, zones))

    def _level(self, owners):
        bags, generators, firsts = b"", b"", []
        count = bag_count = 0
        for zones in owners:
            firsts.append(bag_count)
            for zone in zones:
                bags += struct.pack("<HH", count, 0)
                bag_count += 1
                for kind, amount in zone.items():
                    generators += struct.pack("<HH", kind, amount & 0xFFFF)
                    count += 1
        firsts.append(bag_count)
        return bags + struct.pack("<HH", count, 0), generators + bytes(4), firsts

    def bytes(self):
        pbag, pgen, firsts = self._level([zones for *_, zones in self.presets])
        rows = [(n.encode(), p, b) for n, b, p, _ in self.presets] + [(b"EOP", 0, 0)]
        phdr = b"".join(
            struct.pack("<20sHHH3I", name, program, bank, first, 0, 0, 0)
            for (name, program, bank), first in zip(rows, firsts, strict=True)
        )
        ibag, igen, firsts = self._level(self.instruments)
        names = [b"i%d" % index for index in range(len(self.instruments))] + [b"EOI"]
        inst = b"".join(
            struct.pack("<20sH", name, first) for name, first in zip(names, firsts, strict=True)
        )
        sdta = chunk("smpl", self.sound.tobytes())
        if self.fine is not None:
            sdta += chunk("sm24", self.fine.tobytes())
        tables = {"phdr": phdr, "pbag": pbag, "pmod": bytes(10), "pgen": pgen, "inst": inst}
        tables |= {"ibag": ibag, "imod": bytes(10), "igen": igen}
        tables["shdr"] = b"".join(self.headers) + struct.pack("<20s5IBbHH", b"EOS", *[0] * 9)
        pdta = b"".join(chunk(name, body) for name, body in tables.items())
        body = chunk("LIST", b"INFO" + chunk("ifil", struct.pack("<HH", 2, 4)))
        body += chunk("LIST", b"sdta" + sdta) + chunk("LIST", b"pdta" + pdta)
        return chunk("RIFF", b"sfbk" + body)


def sine(hz, frames=24_000):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(frames) / RATE)


@pytest.fixture
def band(tmp_path):
    """A file of two presets: a looped tone with global zones, and a stereo pair."""
    writer = Writer()
    tone = writer.sample(sine(480), loop=(4_800, 9_600), pitch=71, correction=-20)
    left = writer.sample(sine(300), kind=4, link=2)
    right = writer.sample(sine(500), kind=2, link=1)
    plain = writer.instrument(
        {KEYS: span(10, 100), 48: 100, 36: 0, 37: 250, 34: -3986, 38: 1200},  # global
        {KEYS: span(0, 59), VELOCITIES: span(0, 63), 54: 1, 58: 60, SAMPLE: tone},
        {54: 3, 52: 30, 51: -2, 17: -250, 57: 4, SAMPLE: tone},
    )
    pair = writer.instrument({17: -500, SAMPLE: left}, {17: 500, SAMPLE: right})
    writer.preset("Lead", 0, 5, {48: 50}, {KEYS: span(20, 90), 52: 20, INSTRUMENT: plain})
    writer.preset("Two Sides", 8, 48, {INSTRUMENT: pair})
    path = tmp_path / "band.sf2"
    path.write_bytes(writer.bytes())
    return path


def test_generators_of_all_four_levels_meet_in_the_zone(band):
    font = SoundFont(band)
    low, whole = font.zones(font.find("0:5"))
    assert (low.low_pitch, low.high_pitch, low.low_velocity, low.high_velocity) == (20, 59, 0, 63)
    assert (whole.low_pitch, whole.high_pitch, whole.high_velocity) == (20, 90, 127)
    assert (low.root_pitch, whole.root_pitch) == (60, 71)
    assert low.tune_semitones == pytest.approx(0.0)  # 20 cents of the preset, -20 of the sample
    assert whole.tune_semitones == pytest.approx(-2 + 0.3 + 0.2 - 0.2)
    assert low.gain_db == pytest.approx(-0.4 * 15.0)
    assert (low.loops, low.loop, low.pan, whole.pan) == (True, (4_800, 9_600), 0.0, -0.5)
    assert low.sustain == pytest.approx(10 ** (-25 / 20)) and low.decay_seconds == pytest.approx(
        0.25
    )
    assert low.attack_seconds == pytest.approx(0.1, abs=1e-3) and low.release_seconds == 2.0
    assert (low.choke, whole.choke) == (0, 4)


def test_stereo_pairs_become_one_zone(band):
    font = SoundFont(band)
    (zone,) = font.zones(font.find("two sides"))
    frames = zone.load().frames
    assert zone.pan == 0.0 and frames.shape == (24_000, 2)
    assert np.allclose(frames[:, 0], sine(300), atol=1e-4)
    assert np.allclose(frames[:, 1], sine(500), atol=1e-4)


def test_one_sample_may_be_looped_and_filtered_in_several_ways(tmp_path):
    writer = Writer()
    number = writer.sample(sine(480), loop=(4_800, 9_600))
    zones = [{45: 0, 54: 1, 8: 6_000, SAMPLE: number}, {3: 4_800, 54: 1, 8: 6_000, SAMPLE: number}]
    writer.preset("Loops", 0, 0, {INSTRUMENT: writer.instrument(*zones)})
    (tmp_path / "x.sf2").write_bytes(writer.bytes())
    made = load_samples(str(tmp_path / "x.sf2"), RATE)
    assert [region.loop_frames for region in made.regions] == [4_800, 9_600]


def test_samples_of_24_bits_keep_their_last_eight(tmp_path):
    writer = Writer()
    exact = np.linspace(-0.5, 0.5, 1_000)
    whole = np.round(exact * 2**23).astype(np.int32)
    writer.sample(np.zeros(1_000))
    writer.sound[:1_000] = whole >> 8
    writer.fine = np.zeros(len(writer.sound), np.uint8)
    writer.fine[:1_000] = whole & 0xFF
    writer.preset("Fine", 0, 0, {INSTRUMENT: writer.instrument({SAMPLE: 0})})
    (tmp_path / "x.sf2").write_bytes(writer.bytes())
    font = SoundFont(tmp_path / "x.sf2")
    frames = font.zones(font.find(""))[0].load().frames[:, 0]
    assert np.abs(frames - exact).max() < 2**-23


def test_a_low_cutoff_darkens_the_sample(tmp_path):
    writer = Writer()
    number = writer.sample(np.random.default_rng(1).uniform(-0.5, 0.5, 20_000))
    for program, cutoff in enumerate((13_500, 6_000, -9_000)):  # 20 kHz, 262 Hz, least
        writer.preset(str(program), 0, program, {INSTRUMENT: program})
        writer.instrument({8: cutoff, SAMPLE: number})
    (tmp_path / "x.sf2").write_bytes(writer.bytes())
    font = SoundFont(tmp_path / "x.sf2")
    levels = [np.square(font.zones(font.find(f"0:{p}"))[0].load().frames).mean() for p in range(3)]
    assert levels[2] < 0.5 * levels[1] < 0.02 * levels[0]


@pytest.mark.parametrize("spec", ["0:5", "LEAD", "8:48"])
def test_presets_sound_in_tune(band, events, spec):
    with Engine([Channel("a", f"{band}#{spec}", reverb=0.0)]) as engine:
        engine.schedule(events((480, 40_000, 81, 0.8, 0)))
        sound = engine.render(48_000)
    hz = 480 * 2 ** ((81 - 71 - 1.7) / 12) if spec != "8:48" else 600
    heard = np.abs(np.fft.rfft(sound[4_800:14_400, 0] * np.hanning(9_600), 96_000))
    assert np.argmax(heard) / 2 == pytest.approx(hz, abs=2)
    assert np.isfinite(sound).all()


def test_a_preset_that_is_not_there_lists_those_that_are(band):
    font = SoundFont(band)
    assert [(p.bank, p.program, p.name) for p in font.presets] == [
        (0, 5, "Lead"),
        (8, 48, "Two Sides"),
    ]
    with pytest.raises(SegueError, match=r"no preset '0:6'.*0:5 Lead, 8:48 Two Sides"):
        font.find("0:6")
    with pytest.raises(SegueError, match=r"did you mean 'Lead'.*band.sf2#BANK:PROGRAM"):
        font.find("leed")
    with pytest.raises(SegueError, match="no preset ''; name one as"):
        load_samples(str(band), RATE)


@pytest.mark.parametrize("kept", [0, 3, 20, 200, 0.5, 0.99])
def test_a_truncated_file_is_refused(band, kept):
    data = band.read_bytes()
    band.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(SegueError, match=r"band.sf2.*(cut short|no SoundFont|empty)"):
        load_samples(f"{band}#0:5", RATE)


def test_no_broken_byte_escapes_as_another_error(band):
    data = band.read_bytes()
    start = data.index(b"pdta")
    random = np.random.default_rng(4)
    refused = 0
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(4):
            broken[int(random.integers(start, len(data)))] = int(random.integers(0, 256))
        band.write_bytes(bytes(broken))
        try:
            made = load_samples(f"{band}#0:5", RATE)
        except SegueError:
            refused += 1
            assert sample_faults(sample_name(f"{band}#0:5"))
        else:
            assert all(np.isfinite(region.head).all() for region in made.regions)
    assert refused > 50


def test_faults_are_found_without_reading_the_samples(band):
    for preset in ("0:5", "two sides"):
        assert sample_faults(sample_name(f"{band}#{preset}")) == []
    (fault,) = sample_faults(sample_name(f"{band}#0:6"))
    assert "has no preset '0:6'" in fault
    data = bytearray(band.read_bytes())
    right = data.index(b"s2\0", data.index(b"shdr"))
    data[right + 24 : right + 28] = struct.pack("<I", 10**6)  # its end
    band.write_bytes(bytes(data))
    assert sample_faults(sample_name(f"{band}#0:5")) == []
    (fault,) = sample_faults(sample_name(f"{band}#two sides"))
    assert "band.sf2: sample 's2' lies outside of its sound; fetch the file again" in fault
    band.write_bytes(bytes(data[:-50]))
    (fault,) = sample_faults(sample_name(f"{band}#0:5"))
    assert "is cut short" in fault


def test_tables_that_point_nowhere_are_refused(tmp_path):
    writer = Writer()
    writer.sample(sine(300))
    writer.preset("A", 0, 0, {INSTRUMENT: 7})
    writer.instrument({SAMPLE: 0})
    path = tmp_path / "x.sf2"
    path.write_bytes(writer.bytes())
    with pytest.raises(FileFormatError, match="points to i header 7 of 1"):
        load_samples(f"{path}#A", RATE)
    path.write_bytes(b"RIFF\4\0\0\0WAVE")
    with pytest.raises(FileFormatError, match="is no SoundFont 2"):
        SoundFont(path)
