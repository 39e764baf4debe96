"""The wire: protocol types and the Python client (pyzmq and msgspec only)."""

from .client import Client, RemoteSession
from .errors import ClientError, NoAnswerError, RequestError

__all__ = ["Client", "ClientError", "NoAnswerError", "RemoteSession", "RequestError"]
