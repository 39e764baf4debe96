"""The benchmark of the server measures what it says, and would see it if it were wrong."""

import os
import random
import sys
import time
from collections.abc import Iterator
from subprocess import PIPE, Popen

import numpy as np
import pytest

from segue.benchmarks import (
    server,
    server_clients,
    server_faults,
    server_fuzz,
    server_latency,
    server_soak,
    server_timing,
)
from segue.benchmarks.server_clients import await_ends, playing
from segue.benchmarks.server_ears import EventEar
from segue.benchmarks.server_processes import find, handles, megabytes, threads
from segue.benchmarks.server_steering import Maker
from segue.client import Client, RemoteSession
from segue.music.cue_file import load_cue
from segue.music.errors import UnknownNameError
from segue.server.sessions.catalogue import cue_info
from segue.server.sessions.session import Session
from segue.server.sounding.sound import BLOCK_FRAMES


def quiet(what: str, share: float) -> None:
    assert 0.0 <= share <= 1.0


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Client, RemoteSession]]:
    with playing(1, output="none") as (_, client, sessions):
        yield client, sessions[0]


def test_a_part_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UnknownNameError, match="did you mean 'latency'"):
        server.run(["latenzy"])


@pytest.mark.slow
def test_round_trips_are_held_against_those_of_others(monkeypatch):
    monkeypatch.setattr(server_latency, "ROUNDS", 2)
    monkeypatch.setattr(server_latency, "CALLS", 20)
    results, tables = server.run(["latency"], tell=quiet)
    assert 0.5 < results["rtt_p50_ratio"] < 20.0
    assert results["rtt_p50_ms"] == tables[next(iter(tables))][0]["p50_ms"] > 0.0
    assert {"rtt_p99_ratio", "vs_http"} <= results.keys()


# Timing -------------------------------------------------------------------------------------------


def test_an_engine_is_silent_after_as_many_frames_always():
    frames = server_timing.silence_frames(load_cue("dungeon"), blocks=(12, 21))
    assert BLOCK_FRAMES < frames < 2 * BLOCK_FRAMES


@pytest.mark.slow
def test_commands_are_heard_soon_and_stingers_on_their_frames(monkeypatch):
    found = server_timing.measure(quiet, trials=4)
    assert -0.1 < found.results["command_to_sound_blocks_p99"] < 5.0
    exact = server_timing.measure_quantised(quiet, stingers=2, cues=("neon",))
    assert exact.results == {"quantised_frame_error_max": 0.0}
    monkeypatch.setattr(server_timing, "onset_lag", lambda *_: -5)
    late = server_timing.measure_quantised(quiet, stingers=1, cues=("neon",))
    assert late.results["quantised_frame_error_max"] >= 5.0


# Listening ----------------------------------------------------------------------------------------


def event(kind: str, sequence: int, **fields: object) -> dict[str, object]:
    return {"type": kind, "session": "s1", "sequence": sequence, "at_frame": 0, **fields}


def test_events_that_are_late_missing_or_faulty_are_seen(played):
    ear = EventEar(played[0], ["s1"])
    now = time.monotonic_ns()
    ear._take(event("beat", 3, at_frame=48_000), now)
    assert not len(ear.leads)  # nobody knows yet where the session is
    ear._clocks["s1"] = (48_000, now)
    ear._take(event("beat", 4, at_frame=48_000 + 3 * BLOCK_FRAMES), now)
    ear._take(event("bar", 7, at_frame=48_000 + BLOCK_FRAMES), now)
    ear._take(event("warning", 8, code="log", message="the disk is full"), now)
    assert sorted(ear.leads) == [1.0, 3.0]
    assert ear.missed == 2
    assert ear.faults == ["s1: the disk is full"]


def test_commands_without_an_end_are_found(played):
    client, session = played
    with EventEar(client, [session.id]) as ear:
        done = session.set(danger=0.5)
        gone = session.level("drums", 0.5, at="bars:8", expires_seconds=0.05)
        waits = session.stinger("victory", at="bars:64")
        assert await_ends(ear, {done.id, gone.id}, 10.0) == set()
        assert await_ends(ear, {waits.id, "never came"}, 0.1) == {waits.id, "never came"}
        session.cancel(waits.id)
        assert await_ends(ear, {waits.id}, 10.0) == set()
    assert ear.executed[done.id][0] == "set"
    assert {gone.id, waits.id} <= ear.dropped


