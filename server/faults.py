"""Errors as the protocol tells them."""

from ..client.errors import RequestError
from ..client.protocol import Error
from ..music.errors import MissingPartError, RangeError, SegueError, UnknownNameError

_CODES = {
    UnknownNameError: "unknown_name",
    RangeError: "out_of_range",
    MissingPartError: "unavailable",
}


def wire_error(error: Exception) -> Error:
    """The reply that tells of an error."""
    if isinstance(error, RequestError):
        return Error(
            code=error.code, message=error.message, path=error.path, remediation=error.remediation
        )
    if isinstance(error, SegueError):
        message, _, remediation = str(error).partition("; ")
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "refused")
        return Error(code=code, message=message, path="$.content", remediation=remediation)
    return Error(
        code="internal",
        message=f"the server failed at this request ({type(error).__name__}: {error})",
        remediation="it goes on; its log has the details",
    )
