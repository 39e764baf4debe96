"""Invented band music, every label exact: harmony, bass, accompaniment, melody and drums."""

import random
from dataclasses import dataclass
from pathlib import Path

from . import corpus_grooves as grooves
from .corpus_harmony import Chord, progression, voicing
from .corpus_piece import NAMES, QUALITIES, Note, Piece, Voice, Warp, label, separated

_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "jazz": (0, 2, 4, 5, 7, 9, 11),
    "jazz minor": (0, 2, 3, 5, 7, 8, 11),
    "blues": (0, 3, 4, 5, 6, 7, 10),
    "minor blues": (0, 3, 5, 6, 7, 10),
}
_BASSES = (
    "roots", "half", "pump", "pump", "fifth", "octave", "walk", "riff", "riff", "riff", "offbeat",
    "kick", "arpeggio", "pedal",
)  # fmt: skip
_COMPS = (
    "block", "block", "pad", "pad", "skank", "riff", "riff", "strum", "strum", "arpeggio",
    "arpeggio", "alberti", "oompah", "stab", "push",
)  # fmt: skip
_THIN = {"bass", "melody", "power"}  # parts that make no whole chord
_LEVELS = {"bass": 96, "comp": 74, "pad": 62, "arp": 74, "lead": 92, "guitar": 76, "power": 84}


@dataclass
class _Song:
    """What the parts of a song share.

    :param swing: where the second eighth of a beat falls, 0.5 straight
    :param thirds: beats fall into three
    :param jitter: spread of the onsets in seconds
    """

    rng: random.Random
    beats: int
    thirds: bool
    swing: float
    warp: Warp
    jitter: float
    pool: str

    @property
    def unit(self) -> float:
        """The smallest step of rhythms, in beats."""
        return 1 / 3 if self.thirds else 0.25

    def seconds(self, beat: float) -> float:
        """When a beat of the score is played."""
        whole = beat // 1.0
        inside = beat - whole
        if self.swing != 0.5 and not self.thirds:
            if inside < 0.5:
                inside *= 2 * self.swing
            else:
                inside = self.swing + (inside - 0.5) * 2 * (1 - self.swing)
        return self.warp(whole + inside)


@dataclass
class _Section:
    """Some bars with one way of playing.

    :param plan: chords as (start, end, chord) in beats from the start of the song
    """

    start: float
    bars: int
    tonic: int
    plan: list[tuple[float, float, Chord]]
    loud: float


def band(rng: random.Random, data: Path | None, split: str, seconds: float) -> Piece:
    """A song of the invented band that lasts at least `seconds`, some with people's drums."""
    take = None
    if data is not None and rng.random() < 0.4:
        take = grooves.read_take(data, rng.choice(grooves.takes(data, split)))
    song, bpm = _song(rng, take, seconds)
    tonic = rng.randrange(12)
    sections = _sections(song, tonic, seconds, bpm)
    voices = _voices(song, sections)
    drums: list[tuple[float, int, int]] = []
    if take is not None:
        drums = [(song.warp(at), drum, v) for at, drum, v in _repeated(take, sections)]
    elif rng.random() < 0.82:
        drums = _drums(song, sections)
    bars = [s.start + i * song.beats for s in sections for i in range(s.bars)]
    chords = [(song.warp(a), song.warp(b), chord) for s in sections for a, b, chord in s.plan]
    tonics = {section.tonic for section in sections}
    mode = "minor" if "minor" in song.pool else "major"
    end = bars[-1] + song.beats
    return Piece(
        ident=take.name if take else f"band-{rng.getrandbits(40):010x}",
        source="groove" if take else "band",
        family="band",
        seconds=song.warp(end),
        voices=voices,
        drums=drums,
        beats=[song.warp(float(beat)) for beat in range(round(end))],
        downbeats=[song.warp(bar) for bar in bars],
        meter=song.beats,
        chords=_heard(voices, chords),
        key=f"{NAMES[tonic]} {mode}" if len(tonics) == 1 else None,
    )


