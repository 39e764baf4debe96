"""Scores to sound with FluidSynth, TiMidity++ and own samplers, a stem for each font."""

import os
import random
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from ...music.errors import SegueError
from ..spectra import RATE, Floats
from .corpus_kit import play_kit
from .corpus_piano import play_piano
from .corpus_piece import Hit, Voice
from .corpus_tones import play_tones

_TICKS_PER_BEAT, _TEMPO = 1_000, 500_000  # half a millisecond a tick
_SYNTH_RATE = 44_100
_SF2 = "/usr/share/sounds/sf2"
_FREEPATS = "/etc/timidity/freepats.cfg"


_HYDROGEN = "/usr/share/hydrogen/data/drumkits"


@dataclass(frozen=True)
class Font:
    """A set of instruments.

    :param path: a sound font, a configuration of TiMidity++, a folder with a Hydrogen kit, or ""
        for instruments that are invented
    :param weight: how often it is used, relative to the others of its split
    """

    name: str
    path: str
    licence: str
    weight: float
    drums: bool = True
    pitched: bool = True
    valid: bool = False

    @property
    def is_kit(self) -> bool:
        """Whether it is a Hydrogen kit."""
        return self.path.startswith(_HYDROGEN)


def _kit(name: str, licence: str, weight: float = 1.0, *, valid: bool = False) -> Font:
    return Font(name, f"{_HYDROGEN}/{name}", licence, weight, pitched=False, valid=valid)


FONTS = (
    Font("TimGM6mb", f"{_SF2}/TimGM6mb.sf2", "GPL-2.0-or-later", 4.5),
    Font("freepats", _FREEPATS, "GPL-2.0-or-later with a sound exception", 3.0),
    Font("OPL-3_FM_128M", f"{_SF2}/OPL-3_FM_128M.sf2", "CC BY-SA 4.0", 0.7, drums=False),
    Font("invented", "", "own", 2.5, drums=False),
    Font("Black_Pearl_4", f"{_SF2}/Black_Pearl_4_LV2.sf2", "GPL-2.0-or-later", 2.0, pitched=False),
    _kit("The Black Pearl 1.0", "GPL-2.0", 0.7),
    _kit("BJA_Pacific", "CC BY-SA 3.0 US", 1.5),
    _kit("ColomboAcousticDrumkit", "GPL-2.0-or-later with a composition exception"),
    _kit("ElectricEmpireKit", "GPL-2.0-or-later", 0.7),
    _kit("ForzeeStereo", "GPL-2.0", 2.0),
    _kit("HardElectro1", "GPL-2.0-or-later", 0.5),
    _kit("Millo_MultiLayered2", "GPL-2.0"),
    _kit("Millo_MultiLayered3", "GPL-2.0", 0.5),
    _kit("TR808EmulationKit", "GPL-2.0-or-later", 0.8),
    _kit("rumpf_kit_z01_h2", "CC BY 3.0", 0.7),
    _kit("Audiophob", "CC0", 0.5),
    Font("sf_GMbank", f"{_SF2}/sf_GMbank.sf2", "LGPL-2.1-or-later", 5.0, valid=True),
    Font(
        "Red_Zeppelin_4",
        f"{_SF2}/Red_Zeppelin_4_LV2.sf2",
        "GPL-2.0-or-later",
        3.0,
        pitched=False,
        valid=True,
    ),
    _kit("GMRockKit", "GPL-2.0", 2.0, valid=True),
    _kit("VariBreaks", "GPL-2.0-or-later", valid=True),
)
"""What the corpus is played with; FluidR3 plays the development set and is not among them."""

_AVL = {48: 45, 50: 45, 47: 45, 43: 41, 52: 49, 57: 57, 59: 51, 35: 36, 40: 38}
_STANDARD_KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)


def piano_font(folder: Path) -> Font:
    """A grand piano of recorded keys, for training."""
    return Font("Salamander", str(folder), "CC BY 3.0", 0.0, drums=False)


def pick_font(rng: random.Random, split: str, *, drums: bool) -> Font:
    """A font of a split for drums or for pitched parts."""
    fitting = [
        font
        for font in FONTS
        if font.valid == (split == "valid") and (font.drums if drums else font.pitched)
    ]
    return rng.choices(fitting, [font.weight for font in fitting])[0]


