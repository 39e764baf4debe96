"""The real game: played, repeated, recorded, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from segue.envs.games import doom
from segue.envs.games.doom import DoomGame
from segue.envs.games.game import GAME_FEATURES, GameMeter
from segue.envs.games.player import ScriptedPlayer, Sight, Thing
from segue.envs.games.record import describe, main, record
from segue.envs.games.traces import read_traces
from segue.music.errors import MissingPartError, RangeError, SegueError, UnknownNameError

BUTTONS = ("ATTACK", "MOVE_LEFT", "MOVE_RIGHT", "MOVE_FORWARD", "SPEED", "TURN_LEFT_RIGHT_DELTA")
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="processes are found through /proc"
)


def wait_until_gone(pid: int) -> None:
    """Until the process has ended (a zombie has, too), at most 10 s."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
    raise AssertionError(f"process {pid} still runs")


def thing(category: str, bearing: float, distance: float = 200.0) -> Thing:
    return Thing(id=1, category=category, bearing=bearing, half_width=3.0, distance=distance)


def sight(*things: Thing, ammo: float = 10.0) -> Sight:
    return Sight(things=things, moved=50.0, ammo=ammo, health=80.0)


@pytest.fixture(scope="module")
def played() -> tuple[list, np.ndarray]:
    """A minute and a half of a fight, and the last frame."""
    with DoomGame("defend_the_center", seed=11, aim=0.8) as game:
        return [game.step() for _ in range(450)], game.frame()


def test_the_player_fights_dies_and_starts_again(played) -> None:
    ticks, frame = played
    assert sum(tick.kills for tick in ticks) >= 10
    assert sum(tick.damage_taken for tick in ticks) > 50
    assert all(0 <= tick.health <= 100 and 0 <= tick.monster_area <= 1 for tick in ticks)
    assert max(tick.monsters for tick in ticks) >= 2
    over = [index for index, tick in enumerate(ticks) if tick.over]
    assert over and any(ticks[index].died and ticks[index].health == 0 for index in over)
    new = [index for index, tick in enumerate(ticks) if tick.new_life]
    assert new == [0, *(index + 1 for index in over if index + 1 < len(ticks))]
    assert ticks[-1].episode == len(new) - 1
    assert frame.shape == (120, 160, 3) and frame.dtype == np.uint8 and frame.std() > 5


def test_time_is_game_time(played) -> None:
    ticks, _ = played
    times = np.array([tick.time_seconds for tick in ticks])
    np.testing.assert_allclose(np.cumsum([tick.seconds for tick in ticks]), times, atol=1e-6)
    assert 80 < times[-1] <= 90.0
    assert ticks[5].seconds == pytest.approx(0.2)


def test_the_same_seed_is_the_same_game(played) -> None:
    with DoomGame("defend_the_center", seed=11, aim=0.8) as game:
        assert [game.step() for _ in range(450)] == played[0]
    with DoomGame("defend_the_center", seed=12, aim=0.8) as game:
        assert [game.step() for _ in range(100)] != played[0][:100]


def test_skill_shows(played) -> None:
    with DoomGame("defend_the_center", seed=11, aim=0.0) as game:
        clumsy = [game.step() for _ in range(450)]
    assert sum(t.kills for t in clumsy) < 0.8 * sum(t.kills for t in played[0])


def test_an_episode_can_be_begun_anew_and_repeats() -> None:
    with DoomGame("take_cover", seed=1) as game:
        first = [game.step().numbers() for _ in range(20)]
        game.begin(77)
        other = [game.step().numbers() for _ in range(20)]
        game.begin(1)
        assert [game.step().numbers() for _ in range(20)] == first != other


def test_the_meter_reads_the_game(played) -> None:
    meter, moods = GameMeter(), []
    for tick in played[0]:
        meter.add(tick)
        if meter.full:
            assert meter.take().shape == (len(GAME_FEATURES),)
            moods.append(meter.mood)
    assert len(moods) > 40 and np.std(moods, axis=0).min() > 0.15


def test_the_player_turns_to_the_nearest_monster_and_shoots() -> None:
    player = ScriptedPlayer(BUTTONS, aim=1.0, rng=np.random.default_rng(0))
    press = player.act(sight(thing("Monster", 30.0, 100.0), thing("Monster", -40.0, 400.0)))
    assert press["TURN_LEFT_RIGHT_DELTA"] == pytest.approx(30.0) and "ATTACK" not in press
    press = player.act(sight(thing("Monster", -2.0), thing("Health", 20.0, 50.0)))
    assert press["ATTACK"] == 1.0 and press["TURN_LEFT_RIGHT_DELTA"] == pytest.approx(-2.0)