def _heard(
    voices: list[Voice], chords: list[tuple[float, float, Chord]]
) -> list[tuple[float, float, str]]:
    """Chords as they are heard: a fifth where no third sounds, "X" for single lines, "N" for none.

    Where the bass is silent, the lowest note of the others makes the inversion.
    """
    found = []
    for start, end, chord in chords:
        sounding: dict[str, list[int]] = {}
        for voice in voices:
            pitches = [
                p for a, b, p, _ in voice.notes if min(b, end) - max(a, start) > min(b - a, 0.5) / 5
            ]
            if pitches:
                sounding.setdefault(voice.role, []).extend(pitches)
        full = [p for role in sounding.keys() - _THIN for p in sounding[role]]
        name = "X" if sounding else "N"
        if full or "power" in sounding:
            lowest = min(full + sounding.get("power", [])) % 12
            bass = chord.bass if "bass" in sounding or lowest not in chord.classes else lowest
            name = label(chord.root, chord.quality if full else "5", bass if full else chord.root)
        found.append((start, end, name))
    return found


def _song(rng: random.Random, take: grooves.Take | None, seconds: float) -> tuple[_Song, float]:
    if take is not None:
        beats, thirds, swing = take.beats_a_bar, False, take.swing
        bpm = take.bpm * rng.uniform(0.88, 1.14)
    else:
        beats = rng.choices((4, 3, 2, 5, 7), (14, 3, 1.2, 0.5, 0.3))[0]
        thirds = rng.random() < (0.7 if beats == 2 else 0.12)
        swing = rng.choice((0.5, 0.5, 0.5, rng.uniform(0.54, 0.68)))
        low, high = (40, 130) if thirds else (52, 205)
        bpm = min(high, max(low, rng.gauss(112, 34)))
        if rng.random() < 0.25:
            bpm = rng.uniform(low, high)
    depth = rng.choice((0.0, 0.0, 0.003, 0.008, 0.015))
    drift = rng.choice((0.0, 0.0, 0.0, 0.0, rng.uniform(-0.12, 0.12)))
    warp = Warp(rng, bpm, depth, seconds * bpm / 60 * 1.3 + 40, drift)
    pool = rng.choices(
        ("major", "minor", "jazz", "jazz minor", "blues", "minor blues"), (9, 9, 2.5, 1.2, 1, 0.5)
    )[0]
    return _Song(rng, beats, thirds, swing, warp, rng.choice((0.0, 0.003, 0.006, 0.01)), pool), bpm


def _sections(song: _Song, tonic: int, seconds: float, bpm: float) -> list[_Section]:
    """The form: two or three sections that come again, now and then in another key."""
    rng, beats = song.rng, song.beats
    richness = rng.choice((0.0, 0.05, 0.3, 0.8))
    pace = rng.choices(
        (beats, beats / 2, beats * 2, beats / 4),
        (10, 3 if beats % 2 == 0 else 0, 3, 0.3 if beats % 4 == 0 else 0),
    )[0]
    if song.pool in ("blues", "minor blues"):
        pace = beats
    loops = [progression(rng, song.pool, tonic, richness) for _ in range(rng.choice((1, 2, 2, 3)))]
    needed = (seconds + 8) * bpm * 1.2 / 60
    sections: list[_Section] = []
    at, moved, which = 0.0, 0, 0
    while at < needed:
        if sections and rng.random() < 0.05:
            moved += rng.choice((1, 2, 3, 5, -2))
        loop = loops[which % len(loops)]
        which += rng.random() < 0.7
        bars = rng.choice((4, 4, 8, 8, 2)) if len(loop) <= 8 else 12
        plan = []
        place, index = at, 0
        while place < at + bars * beats - 1e-6:
            chord = loop[index % len(loop)]
            chord = Chord((chord.root + moved) % 12, chord.quality, (chord.bass + moved) % 12)
            end = min(place + pace, at + bars * beats)
            plan.append((place, end, chord))
            place, index = end, index + 1
        sections.append(_Section(at, bars, (tonic + moved) % 12, plan, rng.uniform(-12.0, 8.0)))
        at += bars * beats
    return sections


