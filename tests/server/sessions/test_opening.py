"""Opening a session takes its time, and nobody else's."""

from pathlib import Path

import pytest

from segue.client import protocol as p
from segue.client.wire import Message, pack, unpack
from segue.server.serving.desk import Desk


def ask(desk: Desk[str], content: p.Request, route: str, *, session: str = "", id: str = "x"):
    message = Message()
    unpack(pack(content, p.Header(id=id, type=content.TYPE, session=session), packed=True), message)
    return desk.answer(message, route, 0)


def finish(desk: Desk[str]) -> list[tuple[str, p.Reply]]:
    """Wait for what is being opened; the replies."""
    for opening in desk.hosts.opening:
        opening.future.exception(timeout=60)
    return desk.turn()


@pytest.fixture
def desk(tmp_path: Path):
    desk: Desk[str] = Desk(tmp_path, "tcp://nowhere", "0")
    yield desk
    desk.close("the test ended")


def test_others_are_answered_while_a_session_opens(desk):
    asked = p.Open(cue="dungeon", director="table", output="null", clock="manual")
    assert ask(desk, asked, "a") is None
    assert isinstance(ask(desk, p.List(), "b"), p.Listing)
    assert desk.live  # so that the server looks again soon
    [(route, reply)] = finish(desk)
    assert route == "a" and isinstance(reply, p.Opened) and reply.session == "s1"
    assert isinstance(ask(desk, p.GetPosition(), "b", session="s1"), p.PositionReply)


def test_the_same_request_again_gets_the_same_session(desk):
    asked = p.Open(cue="dungeon", director="table", clock="manual")
    assert ask(desk, asked, "a", id="one") is None
    assert ask(desk, asked, "b", id="one") is None
    replies = finish(desk)
    assert [route for route, _ in replies] == ["a", "b"] and replies[0][1] is replies[1][1]
    assert ask(desk, asked, "c", id="one") is replies[0][1]
    assert len(desk.hosts.hosted) == 1


def test_what_cannot_be_opened_is_told_to_who_asked(desk):
    assert ask(desk, p.Open(cue="dungoen"), "a") is None
    [(route, reply)] = finish(desk)
    assert route == "a" and isinstance(reply, p.Error)
    assert reply.code == "unknown_name" and "dungeon" in reply.remediation
    assert not desk.hosts.hosted


def test_closing_waits_for_what_is_being_opened(desk):
    ask(desk, p.Open(cue="dungeon", output="file:x.wav", clock="manual"), "a")
    assert desk.close("enough") == []
    assert (desk.hosts.places.folder / "x.wav").exists()
    assert all(hosted.session.closed for hosted in desk.hosts.hosted.values())
