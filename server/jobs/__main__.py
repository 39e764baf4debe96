"""The models process of a server: `python -m segue.server.jobs`, its configuration on stdin."""

import json
import logging
import sys
import threading
from pathlib import Path

from ...music.errors import SegueError
from ..security.keys import KeyFolder
from ..serving.children import REFUSED
from ..serving.settings import read_config
from .service import Service


def main() -> int:
    """Serve until standard input ends; the exit code."""
    logging.basicConfig(stream=sys.stderr, format="segue models: %(message)s")
    config = read_config(sys.stdin.readline())
    try:
        service = Service(
            config.models,
            folder=config.folder,
            library=config.library,
            keys=KeyFolder(Path(config.keys)) if config.keys else None,
            own_key=config.curve.public_key if config.curve else "",
            version=config.version,
        )
    except SegueError as error:
        print(f"segue: {error}", file=sys.stderr)
        return REFUSED
    with service:
        threading.Thread(target=_stop_with_parent, args=(service,), daemon=True).start()
        print(json.dumps({"ready": {"models": service.endpoint}}), flush=True)
        service.run()
    return 0


def _stop_with_parent(service: Service) -> None:
    sys.stdin.read()
    service.stop()


if __name__ == "__main__":
    sys.exit(main())
