"""Ours and the peers on the same notes: what FluidSynth, scsynth and tono-py use of a processor.

Each plays the busiest spot of the shipped cues to a file, in a process of its own, as often as the
others and in turns. What a process uses before it plays is found by a score of one second and taken
off, so that the size of a SoundFont or an interpreter does not count; nor does the very first run,
in which ours makes tables that it keeps for later ones. The sounds differ: it is a
comparison of engines doing the same job, not of the same waves.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import mido
import numpy as np

from ..music.errors import SegueError
from ..music.events import PROGRAMS
from ..music.midi import DRUM_CHANNEL
from ..synth.engine_process import ONE_THREAD
from ..synth.render import OFFLINE_BLOCK_FRAMES
from .findings import Found, Rows, Tell
from .synth_material import busiest_spots, record
from .synth_piece import SAMPLE_RATE, Piece, save_piece
from .synth_scsynth import write_score

SOUNDFONTS = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/soundfonts/default.sf2",
)
"""Looked for in this order, unless SEGUE_SOUNDFONT names one."""

OURS = f"segue:{OFFLINE_BLOCK_FRAMES}"
LIMIT_SECONDS = 120.0
START_SECONDS = 1.0  # of the score whose cost counts as getting started
TICKS_PER_BEAT, MIDI_TEMPO = 960, 500_000  # 1920 ticks a second
QUIET_DB = -50.0  # a file below has not played the score


@dataclass(frozen=True)
class Player:
    """A program that plays a score into a file."""

    name: str
    about: str
    lacking: str  # what is not installed and how to install it; empty if all is there
    write: Callable[[Piece, Path], None]
    command: Callable[[Path, Path], list[str]]  # given the score and the WAV file to make


def players() -> list[Player]:
    """Ours and the peers, those too that are not installed."""
    font = _soundfont()
    fluidsynth, scsynth = shutil.which("fluidsynth"), shutil.which("scsynth")
    return [
        _child(OURS, "blocks as in rendering", ""),
        _child("segue:256", "blocks as in live playing", ""),
        Player(
            "fluidsynth",
            f"{Path(font).name if font else 'no SoundFont'}, reverb and chorus on",
            "" if fluidsynth and font else "apt install fluidsynth fluid-soundfont-gm",
            _write_midi,
            lambda score, out: [
                *(fluidsynth or "", "-ni", "-q", "-r", str(SAMPLE_RATE), "-R", "1", "-C", "1"),
                *("-T", "wav", "-F", str(out), font or "", str(score)),
            ],
        ),
        Player(
            "scsynth",
            "synth definitions of about the same make, not in real time",
            _lacking_scsynth(scsynth),
            write_score,
            lambda score, out: [
                *(scsynth or "", "-i", "0", "-o", "2", "-N", str(score), "_", str(out)),
                *(str(SAMPLE_RATE), "WAV", "int24"),
            ],
        ),
        _child(
            "tono",
            "tono-py, its own instruments",
            "" if find_spec("tono") else "pip install 'segue[bench]'",
        ),
    ]


def _child(name: str, about: str, lacking: str) -> Player:
    module = f"{__package__}.synth_child"
    return Player(
        name,
        about,
        lacking,
        save_piece,
        lambda score, out: [sys.executable, "-m", module, name, str(score), str(out)],
    )


def _soundfont() -> str | None:
    named = os.environ.get("SEGUE_SOUNDFONT")
    return next((path for path in ([named] if named else SOUNDFONTS) if Path(path).is_file()), None)


def _lacking_scsynth(program: str | None) -> str:
    ways = []
    if program is None:
        ways.append("apt install supercollider-server")
    if find_spec("supriya") is None:
        ways.append("pip install 'segue[bench]'")
    return " and ".join(ways)


def measure(tell: Tell, *, seconds: float = 30.0, repeats: int = 3) -> Found:
    """`vs_fluidsynth` and `vs_scsynth`: our processor time over theirs; tono-py beside."""
    spot = busiest_spots()[0]
    piece = record(spot, seconds)
    found = Found()
    present = []
    for player in players():
        if player.lacking:
            found.skip(f"vs_{player.name}", f"not installed: {player.lacking}")
        else:
            present.append(player)
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        first, whole, start = _times(present, piece, Path(folder), repeats, tell)
    rows: Rows = []
    ours = max(median(whole[OURS]) - median(start[OURS]), 1e-3)
    for player in present:
        used = max(median(whole[player.name]) - median(start[player.name]), 1e-3)
        rows.append(
            {
                "player": player.name,
                "processor_seconds": used,
                "start_seconds": median(start[player.name]),
                "first_start_seconds": first[player.name][0],
                "fastest": min(whole[player.name]) - median(start[player.name]),
                "slowest": max(whole[player.name]) - median(start[player.name]),
                "segue_over_it": ours / used,
                "times_real_time": (seconds - START_SECONDS) / used,
                "about": player.about,
            }
        )
        if not player.name.startswith("segue"):
            found.results[f"vs_{player.name}"] = ours / used
    found.tables[f"{seconds:g} s of {spot}: {len(piece.events)} notes, {repeats} times"] = rows
    return found


Times = dict[str, list[float]]
"""Processor seconds of each run, by player."""


def _times(
    present: list[Player], piece: Piece, folder: Path, repeats: int, tell: Tell
) -> tuple[Times, Times, Times]:
    """Processor seconds for the first second of a piece once, then for all of it and again."""
    times: tuple[Times, Times, Times] = ({}, {}, {})
    first, whole, start = times
    parts = (piece.first(START_SECONDS), piece)
    for player in present:
        for part in parts:
            player.write(part, _score(folder, player, part))
    runs = [(parts[0], first)] + [(parts[1], whole), (parts[0], start)] * repeats
    out = folder / "out.wav"
    for done, (part, taken) in enumerate(runs):
        for number, player in enumerate(present):
            tell(f"{player.name} plays", (done + number / len(present)) / len(runs))
            command = player.command(_score(folder, player, part), out)
            taken.setdefault(player.name, []).append(processor_seconds(command, folder / "cache"))
            if part is piece:
                check_played(out, player.name, piece.seconds)
            out.unlink(missing_ok=True)
    return times


def _score(folder: Path, player: Player, part: Piece) -> Path:
    # numpy would add this ending to another
    return folder / f"{player.name.replace(':', '-')}-{part.seconds:g}.npz"


def processor_seconds(command: list[str], cache: Path | None = None) -> float:
    """What a program uses until it ends, user and system; SegueError if it fails or hangs.

    It runs in the environment in which an engine has its process.

    :param cache: where ours keeps its tables, instead of the user's own folder
    """
    environment = os.environ | ONE_THREAD | ({"SEGUE_CACHE": str(cache)} if cache else {})
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            command, stdout=told, stderr=told, stdin=subprocess.DEVNULL, env=environment
        )
        killer = threading.Timer(LIMIT_SECONDS, process.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            told.seek(0)
            lines = told.read().decode(errors="replace").strip().splitlines() or [""]
            raise SegueError(
                f"{command[0]} ended with code {process.returncode} ({lines[-1]}); try it by hand: "
                f"{' '.join(command)}"
            )
    return usage.ru_utime + usage.ru_stime


def check_played(path: Path, name: str, seconds: float) -> None:
    """Raise SegueError unless a file sounds, and lasts as long as its score."""
    import soundfile

    sound, rate = soundfile.read(path, always_2d=True)
    level_db = 10 * np.log10(np.mean(np.square(sound)) + 1e-12) if len(sound) else -120.0
    if level_db < QUIET_DB or len(sound) < 0.98 * seconds * rate:
        raise SegueError(
            f"{name} left {len(sound) / rate:.1f} s at {level_db:.0f} dB for a score of "
            f"{seconds:g} s; it has not played it, so its time says nothing"
        )


def _write_midi(piece: Piece, path: Path) -> None:
    """The notes on General MIDI channels, with level, place and reverb of each."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=MIDI_TEMPO)]))
    free = iter(number for number in range(16) if number != DRUM_CHANNEL)
    for number, channel in enumerate(piece.channels):
        events = piece.events[piece.events["channel"] == number]
        if not len(events):
            continue
        kit = channel.instrument.startswith("drums")
        midi_channel = DRUM_CHANNEL if kit else next(free)
        file.tracks.append(_track(channel.instrument, midi_channel, events))
        setting = {7: 100, 10: 64 + round(63 * channel.pan), 91: round(127 * channel.reverb)}
        file.tracks[-1][1:1] = [
            mido.Message("control_change", channel=midi_channel, control=control, value=value)
            for control, value in setting.items()
        ]
    file.save(path)


def _track(instrument: str, midi_channel: int, events: np.ndarray) -> mido.MidiTrack:
    ticks = TICKS_PER_BEAT * 1_000_000 / MIDI_TEMPO / SAMPLE_RATE
    rows = []
    for at, length, pitch, velocity, _ in events.tolist():
        note = round(pitch)
        rows.append((round(at * ticks), 1, note, max(1, round(127 * velocity))))
        rows.append((max(round((at + length) * ticks), round(at * ticks) + 1), 0, note, 0))
    program = mido.Message("program_change", channel=midi_channel, program=PROGRAMS[instrument])
    track = mido.MidiTrack([program])
    now = 0
    for at, on, note, velocity in sorted(rows):
        kind = "note_on" if on else "note_off"
        track.append(
            mido.Message(kind, channel=midi_channel, note=note, velocity=velocity, time=at - now)
        )
        now = at
    return track
