"""What is served by HTTP: the console's files, the WebSocket, and facts about the server."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.schema import asyncapi
from .features import FeaturePages, http_error
from .guard import WebGuard, token_subprotocol
from .hub import Hub
from .websocket import WebClient

MAX_CLIENTS = 128  # WebSockets
HEALTH_SECONDS = 1.0
CONSOLE = Path(__file__).with_name("console")
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Of every answer: nothing from elsewhere is loaded, and no other page may show or read ours."""


def web_app(hub: Hub, guard: WebGuard) -> Starlette:
    """The application; make it in the loop that is to serve it."""
    clients = 0

    async def websocket(socket: WebSocket) -> None:
        nonlocal clients
        try:
            claims = guard.claims(socket)
            if clients >= MAX_CLIENTS:
                raise RequestError("busy", f"{clients} clients are here", "", "try again later")
        except RequestError as error:
            await socket.send_denial_response(http_error(error))
            return
        clients += 1
        try:
            await socket.accept(subprotocol=token_subprotocol(socket))
            await WebClient(socket, hub, guard, claims).run()
        finally:
            clients -= 1

    async def health(request: Request) -> Response:
        try:
            await hub.control.ask(p.Ping(), seconds=HEALTH_SECONDS)
            control = True
        except RequestError:
            control = False
        facts = {
            "status": "ok" if control else "the music does not answer",
            "version": hub.config.version,
            "protocol": p.PROTOCOL_VERSION,
            "models": hub.models_up,
            "clients": clients,
        }
        return JSONResponse(facts, 200 if control else 503)

    document = JSONResponse(asyncapi())

    async def schema(request: Request) -> Response:
        return document

    routes = [
        WebSocketRoute("/ws", websocket),
        Route("/health", health),
        Route("/asyncapi.json", schema),
        *FeaturePages(hub, guard).routes,
        Mount("/", StaticFiles(directory=CONSOLE, html=True, check_dir=False)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Doorkeeper, guard=guard)])


class Doorkeeper:
    """Lets in those whom the guard lets in, and puts the headers on each answer."""

    def __init__(self, app: ASGIApp, guard: WebGuard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        origin = Headers(scope=scope).get("origin", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.add_vary_header("origin")
                if origin in self._guard.pages:  # such a page may import our client
                    headers["access-control-allow-origin"] = origin
            await send(message)

        try:
            self._guard.check_place(Headers(scope=scope))
        except RequestError as error:
            await http_error(error)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    async def _refuse(
        self, error: RequestError, scope: Scope, receive: Receive, send: Send
    ) -> None:
        refusal = http_error(error)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)
