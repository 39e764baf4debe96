"""Cuts off HTTP clients that begin a request and do not end it, as uvicorn waits for ever."""

import asyncio
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS = 10.0  # for the head of a request, from the connection or the last answer on
LOOK_SECONDS = 2.0


async def cut_off_slow_clients(server: uvicorn.Server) -> None:
    """Look at the connections now and then, until cancelled."""
    since: dict[H11Protocol, tuple[RequestResponseCycle | None, float]] = {}
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now, before, since = time.monotonic(), since, {}
        for connection in list(server.server_state.connections):
            if not isinstance(connection, H11Protocol):
                continue
            answered: RequestResponseCycle | None = connection.cycle
            if answered is not None and not answered.response_complete:
                continue
            known = before.get(connection)
            began = known[1] if known is not None and known[0] is answered else now
            since[connection] = (answered, began)
            if now - began > HEAD_SECONDS:
                connection.transport.abort()
