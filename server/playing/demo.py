"""The demo: a real game, played headless, is scored over the wire, by the agent and by rules.

A server is started in a process of its own. A ViZDoom game with a scripted player is its client:
several times a second it says how dangerous, healthy and busy things are, now and then it asks for
a section or a stinger, and a simulated listener of hidden taste rates what the music makes them
feel every four bars. Two sessions get the very same commands: one directed by the agent, which is
rendered, and one by the rule table.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...client.client import Client, RemoteSession
from ...client.protocol import BarEvent, DirectionEvent, Mood
from ...envs.arrange.listener import Listeners, ListenerSettings
from ...envs.games.doom import DoomGame
from ...envs.games.game import GAME_FEATURES, GameMeter, GameTick, game_parameters
from ...music.errors import check_range
from ...music.mood import MOOD_PER_SD
from ..serving.launch import ServerProcess

FloatArray = NDArray[np.float64]

SEND_SECONDS = 0.4
"""Game time between two messages of the game."""

CALM, FIGHT = 0.25, 0.6
"""Danger below which the game asks for the first section, above which for the third."""

RATING_BARS = 4
SCREENS = 6


@dataclass(frozen=True)
class DemoSettings:
    """What is played, and how it is scored."""

    cue: str = "dungeon"
    scenario: str = "deathmatch"
    seconds: float = 90.0  # of game time
    seed: int = 1
    aim: float = 0.8  # skill of the scripted player, 0..1
    out: Path = Path("out/demo")
    live: bool = False  # at real time, on the machine's audio
    agent: str = "agent"
    rival: str = "table"


@dataclass
class Take:
    """What one session did, bar by bar, and what the listener felt."""

    director: str
    session: RemoteSession
    listener: Listeners
    noise: np.random.Generator
    bars: list[BarEvent] = field(default_factory=list)
    directions: list[DirectionEvent] = field(default_factory=list)
    felt: list[FloatArray] = field(default_factory=list)  # after each bar that has sounded, sd

    def follow(self) -> None:
        """Read the events; the listener feels each bar that is over, and rates every fourth."""
        for event in self.session.events():
            if isinstance(event, BarEvent):
                self.bars.append(event)
            elif isinstance(event, DirectionEvent):
                self.directions.append(event)
                if len(self.directions) > 1:
                    self._feel(self.directions[-2].heard)

    def _feel(self, heard: Mood) -> None:
        impression = np.array([[heard.valence, heard.arousal]]) / MOOD_PER_SD
        felt = self.listener.feel(impression)[0].copy()
        self.felt.append(felt)
        noise = self.listener.settings.rating_noise * self.noise.standard_normal(2)
        if len(self.felt) % RATING_BARS == 0:
            valence, arousal = np.clip((felt + noise) * MOOD_PER_SD, -1.0, 1.0)
            self.session.feedback(valence=float(valence), arousal=float(arousal))

    def wanted(self) -> FloatArray:
        """Mood wanted in each bar that was felt [shape=(bars, 2)], sd."""
        moods = [event.wanted for event in self.directions[1 : len(self.felt) + 1]]
        return np.array([[mood.valence, mood.arousal] for mood in moods]) / MOOD_PER_SD

    def error(self) -> float:
        """Mean distance between felt and wanted mood over bars and axes, sd of listeners."""
        return float(np.abs(np.array(self.felt) - self.wanted()).mean())

    def heard_error(self) -> float:
        """The same for what the bars express by themselves."""
        moods = [event.heard for event in self.directions[: len(self.felt)]]
        heard = np.array([[mood.valence, mood.arousal] for mood in moods]) / MOOD_PER_SD
        return float(np.abs(heard - self.wanted()).mean())


@dataclass
class GameLog:
    """What the game did, at every message it sent."""

    seconds: list[float] = field(default_factory=list)
    parameters: list[dict[str, float]] = field(default_factory=list)
    kills: int = 0
    deaths: int = 0
    screens: list[tuple[float, NDArray[np.uint8]]] = field(default_factory=list)
    stingers: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class DemoResult:
    """Everything the report shows."""

    settings: DemoSettings
    game: GameLog
    agent: Take
    rival: Take
    sample_rate: int
    files: list[str]
    wall_seconds: float


class _Script:
    """What a game programmer would write: parameters, sections, stingers from the game's state."""

    def __init__(self, takes: list[Take], log: GameLog) -> None:
        self.takes, self.log = takes, log
        self.sections = takes[0].session.cue.sections
        self.stingers = takes[0].session.cue.stingers
        self.section = self.sections[0]

    def tell(self, seconds: float, features: NDArray[np.float32]) -> None:
        """One message of the game."""
        parameters = game_parameters(features)
        self.log.seconds.append(seconds)
        self.log.parameters.append(parameters)
        known = self.takes[0].session.cue.parameters
        for take in self.takes:
            take.session.set({name: v for name, v in parameters.items() if name in known})
            take.session.game(dict(zip(GAME_FEATURES, features.tolist(), strict=True)))
        self.ask(self.fitting(parameters["danger"]))

    def fitting(self, danger: float) -> str:
        """The section for a danger; the middle one unless things are clear."""
        if danger > FIGHT and len(self.sections) > 2:
            return self.sections[2]
        if danger < CALM and self.section != self.sections[0]:
            return self.sections[0]
        return self.section if self.section == self.sections[0] else self.sections[1]

    def ask(self, section: str) -> None:
        """Go there, unless the music is on its way."""
        if section == self.section:
            return
        self.section = section
        for take in self.takes:
            take.session.go(section)

    def sting(self, seconds: float, name: str) -> None:
        """A stinger, if the cue has one of that name."""
        if name in self.stingers:
            self.log.stingers.append((seconds, name))
            for take in self.takes:
                take.session.stinger(name)