def _voices(song: _Song, sections: list[_Section]) -> list[Voice]:
    rng = song.rng
    parts: list[tuple[str, list[Note]]] = []
    if rng.random() < 0.9:
        parts.append(("bass", _over(song, sections, "bass", rng.uniform(28, 36))))
    count = rng.choices((0, 1, 2, 3), (0.6, 4, 4, 1.4))[0]
    for role in rng.sample(("comp", "comp", "guitar", "pad", "arp", "power"), count):
        parts.append((role, _over(song, sections, role, rng.uniform(52, 70))))
    if rng.random() < 0.72 or not parts:
        parts.append(("melody", _over(song, sections, "lead", rng.uniform(62, 80))))
    if rng.random() < 0.18:
        parts.append(("melody", _over(song, sections, "lead", rng.uniform(55, 84))))
    return [Voice(role, notes) for role, notes in parts if notes]


Written = tuple[float, float, int, int]
"""Onset and end in beats, pitch, velocity."""


def _over(song: _Song, sections: list[_Section], role: str, centre: float) -> list[Note]:
    """One part over all sections; it may be silent in some."""
    rng = song.rng
    lag, legato = rng.gauss(0, song.jitter), rng.uniform(0.6, 1.0)
    styles = rng.sample(_BASSES if role == "bass" else _COMPS, 2)
    if role == "pad":
        styles = ["pad", "pad"]
    if role == "arp":
        styles = ["arpeggio", "arpeggio"]
    if role == "power":
        styles = [rng.choice(("pump", "pad", "riff", "block"))] * 2
    rhythms = [_rhythm(song, rng.uniform(0.3, 0.9)) for _ in range(2)]
    silent = rng.choice((0.0, 0.0, 0.1, 0.3))
    level = _LEVELS.get(role, 80) + rng.randint(-10, 8)
    spread = rng.choice((0.0, 0.0, 0.006, 0.018)) if role in ("guitar", "comp", "arp") else 0.0
    size = 2 if role == "power" else rng.choice((3, 3, 4, 5))
    notes: list[Note] = []
    before: list[int] = []
    for section in sections:
        if rng.random() < silent:
            continue
        which = rng.random() < 0.3
        style, rhythm = styles[which], rhythms[which]
        if role == "lead":
            written = _lead(song, section, centre, rhythm)
        else:
            written = []
            for start, end, chord in section.plan:
                if role == "bass":
                    root = centre + (chord.bass - centre) % 12
                    written += _bass(song, style, start, end, chord, round(root), rhythm, section)
                else:
                    if role == "power":
                        low = round(36 + (chord.root - 36) % 12 + (12 if centre > 64 else 0))
                        before = [low, low + 7] + ([low + 12] if size > 1 and centre > 58 else [])
                    else:
                        before = voicing(rng, chord, centre, before, size)
                    written += _comp(song, style, start, end, before, rhythm)
        for onset, end, pitch, velocity in written:
            share = min(1.0, legato + rng.gauss(0, 0.04))
            begin = song.seconds(onset) + lag + rng.gauss(0, song.jitter)
            begin += spread * rng.random() * 2
            close = song.seconds(onset + (end - onset) * share) + lag
            louder = level + velocity + section.loud * 0.5 + rng.gauss(0, 4)
            notes.append(
                (begin, max(close, begin + 0.045), pitch, min(127, max(15, round(louder))))
            )
    return separated(notes)


def _rhythm(song: _Song, density: float) -> list[float]:
    """Onsets of a bar, the first beat and other beats likelier than what lies between."""
    rng = song.rng
    fine = song.thirds or rng.random() < 0.35
    step = song.unit if fine else 0.5
    found = []
    for index in range(round(song.beats / step)):
        at = index * step
        on_beat = abs(at - round(at)) < 1e-6
        chance = density * (1.0 if on_beat else 0.55 if abs(at * 2 % 1) < 1e-6 else 0.3)
        if rng.random() < chance or (index == 0 and rng.random() < 0.6):
            found.append(at)
    return found or [0.0]


def _placed(
    song: _Song, start: float, end: float, rhythm: list[float]
) -> list[tuple[float, float]]:
    """The onsets of a bar's rhythm that fall on a chord, each up to the next."""
    bar = start // song.beats * song.beats
    ons = []
    while bar < end:
        ons += [bar + at for at in rhythm if start - 1e-6 <= bar + at < end - 1e-6]
        bar += song.beats
    if not ons:
        ons = [start]
    return [(a, b) for a, b in zip(ons, [*ons[1:], end], strict=True)]


