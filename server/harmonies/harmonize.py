"""`segue harmonize`: a recorded voice with parts that fit a cue's chords, and the cue behind it.

The parts are the voice itself with its pitch shifted, a choir, or both. See docs/harmonize.md.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...analysis.notes.sung_notes import SungNote, find_notes
from ...analysis.pitch.voice import PitchTrack, track_pitch
from ...analysis.pitch.voice_quality import ShiftQuality
from ...music.cue import Cue
from ...music.cue_file import load_cue
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.files import check_writable
from ...music.harmony_parts import Review, review, windows
from ...music.theory import NAMES
from ...music.transpose import MOST_SEMITONES, transpose
from ...synth.sinks import FORMATS
from ..sounding.sound import SAMPLE_RATE
from .harmonize_mix import VOICE_LUFS, gain_to, loudness_lufs, master, peak_and_clicks, write
from .harmonize_stems import SOUNDS, Levels, Progress, Stems
from .harmony_plan import Course, Plan, stretches
from .voice_file import Samples, Voice, read_voice

AUTO = "auto"

_FITS = 0.7  # share of the singing that must lie in the cue's scales to go without a word


@dataclass(frozen=True)
class HarmonizeSettings:
    """How a voice is harmonised."""

    section: str | None = None  # of the cue, where it begins; None: the first
    bpm: float | None = None  # within the cue's range; None: its middle
    at_seconds: float = 0.0  # where in the cue the recording begins
    transpose: int | str = 0  # semitones that the cue is moved by; auto: what fits the voice best
    parts: int = 2  # 1..3
    style: str = "around"  # one of music.harmony_parts.STYLES
    sound: str = "both"  # one of SOUNDS
    voice_db: float = 0.0  # -60..12
    parts_db: float = -5.0  # all parts together, against a voice at 0 dB
    accompany: bool = True  # the cue plays along, without its melody
    accompany_db: float = -5.0
    measure: bool = False  # the shifted parts against the voice; takes some more time
    seed: int = 0

    def check(self) -> None:
        """Raise UnknownNameError or RangeError for a setting that cannot be."""
        windows(self.style, self.parts)
        if self.sound not in SOUNDS:
            raise UnknownNameError("sound of the parts", self.sound, SOUNDS)
        for name in ("voice_db", "parts_db", "accompany_db"):
            check_range(name, getattr(self, name), -60.0, 12.0)
        check_range("start in the cue in seconds", self.at_seconds, 0.0, 3600.0)
        if self.transpose != AUTO:
            check_range(
                "transposition in semitones (or 'auto')",
                self.transpose,  # type: ignore[arg-type]
                -MOST_SEMITONES,
                MOST_SEMITONES,
            )


@dataclass(frozen=True)
class HarmonizeResult:
    """What was found and made."""

    path: Path
    seconds: float  # of the output
    notes: int  # sung
    sung_share: float  # of the recording's time
    tuning_cents: float  # median, against the tones that are meant
    in_scale_share: float  # of the time sung: on a tone of the scale at that moment
    transposed: int  # semitones that the cue was moved by
    best_transposition: int  # what would fit the voice best
    key: str
    bpm: float
    parts: Review
    choir_notes: int
    loudness_lufs: float
    true_peak_db: float
    clicks: int
    shifts: list[ShiftQuality]  # of each shifted part, if asked for
    rows: list[dict[str, Any]]  # of each stretch: when, what was sung, the chord, the parts

    def results(self) -> dict[str, float]:
        """The numbers by name, for a machine."""
        numbers = {
            name: float(value)
            for name, value in vars(self).items()
            if isinstance(value, int | float)
        }
        parts = {f"parts_{name}": float(value) for name, value in asdict(self.parts).items()}
        worst = {
            f"shift_{name}": max(float(asdict(shift)[name]) for shift in self.shifts)
            for name in ("pitch_error_cents", "pitch_error_p95_cents", "envelope_difference_db")
            if self.shifts
        }
        return numbers | parts | worst

    def advice(self) -> str:
        """What the user should know, '' if all is well."""
        if self.in_scale_share >= _FITS or self.best_transposition == self.transposed:
            return ""
        return (
            f"only {self.in_scale_share:.0%} of the singing lies in the cue's scale ({self.key}); "
            f"--transpose {self.best_transposition} or --transpose auto moves the cue to the voice"
        )


def harmonize(
    path: str | Path,
    cue: str | Path | Cue,
    output: str | Path,
    settings: HarmonizeSettings | None = None,
    *,
    progress: Progress | None = None,
) -> HarmonizeResult:
    """Write a voice with its harmonies to a WAV, FLAC or Ogg file.

    Raises SegueError for a voice that cannot be read or holds no singing, a cue, section, tempo or
    setting that does not exist, and an output that cannot be written; then nothing is left there.
    """
    settings = settings or HarmonizeSettings()
    settings.check()
    target = check_writable(output)
    if target.suffix.lower() not in FORMATS:  # told before the work is done
        raise UnknownNameError("audio file ending", target.suffix, FORMATS)
    if target.exists() and Path(path).exists() and target.samefile(path):
        raise SegueError(f"{path} would be replaced by its harmonies; name another output")
    tell = progress or (lambda share, what: None)
    loaded = cue if isinstance(cue, Cue) else load_cue(cue)
    tell(0.0, "reading the voice")
    voice = read_voice(path)
    samples = (voice.samples * gain_to(voice.samples, VOICE_LUFS)).astype(np.float32)
    tell(0.05, "following the pitch")
    track = track_pitch(samples, SAMPLE_RATE)
    notes = _notes(voice, track)
    tell(0.3, "writing the parts")
    course, moved, best = _course(loaded, voice, notes, settings)
    plan = Plan(stretches(notes, course, settings.at_seconds), settings.style, settings.parts)
    levels = Levels(settings.voice_db, settings.parts_db, settings.accompany_db)
    stems = Stems(samples, track, course, plan, seed=settings.seed, tell=tell)
    mix = stems.mix(settings.sound, levels, settings.at_seconds if settings.accompany else None)
    tell(0.9, "mastering")
    sound = master(mix)
    write(target, sound)
    tell(1.0, "done")
    shifts = stems.quality() if settings.measure else []
    made = _Made(target, sound, stems.choir_notes, moved, best, shifts)
    return _result(made, voice, notes, course, plan)


def _notes(voice: Voice, track: PitchTrack) -> list[SungNote]:
    notes = find_notes(track)
    if not notes:
        raise SegueError(
            f"no singing was found in {voice.name} ({track.voiced.mean():.0%} of it has a pitch); "
            "give a recording of one voice, without a band, sung between 65 and 1200 Hz"
        )
    return notes


def _course(
    cue: Cue, voice: Voice, notes: list[SungNote], settings: HarmonizeSettings
) -> tuple[Course, int, int]:
    """The cue in time, the semitones that it was moved by, and those that would fit best."""

    def play(semitones: int) -> Course:
        return Course(
            transpose(cue, semitones),
            voice.seconds + settings.at_seconds,
            section=settings.section,
            bpm=settings.bpm,
            seed=settings.seed,
        )

    plain = play(0)
    best = _best_transposition(plain, notes, settings.at_seconds)
    wanted = best if settings.transpose == AUTO else int(settings.transpose)
    return (play(wanted) if wanted else plain), wanted, best


def _best_transposition(course: Course, notes: list[SungNote], at_seconds: float) -> int:
    """Semitones, -6 to 5, by which the cue would have to move to fit the sung notes best."""
    found = stretches(notes, course, at_seconds)
    seconds = np.array([s.end_seconds - s.start_seconds for s in found])

    def fit(semitones: int) -> float:
        classes = [round(s.moment.sung - semitones) % 12 for s in found]
        points = [
            (tone in s.moment.scale) + 0.5 * (tone in s.moment.chord)
            for tone, s in zip(classes, found, strict=True)
        ]
        return float(np.dot(points, seconds) - 1e-6 * abs(semitones))

    return max(range(-6, 6), key=fit)


@dataclass(frozen=True)
class _Made:
    """What came out."""

    path: Path
    sound: Samples
    choir_notes: int
    transposed: int
    best_transposition: int
    shifts: list[ShiftQuality]


def _result(
    made: _Made, voice: Voice, notes: list[SungNote], course: Course, plan: Plan
) -> HarmonizeResult:
    peak, clicks = peak_and_clicks(made.sound)
    found = plan.stretches
    seconds = np.array([s.end_seconds - s.start_seconds for s in found])
    inside = np.array([round(s.moment.sung) % 12 in s.moment.scale for s in found])
    return HarmonizeResult(
        path=made.path,
        seconds=len(made.sound) / SAMPLE_RATE,
        notes=len(notes),
        sung_share=float(seconds.sum() / voice.seconds),
        tuning_cents=100.0 * float(np.median([s.moment.tuning for s in found])),
        in_scale_share=float(seconds[inside].sum() / seconds.sum()),
        transposed=made.transposed,
        best_transposition=made.best_transposition,
        key=str(course.cue.key),
        bpm=course.bpm,
        parts=review([s.moment for s in found], plan.pitches),
        choir_notes=made.choir_notes,
        loudness_lufs=loudness_lufs(made.sound),
        true_peak_db=peak,
        clicks=clicks,
        shifts=made.shifts,
        rows=_rows(plan),
    )


def _rows(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "start_seconds": round(s.start_seconds, 3),
            "end_seconds": round(s.end_seconds, 3),
            "sung": round(s.moment.sung, 2),
            "chord": s.chord,
            "parts": " ".join(_name(int(pitch)) for pitch in pitches),
        }
        for s, pitches in zip(plan.stretches, plan.pitches, strict=True)
    ]


def _name(pitch: int) -> str:
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
