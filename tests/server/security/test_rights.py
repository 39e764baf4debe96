"""Which rights reach how far: every type of request has a place, as docs/protocol.md says."""

import pytest

from segue.client import protocol as p
from segue.client.errors import RequestError
from segue.server.security.rights import RIGHTS, check_rights, needed

ALL = {*p.REQUESTS, *p.MODEL_REQUESTS}
PLAY = """hello ping list join position events snapshot explain time_to why meters metrics subscribe
    feedback unlearn functions library cards job jobs result""".split()


def allowed(rights: str) -> set[str]:
    found = set()
    for kind in ALL:
        try:
            check_rights(kind, rights)
        except RequestError as error:
            assert error.code == "forbidden" and needed(kind) in error.remediation
        else:
            found.add(kind)
    return found


def test_each_rank_reaches_as_far_as_the_page_says() -> None:
    assert allowed("play") == set(PLAY)
    assert allowed("steer") == ALL - {"shutdown"}
    assert allowed("admin") == ALL
    assert allowed("") == set()


@pytest.mark.parametrize("rights", RIGHTS)
def test_what_is_not_known_is_not_forbidden(rights: str) -> None:
    check_rights("dance", rights)  # it is told as unknown
