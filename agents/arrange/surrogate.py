"""A differentiable stand-in for arranger, ear and emotion model: what a bar will express.

The arranger works in steps (a layer is silent or not, a mode is one of six), so its outcome has no
slope in the knobs. A small network that was fitted to it has one. It serves `analytic` for slopes
alone, on the themes of the training split; all values come from the environment.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...analysis.emotion.model import EmotionModel
from ...analysis.scores.ear import Ear
from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.settings import response_of
from ...music.book import Book
from ...music.direction import KNOBS
from ...music.parts import REGISTERS
from ...music.patterns import LEVELS
from ...music.worlds import Worlds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HIDDEN, _ROW_NUMBERS = 96, 16
_BATCH = 1024
_LEARNING_RATE, _WEIGHT_DECAY = 4e-3, 1e-4
_WORLDS, _BARS = 512, 16  # that sound side by side while bars are gathered, and how long
_HELD_OUT = 0.1  # share of the bars that measure the fit
_STEPS = {"harmony": LEVELS, "arpeggio": LEVELS, "bass": LEVELS, "drums": LEVELS}
_STEPS |= {"register": REGISTERS}
"""Steps that a knob has for every cue; that of the mode has one for each mode of the cue."""


def rows_of(worlds: Worlds) -> IntArray:
    """The row of the book, as written, that each world plays next [shape=(n,)]."""
    rows: IntArray = worlds.book.section_row[worlds.section] + worlds.number
    return rows


class Surrogate(nn.Module):
    """Valence and arousal [shape=(n, 2), sd] of a bar by its row in a book and the knobs.

    Of each row the network knows its response to the presets, and sixteen numbers that are learned.
    It reads knobs as the arranger does, in steps, and has the slope of what lies between them.

    :param book: the cues whose bars are heard
    :param response: of its rows [shape=(rows, R)], see `envs.arrange.response`
    """

    def __init__(self, book: Book, response: FloatArray) -> None:
        super().__init__()
        modes = np.repeat(book.n_modes, [2 * cue.bars for cue in book.cues])
        steps = np.zeros((book.rows, len(KNOBS)))  # 0: none
        steps[:, KNOBS.index("mode")] = modes
        for name, count in _STEPS.items():
            steps[:, KNOBS.index(name)] = count
        self.register_buffer("steps", torch.from_numpy(steps.astype(np.float32)))
        self.register_buffer("response", torch.from_numpy(response.astype(np.float32)))
        self.learned = nn.Embedding(book.rows, _ROW_NUMBERS)
        nn.init.normal_(self.learned.weight, std=0.1)
        self.layers = nn.Sequential(
            nn.Linear(response.shape[1] + _ROW_NUMBERS + len(KNOBS), _HIDDEN),
            nn.SiLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.SiLU(),
            nn.Linear(_HIDDEN, 2),
        )

    def forward(self, rows: Tensor, knobs: Tensor) -> Tensor:
        """:param rows: of the book [shape=(n,)]
        :param knobs: in the bar [shape=(n, 9)], each in [0, 1]
        """
        steps = self.get_buffer("steps")[rows]
        stepped = (torch.minimum((knobs * steps).floor(), steps - 1.0) + 0.5) / steps.clamp(min=1.0)
        read = knobs + (torch.where(steps > 0.0, stepped, knobs) - knobs).detach()
        known = (self.get_buffer("response")[rows], self.learned(rows), 2.0 * read - 1.0)
        impression: Tensor = self.layers(torch.cat(known, dim=1))
        return impression


def sample_bars(
    book: Book, ear: Ear, model: EmotionModel, rng: np.random.Generator, bars: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Bars of all cues, each with other knobs.

    :return: rows of the book [shape=(bars,)], knobs [bars, 9] and impressions [bars, 2], sd
    """
    rows, knobs, impressions = [], [], []
    section_end = np.append(book.first_section[1:], len(book.section_bars))
    for _ in range(-(-bars // (_WORLDS * _BARS))):
        cue = rng.integers(0, len(book.cues), _WORLDS)
        worlds = Worlds(book, cue, rng.integers(0, 2**31, _WORLDS))
        worlds.section = rng.integers(book.first_section[cue], section_end[cue])
        worlds.number = rng.integers(0, book.section_bars[worlds.section])
        for _ in range(_BARS):
            turned = rng.uniform(0.0, 1.0, (_WORLDS, len(KNOBS)))
            played = worlds.advance(worlds.set(turned))
            rows.append(played.row)
            knobs.append(turned)
            impressions.append(model.predict(ear.hear(played)))
    return (
        np.concatenate(rows)[:bars],
        np.concatenate(knobs)[:bars],
        np.concatenate(impressions)[:bars],
    )


def fit_surrogate(
    core: ArrangeCore, *, bars: int = 300_000, epochs: int = 12, seed: int = 0
) -> tuple[Surrogate, FloatArray]:
    """Fit a surrogate to bars of the core's cues.

    :return: the surrogate, and its R2 for valence and arousal on bars held back [shape=(2,)]
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    s = core.settings
    surrogate = Surrogate(core.book, response_of(s.split, s.cues, s.model, s.themes).of_row)
    sampled = sample_bars(core.book, core.ear, core.model, rng, bars)
    rows = torch.from_numpy(sampled[0].astype(np.int64))
    knobs, impressions = (torch.from_numpy(part.astype(np.float32)) for part in sampled[1:])
    held = int(bars * _HELD_OUT)
    steps = max(epochs * (bars - held) // _BATCH, 10)
    optimiser = torch.optim.AdamW(
        surrogate.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
    for _ in range(steps):
        some = torch.randint(held, bars, (_BATCH,))
        loss = nn.functional.mse_loss(surrogate(rows[some], knobs[some]), impressions[some])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    surrogate.requires_grad_(False)
    with torch.no_grad():
        wrong = (surrogate(rows[:held], knobs[:held]) - impressions[:held]).square().mean(dim=0)
    explained = 1.0 - wrong / impressions[:held].var(dim=0, correction=0)
    return surrogate, explained.numpy().astype(float)
