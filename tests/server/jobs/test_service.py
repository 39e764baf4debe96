"""Calls and jobs over real sockets, with worker processes that may be lost."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq

from segue.client import RequestError
from segue.client import protocol as p
from segue.client.models import Models, RemoteJob
from segue.client.wire import Message, pack, unpack
from segue.server.jobs.pool import JOBS, QUICK
from segue.server.jobs.service import Service
from segue.server.serving.settings import ChildConfig

from .conftest import RATE, client_of, tone


def until(ready: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What is true at last."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := ready()):
        assert time.monotonic() < deadline
        pause.wait(0.02)
    return found


def begun(job: RemoteJob) -> bool:
    return job.progress().share > 0.0


def fault(job: RemoteJob) -> RequestError:
    with pytest.raises(RequestError) as caught:
        job.result(60.0)
    return caught.value


@pytest.mark.parametrize("packed", [True, False])
def test_a_quick_call_on_a_buffer(service: Service, packed: bool) -> None:
    with client_of(service, packed=packed) as models:
        for sound in (tone(440.0), tone(440.0).astype(float), stereo()):
            found = models.call("tuning", sound, sample_rate=RATE)
            assert abs(found.value["cents"]) < 3.0 and found.function == "tuning"


def stereo() -> np.ndarray:
    """Whole numbers on two channels."""
    sound = (tone(440.0) * 32_767).astype(np.int16)
    return np.stack([sound, sound], axis=1)


def test_arrays_come_as_buffers_with_their_shape(models: Models) -> None:
    found = models.call("f0", tone(440.0), sample_rate=RATE)
    track = np.asarray(found.arrays[0].data)
    assert track.dtype == np.float32 and track.shape[1] == len(found.value["columns"]) == 3
    voiced = track[track[:, 1] > 0]
    assert len(voiced) and abs(np.median(voiced[:, 1]) - 440.0) < 5.0


def test_a_file_may_be_sent_as_its_bytes(models: Models, folders: Path) -> None:
    for path in ("songs/tune.mid", "songs/low.wav"):
        found = models.call("key", (folders / path).read_bytes())
        assert "key" in found.value
    assert models.call("key", (folders / "songs/tune.mid").read_bytes()).value["key"] == "C major"


def test_files_of_the_folder_and_items_of_the_library(models: Models) -> None:
    assert models.call("tuning", file="mine.wav").value["confidence"] > 0
    assert models.call("key", library="songs/tune.mid").value["key"] == "C major"
    listed = models.library()
    assert [item.id for item in listed.items] == [
        "songs/broken.ogg",
        "songs/high.wav",
        "songs/low.wav",
        "songs/tune.mid",
        "songs/album/higher.wav",
    ]
    kinds = {item.id: (item.kind, item.seconds) for item in listed.items}
    assert kinds["songs/tune.mid"] == ("notes", 4.0)
    assert kinds["songs/low.wav"] == ("sound", 4.0)
    assert kinds["songs/broken.ogg"] == ("sound", 0.0)
    searched = models.library("HIGH", limit=1)
    assert searched.total == 2 and len(searched.items) == 1


@pytest.mark.parametrize(
    "id",
    [
        "songs/../outside/secret.wav",
        "songs/escape.wav",
        "songs/way/secret.wav",
        "songs//etc/passwd",
        "/etc/passwd",
        "../outside/secret.wav",
        "songs",
        "songs/",
        "songs/album",
        "songs/notes.txt",
        "songs/.hidden.wav",
        "songs/\x00.wav",
        "songs/" + "x" * 5000 + ".wav",
        "elsewhere/low.wav",
    ],
)
def test_nothing_outside_the_library_is_reached(models: Models, folders: Path, id: str) -> None:
    with pytest.raises(RequestError) as caught:
        models.call("tuning", library=id)
    assert caught.value.code == "unknown_name" and str(folders) not in str(caught.value)


@pytest.mark.parametrize(
    "file", ["../outside/secret.wav", "escape.wav", "/etc/passwd", "missing.wav", ".", "\x00"]
)
def test_nothing_outside_the_folder_is_read(models: Models, folders: Path, file: str) -> None:
    with pytest.raises(RequestError) as caught:
        models.call("tuning", file=file)
    assert caught.value.code == "refused" and str(folders) not in str(caught.value)


SOUND = {"dtype": "float32", "shape": [RATE], "sample_rate": RATE}


@pytest.mark.parametrize(
    ("changes", "data", "code"),
    [
        ({}, b"garbage", "invalid"),
        ({}, b"", "invalid"),
        ({"shape": [2, RATE]}, bytes(4 * RATE), "invalid"),
        ({"shape": [-1]}, bytes(4 * RATE), "invalid"),
        ({"shape": []}, bytes(4 * RATE), "invalid"),
        ({"shape": [0]}, b"", "invalid"),
        ({"shape": [RATE // 8, 8]}, bytes(4 * RATE), "invalid"),
        ({"shape": [10**12]}, bytes(4 * RATE), "invalid"),
        ({"shape": [1, 1, RATE]}, bytes(4 * RATE), "invalid"),
        ({"dtype": "object"}, bytes(4 * RATE), "invalid"),
        ({"dtype": "float64"}, bytes(8 * RATE), "invalid"),
        ({"sample_rate": 0}, bytes(4 * RATE), "invalid"),
        ({"sample_rate": -8000}, bytes(4 * RATE), "invalid"),
        ({"dtype": "uint8", "shape": [4], "sample_rate": 0}, b"MThd", "invalid"),
        ({"dtype": "uint8", "shape": [5], "sample_rate": 0}, b"OggS!", "refused"),
        ({}, np.full(RATE, np.nan, "<f4").tobytes(), "refused"),
        ({}, np.full(RATE, np.inf, "<f4").tobytes(), "refused"),
        ({}, np.full(RATE, 30_000, "<f4").tobytes(), "refused"),
    ],
)
def test_garbage_is_refused_and_nothing_else_happens(
    service: Service,
    models: Models,
    folders: Path,
    changes: dict[str, Any],
    data: bytes,
    code: str,
) -> None:
    source = p.Source(buffers=[msgspec.convert(SOUND | changes, type=p.Buffer)])
    content = p.Call(function="tuning", source=source)
    frames = pack(content, header("x"), packed=True, multipart=True, buffers=[data])
    error = ask(service.endpoint, frames).read(p.Error)
    assert error.code == code and str(folders) not in error.message and "/tmp" not in error.message
    assert models.call("tuning", tone(440.0), sample_rate=RATE).value["confidence"] > 0


def test_where_samples_break_is_told(models: Models) -> None:
    sound = tone(440.0)
    sound[100] = np.nan
    for function in ("tuning", "listen"):
        with pytest.raises(RequestError, match="the first at frame 100"):
            models.call(function, sound, sample_rate=RATE)


def header(id: str, type: str = "call") -> p.Header:
    return p.Header(id=id, type=type)


def ask(endpoint: str, frames: list[bytes], kind: int = zmq.DEALER) -> Message:
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.linger, socket.rcvtimeo = 0, 60_000
        socket.connect(endpoint)
        socket.send_multipart(frames)
        message = Message()
        unpack(socket.recv_multipart(), message, max_bytes=p.MAX_UPLOAD_BYTES)
        return message


def test_hello_and_ping_are_answered_here_as_well(service: Service) -> None:
    welcome = ask(service.endpoint, pack(p.Hello(), header("h", "hello")), zmq.REQ).read(p.Welcome)
    assert welcome.models == service.endpoint and welcome.capabilities == ["models"]
    pong = ask(service.endpoint, pack(p.Ping(t0_ns=7), header("p", "ping"))).read(p.Pong)
    assert pong.t0_ns == 7
    error = ask(service.endpoint, pack(p.List(), header("l", "list"))).read(p.Error)
    assert error.code == "unknown_type"
    assert ask(service.endpoint, [b"\xff"]).read(p.Error).code == "malformed"


@pytest.mark.parametrize(
    ("function", "options", "code"),
    [
        ("kee", {}, "unknown_name"),
        ("key", {"vocabulary": 1}, "invalid"),
        ("chords", {"vocabulary": 1}, "invalid"),
        ("compose", {"pieces": 1000}, "invalid"),
        ("compose", {"seed": "x"}, "invalid"),
        ("compose", {"player": "nobody"}, "unknown_name"),
        ("recommendations", {"seeds": ["a"] * 6}, "invalid"),
        ("recommendations", {"limit": 101}, "invalid"),
        ("recommendations", {"min_energy": 2.0, "seeds": []}, "out_of_range"),
        ("recommendations", {"seeds": ["songs/none.wav"]}, "unknown_name"),
        ("cue_check", {"cue": "../outside"}, "unknown_name"),
        ("render", {"cue": "/etc"}, "unknown_name"),
        ("key", {}, "invalid"),
    ],
)
def test_what_cannot_be_asked(
    models: Models, function: str, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(RequestError) as caught:
        models.call(function, **options)
    assert caught.value.code == code


def test_a_function_works_on_its_own_kind_only(models: Models) -> None:
    for function, source in (
        ("accompany", {"library": "songs/low.wav"}),
        ("chords", {"library": "songs/tune.mid"}),
        ("compose", {"library": "songs/tune.mid"}),
        ("key", {"library": "songs/tune.mid", "file": "mine.wav"}),
    ):
        with pytest.raises(RequestError) as caught:
            models.call(function, **source)
        assert caught.value.code == "invalid"


def test_a_job_tells_its_progress_and_brings_a_result(serve: Any) -> None:
    _, models = serve()
    job = models.submit("steps")
    assert job.id.startswith("j")
    shares = set()
    while job.ended is None:
        assert models.receive(30.0)
        shares.add(job.state.share)
    assert len(shares) > 2 and job.result().value == "done"
    assert job.result().value == "done"
    told = job.progress()
    assert (told.state, told.share, told.function) == ("done", 1.0, "steps")
    assert told.seconds > 0.5
    assert [one.id for one in models.jobs()] == [job.id]
    content = p.GetResult(job=job.id)
    assert models._ask(content, p.Result).value == "done"


def test_a_running_job_is_cancelled_within_a_second(serve: Any) -> None:
    _, models = serve()
    job = models.submit("wait")
    until(lambda: begun(job))
    process = int(job.progress().message)
    began = time.monotonic()
    assert job.cancel().state == "cancelled"
    assert time.monotonic() - began < 1.0
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert fault(job).code == "refused" and job.cancel().state == "cancelled"
    assert models.submit("steps").result(60.0).value == "done"


def test_a_waiting_job_is_cancelled_and_never_begins(serve: Any) -> None:
    _, models = serve()
    first, second = models.submit("wait"), models.submit("crash")
    assert second.progress().state == "queued"
    with pytest.raises(RequestError, match="queued"):
        models._ask(p.GetResult(job=second.id), p.Result)
    assert second.cancel().state == "cancelled" and second.progress().seconds == 0.0
    assert first.cancel().state == "cancelled"


def test_a_long_job_does_not_delay_quick_calls(serve: Any) -> None:
    _, models = serve()
    jobs = [models.submit("wait") for _ in range(3)]
    until(lambda: begun(jobs[0]))
    assert models.call("echo", only=["quick"]).value == ["quick"]
    assert jobs[1].progress().state == "queued"


@pytest.mark.parametrize("function", ["crash", "quick_crash", "eat", "stop"])
def test_a_lost_worker_fails_its_work_alone(serve: Any, function: str) -> None:
    seconds = 5.0 if function == "stop" else 60.0
    limits = {"memory_bytes": 600 * 1024**2, "job_seconds": seconds}
    _, models = serve(workers=2, **limits)
    other = models.submit("steps")
    if function == "quick_crash":
        with pytest.raises(RequestError) as caught:
            models.call(function)
        assert caught.value.code == "refused" and "SIGKILL" in str(caught.value)
    else:
        job = models.submit(function)
        why = {"crash": "SIGKILL", "eat": "memory", "stop": "longer than 5 seconds"}[function]
        error = fault(job)
        assert error.code == "refused" and why in str(error)
        assert job.progress().state == "failed" and why in job.progress().message
    assert other.result(60.0).value == "done"
    assert models.submit("steps").result(60.0).value == "done"
    assert models.call("echo", only=[]).value == []


def test_a_killed_worker_is_replaced_even_if_it_was_idle(serve: Any) -> None:
    service, models = serve()
    assert models.call("echo", only=["a"]).value == ["a"]
    quick = next(one for one in service.pool.workers if one.lane == QUICK)
    before = quick.process.pid
    os.kill(before, signal.SIGKILL)
    until(lambda: quick.process is not None and quick.process.pid != before)
    assert models.call("echo", only=["b"]).value == ["b"]
    assert {one.lane for one in service.pool.workers} == {QUICK, JOBS}


def test_faults_of_a_function_tell_nothing_of_the_machine(serve: Any) -> None:
    _, models = serve()
    error = fault(models.submit("fail"))
    assert error.code == "internal" and "passwd" not in str(error) and "secret" not in str(error)


def test_what_waits_is_bounded(serve: Any) -> None:
    _, models = serve(client_waiting=2)
    jobs = [models.submit("wait")]
    until(lambda: begun(jobs[0]))
    jobs += [models.submit("wait"), models.submit("wait")]
    with pytest.raises(RequestError) as caught:
        models.submit("wait")
    assert caught.value.code == "busy"
    jobs[1].cancel()
    models.submit("wait")


def test_what_waits_with_its_sound_is_bounded(serve: Any) -> None:
    _, models = serve(waiting_bytes=1_000_000)
    job = models.submit("wait")
    until(lambda: begun(job))
    models.submit("listen", tone(440.0), sample_rate=RATE)
    with pytest.raises(RequestError) as caught:
        for _ in range(10):
            models.submit("listen", tone(440.0), sample_rate=RATE)
    assert caught.value.code == "busy"


def test_jobs_are_forgotten(serve: Any) -> None:
    _, models = serve(kept=1)
    first, second = models.submit("steps"), models.submit("steps")
    first.result(60.0), second.result(60.0)
    until(lambda: len(models.jobs()) == 1)
    assert models.jobs()[0].id == second.id
    with pytest.raises(RequestError) as caught:
        first.progress()
    assert caught.value.code == "unknown_name"


def test_clients_take_turns(serve: Any) -> None:
    service, models = serve()
    blocking = models.submit("wait")
    until(lambda: begun(blocking))
    mine = [models.submit("steps") for _ in range(3)]
    with zmq.Context() as context:
        other = Models(context, service.endpoint, timeout_seconds=30.0)
        theirs = other.submit("steps")
        blocking.cancel()
        assert theirs.result(60.0).value == "done"
        assert mine[-1].progress().state == "queued"
        other.close()
    assert mine[-1].result(60.0).value == "done"


def test_workers_end_with_the_process_that_started_them(folders: Path) -> None:
    config = ChildConfig(
        control="",
        events="",
        models="tcp://127.0.0.1:*",
        heartbeat="",
        version="0",
        host="127.0.0.1",
        web_port=None,
        osc_port=None,
        folder=str(folders / "work"),
        library=[],
        osc_peers=[],
        osc_ahead_seconds=0.0,
        keys="",
        tokens="",
        curve=None,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "segue.server.jobs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    with process:
        process.stdin.write(msgspec.json.encode(config).decode() + "\n")
        process.stdin.flush()
        endpoint = json.loads(process.stdout.readline())["ready"]["models"]
        with zmq.Context() as context:
            models = Models(context, endpoint, timeout_seconds=60.0)
            assert len(models.call("compose").value["pieces"]) == 1
            models.close()
        children = until(lambda: workers_of(process.pid))
        process.kill()
        process.wait(10)
        until(lambda: not any(map(is_alive, children)), 10.0)


def workers_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
