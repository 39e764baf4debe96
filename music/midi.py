"""Standard MIDI files to scores and back.

Files are written as type 1 at 960 ticks a beat: a conductor track (title, tempo map, meter,
markers), then one track a part with its bank and program. A score that lies on that grid is equal
after a round trip; others are rounded to it, and tempos to whole microseconds a beat. A note-off
ends the earliest sounding note of its pitch: of two notes of one pitch where one lies inside the
other, the ends come back swapped.

Reference: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (RP-001).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import mido
import numpy as np

from .errors import FileFormatError, RangeError, SegueError, check_range
from .files import read_whole, write_whole
from .score import NOTE, Marker, Notes, Score, Track
from .tempo import MAX_BPM, MIN_BPM, Meter, TempoMap

TICKS_PER_BEAT = 960
BANK_COARSE, BANK_FINE = 0, 32
"""The controllers that choose a bank of programs: its upper and its lower seven bits."""

DRUM_CHANNEL = 9
"""The channel of drums, counted from 0, in files and on ports (General MIDI level 1)."""


def read_midi(path: str | Path) -> Score:
    """The score of a MIDI file of type 0 or 1.

    A file track that uses several channels becomes one track for each. A score has one meter: the
    first of the file is taken, later ones are ignored. Notes that are never released end with their
    track, notes without length last one tick, tempos are held within 10..600 bpm.

    Raises FileFormatError for anything that is not such a file, SegueError if it cannot be read.
    """
    file = _parse(path)
    parts: list[_Part] = []
    tempos: list[tuple[int, float]] = []
    meters: list[tuple[int, Meter]] = []
    marks: list[tuple[int, str]] = []
    title = ""
    for index, messages in enumerate(file.tracks):
        reader = _TrackReader(messages, tempos, meters, marks)
        conducts = index == 0 and file.type == 1 and not reader.parts
        if conducts:
            title = reader.name
        else:
            parts.extend(reader.finished_parts())
    chosen = {part.channel: part for part in reversed(parts) if part.program is not None}
    tracks = tuple(
        _track(part, chosen.get(part.channel, part), file.ticks_per_beat) for part in parts
    )
    meter = min(meters, key=lambda item: item[0])[1] if meters else Meter()
    try:
        markers = tuple(Marker(ticks / file.ticks_per_beat, text) for ticks, text in marks)
    except RangeError as error:
        raise FileFormatError(f"{path} is damaged: {error}") from error
    return Score(tracks, _tempo_map(tempos, file.ticks_per_beat), meter, title, markers)


def write_midi(score: Score, path: str | Path) -> None:
    """Write a score as a MIDI file of type 1; the file appears whole or not at all."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(_conductor(score))
    file.tracks.extend(_messages(track) for track in score.tracks)
    buffer = BytesIO()
    file.save(file=buffer)
    write_whole(path, buffer.getvalue())


@dataclass
class _Part:
    """What one channel of one file track plays."""

    channel: int
    name: str = ""
    program: int | None = None
    bank: int = 0
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)  # ticks, ticks, pitch, vel.
    sounding: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def start(self, at_ticks: int, pitch: int, velocity: int) -> None:
        self.sounding[pitch].append((at_ticks, velocity))

    def choose_bank(self, controller: int, value: int) -> None:
        if controller == BANK_COARSE:
            self.bank = value << 7 | self.bank & 0x7F
        elif controller == BANK_FINE:
            self.bank = self.bank & ~0x7F | value

    def stop(self, at_ticks: int, pitch: int) -> None:
        if self.sounding[pitch]:
            start, velocity = self.sounding[pitch].pop(0)
            self.rows.append((start, max(at_ticks - start, 1), pitch, velocity))


class _TrackReader:
    """Sorts the messages of one file track into parts by channel, tempos, meters and markers."""

    def __init__(
        self,
        messages: mido.MidiTrack,
        tempos: list[tuple[int, float]],
        meters: list[tuple[int, Meter]],
        marks: list[tuple[int, str]],
    ) -> None:
        self.name = ""
        self.parts: dict[int, _Part] = {}
        self.end_ticks = 0
        for message in messages:
            self.end_ticks += message.time
            if message.type == "track_name" and not self.name:
                self.name = _unicode(message.name)
            elif message.type == "set_tempo":
                tempos.append((self.end_ticks, _bpm(message.tempo)))
            elif message.type == "time_signature":
                self._add_meter(message, meters)
            elif message.type == "marker":
                marks.append((self.end_ticks, _unicode(message.text)))
            elif not message.is_meta and hasattr(message, "channel"):
                self._add_channel_message(message)

    def _add_meter(self, message: mido.MetaMessage, meters: list[tuple[int, Meter]]) -> None:
        try:
            meters.append((self.end_ticks, Meter(message.numerator, message.denominator)))
        except SegueError:
            return  # a damaged or exotic event is no reason to refuse the music

    def _add_channel_message(self, message: mido.Message) -> None:
        part = self.parts.setdefault(message.channel, _Part(message.channel))
        if message.type == "note_on" and message.velocity > 0:
            part.start(self.end_ticks, message.note, message.velocity)
        elif message.type in ("note_on", "note_off"):
            part.stop(self.end_ticks, message.note)
        elif message.type == "program_change" and part.program is None:
            part.program = message.program
        elif message.type == "control_change" and part.program is None:
            part.choose_bank(message.control, message.value)

    def finished_parts(self) -> list[_Part]:
        """The parts by channel, all notes ended; an empty one for a track without messages."""
        parts = [part for _, part in sorted(self.parts.items())]
        if len(parts) > 1:  # channels that play nothing are set-up messages, not parts
            parts = [part for part in parts if part.rows or any(part.sounding.values())] or parts[
                :1
            ]
        for part in parts:
            for pitch, open_notes in part.sounding.items():
                for _ in range(len(open_notes)):
                    part.stop(self.end_ticks, pitch)
            several = len(parts) > 1
            part.name = f"{self.name} channel {part.channel + 1}".strip() if several else self.name
        return parts or [_Part(channel=0, name=self.name)]


