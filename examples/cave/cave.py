"""A small game: gather the gems, mind the monsters, and hear the music follow.

    segue serve                      # in one terminal
    python examples/cave/cave.py     # in another; arrows or WASD move, Escape ends

Needs pygame-ce, and of Segue its client alone. Whatever happens to the server, the game goes on.
"""

import argparse
import math
import random
from dataclasses import dataclass, field

import pygame

from segue.client import Client, ClientError, RemoteSession
from segue.client.protocol import BeatEvent, SectionEvent

WIDTH, HEIGHT, FRAMES_PER_SECOND = 800, 600, 60
SPEED, MONSTER_SPEED = 220.0, 95.0  # pixels a second
SIGHT, TOUCH = 260.0, 26.0  # pixels
GEMS, MONSTERS = 8, 4
HURT, HEAL = 0.5, 0.02  # of health, a second
REPORT_SECONDS = 0.25  # between two words to the music
BOSS_GEMS = GEMS // 2  # left when the cave wakes up

Point = pygame.Vector2


@dataclass
class Cave:
    """The game itself, which knows nothing of music."""

    random: random.Random
    player: Point = field(default_factory=lambda: Point(WIDTH / 2, HEIGHT / 2))
    health: float = 1.0
    gems: list[Point] = field(default_factory=list)
    monsters: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gems = [self._somewhere() for _ in range(GEMS)]
        self.monsters = [self._somewhere() for _ in range(MONSTERS)]

    def _somewhere(self) -> Point:
        return Point(self.random.uniform(40, WIDTH - 40), self.random.uniform(40, HEIGHT - 40))

    def step(self, direction: Point, seconds: float) -> list[str]:
        """Move everybody on; what happened: gem, awake, won, dead."""
        if direction.length() > 0:
            self.player += direction.normalize() * SPEED * seconds
        self.player.x = min(max(self.player.x, 10), WIDTH - 10)
        self.player.y = min(max(self.player.y, 10), HEIGHT - 10)
        for monster in self.monsters:
            if monster.distance_to(self.player) < SIGHT * (2 if self.awake else 1):
                monster.move_towards_ip(self.player, MONSTER_SPEED * seconds)
        bitten = any(monster.distance_to(self.player) < TOUCH for monster in self.monsters)
        self.health = min(self.health + (-HURT if bitten else HEAL) * seconds, 1.0)
        was_awake, found = self.awake, []
        for gem in [gem for gem in self.gems if gem.distance_to(self.player) < TOUCH]:
            self.gems.remove(gem)
            found.append("gem")
        if self.awake and not was_awake:
            found.append("awake")
        if not self.gems:
            found.append("won")
        elif self.health <= 0:
            found.append("dead")
        return found

    @property
    def awake(self) -> bool:
        """Whether all monsters hunt."""
        return len(self.gems) <= BOSS_GEMS

    @property
    def danger(self) -> float:
        """How near the nearest monster is, 0 to 1."""
        nearest = min(monster.distance_to(self.player) for monster in self.monsters)
        return min(max(1.2 - nearest / SIGHT, 0.0), 1.0)


