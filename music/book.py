"""A book of cues: arranged cues side by side, as tables that many worlds look up at once.

`worlds.py` plays from a book, `analysis.scores.ear` hears it.
"""

import numpy as np

from .arranger import Arrangement, arrange
from .cue import Cue
from .direction import KNOBS
from .errors import SegueError
from .parts import FILL_LEVEL, REGISTERS

NEVER, AT_BAR, AT_PHRASE, AT_SECTION = -1, 0, 1, 2
"""Where a section may be left for another; NEVER where no transition leads there."""

_ALWAYS, _ABSENT = -1, -2  # in place of the knob of a layer that none moves, or that is not there
_AT = {"beat": AT_BAR, "bar": AT_BAR, "phrase": AT_PHRASE, "section": AT_SECTION}
_DURATION = {  # shortest and longest duration, as a share of the written one
    "melody": (0.45, 1.0),
    "track": (0.45, 1.0),
    "harmony": (0.65, 1.08),
    "arpeggio": (0.4, 1.5),
    "bass": (0.4, 1.0),
    "drums": (1.0, 1.0),
    "stem": (1.0, 1.0),
}


class Book:
    """Tables of some cues: C cues, S sections and R rows over all of them, L layers at the most.

    Of cues [shape=(C,)]: `n_modes`, `slowest_bpm`, `tempo_ratio` (fastest by slowest), `bar_beats`,
    `first_section`. Of their layers [C, L]: `layer_knob` (index into `KNOBS`), `layer_from` (silent
    while its knob is below this), `layer_drums`, `layer_always` (no knob moves it),
    `layer_absent` (the cue has fewer), `shortest` and `longest` (durations at articulation 0 and 1,
    as shares of those written). Of sections [S]: `section_bars`, `section_repeats`, `section_row`
    (row of its first bar as written) and `cadence_rows` (what to add for a bar's cadence). Of ways
    from one section to another [S, S]: `leave_at`, `leave_fill`, `auto_share` (weights added up
    along the row, in all `auto_total` [S]). `index` gives template numbers: those of a cue's
    arrangement plus its `first_template`; template 0 is silence, and the last is `templates`.

    :param cues: at least one, else SegueError
    """

    def __init__(self, cues: list[Cue] | tuple[Cue, ...]) -> None:
        if not cues:
            raise SegueError("a book of cues is empty; give at least one cue")
        self.arrangements: list[Arrangement] = [arrange(cue) for cue in cues]
        self.cues = tuple(cues)
        layers = max(len(cue.layers) for cue in cues)
        self._tables_of_cues(layers)
        self._tables_of_sections()
        self._index_of_templates(layers)

    def _tables_of_cues(self, layers: int) -> None:
        n = len(self.cues)
        self.n_modes = np.array([len(cue.modes) for cue in self.cues])
        self.slowest_bpm = np.array([cue.tempo_bpm[0] for cue in self.cues])
        self.tempo_ratio = np.array([cue.tempo_bpm[1] / cue.tempo_bpm[0] for cue in self.cues])
        self.bar_beats = np.array([cue.meter.bar_beats for cue in self.cues])
        self.layer_knob = np.full((n, layers), _ALWAYS)
        self.layer_from = np.zeros((n, layers))
        self.layer_drums = np.zeros((n, layers), bool)
        self.shortest = np.ones((n, layers))
        self.longest = np.ones((n, layers))
        for at, cue in enumerate(self.cues):
            self.layer_knob[at, len(cue.layers) :] = _ABSENT
            for number, layer in enumerate(cue.layers):
                if layer.activity_knob:
                    self.layer_knob[at, number] = KNOBS.index(layer.activity_knob)
                self.layer_from[at, number] = layer.from_level
                self.layer_drums[at, number] = layer.role == "drums"
                self.shortest[at, number], self.longest[at, number] = _DURATION[layer.role]
        self.layer_always = self.layer_knob == _ALWAYS
        self.layer_absent = self.layer_knob == _ABSENT
        self.layer_knob = np.maximum(self.layer_knob, 0)  # any knob will do to look up by

    def _tables_of_sections(self) -> None:
        counts = [len(cue.sections) for cue in self.cues]
        self.first_section = np.concatenate([[0], np.cumsum(counts)[:-1]])
        sections = [section for cue in self.cues for section in cue.sections]
        total = len(sections)
        self.section_bars = np.array([section.bars for section in sections])
        self.section_repeats = np.array([section.repeats for section in sections])
        self.leave_at = np.full((total, total), NEVER)
        self.leave_fill = np.zeros((total, total), bool)
        weights = np.zeros((total, total))
        self.section_row = np.zeros(total, int)
        self.cadence_rows = np.zeros(total, int)
        row = 0
        for cue, first in zip(self.cues, self.first_section, strict=True):
            start = row
            for at, source in enumerate(cue.sections):
                self.section_row[first + at] = start
                self.cadence_rows[first + at] = cue.bars
                start += source.bars
                for to, target in enumerate(cue.sections):
                    rule = cue.transition(source.name, target.name)
                    if rule is not None and to != at:
                        self.leave_at[first + at, first + to] = _AT[rule.at]
                        self.leave_fill[first + at, first + to] = rule.fill
                        weights[first + at, first + to] = rule.weight
            row += 2 * cue.bars
        self.auto_share = np.cumsum(weights, axis=1)
        self.auto_total = self.auto_share[:, -1]
        self.rows = row

    def section_name(self, section: int) -> str:
        """The name of a section, by its number over all cues."""
        cue = int(np.searchsorted(self.first_section, section, side="right")) - 1
        return self.cues[cue].sections[section - int(self.first_section[cue])].name

    def _index_of_templates(self, layers: int) -> None:
        """One index over all cues [shape=(R, modes, REGISTERS, L, FILL_LEVEL + 1)]; 0: silence."""
        modes = int(self.n_modes.max())
        shape = (self.rows, modes, REGISTERS, layers, FILL_LEVEL + 1)
        self.index = np.zeros(shape, np.int32)
        self.first_template = []
        row, offset = 0, 0
        for arrangement in self.arrangements:
            rows, n_modes, _, n_layers, _ = arrangement.index.shape
            part = np.where(arrangement.index > 0, arrangement.index + offset, 0)
            self.index[row : row + rows, :n_modes, :, :n_layers] = part
            self.first_template.append(offset)
            row += rows
            offset += len(arrangement.starts) - 1
        self.templates = offset
