"""Who turns the knobs in `segue/Timbre-v0`: baselines, slopes, imitation, the live follower."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from segue.agents.evaluate import play
from segue.agents.policy import Policy
from segue.agents.timbre.baselines import (
    Climb,
    Hold,
    Nearest,
    NearestMemory,
    Oracle,
    Random,
    Search,
    towards,
)
from segue.agents.timbre.cma import Cma
from segue.agents.timbre.ensemble import Ensemble, Remembering
from segue.agents.timbre.follower import Follower, follow_sound
from segue.agents.timbre.following import follow_file
from segue.agents.timbre.memory import Heard
from segue.agents.timbre.study import PLAYERS, STUDY, make_player
from segue.agents.timbre.table import REACH, rendered_table
from segue.analysis.cards import Card
from segue.analysis.sound.descriptors import MFCC
from segue.analysis.spectra import RATE
from segue.envs.timbre.core import TimbreCore
from segue.envs.timbre.perception import OBSERVATION, distance, scaled
from segue.envs.timbre.settings import TimbreSettings
from segue.envs.timbre.targets import target_sound
from segue.music.errors import SegueError
from segue.synth.patch import KNOBS

TABLE = 512


class Towards:
    """A policy of one layer: each knob by the gap of one descriptor."""

    def act_on(self, observation: np.ndarray) -> np.ndarray:
        gaps = observation[:, 58:87]
        return np.clip(gaps[:, [3, 1, 6, 7, 2, 1, 8, 0]], -1.0, 1.0)

    def act(self, core: Any) -> np.ndarray:
        return self.act_on(core.observe())


def earned(player: Any, **options: Any) -> float:
    core = TimbreCore(24, split="validation", **options)
    return float(play(core, player, seed=3).reward.mean())


def test_baselines_stand_in_the_order_of_what_they_know() -> None:
    hold, climb, search = earned(Hold()), earned(Climb()), earned(Search(32))
    nearest, oracle = earned(Nearest(TABLE)), earned(Oracle())
    assert earned(Random(0)) < climb
    assert hold + 0.1 < climb < search < nearest < oracle


def test_the_shipped_agents_follow_better_than_a_table() -> None:
    policies, table = Ensemble.load(), Nearest(2048)
    assert earned(policies, target="glide") > earned(table, target="glide") + 0.01
    assert earned(Remembering(policies, table)) > earned(NearestMemory(table)) + 0.005


def test_the_shipped_agents_gain_on_phrases_by_what_the_table_says_is_within_reach() -> None:
    policies = Ensemble.load()
    agent = earned(Remembering(policies), target="phrase")
    assert agent > earned(policies, target="phrase") + 0.01
    assert agent > earned(Nearest(), target="phrase") + 0.01


def test_who_follows_is_told_what_is_out_of_reach_nearer_to_the_table() -> None:
    class Listening(Ensemble):
        def act_on(self, observation: np.ndarray) -> np.ndarray:
            told.append(observation[:, 29:58])
            return np.zeros((len(observation), len(KNOBS)))

    told: list[np.ndarray] = []
    core, table = TimbreCore(24, target="mixed", split="validation"), Nearest(2048)
    player = Remembering(Listening(()), table)
    core.reset(np.random.default_rng(6))
    for _ in range(3):
        wanted = core.target
        action = player.act(core)
        far = distance(table.sounds, wanted, core.settings.weights) > REACH
        assert far.any() and not far.all()
        assert np.allclose(told[-1][~far], scaled(wanted)[~far])
        row = scaled(table.sounds)[far, MFCC]
        kept = np.abs(told[-1][far, MFCC] - row) / np.abs(scaled(wanted)[far, MFCC] - row)
        assert np.allclose(kept, kept[:, :1]) and (kept < 1.0).all()
        core.step(core.accept(action))


def test_a_memory_knows_the_best_and_is_not_fooled_by_luck() -> None:
    core = TimbreCore(2)
    core.reset(np.random.default_rng(0))
    target, start, heard = core.target.copy(), core.knobs.copy(), Heard()
    for loudness, place in ((9.0, 0.1), (0.0, 0.2), (8.0, 0.2), (2.0, 0.3), (3.0, 0.3), (5.0, 0.4)):
        core.own = target.copy()
        core.own[:, 0] += loudness
        core.turned = [np.full_like(start, place)]
        heard.add(core)
    knobs, sounds = heard.best(core)
    assert np.all(knobs == 0.3)
    assert np.allclose(sounds[:, 0] - target[:, 0], 2.5)
    knobs, _ = heard.best(core, np.array([True, False]))
    assert knobs[:, 0].tolist() == [0.4, 0.3]


def test_who_remembers_stays_with_the_best_of_a_target_that_stays() -> None:
    class Astray(Ensemble):
        def act_on(self, observation: np.ndarray) -> np.ndarray:
            return np.ones((len(observation), len(KNOBS)))

    core, player = TimbreCore(24), Remembering(Astray(()), Nearest(TABLE))
    for seed in (4, 5):  # it begins anew with each episode
        played = play(core, player, seed=seed)
        lost = play(TimbreCore(24), Astray(()), seed=seed)
        assert played.metrics["final_distance"].mean() < lost.metrics["final_distance"].mean() - 0.3
        moves = np.abs(np.diff(core.turned, axis=0)).max(axis=2) > 0.0
        assert moves[:3].mean() > 0.9
        assert moves[-8:].mean() < 0.2


def test_climbing_from_the_nearest_ends_nearer_than_the_nearest() -> None:
    ends = [
        play(TimbreCore(32), player, seed=5).metrics["final_distance"].mean()
        for player in (Nearest(TABLE), Climb(Nearest(TABLE)))
    ]
    assert ends[1] < ends[0]


def test_baselines_play_discrete_knobs_and_moving_targets() -> None:
    assert earned(Oracle(), discrete=True) > earned(Hold(), discrete=True) + 0.2
    assert earned(Oracle(), target="glide") > earned(Hold(), target="glide") + 0.5
    core = TimbreCore(1, discrete=True)
    core.reset(np.random.default_rng(0))
    assert towards(core, core.knobs + 0.5).tolist() == [[2] * len(KNOBS)]


def test_a_table_gives_back_its_own_rows() -> None:
    table = rendered_table(TABLE)
    weights = TimbreSettings().weights
    assert table.nearest(table.descriptors[5:9], weights).tolist() == [5, 6, 7, 8]


def test_cma_finds_the_bottom_of_valleys_side_by_side() -> None:
    rng = np.random.default_rng(0)
    bottoms = rng.uniform(0.2, 0.8, (5, 6))
    stretch = np.array([1.0, 3.0, 10.0, 1.0, 3.0, 10.0])
    cma = Cma(np.full((5, 6), 0.5), 10, rng)
    for _ in range(150):
        points = cma.ask()
        worth = np.square((points - bottoms[:, None]) * stretch).sum(axis=2)
        cma.tell(points, worth)
    assert worth.min(axis=1).max() < 1e-6


def test_a_follower_hears_and_turns_as_in_training() -> None:
    core = TimbreCore(1, target="glide")
    core.reset(np.random.default_rng(2))
    first, policy = core.knobs[0].copy(), Towards()
    over = False
    while not over:
        _, _, over, _ = core.step(core.accept(policy.act(core)))
    assert core.targets is not None
    sound = target_sound(core.targets, core.settings, 0)
    follower = Follower(policy, RATE, knobs=first, sample_rate=RATE)
    answers = [follower.first]
    for start in range(0, len(sound), 1000):  # blocks of any size
        answers.append(follower.push(sound[start : start + 1000]))
    turned = np.array([knobs[0] for knobs in core.turned])
    assert np.array_equal(np.array(follower.turned)[: len(turned)], turned)
    assert np.allclose(follower.distances, core.curve(0)[: len(follower.distances)])
    assert len(np.concatenate(answers)) == 4410 * (1 + len(follower.distances))


def test_a_follower_with_a_table_turns_as_the_agent_does() -> None:
    core, policies, table = TimbreCore(1, target="phrase"), Ensemble.load(), rendered_table(TABLE)
    core.reset(np.random.default_rng(8))
    assert core.targets is not None
    agent, follower = (
        Remembering(policies, Nearest(TABLE)),
        Follower(policies, RATE, knobs=core.knobs[0], sample_rate=RATE, table=table),
    )
    alone = Follower(policies, RATE, knobs=core.knobs[0], sample_rate=RATE)
    for target in core.targets.descriptors[0, :-1]:
        follower.follow(target[None])
        alone.follow(target[None])
        core.step(core.accept(agent.act(core)))
    turned = np.array([knobs[0] for knobs in core.turned])
    assert np.allclose(follower.turned, turned, atol=1e-6)
    assert not np.allclose(alone.turned, turned, atol=0.05)


def test_following_a_recording_comes_nearer_and_tells_its_knobs() -> None:
    seconds = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220.0 * seconds).astype(np.float32)
    found = follow_sound(Towards(), tone, RATE)
    report = found.report()
    assert len(report["steps"]) == 20 == len(found.knobs)
    assert 36.0 <= report["steps"][-1]["pitch"] <= 84.0
    assert len(found.sound) == 20 * 8820
    assert follow_sound(Towards(), tone, RATE, still=True).knobs.shape == (32, len(KNOBS))
    with pytest.raises(SegueError, match="too short"):
        follow_sound(Towards(), tone[:1000], RATE)


def test_imitation_learns(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from segue.agents.timbre.imitation import make_material, train_imitation

    torch.manual_seed(0)
    actor = torch.nn.Sequential(torch.nn.Linear(96, 32), torch.nn.Tanh(), torch.nn.Linear(32, 8))
    material = make_material(TABLE, 1, tmp_path / "settings.npz")
    assert np.abs(material.near.knobs - material.table.knobs).mean() < 0.1
    assert (material.alike != np.arange(TABLE)[:, None]).all()
    again = make_material(TABLE, 1, tmp_path / "settings.npz")
    assert np.array_equal(again.near.descriptors, material.near.descriptors)
    first = train_imitation(actor, material, 0.25, batches=60)
    assert train_imitation(actor, material, 0.25, batches=300) < 0.95 * first


@pytest.mark.parametrize("name", [*PLAYERS, *STUDY.seeds])
def test_every_player_of_the_study_can_be_made(name: str) -> None:
    assert hasattr(make_player(name, 1), "act")
    assert STUDY.baseline in PLAYERS


def test_a_file_is_followed_and_leaves_sound_and_knobs(tmp_path: Path) -> None:
    weights = {"w0": np.zeros((96, 8)), "b0": np.full(8, 0.4)}
    weights |= {"seen_low": np.full(96, -5.0), "seen_high": np.full(96, 5.0)}
    weights |= {"low": np.full(8, -1.0), "high": np.ones(8)}
    card = Card(
        *("up", "policy", "1", "every knob up", OBSERVATION, (), (), "open", "none", ()),
        *("by hand", "up.npz", ""),
        environment="segue/Timbre-v0",
    )
    Policy(weights, {"head": "gaussian", "activation": "tanh"}).save(tmp_path, card)
    target, written = tmp_path / "tone.wav", tmp_path / "out.flac"
    seconds = np.arange(2 * 44_100) / 44_100
    soundfile.write(target, 0.3 * np.sin(2 * np.pi * 330.0 * seconds), 44_100)
    shares: list[float] = []
    found = follow_file(target, written, policy=tmp_path / "up.json", progress=shares.append)
    assert soundfile.info(written).frames == len(found.sound) == 10 * 8820
    report = json.loads(written.with_suffix(".json").read_text())
    assert report["steps"][9]["level"] == pytest.approx(0.0, abs=0.01)
    assert report["distance_mean"] == pytest.approx(found.distances.mean())
    assert shares[-1] == 1.0
    with pytest.raises(SegueError, match="name another file"):
        follow_file(target, target, policy=tmp_path / "up.json")