class Music:
    """Tells a Segue server what happens; without one, the game is silent and goes on."""

    def __init__(self, endpoint: str, cue: str) -> None:
        self.beat_seconds = -1.0  # since the last beat that sounded
        self.message = ""
        self._client: Client | None = None
        self._session: RemoteSession | None = None
        self._beats: list[float] = []  # seconds until they sound
        try:
            self._client = Client(endpoint, timeout_seconds=1.0, name="cave")
            self._session = self._open(cue)
        except ClientError as error:
            self._lose(error)

    def _open(self, cue: str) -> RemoteSession:
        assert self._client is not None
        try:
            return self._client.open(cue, output="auto")
        except ClientError:  # no sound card there: listen in the console
            self.message = f"listen at {self._client.server.web}"
            return self._client.open(cue, output="stream")

    def _lose(self, error: Exception) -> None:
        self.message, self._session = f"no music: {error}", None

    def report(self, cave: Cave) -> None:
        """A few times a second: how it stands."""
        if self._session is not None:
            try:
                self._session.set(danger=cave.danger, health=max(cave.health, 0.0))
            except ClientError as error:
                self._lose(error)

    def tell(self, happened: str) -> None:
        """At once: what happened."""
        if self._session is None:
            return
        try:
            if happened == "gem":
                self._session.stinger("discovery", at="beat")
            elif happened == "awake":
                self._session.go("boss", at="bar")
            elif happened == "dead":
                self._session.stinger("death", at="now")
            elif happened == "won":
                self._session.stinger("victory", at="beat")
                self._session.mood(valence=0.9, arousal=0.3, ramp_seconds=1.0)
        except ClientError as error:
            self._lose(error)

    def listen(self, seconds: float) -> None:
        """Take in what is about to sound, so that the picture can move with it."""
        self.beat_seconds += seconds
        self._beats = [beat - seconds for beat in self._beats]
        if any(beat <= 0 for beat in self._beats):
            self.beat_seconds = 0.0
            self._beats = [beat for beat in self._beats if beat > 0]
        if self._session is None:
            return
        try:
            here = None
            for event in self._session.events():
                if isinstance(event, BeatEvent):
                    here = here or self._session.position()
                    self._beats.append((event.at_frame - here.frame) / 48_000)
                elif isinstance(event, SectionEvent):
                    self.message = event.name
        except ClientError as error:
            self._lose(error)

    def close(self) -> None:
        """End the music, if there is any."""
        if self._client is not None:
            self._client.close()


def wanted(cave: Cave, autopilot: bool) -> Point:
    """Where the player wants to go."""
    if autopilot:
        goal = min(cave.gems, key=cave.player.distance_to)
        return goal - cave.player
    keys = pygame.key.get_pressed()
    return Point(
        (keys[pygame.K_RIGHT] or keys[pygame.K_d]) - (keys[pygame.K_LEFT] or keys[pygame.K_a]),
        (keys[pygame.K_DOWN] or keys[pygame.K_s]) - (keys[pygame.K_UP] or keys[pygame.K_w]),
    )


def draw(screen: pygame.Surface, font: pygame.font.Font, cave: Cave, music: Music) -> None:
    """The cave, its walls glowing with each beat."""
    glow = math.exp(-4 * music.beat_seconds) if music.beat_seconds >= 0 else 0.0
    screen.fill((14 + int(22 * glow), 14 + int(10 * cave.danger), 24 + int(30 * glow)))
    for gem in cave.gems:
        pygame.draw.circle(screen, (120, 220, 255), gem, 7 + 3 * glow)
    for monster in cave.monsters:
        pygame.draw.circle(screen, (230, 70, 60), monster, 14)
    pygame.draw.circle(screen, (250, 230, 150), cave.player, 11)
    pygame.draw.rect(screen, (230, 70, 60), (10, 10, 200 * max(cave.health, 0.0), 10))
    screen.blit(font.render(music.message, True, (200, 200, 210)), (10, HEIGHT - 30))
    pygame.display.flip()


def play(endpoint: str, cue: str, *, autopilot: bool, seed: int | None) -> str:
    """Play until the end; won, dead or left."""
    pygame.init()
    screen = pygame.display.set_mode((WIDTH, HEIGHT))
    pygame.display.set_caption("Cave")
    font, clock = pygame.font.Font(None, 24), pygame.time.Clock()
    cave, music, since = Cave(random.Random(seed)), Music(endpoint, cue), 0.0
    try:
        while True:
            seconds = clock.tick(FRAMES_PER_SECOND) / 1000
            for event in pygame.event.get():
                escape = event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE
                if event.type == pygame.QUIT or escape:
                    return "left"
            happened = cave.step(wanted(cave, autopilot), min(seconds, 0.1))
            for what in happened:
                music.tell(what)
            since += seconds
            if since > REPORT_SECONDS:
                since = 0.0
                music.report(cave)
            music.listen(seconds)
            draw(screen, font, cave, music)
            if happened and happened[-1] in ("won", "dead"):
                return happened[-1]
    finally:
        music.close()
        pygame.quit()


def main() -> None:
    """Play from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", default="tcp://127.0.0.1:5570")
    parser.add_argument("--cue", default="dungeon")
    parser.add_argument("--autopilot", action="store_true", help="the game plays itself")
    parser.add_argument("--seed", type=int, help="of the places of gems and monsters")
    given = parser.parse_args()
    print(play(given.endpoint, given.cue, autopilot=given.autopilot, seed=given.seed))


if __name__ == "__main__":
    main()
