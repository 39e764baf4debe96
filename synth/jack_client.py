"""A client of a running JACK server, or a word why there is none."""

import logging
from typing import Any

from ..music.errors import MissingPartError

log = logging.getLogger(__name__)


def open_jack_client(name: str, *, use: str, instead: str) -> Any:
    """A client (of the package JACK-Client) that is not active yet.

    Raises MissingPartError without the package, the library or a server.

    :param use: what needs it, in the plural, as the beginning of a sentence
    :param instead: what else can be done
    """
    try:
        import jack
    except (ImportError, OSError) as error:
        raise MissingPartError(
            f"{use} need the package JACK-Client and the JACK library ({error}); "
            "pip install JACK-Client, and install JACK (Debian: apt install jackd2)"
        ) from error
    jack.set_error_function(log.debug)  # what the library complains of is told as an error
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackOpenError as error:
        raise MissingPartError(
            f"no JACK server answers ({error}); start one, for example jackd -d alsa, or {instead}"
        ) from error
