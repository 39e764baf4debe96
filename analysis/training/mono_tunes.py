"""Single lines made by rule, with their pitch, for the network `f0` to learn from.

    python -m segue.analysis.training.mono_tunes OUT --fonts DIR [--train 540] [--valid 40]

Writes OUT/{train,valid}/NAME.flac with NAME.json as `train_f0` wants them: tunes of random
scales, steps and speeds, played by General MIDI sound fonts through FluidSynth, some into the next
note (a pedal, a long release), some out of tune, with reverb, noise and at any level; every fifth
or so sung by an additive voice that glides and shakes; and a few of noise, in which there is no
pitch. Needs FluidSynth; FluidR3, by which Segue's development set is played, is left out.
"""

import argparse
import json
import random
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from ..pitch.voice import midi_to_hz
from ..spectra import RATE

FloatArray = NDArray[np.float64]
Note = tuple[float, float, int, int]
"""Onset and end in seconds, MIDI pitch, velocity."""

SECONDS = 20.0
HOP_SECONDS = 0.01
FONTS = ("TimGM6mb.sf2", "sf_GMbank.sf2", "OPL-3_FM_128M.sf2")
LIKELY = (73, 40, 56, 71, 68, 65, 42, 24, 0, 79, 74, 58, 52, 11, 72, 41, 57, 60, 64, 66, 67, 70)
LOW = (32, 33, 34, 35, 36, 38, 42, 43, 57, 58, 67, 70)
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9), tuple(range(12)))
STYLES = {  # beats a minute from, to, lengths in beats
    "slow": (50, 110, (0.5, 1, 1, 1.5, 2, 3)),
    "dance": (90, 150, (0.5,) * 8 + (0.25, 0.25, 1, 0.75)),
    "fast": (80, 140, (0.25,) * 8 + (0.5, 0.5, 1)),
    "mixed": (60, 160, (0.25, 0.25, 0.5, 0.5, 0.5, 1, 1, 1.5, 2, 1 / 3)),
    "wild": (60, 180, (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.3)),
}
SUNG_SHARE = 0.18


def make_tune(rng: random.Random) -> list[Note]:
    """A line of one note at a time."""
    low_bpm, high_bpm, lengths = STYLES[rng.choice([*STYLES, "dance"])]
    beat = 60.0 / rng.uniform(low_bpm, high_bpm)
    scale, tonic = rng.choice(SCALES), rng.randrange(12)
    ladder = [pitch for pitch in range(24, 103) if (pitch - tonic) % 12 in scale]
    centre = rng.choice([rng.uniform(36, 60), rng.uniform(55, 80), rng.uniform(70, 92)])
    at = min(range(len(ladder)), key=lambda index: abs(ladder[index] - centre))
    lowest, highest = max(0, at - len(scale)), min(len(ladder) - 1, at + len(scale))
    rests, gate = rng.choice([0, 0.03, 0.1, 0.2]), rng.choice([0.5, 0.8, 0.93, 0.93, 1.0])
    leaps, repeats, sway = rng.choice([0.1, 0.2, 0.4]), rng.choice([0.05, 0.15]), 0.02
    notes: list[Note] = []
    time = rng.uniform(0.05, 0.6)
    while time < SECONDS - 0.3:
        length = max(rng.choice(lengths) * beat * (1.0 + rng.gauss(0.0, sway)), 0.06)
        if rng.random() >= rests:
            at = min(max(at + _step(rng, leaps, repeats), lowest), highest)
            onset = max(time + rng.gauss(0.0, 0.003), 0.0)
            notes.append((onset, time + length * gate, ladder[at], rng.randint(60, 115)))
        time += length
    cut = [min(end, after[0] - 0.005) for (_, end, *_), after in pairwise(notes)]
    ends = [*cut, notes[-1][1]]
    line = [(a, end, p, v) for (a, _, p, v), end in zip(notes, ends, strict=True)]
    return [note for note in line if note[1] - note[0] > 0.03]


def _step(rng: random.Random, leaps: float, repeats: float) -> int:
    chance = rng.random()
    if chance < repeats:
        return 0
    return rng.choice([-7, -5, -4, -3, -2, 2, 3, 4, 5, 7] if chance < repeats + leaps else [-1, 1])