def _steps(start: float, end: float, step: float) -> list[tuple[float, float]]:
    count = max(1, round((end - start) / step))
    return [(start + i * step, min(end, start + (i + 1) * step)) for i in range(count)]


def _bass(
    song: _Song,
    style: str,
    start: float,
    end: float,
    chord: Chord,
    root: int,
    rhythm: list[float],
    section: _Section,
) -> list[Written]:
    rng = song.rng
    fifth = root + 7 if root < 38 else root - 5
    half = 1 / 3 if song.thirds else 0.5
    if chord.bass != chord.root:
        fifth = root
    if style == "roots":
        return [(start, end, root, 0)]
    if style == "pedal":
        pedal = root  # the label names the bass, so that it stays true
        return [(a, b, pedal, 0) for a, b in _steps(start, end, 1.0)]
    if style == "half":
        return [(a, b, root, 0) for a, b in _steps(start, end, max(1.0, song.beats / 2))]
    if style == "pump":
        return [(a, b, root, 6 if a % 1 == 0 else -4) for a, b in _steps(start, end, half)]
    if style == "fifth":
        spots = _steps(start, end, 1.0)
        return [(a, b, fifth if i % 2 else root, 0) for i, (a, b) in enumerate(spots)]
    if style == "octave":
        spots = _steps(start, end, half)
        return [(a, b, root + 12 * (i % 2), 0) for i, (a, b) in enumerate(spots)]
    if style == "offbeat":
        return [(a + half, b, root, 0) for a, b in _steps(start, end, 1.0) if b - a > half]
    if style == "arpeggio":
        tones = [root + (c - root) % 12 for c in chord.classes[:3]]
        spots = _steps(start, end, half)
        return [(a, b, root if i == 0 else rng.choice(tones), 0) for i, (a, b) in enumerate(spots)]
    if style == "walk":
        found: list[Written] = []
        scale = [(section.tonic + s) % 12 for s in _SCALES[song.pool]]
        at = root
        for i, (a, b) in enumerate(_steps(start, end, 1.0)):
            if i:
                near = [p for p in range(at - 4, at + 5) if p != at and 26 <= p <= 50]
                near = [p for p in near if p % 12 in scale or p % 12 in chord.classes]
                at = rng.choice(near or [root])
            found.append((a, b, at, 0))
        return found
    spots = _placed(song, start, end, rhythm)
    return [
        (
            a,
            min(b, a + 2),
            root if i == 0 or rng.random() < 0.75 else rng.choice((fifth, root + 12)),
            0,
        )
        for i, (a, b) in enumerate(spots)
    ]


def _comp(
    song: _Song, style: str, start: float, end: float, pitches: list[int], rhythm: list[float]
) -> list[Written]:
    rng = song.rng
    half = 1 / 3 if song.thirds else 0.5
    spots: list[tuple[float, float]]
    if style == "pad":
        spots = [(start, end)]
    elif style == "block":
        spots = _steps(start, end, rng.choice((1.0, 1.0, 2.0)))
    elif style == "pump":
        spots = _steps(start, end, half)
    elif style == "skank":
        spots = [(a + half, min(b, a + half + 0.3)) for a, b in _steps(start, end, 1.0)]
    elif style == "oompah":
        spots = [
            (a, b)
            for i, (a, b) in enumerate(_steps(start, end, 1.0))
            if (a % song.beats) % 2 == 1 or (song.beats == 3 and a % 3 > 0)
        ]
    elif style == "strum":
        whole = _steps(start, end, half)
        spots = [(a, b) for i, (a, b) in enumerate(whole) if a % 1 == 0 or rng.random() < 0.75]
    elif style == "stab":
        spots = [(a, a + 0.25) for a, _ in _placed(song, start, end, rhythm)]
    elif style == "push":
        spots = [(start, min(end, start + half)), (start + half, end)]
        if end - start >= 2:
            spots = [(start, start + 1.5), (start + 1.5, end)]
    elif style in ("arpeggio", "alberti"):
        step = song.unit if rng.random() < 0.3 or song.thirds else 0.5
        order = {
            0: sorted(pitches),
            1: sorted(pitches, reverse=True),
            2: sorted(pitches) + sorted(pitches)[-2:0:-1],
            3: rng.sample(pitches, len(pitches)),
        }[rng.randrange(4) if style == "arpeggio" else 0]
        if style == "alberti" and len(order) > 2:
            order = [order[0], order[-1], order[1], order[-1]]
        ring = rng.random() < 0.3
        return [
            (a, end if ring else b, order[i % len(order)], 0)
            for i, (a, b) in enumerate(_steps(start, end, step))
        ]
    else:
        spots = _placed(song, start, end, rhythm)
    return [(a, b, p, 6 if a % 1 == 0 else -4) for a, b in spots for p in pitches]


