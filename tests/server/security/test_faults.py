"""What errors tell, and numbers that are too large for anything."""

import json
import threading
from pathlib import Path

import pytest
import zmq

from segue.client.errors import RequestError
from segue.client.wire import Message, unpack
from segue.music.errors import RangeError, SegueError, check_range
from segue.server.jobs.service import Service
from segue.server.security.faults import wire_error, without_folders
from segue.server.serving import server as server_module


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cannot write /home/a/b c/x.mid: full", "cannot write b c/x.mid: full"),
        ("[Errno 2] No such file: '/home/a/x.mid'", "[Errno 2] No such file: 'x.mid'"),
        ("cue folder C:\\Users\\me\\x.toml is bad", "cue folder x.toml is bad"),
        ("see tcp://127.0.0.1:5570, 4/4 and/or 1/2; a/b.mid", None),
        ("open http://localhost/a/b or $.content.a", None),
    ],
)
def test_folders_are_not_told(text: str, told: str | None) -> None:
    assert without_folders(text) == (text if told is None else told)


def test_errors_of_all_kinds_are_cleaned() -> None:
    for error in (
        SegueError("cannot read /secret/place/x; check /secret/place/y"),
        RequestError("refused", "cannot read /secret/place/x", "", "check /secret/place/y"),
        OSError(2, "No such file", "/secret/place/x"),
    ):
        reply = wire_error(error)
        assert "secret" not in f"{reply.message}{reply.remediation}"


def test_a_number_beyond_all_is_out_of_range_and_not_told_in_full() -> None:
    for number in (10**400, -(10**5000)):
        with pytest.raises(RangeError, match="is huge, not a number") as caught:
            check_range("seconds", number, 0.0, 1.0)
        assert len(str(caught.value)) < 200


def ask(endpoint: str, type: str, **content: object) -> Message:
    context = zmq.Context()
    with context, context.socket(zmq.DEALER) as dealer:
        dealer.linger, dealer.rcvtimeo = 0, 20_000
        dealer.connect(endpoint)
        dealer.send(json.dumps({"header": {"type": type}, "content": content}).encode())
        message = Message()
        unpack(dealer.recv_multipart(), message)
    return message


def test_a_huge_number_ends_neither_socket(server, tmp_path: Path) -> None:
    assert ask(server.endpoint, "ping", t0_ns=10**300).header.type == "pong"
    service = Service("tcp://127.0.0.1:*", folder=tmp_path)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        assert b"out_of_range" in ask(service.endpoint, "library", limit=10**30).content
        assert ask(service.endpoint, "ping").header.type == "pong"
    finally:
        service.stop()
        thread.join(20)
        service.close()


def test_an_answer_that_cannot_be_written_down_is_told(
    server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, failed = server_module.pack, []

    def broken(reply, header, **form):
        if not failed:
            failed.append(reply)
            raise OverflowError("too large")
        return pack(reply, header, **form)

    monkeypatch.setattr(server_module, "pack", broken)
    assert b"internal" in ask(server.endpoint, "ping").content
    assert ask(server.endpoint, "ping").header.type == "pong"
