"""Makes a playable cue folder from a recording.

The sections of the recording become loops, cut at bar lines and taken apart into what is held and
what is struck, so that a game can leave the strokes out when little is going on. The way through
the sections is that of the recording; any of them can be asked for at the next bar.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...music.cue import ANY, Binding, Cue, Layer, Parameter, Section, Transition
from ...music.cue_defaults import BINDINGS, PARAMETERS, STINGERS, section_name
from ...music.cue_file import load_cue, write_cue
from ...music.errors import SegueError
from ...music.stems import BPM_RANGE
from ..sound.audio import integrated_loudness
from ..sound.sound_file import read_sound
from ..spectra import Floats
from .loops import EARLY_SECONDS
from .song import Song, SongSection, study_song
from .song_layers import split_strokes

Tell = Callable[[str], None]

TEMPO_REACH = 0.08
"""How far below and above its own tempo a recording is played, as a share."""

STEMS = "stems"
TONES, STROKES = "tones", "strokes"
LEAST_STROKES = 0.02
"""Share of the power that is struck, below which a recording stays whole."""

WANTED_LUFS = -20.0  # of each stem; the mix is brought to its loudness by the engine's leveller
LOW_STROKES = 0.15  # intensity at which the strokes are silent
HIGHEST_RATE = 48_000
LOWEST_HZ = 15.0
TAIL_SECONDS = 0.025
FADE_BEATS = 0.5


def _silent(what: str) -> None:
    """Nobody looks."""


def import_recording(
    path: str | Path, folder: str | Path, name: str | None = None, *, tell: Tell = _silent
) -> tuple[Cue, Song]:
    """Write a cue folder from a recording; its cue, and what was found.

    Raises FileFormatError for a file that is no sound, SegueError for one without a steady beat,
    too short, too long or silent, for a folder that holds a cue already or cannot be written.

    :param folder: of the cue itself
    :param name: its title, by default the file's own
    :param tell: called with what is being done
    """
    if (Path(folder) / "cue.toml").exists():
        raise SegueError(f"{folder} already holds a cue; name a new folder or remove that one")
    tell("reading")
    samples, rate = _playable(*read_sound(path))
    tell("listening")
    song = study_song(samples, rate, str(path))
    with tempfile.TemporaryDirectory(prefix="segue-import-") as made:
        tell("cutting stems")
        layers = _write_stems(samples, rate, song, Path(made))
        tell("writing")
        write_cue(_cue(name or Path(path).stem, song, layers, made), folder)
    return load_cue(Path(folder)), song


def _playable(samples: Floats, rate: int) -> tuple[Floats, int]:
    """One or two channels at no more than `HIGHEST_RATE`, without what is too low to be heard."""
    from scipy.signal import butter, sosfiltfilt

    if samples.shape[1] > 2:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), 2, axis=1)
    if rate > HIGHEST_RATE:
        import soxr

        samples, rate = np.asarray(soxr.resample(samples, rate, HIGHEST_RATE)), HIGHEST_RATE
    if len(samples) > rate:  # an offset would click where stems are cut
        low_cut = butter(2, LOWEST_HZ, "highpass", fs=rate, output="sos")
        samples = np.stack([sosfiltfilt(low_cut, one) for one in samples.T], axis=1)
    return np.asarray(samples, np.float32), rate


def names(song: Song) -> list[str]:
    """The names that the sections have in the cue: a, b, ..."""
    return [section_name(number) for number in range(len(song.sections))]


def _write_stems(samples: Floats, rate: int, song: Song, folder: Path) -> list[Layer]:
    """The loops of all sections as FLAC files, and their layers."""
    import soundfile

    (folder / STEMS).mkdir()
    held, struck = split_strokes(samples, rate)
    whole = float(np.square(samples, dtype=np.float64).sum())
    share = float(np.square(struck, dtype=np.float64).sum()) / max(whole, 1e-12)
    parts = {TONES: held, STROKES: struck} if share >= LEAST_STROKES else {"": samples}
    gain_db = float(np.clip(WANTED_LUFS - integrated_loudness(samples, rate), -24.0, 12.0))
    layers = []
    for name, section in zip(names(song), song.sections, strict=True):
        first, last = (round(t * rate) for t in (section.start_seconds, section.end_seconds))
        for part, sound in parts.items():
            layer = "_".join(filter(None, (name, part)))
            file = f"{STEMS}/{layer}.flac"
            cut = _cut(sound, first, last, rate, sharp=section.sharp)
            soundfile.write(folder / file, cut, rate, subtype="PCM_24")
            layers.append(
                Layer(
                    layer,
                    "stem",
                    gain_db=round(gain_db, 1),
                    reverb=0.0,
                    group=part or "music",
                    file=file,
                    bpm=round(60.0 * section.beats * rate / (last - first), 6),
                    beats=float(section.beats),
                    sections=(name,),
                    fade_beats=FADE_BEATS,
                )
            )
    return layers


def _cut(sound: Floats, first: int, last: int, rate: int, *, sharp: bool) -> Floats:
    """A loop; one that begins with an attack rises and ends within the time before attacks.

    Of any other, what follows stays in the file beyond the loop, to be blended into its start.
    """
    if not sharp:
        return np.clip(sound[first : last + round(TAIL_SECONDS * rate)], -1.0, 1.0)
    cut = np.clip(sound[first:last], -1.0, 1.0)
    count = min(round(0.75 * EARLY_SECONDS * rate), len(cut) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
    cut[:count] *= ramp[:, None]
    cut[len(cut) - count :] *= ramp[::-1, None]
    return cut


def _cue(title: str, song: Song, layers: list[Layer], folder: str) -> Cue:
    low, high = ((1 - TEMPO_REACH) * song.tempo_bpm, (1 + TEMPO_REACH) * song.tempo_bpm)
    slowest, fastest = BPM_RANGE
    middle = float(np.median([section.intensity for section in song.sections]))
    return Cue(
        name="",
        title=title,
        key=song.key,
        meter=song.meter,
        tempo_bpm=(round(max(low, slowest), 1), round(min(high, fastest), 1)),
        modes=(song.key.mode,),
        layers=tuple(layers),
        sections=_sections(song),
        transitions=_transitions(song),
        stingers=STINGERS,
        parameters=(*PARAMETERS, Parameter("intensity", default=round(max(middle, 0.5), 2))),
        bindings=(*BINDINGS, *_bindings(layers)),
        origin="imported from a recording; its author and licence are not known here",
        folder=folder,
    )


def _sections(song: Song) -> tuple[Section, ...]:
    start, made = 0, []
    for number, (name, section) in enumerate(zip(names(song), song.sections, strict=True)):
        groove = "waltz" if song.meter.numerator % 3 == 0 else "rock"
        repeats = _in_a_row(song.order, number)
        made.append(Section(name, section.bars, start, section.chords, groove, repeats))
        start += section.bars
    return tuple(made)


def _in_a_row(order: tuple[int, ...], number: int) -> int:
    """How often a section comes one after another at its first appearance, 1 to 8."""
    first = order.index(number)
    count = 1
    while first + count < len(order) and order[first + count] == number:
        count += 1
    return min(count, 8)


def _transitions(song: Song) -> tuple[Transition, ...]:
    """The ways of the recording by how often it takes them, back to its beginning, and any other.

    The cue takes these at the end of a section by itself; others when it is asked, at a bar line.
    """
    name = names(song)
    pairs = zip(song.order, (*song.order[1:], song.order[0]), strict=True)
    ways = Counter((here, there) for here, there in pairs if here != there)
    return (
        *(
            Transition(name[here], name[there], at="section", fill=False, weight=float(count))
            for (here, there), count in ways.items()
        ),
        Transition(ANY, ANY, at="bar", fill=False),
    )


def _bindings(layers: list[Layer]) -> tuple[Binding, ...]:
    """What the parameter `intensity` does: the mood, and how much of the strokes is heard."""
    return (
        Binding("intensity", "mood.arousal", ((0.0, -0.5), (0.5, 0.0), (1.0, 0.5))),
        *(
            Binding("intensity", f"level.{layer.name}", ((LOW_STROKES, 0.0), (0.5, 1.0)))
            for layer in layers
            if layer.group == STROKES
        ),
    )


def section_rows(song: Song) -> list[dict[str, str | int | float]]:
    """What was found, a row for each section of the cue."""

    def row(name: str, section: SongSection) -> dict[str, str | int | float]:
        return {
            "section": name,
            "form": section.label,
            "bars": f"{section.start_bar + 1}..{section.start_bar + section.bars}",
            "seconds": f"{section.start_seconds:.2f}..{section.end_seconds:.2f}",
            "bpm": round(section.bpm, 2),
            "times": section.times,
            "intensity": round(section.intensity, 2),
            "seam_db": f"{section.seam.level_step_db:.1f}, {section.seam.colour_step_db:.1f}",
            "confidence": round(section.confidence, 2),
        }

    return [row(*pair) for pair in zip(names(song), song.sections, strict=True)]
