"""The response of bars: what the arranger would make of them, looked up before they come."""

import numpy as np

from segue.analysis.emotion.model import load_emotion_model
from segue.analysis.scores.ear import Ear
from segue.envs.arrange.response import ThemeResponse, fit_basis, impressions, presets
from segue.music.book import Book
from segue.music.themes import compose_theme
from segue.music.worlds import Worlds

BOOK = Book([compose_theme(3), compose_theme(4)])
EAR = Ear(BOOK)
MODEL = load_emotion_model("vgmidi")


def test_impressions_are_those_of_the_bars_themselves() -> None:
    found = impressions(BOOK, EAR, MODEL)
    for at, knobs in enumerate(presets()[:4]):
        worlds = Worlds(BOOK, np.array([0, 1]), np.zeros(2, np.int64))
        rows = BOOK.section_row[worlds.section]
        heard = MODEL.predict(EAR.hear(worlds.look(worlds.set(np.tile(knobs, (2, 1))))))
        np.testing.assert_allclose(found[rows, 2 * at : 2 * at + 2], heard)


def test_bars_after_go_round_their_section() -> None:
    response = ThemeResponse(BOOK, EAR, MODEL)
    first, bars = int(BOOK.section_row[0]), int(BOOK.section_bars[0])
    last = response.look(np.array([first + bars - 1]))[0]
    np.testing.assert_allclose(last[:10], response.of_row[first + bars - 1])
    np.testing.assert_allclose(last[10:], response.of_row[first : first + 3, :6].mean(axis=0))


def test_the_basis_has_spread_one_and_keeps_nearly_all() -> None:
    found = impressions(BOOK, EAR, MODEL)
    basis = fit_basis(found)
    told = (found - basis["mean"]) @ basis["components"]
    np.testing.assert_allclose(told.std(axis=0), 1.0)
    # The shipped basis is fitted on other themes and yet tells most of these.
    shipped = ThemeResponse(BOOK, EAR, MODEL).of_row
    predicted, *_ = np.linalg.lstsq(np.c_[shipped, np.ones(len(shipped))], found, rcond=None)
    left = found - np.c_[shipped, np.ones(len(shipped))] @ predicted
    assert left.var() < 0.1 * (found - found.mean(axis=0)).var()