def play(rng: random.Random, notes: list[Note], fonts: Path) -> tuple[FloatArray, float]:
    """The sound of an instrument, and by how many cents it is out of tune."""
    low = np.mean([pitch for _, _, pitch, _ in notes]) < 48
    program = rng.choice(LIKELY) if rng.random() < 0.6 else rng.randrange(96)
    if low and rng.random() < 0.5:
        program = rng.choice(LOW)
    rings = rng.choice([0, 0, 0.05, 0.12, 0.25, 0.4])  # mean seconds beyond the note's end
    cents = rng.choice([0.0, 0.0, rng.uniform(-45, 45)])
    setting = [mido.Message("program_change", program=program)]
    setting.append(mido.Message("pitchwheel", pitch=int(cents / 200 * 8192)))
    for control, chance in ((1, 0.3), (91, 0.4)):
        if rng.random() < chance:
            setting.append(
                mido.Message("control_change", control=control, value=rng.randint(20, 127))
            )
    events: list[tuple[float, int, Any]] = [(0.0, -1, message) for message in setting]
    struck: dict[int, float] = {}
    for onset, end, pitch, velocity in reversed(notes):
        off = end + (rng.expovariate(1.0 / rings) if rings else 0.0)
        off = max(min(off, SECONDS, struck.get(pitch, SECONDS) - 0.01), onset + 0.01)
        struck[pitch] = onset
        events.append((onset, 1, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((off, 0, mido.Message("note_off", note=pitch)))
    room, level = rng.choice([(0.2, 0.9), (0.6, 0.8), (0.8, 0.6), (0.9, 0.9), (0.1, 0.1)])
    font = fonts / rng.choice(FONTS)
    return _rendered(events, font, room, level), cents


def _rendered(
    events: list[tuple[float, int, Any]], font: Path, room: float, level: float
) -> FloatArray:
    file = mido.MidiFile(ticks_per_beat=1000)  # at 120 beats a minute: half a millisecond a tick
    track = mido.MidiTrack()
    before = 0
    for seconds, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(seconds * 2000)
        track.append(message.copy(time=tick - before))
        before = tick
    file.tracks.append(track)
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder) / "a.mid", Path(folder) / "a.wav"
        file.save(midi)
        settings = (f"synth.reverb.room-size={room}", f"synth.reverb.level={level}")
        options = [word for setting in settings for word in ("-o", setting)]
        command = ["fluidsynth", "-niq", "-g", "0.7", "-r", str(RATE), *options, "-F", str(wave)]
        subprocess.run([*command, str(font), str(midi)], check=True, capture_output=True)
        samples, _ = soundfile.read(wave, always_2d=True)
    size = round(SECONDS * RATE)
    return np.asarray(np.pad(samples.mean(axis=1), (0, size))[:size])


def sing(rng: random.Random, notes: list[Note]) -> tuple[FloatArray, FloatArray]:
    """An additive voice, and its pitch in Hz at each sample, 0 between notes."""
    noise = np.random.default_rng(rng.randrange(2**32))
    size = round(SECONDS * RATE)
    time = np.arange(size) / RATE
    midi, sounds = np.full(size, float(notes[0][2])), np.zeros(size)
    for onset, end, pitch, _ in notes:
        midi[round(onset * RATE) :] = pitch
        sounds[round(onset * RATE) : round(end * RATE)] = 1.0
    midi = _smooth(midi, rng.choice([0.005, 0.02, 0.05, 0.08]))
    depth = rng.uniform(0.0, 0.3) if rng.random() < 0.7 else 0.0
    midi += depth * np.sin(2 * np.pi * rng.uniform(4.5, 6.8) * time) + rng.uniform(-0.5, 0.5)
    gain = _smooth(sounds, rng.uniform(0.01, 0.06))
    hz = midi_to_hz(midi)
    turns, tilt = np.cumsum(hz) / RATE, rng.uniform(0.5, 2.0)
    formants = (rng.uniform(250, 900), 80), (rng.uniform(800, 2400), 120), (2_800.0, 200)
    vowel = rng.random() < 0.6
    sound = np.zeros(size)
    for rank in range(1, 25):
        at = hz * rank
        strength = np.where(at < 10_000, rank**-tilt, 0.0)
        if vowel:
            strength *= 0.1 + sum(1.0 / (1.0 + ((at - mid) / wide) ** 2) for mid, wide in formants)
        sound += strength * np.sin(2 * np.pi * (rank * turns + rng.random()))
    sound = sound * gain / np.abs(sound).max()
    sound += gain * rng.choice([0.0, 0.01, 0.03]) * noise.standard_normal(size)
    if rng.random() < 0.6:
        room = noise.standard_normal(round(rng.uniform(0.1, 0.8) * RATE))
        room *= np.exp(-6.0 * np.arange(len(room)) / len(room))
        spectrum = np.fft.rfft(sound, 2 * size) * np.fft.rfft(room, 2 * size)
        wet = np.fft.irfft(spectrum)[:size] / np.sqrt(np.square(room).sum())
        sound += rng.uniform(0.05, 0.35) * wet
    return sound, np.where(gain > 0.3, hz, 0.0)


def _smooth(curve: FloatArray, seconds: float) -> FloatArray:
    shape = np.hanning(max(round(seconds * RATE), 1) + 2)[1:-1]
    padded = np.pad(curve, len(shape), mode="edge")
    return np.convolve(padded, shape / shape.sum(), "same")[len(shape) : -len(shape)]


def make_noise(rng: random.Random) -> FloatArray:
    """Noise of some colour, steady or in bursts."""
    noise = np.random.default_rng(rng.randrange(2**32))
    size = round(SECONDS * RATE)
    hz = np.fft.rfftfreq(size, 1.0 / RATE) + 20.0
    shape = hz ** -rng.uniform(0.0, 1.0)
    if rng.random() < 0.4:
        shape *= np.exp(-(np.log(hz / rng.uniform(200, 4000)) ** 2) / rng.uniform(0.5, 3.0))
    sound = np.fft.irfft(np.fft.rfft(noise.standard_normal(size)) * shape, size)
    if rng.random() < 0.4:
        sound *= np.repeat(noise.random(size // 2205 + 1) ** 3, 2205)[:size]
    return np.asarray(sound)


def make_piece(seed: int, fonts: Path, *, noisy: bool) -> tuple[FloatArray, FloatArray, list[Note]]:
    """Sound, pitch each 10 ms, and notes."""
    rng = random.Random(seed)
    frames = np.arange(round(SECONDS / HOP_SECONDS))
    pitch, notes = np.zeros(len(frames)), [] if noisy else make_tune(rng)
    if noisy:
        sound = make_noise(rng)
    elif rng.random() < SUNG_SHARE:
        sound, hz = sing(rng, notes)
        pitch = hz[(frames * HOP_SECONDS * RATE).astype(np.int64)]
    else:
        sound, cents = play(rng, notes, fonts)
        for onset, end, midi, _ in notes:
            held = slice(round(onset / HOP_SECONDS), round(min(end, SECONDS) / HOP_SECONDS))
            pitch[held] = 440.0 * 2.0 ** ((midi - 69 + cents / 100.0) / 12.0)
    sound = sound / max(float(np.abs(sound).max()), 1e-9) * 10.0 ** (-rng.uniform(1, 20) / 20)
    hiss = 10.0 ** (-rng.choice([90, 90, 50, 35, 25]) / 20) * np.sqrt(np.square(sound).mean())
    sound += hiss * np.random.default_rng(seed).standard_normal(len(sound))
    return np.clip(sound, -1.0, 1.0), pitch, notes


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/sounds/sf2"))
    parser.add_argument("--train", type=int, default=540)
    parser.add_argument("--valid", type=int, default=40)
    given = parser.parse_args()
    for split, count, first in (("train", given.train, 0), ("valid", given.valid, 1_000_000)):
        (given.out / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            noisy = index % 25 == 24
            sound, pitch, notes = make_piece(first + index, given.fonts, noisy=noisy)
            path = given.out / split / f"{index:05d}"
            soundfile.write(path.with_suffix(".flac"), sound, RATE)
            f0 = {"hop": HOP_SECONDS, "hz": pitch.round(3).tolist()}
            about = {"family": "mono", "seconds": SECONDS, "notes": notes, "f0": f0}
            path.with_suffix(".json").write_text(json.dumps(about))
            print(f"{split} {index + 1} of {count}", end="\r", flush=True)


if __name__ == "__main__":
    main()