def run_demo(
    settings: DemoSettings, on_second: Callable[[float], None] | None = None
) -> DemoResult:
    """Play and score the game; the music's files lie in `settings.out`.

    :param on_second: called with the game time that has been played
    """
    check_range("seconds of the demo", settings.seconds, 10.0, 3600.0)
    settings.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (
        DoomGame(settings.scenario, seed=settings.seed, aim=settings.aim) as game,
        ServerProcess(folder=settings.out) as server,
        Client(server.endpoint, name="demo", timeout_seconds=60.0) as client,
    ):
        takes = _open(client, settings)
        log = GameLog()
        _play(game, takes, log, settings, on_second)
        rate = client.server.sample_rate
        files = [path for take in takes for path in take.session.close()]
    return DemoResult(settings, log, takes[0], takes[1], rate, files, time.monotonic() - start)


def _open(client: Client, settings: DemoSettings) -> list[Take]:
    clock = "realtime" if settings.live else "manual"
    sound = "auto" if settings.live else "file:music.wav"
    traits = Listeners(1, ListenerSettings())
    bias, gain = traits.draw(np.random.default_rng(settings.seed), 1)
    takes = []
    for director, heard in ((settings.agent, True), (settings.rival, False)):
        session = client.open(
            settings.cue,
            director=director,
            output=sound if heard else "none",
            midi="music.mid" if heard else "",
            log="session.jsonl" if heard else "",
            seed=settings.seed,
            clock=clock,
        )
        listener = Listeners(1, ListenerSettings())
        listener.meet(bias, gain)
        takes.append(Take(director, session, listener, np.random.default_rng(settings.seed)))
    return takes


def _play(
    game: DoomGame,
    takes: list[Take],
    log: GameLog,
    settings: DemoSettings,
    on_second: Callable[[float], None] | None,
) -> None:
    script = _Script(takes, log)
    meter = GameMeter(SEND_SECONDS)
    window: list[NDArray[np.float32]] = []
    seconds, sent, began = 0.0, 0.0, time.monotonic()
    while seconds < settings.seconds:
        tick = game.step()
        meter.add(tick)
        seconds += tick.seconds
        _count(tick, seconds, script, log)
        if len(log.screens) + 0.5 < SCREENS * seconds / settings.seconds:
            log.screens.append((seconds, game.frame()))
        if not meter.full:
            continue
        window = [*window[-4:], meter.take()]
        script.tell(seconds, np.mean(window, axis=0))
        if settings.live:
            time.sleep(max(began + seconds - time.monotonic(), 0.0))
        else:
            for take in takes:
                take.session.advance(seconds - sent)
        sent = seconds
        for take in takes:
            take.follow()
        if on_second:
            on_second(seconds)


def _count(tick: GameTick, seconds: float, script: _Script, log: GameLog) -> None:
    log.kills += int(tick.kills)
    if tick.died:
        log.deaths += 1
        script.sting(seconds, "death")
    elif tick.kills and log.kills % 5 == 0:
        script.sting(seconds, "victory")
