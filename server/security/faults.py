"""Errors as the protocol tells them: nothing of the machine's folders or the program's insides."""

import logging
import re
from secrets import token_hex

from ...client.errors import RequestError
from ...client.protocol import Error
from ...music.errors import MissingPartError, RangeError, SegueError, UnknownNameError

log = logging.getLogger(__name__)

_CODES = {
    UnknownNameError: "unknown_name",
    RangeError: "out_of_range",
    MissingPartError: "unavailable",
}
_FOLDERS = re.compile(r"(?<![\w:/.\\])(?:[A-Za-z]:[\\/]|/)(?:[^\s/\\'\",;:()]+[\\/])+")
"""Of an absolute path, all but the last name."""


def wire_error(error: Exception) -> Error:
    """The reply that tells of an error; one of the server's own goes to the log instead."""
    if isinstance(error, RequestError):
        return Error(
            code=error.code,
            message=without_folders(error.message),
            path=error.path,
            remediation=without_folders(error.remediation),
        )
    if isinstance(error, SegueError):
        message, _, remediation = without_folders(str(error)).partition("; ")
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "refused")
        return Error(code=code, message=message, path="$.content", remediation=remediation)
    number = token_hex(4)
    log.error("fault %s", number, exc_info=error)
    return Error(
        code="internal",
        message=f"the server failed at this request (fault {number})",
        remediation="it goes on; its log has the details",
    )


def without_folders(text: str) -> str:
    """A text whose absolute paths are cut down to their last names, for those who are told."""
    return _FOLDERS.sub("", text)