def _parse(path: str | Path) -> mido.MidiFile:
    data = read_whole(path)
    if data[:4] == b"RIFF" and data[8:16] == b"RMIDdata":
        data = data[20:]
    try:
        file = mido.MidiFile(file=BytesIO(data), clip=True)
    except Exception as error:  # the parser meets damaged bytes with many kinds of errors
        reason = str(error) or "it ends in the middle"
        raise FileFormatError(
            f"{path} is not a whole MIDI file ({reason}); export it again as type 0 or 1"
        ) from error
    if file.type not in (0, 1):
        raise FileFormatError(
            f"{path} is a MIDI file of type {file.type}; export it as type 0 or 1"
        )
    if file.ticks_per_beat <= 0:
        raise FileFormatError(
            f"{path} counts time in video frames (SMPTE), not in beats; export it with beats"
        )
    return file


def _unicode(name: str) -> str:
    """The name as UTF-8 where its bytes are that; the parser reads bytes as Latin-1."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return name


def _bpm(microseconds: int) -> float:
    """The shortest decimal tempo that a file stores as so many microseconds a beat."""
    exact = 60e6 / max(microseconds, 1)
    for digits in range(9):
        bpm = round(exact, digits)
        if bpm and round(60e6 / bpm) == microseconds:
            break
    return min(max(bpm, MIN_BPM), MAX_BPM)


def _tempo_map(tempos: list[tuple[int, float]], ticks_per_beat: int) -> TempoMap:
    tempo = TempoMap()
    for ticks, bpm in sorted(tempos, key=lambda item: item[0]):
        tempo.change(ticks / ticks_per_beat, bpm)
    return tempo


def _notes(rows: list[tuple[int, int, int, int]], ticks_per_beat: int) -> Notes:
    table = np.array(sorted(rows, key=lambda row: (row[0], row[2], row[1])), np.float64)
    table = table.reshape(-1, 4)
    notes = np.zeros(len(table), NOTE)
    notes["onset_beats"] = table[:, 0] / ticks_per_beat
    notes["duration_beats"] = table[:, 1] / ticks_per_beat
    notes["pitch"] = table[:, 2]
    notes["velocity"] = table[:, 3] / 127
    return notes


def _track(part: _Part, chosen: _Part, ticks_per_beat: int) -> Track:
    """A part as a track; without a program of its own it takes that of its channel."""
    voice = chosen if part.program is None else part
    notes = _notes(part.rows, ticks_per_beat)
    return Track(part.name, notes, voice.program or 0, part.channel, voice.bank)


def _conductor(score: Score) -> mido.MidiTrack:
    track = mido.MidiTrack()
    if score.title:
        track.append(mido.MetaMessage("track_name", name=score.title))
    track.append(
        mido.MetaMessage(
            "time_signature",
            numerator=score.meter.numerator,
            denominator=score.meter.denominator,
        )
    )
    timed = [
        (round(beat * TICKS_PER_BEAT), mido.MetaMessage("set_tempo", tempo=round(60e6 / bpm)))
        for beat, bpm in score.tempo.steps
    ]
    timed += [
        (round(mark.beat * TICKS_PER_BEAT), mido.MetaMessage("marker", text=mark.text))
        for mark in score.markers
    ]
    now = 0
    for at, message in sorted(timed, key=lambda item: item[0]):
        track.append(message.copy(time=at - now))
        now = at
    return track


def _messages(track: Track) -> mido.MidiTrack:
    """Messages of one part; at one tick, notes end before others begin."""
    channel = int(check_range(f"channel of track {track.name!r}", track.channel, 0, 15))
    program = int(check_range(f"program of track {track.name!r}", track.program, 0, 127))
    bank = int(check_range(f"bank of track {track.name!r}", track.bank, 0, 16383))
    starts = np.round(track.notes["onset_beats"] * TICKS_PER_BEAT).astype(int)
    ends = np.round(
        (track.notes["onset_beats"] + track.notes["duration_beats"]) * TICKS_PER_BEAT
    ).astype(int)
    ends = np.maximum(ends, starts + 1)
    velocities = np.clip(np.round(track.notes["velocity"] * 127), 1, 127).astype(int)
    rows: list[
        tuple[int, int, int, int]
    ] = []  # tick, 0 for off or the end of an on, pitch, velocity
    for start, end, pitch, velocity in zip(
        starts.tolist(),
        ends.tolist(),
        track.notes["pitch"].tolist(),
        velocities.tolist(),
        strict=True,
    ):
        rows += [(start, end, pitch, velocity), (end, 0, pitch, 0)]
    messages = mido.MidiTrack([mido.MetaMessage("track_name", name=track.name)])
    for controller, value in ((BANK_COARSE, bank >> 7), (BANK_FINE, bank & 0x7F)) if bank else ():
        messages.append(
            mido.Message("control_change", channel=channel, control=controller, value=value)
        )
    messages.append(mido.Message("program_change", channel=channel, program=program))
    now = 0
    for at, end, pitch, velocity in sorted(rows):
        kind = "note_on" if end else "note_off"
        messages.append(
            mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=at - now)
        )
        now = at
    return messages
