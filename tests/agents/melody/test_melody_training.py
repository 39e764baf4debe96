"""A composer begins as the note model; the note model's network is what numpy plays."""

import numpy as np
import pytest
import torch

from segue.agents.algorithms import export, make_model, use_one_thread
from segue.agents.config import load_config
from segue.agents.evaluate import play
from segue.agents.melody.baselines import ModelNotes
from segue.agents.melody.train_notes import NoteNet
from segue.agents.melody.training import imitate
from segue.agents.sb3 import CoreVecEnv
from segue.envs import make_core
from segue.envs.melody.events import EVENTS
from segue.envs.melody.note_model import START, NoteModel, piece_log_probs


def test_a_composer_begins_as_the_note_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segue.agents.melody.training.PIECES", 48)
    monkeypatch.setattr("segue.agents.melody.training.STEPS", 160)
    use_one_thread()
    config = load_config("melody")
    model = make_model(config, CoreVecEnv(make_core("melody", config.n_envs)))
    assert imitate(model, 0) < 0.3
    core = make_core("melody", 64)
    own = play(core, ModelNotes(0), seed=0).metrics["log_prob"].mean()
    composed = play(core, export(model, config), seed=0).metrics["log_prob"].mean()
    assert composed > own - 0.5  # a new model is at about -5


def test_numpy_plays_the_network_that_was_trained() -> None:
    torch.manual_seed(0)
    net = NoteNet(units=16, dropout=0.0)
    rows = torch.randint(0, EVENTS, (5, 33))
    rows[0, 0] = START
    with torch.no_grad():
        told = torch.log_softmax(net(rows, torch.zeros(5, dtype=torch.long)), 2)
    expected = told.gather(2, rows[:, 1:, None]).mean(dim=(1, 2)).numpy()
    model = NoteModel(net.weights() | {"prime": np.full(EVENTS + 1, 1 / (EVENTS + 1))})
    assert np.allclose(piece_log_probs(model, rows.numpy()), expected, atol=2e-3)