def test_the_player_collects_when_nothing_threatens_or_no_round_is_left() -> None:
    player = ScriptedPlayer(BUTTONS, aim=1.0, rng=np.random.default_rng(0))
    for view in (
        sight(thing("Ammo", 20.0)),
        sight(thing("Ammo", 20.0), thing("Monster", 0.0), ammo=0.0),
    ):
        press = player.act(view)
        assert press["MOVE_FORWARD"] == 1.0 and press["TURN_LEFT_RIGHT_DELTA"] == 20.0


def test_the_player_dodges_shots_where_it_can_only_step_aside() -> None:
    player = ScriptedPlayer(("MOVE_LEFT", "MOVE_RIGHT"), aim=1.0, rng=np.random.default_rng(0))
    assert "MOVE_LEFT" in player.act(sight(thing("Projectile", 5.0), thing("Monster", 0.0)))
    assert "MOVE_RIGHT" in player.act(sight(thing("Projectile", -5.0), thing("Monster", 0.0)))


def test_a_level_of_freedoom_is_played() -> None:
    with DoomGame("freedoom2_map02", seed=1, aim=0.8) as game:
        ticks = [game.step() for _ in range(200)]
    assert sum(tick.hits for tick in ticks) > 3
    assert sum(tick.distance for tick in ticks) > 1000
    assert max(tick.monsters for tick in ticks) >= 2


@needs_proc
def test_closing_leaves_no_process_and_no_litter(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    game = DoomGame("basic", seed=0)
    game.step()
    pid = game.engine_pid
    assert pid is not None and Path(f"/proc/{pid}").exists()
    game.close()
    game.close()
    wait_until_gone(pid)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SegueError, match="closed"):
        game.step()


@needs_proc
def test_an_engine_that_dies_or_hangs_is_told_and_removed(monkeypatch) -> None:
    monkeypatch.setattr(doom, "STEP_LIMIT_SECONDS", 0.5)
    for what in (signal.SIGKILL, signal.SIGSTOP):
        game = DoomGame("basic", seed=0)
        pid = game.engine_pid
        os.kill(pid, what)
        with pytest.raises(SegueError, match="failed or hung"):
            game.step()
        wait_until_gone(pid)
        game.close()


_OWNER = """
import sys, time
from segue.envs.games.doom import DoomGame
with DoomGame("basic", seed=0) as game:
    print(game.engine_pid, flush=True)
    while True:
        game.step()
"""


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_engine_goes_with_its_owner(how: signal.Signals, tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    pid = int(owner.stdout.readline())
    owner.send_signal(how)
    _, errors = owner.communicate(timeout=20)
    wait_until_gone(pid)
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in errors


def test_wrong_names_and_numbers_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'deathmatch'"):
        DoomGame("deathmach", seed=0)
    for wrong in ({"aim": 1.5}, {"seed": -1}, {"difficulty": 6}, {"tics_per_step": 0}):
        with pytest.raises(RangeError):
            DoomGame("basic", **{"seed": 0, **wrong})


def test_without_vizdoom_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    with pytest.raises(MissingPartError, match=r"pip install 'segue\[game\]'"):
        DoomGame("basic", seed=0)


@pytest.mark.slow
def test_recording_is_reproducible_and_read_back(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    for path in (one, two):
        record(
            path,
            seed=3,
            episodes=3,
            training=("defend_the_line",),
            held_out=("crafter",),
            quiet=True,
        )
    with np.load(one) as a, np.load(two) as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
        assert {0, 3} <= set(a["split"])  # a few episodes are too few for the other two
    traces = read_traces(one, "train", 10)
    assert traces.scenarios == ("defend_the_line",)
    assert len(traces.targets) > 5
    assert read_traces(one, "heldout", 10).scenarios == ("crafter",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_the_shipped_traces_can_be_described() -> None:
    assert describe().row_count == 3 * (1 + 11) + (1 + 3) + 1


def test_recording_needs_a_folder_before_it_plays(tmp_path: Path) -> None:
    with pytest.raises(SegueError, match=r"no folder .*nowhere; make it"):
        record(tmp_path / "nowhere" / "one.npz", episodes=3, quiet=True)


def test_the_command_fails_in_one_line(tmp_path: Path, capsys) -> None:
    assert main(["--output", str(tmp_path / "x.npz"), "--episodes", "0"]) == 1
    assert "error: episodes is 0" in capsys.readouterr().err.replace("\n", " ")
