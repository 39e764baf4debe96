"""An analysis told: as rows of a table, as one row of a folder, and as plain values for JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...music.theory import Chord, Key
from ..scores.score_features import UNITS
from ..sound.audio import FLOOR_DB

if TYPE_CHECKING:
    from .analysis import Analysis

Row = dict[str, str]

_MOST_CHORDS, _MOST_KEYS, _MOST_SECTIONS = 5, 4, 12
_DIGITS = 6  # of numbers in JSON


def analysis_rows(found: "Analysis") -> list[Row]:
    """What was found as rows of a table: what, value, how sure (0..1), and more about it."""
    rows = [_row("duration", clock(found.duration_seconds))]
    rows += _score_rows(found) if found.kind == "score" else _sound_rows(found)
    rows += [_row("remark", remark) for remark in found.remarks]
    return rows


def analysis_row(found: "Analysis") -> Row:
    """What was found as one row of a table of many files."""
    row = {"file": str(found.path), "duration": clock(found.duration_seconds)}
    if found.loudness_lufs is not None:
        row["LUFS"] = _lufs(found.loudness_lufs)
    tempo = found.beats.tempo_bpm if found.beats else found.tempo_bpm
    if tempo is not None:
        row["bpm"] = f"{tempo:.1f}" if tempo else "-"
    if found.beats:
        row["meter"] = str(found.beats.meter_beats or "-")
    elif found.meter:
        row["meter"] = found.meter
    if found.key:
        row["key"] = key_text(found.key.key)
    if found.chords:
        row["chords"] = ", ".join(name for name, _ in usual_chords(found)[:3]) or "-"
    if found.form:
        row["sections"] = str(len(found.form.sections))
    if found.notes is not None:
        row["notes"] = str(len(found.notes))
    elif found.score:
        row["notes"] = str(found.score.note_count)
    if found.remarks:
        row["remark"] = found.remarks[0]
    return row


def _row(what: str, value: str, sure: float | None = None, more: str = "") -> Row:
    return {
        "what": what,
        "value": value,
        "sure": "" if sure is None else f"{sure:.2f}",
        "more": more,
    }


def _sound_rows(found: "Analysis") -> list[Row]:
    rows = []
    if found.sound:
        channels = found.sound.channels
        several = "channel" if channels == 1 else "channels"
        about = f"{found.sound.sample_rate} Hz, {channels} {several}"
        rows.append(_row("file", f"{found.sound.format}, {about}"))
    if found.loudness_lufs is not None:
        clipped = f", {100 * (found.clipped_share or 0.0):.2g} % of samples at full scale"
        more = f"range {found.loudness_range_lu:.1f} LU, peak {found.peak_db:.1f} dB"
        more += clipped if found.clipped_share else ""
        rows.append(_row("loudness", f"{_lufs(found.loudness_lufs)} LUFS", more=more))
    if found.tuning is not None:
        tuning = found.tuning
        hz = 440.0 * 2.0 ** (tuning.cents / 1200.0)
        rows.append(
            _row("tuning", f"{tuning.cents:+.0f} cents", tuning.confidence, f"A4 = {hz:.1f} Hz")
        )
    rows += _rhythm_rows(found) + _harmony_rows(found)
    if found.form:
        sections = found.form.sections
        shown = [f"{one.label} {clock(one.start_seconds)}" for one in sections[:_MOST_SECTIONS]]
        rest = f", {len(sections) - len(shown)} more" if len(sections) > len(shown) else ""
        rows.append(_row("sections", str(len(sections)), more=", ".join(shown) + rest))
    if found.notes is not None:
        seconds = max(found.duration_seconds, 1e-9)
        rows.append(
            _row("notes", str(len(found.notes)), more=f"{len(found.notes) / seconds:.1f} a second")
        )
    return rows + _feature_rows(found)


def _rhythm_rows(found: "Analysis") -> list[Row]:
    beats = found.beats
    if beats is None:
        return []
    if not len(beats):
        return [_row("tempo", "no beat is heard")]
    others = [
        f"{one.bpm:.1f}"
        for one in beats.tempo_candidates
        if abs(one.bpm / beats.tempo_bpm - 1.0) > 0.04
    ][:2]
    more = f"or {' or '.join(others)}" if others else ""
    rows = [_row("tempo", f"{beats.tempo_bpm:.1f} bpm", beats.tempo_confidence, more)]
    bars = len(beats.downbeat_times_seconds)
    rows.append(
        _row(
            "meter",
            f"{beats.meter_beats} beats",
            beats.meter_confidence,
            f"{len(beats)} beats, {bars} bars, the first at {beats.times_seconds[0]:.2f} s",
        )
    )
    if found.swing and found.swing.confidence > 0.0:
        rows.append(_row("swing", f"{found.swing.ratio:.2f} to 1", found.swing.confidence))
    return rows


def _harmony_rows(found: "Analysis") -> list[Row]:
    rows = []
    if found.key:
        if found.key.key is None:
            rows.append(_row("key", "none"))
        else:
            rows.append(
                _row("key", key_text(found.key.key), found.key.confidence, _local_keys(found))
            )
    if found.chords:
        usual = usual_chords(found)
        more = ", ".join(f"{name} {100 * share:.0f} %" for name, share in usual[:_MOST_CHORDS])
        known = [chord for chord in found.chords.chords if chord is not None]
        sure = float(np.mean(found.chords.confidence)) if len(found.chords) else None
        rows.append(_row("chords", str(len(known)), sure, more))
    return rows


def _local_keys(found: "Analysis") -> str:
    local = found.key.local if found.key else ()
    if len(local) < 2:
        return ""
    shown = [f"{key_text(one.key)} {clock(one.start_seconds)}" for one in local[:_MOST_KEYS]]
    return ", ".join(shown) + (", ..." if len(local) > len(shown) else "")


def _feature_rows(found: "Analysis") -> list[Row]:
    rows = []
    if found.features:
        mean = {name: float(one.mean) for name, one in found.features.items() if not one.mean.ndim}
        bright = found.features["centroid_hz"]
        rows += [
            _row(
                "brightness",
                f"{mean['centroid_hz']:.0f} Hz",
                more=f"mean centroid, {float(bright.low):.0f} to {float(bright.high):.0f} Hz; "
                f"rolloff {mean['rolloff_hz']:.0f} Hz",
            ),
            _row(
                "noisiness",
                f"{mean['flatness']:.3f}",
                more=f"flatness, 0 tone, 1 noise; {mean['zero_crossings_hz']:.0f} zero crossings "
                "a second",
            ),
            _row(
                "movement",
                f"{mean['onset_strength']:.2f} dB",
                more=f"mean onset strength; flux {mean['flux']:.3f}",
            ),
        ]
    if found.roughness is not None:
        rows.append(
            _row("roughness", f"{found.roughness:.2f}", more="0 pure, 1 two tones that beat")
        )
    if found.percussive_share is not None:
        rows.append(
            _row("percussive", f"{100 * found.percussive_share:.0f} %", more="share of power")
        )
    return rows


def _score_rows(found: "Analysis") -> list[Row]:
    score = found.score
    if score is None:
        return []
    notes = score.note_count
    rows = [
        _row("notes", str(notes), more=f"{score.track_count} tracks, {len(score)} bars"),
        _row("tempo", f"{found.tempo_bpm:.4g} bpm"),
        _row("meter", found.meter or ""),
    ]
    rows += _harmony_rows(found)
    if not notes:
        return rows
    if score.swing_confidence > 0.0:
        rows.append(_row("swing", f"{score.swing_ratio:.2f} to 1", score.swing_confidence))
    for name, one in score.summary().items():
        rows.append(
            _row(
                name.replace("_", " "),
                f"{float(one.mean):.3g}",
                more=f"{float(one.low):.3g} to {float(one.high):.3g}; {UNITS[name]}",
            )
        )
    return rows


def usual_chords(found: "Analysis") -> list[tuple[str, float]]:
    """The chords with their shares of the time in which there is one, the most usual first."""
    if not found.chords:
        return []
    lengths: Counter[str] = Counter()
    spans = found.chords.end_seconds - found.chords.start_seconds
    for name, span in zip(found.chords.labels(), spans.tolist(), strict=True):
        if name != "N":
            lengths[name] += span
    whole = max(sum(lengths.values()), 1e-9)
    return [(name, length / whole) for name, length in lengths.most_common()]


def clock(seconds: float) -> str:
    """Minutes and seconds, e.g. 3:07 or 1:02:03; tenths below a minute."""
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def key_text(key: Key | None) -> str:
    """A key as people write it, e.g. 'D minor'."""
    if key is None:
        return "-"
    name, mode = str(key).split()
    return f"{name} {({'ionian': 'major', 'aeolian': 'minor'}).get(mode, mode)}"


def _lufs(loudness: float) -> str:
    return f"{loudness:.1f}" if loudness > FLOOR_DB else "-inf"


def plain(value: Any) -> Any:
    """Any result as what JSON holds; numbers with six digits, NaN and infinity as null."""
    if isinstance(value, Key):
        return key_text(value)
    if isinstance(value, Chord):
        from ..harmony.chords import chord_label

        return chord_label(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if is_dataclass(value) and not isinstance(value, type):
        held = ((one.name, getattr(value, one.name)) for one in fields(value))
        return {name: plain(part) for name, part in held if part is not None}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def analysis_dict(found: "Analysis") -> dict[str, Any]:
    """Everything that was found, for JSON, without what is only kept for the picture."""
    told = {
        name: plain(part)
        for name, part in vars(found).items()
        if name != "outline" and part is not None and not (name == "features" and not part)
    }
    if found.score is not None:
        told["score"]["summary"] = plain(found.score.summary())
        del told["score"]["symbolic"]
    return told