def _lead(song: _Song, section: _Section, centre: float, rhythm: list[float]) -> list[Written]:
    """A melody from a motif of two bars that comes again with other notes."""
    rng = song.rng
    scale = {(section.tonic + step) % 12 for step in _SCALES[song.pool]}
    second = _rhythm(song, rng.uniform(0.2, 0.9))
    rest = rng.choice((0.0, 0.1, 0.25, 0.5))
    leap = rng.choice((2, 4, 7))
    at = round(centre)
    written: list[Written] = []
    double = rng.choice((0, 0, 0, 0, 12, -12))
    for bar in range(section.bars):
        if rng.random() < rest:
            continue
        start = section.start + bar * song.beats
        for a, b in _placed(song, start, start + song.beats, second if bar % 2 else rhythm):
            if rng.random() < 0.12:
                continue
            chord = next((c for x, y, c in section.plan if x <= a + 1e-6 < y), section.plan[-1][2])
            tones = {(chord.root + s) % 12 for s in QUALITIES[chord.quality]}
            strong = a % 1 == 0
            pool = tones if strong or rng.random() < 0.3 else scale | tones
            near = [p for p in range(at - leap, at + leap + 1) if p % 12 in pool] or [at]
            at = min(near, key=lambda p: rng.random() * 6 + max(0.0, abs(p - centre) - 8))
            end = min(b, a + rng.choice((1.0, 2.0, 4.0)))
            written.append((a, end, at, 4 if strong else -2))
            if double:
                written.append((a, end, at + double, -6))
    return written


def _repeated(take: grooves.Take, sections: list[_Section]) -> list[grooves.Hit]:
    """A take, repeated after its whole bars up to the end of the song."""
    end = sections[-1].start + sections[-1].bars * take.beats_a_bar
    length = max(1, take.bars) * take.beats_a_bar
    hits, offset = [], 0.0
    while offset < end:
        hits += [(offset + at, d, v) for at, d, v in take.hits if at < length and offset + at < end]
        offset += length
    return hits


def _drums(song: _Song, sections: list[_Section]) -> list[tuple[float, int, int]]:
    rng = song.rng
    pair = [grooves.invent(rng, song.beats, song.thirds) for _ in range(2)]
    enters = 0.0 if rng.random() < 0.8 else sections[min(1, len(sections) - 1)].start
    hits: list[grooves.Hit] = []
    fills, rolls = rng.choice((0.0, 0.4, 0.9)), rng.choice((4, 8))
    for section in sections:
        groove = pair[rng.random() < 0.25]
        if rng.random() < 0.06:
            continue
        for bar in range(section.bars):
            start = section.start + bar * song.beats
            if start < enters or rng.random() < 0.015:
                continue
            played = grooves.play_bar(rng, groove, start, section.loud)
            if (bar + 1) % rolls == 0 and rng.random() < fills:
                length = min(song.beats, rng.choice((1, 2, song.beats)))
                cut = start + song.beats - length
                played = [hit for hit in played if hit[0] < cut]
                played += grooves.fill(rng, song.beats, length, start, song.thirds)
            if bar == 0 and rng.random() < 0.5:
                played.append((start, grooves.CRASH, rng.randint(85, 115)))
            hits += played
    lag = rng.gauss(0, song.jitter / 2)
    found: dict[tuple[int, int], tuple[float, int, int]] = {}
    for at, drum, velocity in sorted(hits):
        when = song.seconds(at) + lag + rng.gauss(0, song.jitter * 0.7)
        found.setdefault((round(at * 48), drum), (max(0.0, when), drum, velocity))
    return sorted(found.values())
