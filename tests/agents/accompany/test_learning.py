"""The networks in torch and numpy are one; hindsight, objective and judge do what they say."""

import numpy as np
import pytest
import torch

from segue.agents.accompany.improve import ImproveSettings, hindsight, improve, objective
from segue.agents.accompany.judge import Judge, heard
from segue.agents.accompany.learning import FitSettings, fit_judge, fit_prior, forced, new_judge
from segue.agents.accompany.players import play_clips
from segue.agents.accompany.turning import ChordNetwork
from segue.envs.accompany.chords import CHORDS, TRIADS
from segue.envs.accompany.clips import Clips, draw_clips, fixed_clips
from segue.envs.accompany.corpus import load_songs
from segue.envs.accompany.measures import note_in_chord
from segue.envs.accompany.network import Network


@pytest.fixture(scope="module")
def clips() -> Clips:
    return draw_clips(load_songs("themes", "train"), 4, np.random.default_rng(0))


def quiet(what: str, update: int, loss: float) -> None:
    assert np.isfinite(loss)


def varied(network: torch.nn.Module) -> None:
    torch.manual_seed(3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.2)


def test_the_network_in_torch_is_the_one_that_plays(clips: Clips) -> None:
    trained = ChordNetwork(3)
    varied(trained)
    seen = forced(clips, clips.chords)
    with torch.no_grad():
        expected, _ = trained(seen)
    network = Network(trained.kernels())
    state = network.start(len(clips))
    for at in range(40):
        logits, state = network.step(seen[:, at].numpy(), state)
        assert np.allclose(logits, expected[:, at], atol=1e-4)
    again = ChordNetwork.from_kernels(trained.kernels())
    with torch.no_grad():
        assert torch.equal(again(seen)[0], expected)


def test_the_judge_in_torch_is_the_one_that_judges(clips: Clips) -> None:
    trained = new_judge(3)
    varied(trained)
    with torch.no_grad():
        expected = torch.sigmoid(trained(torch.as_tensor(heard(clips, clips.chords)))).numpy()
    assert Judge(trained.kernels()).realism(clips, clips.chords) == pytest.approx(
        expected, abs=1e-5
    )


def test_hindsight_is_the_discounted_share_of_notes_to_come(clips: Clips) -> None:
    values = hindsight(clips, 0.5)
    assert values.shape == (4, 128, CHORDS)
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    hits = TRIADS[:, clips.melody % 12] & (clips.melody != 0)
    expected = 0.5 * hits[:, :, 126] + 0.25 * hits[:, :, 127]
    assert np.allclose(values[:, 126].T, expected)


def test_the_objective_is_value_less_divergence() -> None:
    expected = torch.log(torch.tensor([[[0.5, 0.25, 0.25]]]))
    values = torch.tensor([[[1.0, 0.0, 0.5]]])
    same = objective(expected, expected, values, 10.0)
    assert float(same) == pytest.approx(0.625)  # no divergence from itself
    chances = torch.tensor([0.8, 0.1, 0.1])
    told = objective(chances.log()[None, None], expected, values, 0.1)
    divergence = float((chances * (chances.log() - expected[0, 0])).sum())
    assert float(told) == pytest.approx(0.85 - 0.1 * divergence)


def test_the_best_policy_is_the_prior_tilted_by_the_values() -> None:
    """What the gradient climbs to is known: prior x exp(value / weight)."""
    torch.manual_seed(0)
    expected = torch.log_softmax(torch.randn(1, 1, 5), -1)
    values = torch.rand(1, 1, 5)
    logits = torch.zeros(1, 1, 5, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.1)
    for _ in range(300):
        loss = -objective(logits, expected, values, 0.3)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    best = torch.softmax(expected + values / 0.3, -1)
    assert torch.allclose(torch.softmax(logits, -1), best, atol=1e-3)


def test_learning_lowers_the_loss_and_playing_raises_chord_tones() -> None:
    songs = load_songs("themes", "train")
    losses: dict[str, list[float]] = {}

    def note(what: str, update: int, loss: float) -> None:
        losses.setdefault(what, []).append(loss)

    prior = fit_prior(songs, FitSettings(updates=25, channels=4, clips=8), note)
    fit_judge(songs, FitSettings(updates=3, channels=4, clips=8), note)
    settings = ImproveSettings(updates=15, clips=12, learning_rate=2e-2)
    player = improve(prior, songs, settings, note)
    assert losses["model of chords"][-1] < 0.6 * losses["model of chords"][0]
    assert losses["player"][-1] < losses["player"][0]
    assert len(losses["judge"]) == 3
    clips = fixed_clips(load_songs("themes", "validation"))
    before, after = (
        note_in_chord(
            clips.melody,
            play_clips(Network(one.kernels()), clips, np.random.default_rng(0)),
            triads=True,
        ).mean()
        for one in (prior, player)
    )
    assert after > before + 0.05


def test_the_same_seed_gives_the_same_network() -> None:
    songs = load_songs("themes", "train")
    settings = FitSettings(updates=2, channels=2, clips=4, seed=5)
    one, other = (fit_prior(songs, settings, quiet).kernels() for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