def test_silence_is_counted_from_sound_to_sound():
    ear = server_faults.SilenceEar("", "s1")
    ear._loud = [(0, 511), (512, 1000), (1100, 1535), (9000, 9100)]
    assert ear.longest_silence(1050) == 9000 - 1535
    ear._loud.pop()
    assert ear.longest_silence(0) == 100
    assert ear.longest_silence(5000) == 0
    assert ear.wait_for_sound(1534, 0.0) and not ear.wait_for_sound(1535, 0.0)


# Steering -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dungeon", "voyage"])
def test_every_command_that_is_made_can_be_done(name):
    with Session.open(name, director="table", clock="replay") as session:
        maker = Maker(cue_info(session.cue), random.Random(3))
        session.advance(2.0)
        verbs = set()
        for _ in range(900):
            content = maker.command()
            verbs.add(content.TYPE)
            answer = session.command(content)
            maker.beat, maker.frame = answer.scheduled_beat, answer.scheduled_frame
            session.advance(0.02)
    assert verbs == set(maker.makers)


@pytest.mark.slow
def test_a_few_clients_lose_no_command():
    found = server_clients.measure(quiet, seconds=2.0, sessions=1, processes=1, clients=2)
    assert found.results["clients"] == 2.0
    assert found.results["lost_commands"] == found.results["unanswered_commands"] == 0.0
    assert found.results["events"] > 20.0
    first, second = found.tables["clients that steer at once"]
    assert second["commands"] > first["commands"] > 0


# A long life --------------------------------------------------------------------------------------


def test_memory_and_handles_are_looked_at_after_the_warm_up():
    looks = server_soak.Looks(seconds=[600.0 * n for n in range(12)])
    grown = [100.0 * max(4 - n, 0) + n for n in range(12)]
    assert looks.slope(grown) == pytest.approx(6.0)
    assert looks.growth([90, 80, 70, 60, 30, 50, 30, 40, 40, 35, 36, 60]) == 5.0
    assert looks.growth([30] * 12) == 0.0


def test_processes_are_found_by_their_words_with_what_they_use():
    command = [sys.executable, "-c", "print(1, flush=True); input('needle in a haystack')"]
    with Popen(command, stdin=PIPE, stdout=PIPE) as child:
        child.stdout.readline()
        me = child.pid
        assert find(child.pid, "needle") == []  # not itself
        assert child.pid in find(os.getpid(), "needle")
        assert handles(me) >= 3 and threads(me) >= 1 and megabytes(me) > 1.0
        child.stdin.close()


@pytest.mark.slow
def test_a_short_soak_has_no_errors():
    found = server_soak.measure(quiet, seconds=6.0, sessions=1, processes=2, clients=2)
    assert found.results["soak_errors"] == 0.0
    (row,) = found.tables["soak"]
    assert row["clients_killed"] >= 2
    assert row["commands"] > 10
    assert np.isfinite(row["server_mb_per_hour"])


@pytest.mark.slow
def test_the_music_goes_on_when_its_engine_is_killed_and_commands_end():
    found = server_faults.measure(quiet, only=("none", "engine killed"))
    calm, killed = found.tables["faults"]
    assert calm["silence_seconds"] < 0.5
    assert "started again" in killed["said"]
    assert killed["silence_seconds"] > calm["silence_seconds"]
    assert found.results["fault_lost_commands"] == 0.0
    assert found.results["fault_commands_not_logged"] == 0.0


@pytest.mark.slow
def test_malformed_input_ends_no_process():
    found = server_fuzz.measure(quiet, inputs=600, calm_seconds=1.0)
    assert found.results["fuzz_inputs"] == pytest.approx(600, abs=10)
    assert found.results["fuzz_crashes"] == 0.0
    assert found.results["fuzz_p99_ratio"] > 0.0
