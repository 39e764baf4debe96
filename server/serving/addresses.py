"""Where a server can be reached; `welcome` tells its clients."""

from dataclasses import dataclass


@dataclass
class Addresses:
    """Endpoints of ZeroMQ sockets, and addresses of the bridges; '' for what is not served."""

    events: str
    heartbeat: str
    models: str = ""
    web: str = ""
    osc: str = ""