def render(
    rng: random.Random,
    voices: Sequence[Voice],
    drums: Sequence[Hit],
    seconds: float,
    fonts: Font | Sequence[Font],
    kit: Font,
    detune_cents: float,
) -> Floats:
    """The clip as one channel at the ears' rate [shape=(n,)], not scaled.

    :param fonts: one for all voices, or one for each
    """
    each = [fonts] * len(voices) if isinstance(fonts, Font) else fonts
    size = round(seconds * RATE)
    mixed = np.zeros(size, np.float64)
    for font in dict.fromkeys(each):
        own = [voice for voice, one in zip(voices, each, strict=True) if one == font]
        if font.name == "Salamander":
            sound = play_piano(rng, font.path, own, size, detune_cents)
        elif font.path:
            sound = _played(rng, _midi(rng, own, detune_cents), font, size)
        else:
            sound = play_tones(rng, own, size, detune_cents)
        mixed += _level(sound) * len(own) * 10 ** (rng.uniform(-4.0, 4.0) / 20)
    if drums:
        if kit.is_kit:
            sound = play_kit(rng, kit.path, drums, size)
        else:
            sound = _played(rng, _drum_midi(rng, drums, kit), kit, size)
        peak = float(np.abs(mixed).max(initial=0.0)) or 1.0
        level = peak * 10 ** (rng.uniform(-9.0, 6.0) / 20)
        mixed += sound * (level / max(1e-6, float(np.abs(sound).max())))
    return np.asarray(mixed, np.float32)


def _level(sound: Floats) -> Floats:
    """The sound at a mean power of 1."""
    return sound / max(1e-6, float(np.sqrt(np.square(sound).mean())))


def _midi(rng: random.Random, voices: Sequence[Voice], detune_cents: float) -> mido.MidiFile:
    file = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
    channels = [channel for channel in range(16) if channel != 9]
    for channel, voice in zip(channels, voices, strict=False):
        timed: list[tuple[float, int, mido.Message]] = []
        wheel = [(0.0, 0.0), *voice.bends]
        for at, semitones in wheel:
            value = round((semitones + detune_cents / 100) / 2 * 8192)
            value = min(8191, max(-8192, value))
            timed.append((at, 1, mido.Message("pitchwheel", channel=channel, pitch=value)))
        timed.append(
            (0.0, 0, mido.Message("program_change", channel=channel, program=voice.program))
        )
        level = rng.randint(75, 115)
        timed.append(
            (0.0, 0, mido.Message("control_change", channel=channel, control=7, value=level))
        )
        for onset, end, pitch, velocity in voice.notes:
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=pitch)
            timed += [(onset, 3, on), (end, 2, off)]
        file.tracks.append(_track(timed))
    return file


def _drum_midi(rng: random.Random, drums: Sequence[Hit], kit: Font) -> mido.MidiFile:
    file = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
    own = not kit.pitched  # such fonts have the kit as their first instrument
    channel = 0 if own else 9
    program = 0 if own or kit.path == _FREEPATS else rng.choice(_STANDARD_KITS)
    timed: list[tuple[float, int, mido.Message]] = [
        (0.0, 0, mido.Message("program_change", channel=channel, program=program))
    ]
    for at, drum, velocity in drums:
        pitch = _AVL.get(drum, drum) if own else drum
        on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
        off = mido.Message("note_off", channel=channel, note=pitch)
        timed += [(at, 3, on), (at + (0.4 if drum in (46, 49, 51, 57, 59) else 0.12), 2, off)]
    file.tracks.append(_track(timed))
    return file


def _track(timed: list[tuple[float, int, mido.Message]]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    before = 0
    for at, _, message in sorted(timed, key=lambda one: one[:2]):
        tick = max(before, round(at * _TICKS_PER_BEAT * 1_000_000 / _TEMPO))
        track.append(message.copy(time=tick - before))
        before = tick
    return track


def _played(rng: random.Random, file: mido.MidiFile, font: Font, size: int) -> Floats:
    """A MIDI file as sound, padded or cut to `size` samples at the ears' rate."""
    import soundfile
    import soxr

    if not Path(font.path).exists():
        raise SegueError(f"there is no sound font {font.path}; install {font.name}")
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        score, sound = f"{folder}/a.mid", f"{folder}/a.wav"
        file.save(score)
        command = _timidity(font, score, sound) if font.path.endswith(".cfg") else None
        command = command or _fluidsynth(rng, font, score, sound)
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode or not Path(sound).exists():
            raise SegueError(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
        samples, rate = soundfile.read(sound, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, RATE)[:size]
    return np.asarray(np.pad(mono, (0, size - len(mono))), np.float32)


def _timidity(font: Font, score: str, sound: str) -> list[str]:
    return [
        "timidity", "-c", font.path, "-Ow1sl", "-s", str(_SYNTH_RATE), "-A60", "-EFreverb=0",
        "-EFchorus=0", "--preserve-silence", "-o", sound, score,
    ]  # fmt: skip


def _fluidsynth(rng: random.Random, font: Font, score: str, sound: str) -> list[str]:
    reverb, chorus = rng.random() < 0.6, rng.random() < 0.3
    command = [
        "fluidsynth", "-niq", "-g", "0.4", "-r", str(_SYNTH_RATE), "-O", "float",
        "-R", str(int(reverb)), "-C", str(int(chorus)),
    ]  # fmt: skip
    if reverb:
        command += ["-o", f"synth.reverb.level={rng.uniform(0.1, 0.9):.2f}"]
        command += ["-o", f"synth.reverb.room-size={rng.uniform(0.1, 0.8):.2f}"]
    return [*command, "-F", sound, font.path, score]
