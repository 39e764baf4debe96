"""Audio features, analyses and recommendations in the shape of the interface that Spotify withdrew.

So programs written for it work with the library of this server: `{id}` is an item of the library.
What is computed, and its fields, is the business of the models; here are addresses and errors.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.wire import Message
from ..security.rights import check_rights
from .guard import WebGuard
from .hub import Hub
from .link import unavailable

MAX_IDS = 100
MAX_REQUESTS = 32  # at once; each may wait for models
CALLS_AT_ONCE = 4  # of one request for many ids
CALL_SECONDS = 120.0
STATUS = {
    "malformed": 400,
    "invalid": 400,
    "out_of_range": 400,
    "version": 400,
    "forbidden": 403,
    "unknown_name": 404,
    "unknown_type": 404,
    "refused": 409,
    "too_large": 413,
    "busy": 429,
    "unavailable": 503,
}
"""Of the protocol's error codes; the others are 500."""

Page = Callable[[Request], Awaitable[object]]


def http_error(error: RequestError) -> JSONResponse:
    """An error as those programs know it."""
    status = STATUS.get(error.code, 500)
    headers = {"retry-after": "1"} if status in (429, 503) else None
    return JSONResponse({"error": {"status": status, "message": str(error)}}, status, headers)


class FeaturePages:
    """The pages below `/v1`."""

    def __init__(self, hub: Hub, guard: WebGuard) -> None:
        self._hub, self._guard = hub, guard
        self._requests = 0
        call, library = p.Call.TYPE, p.GetLibrary.TYPE  # whose rights a page needs
        self.routes = [
            Route("/v1/audio-features", self._page(call, self._features_of_many)),
            Route("/v1/audio-features/{id:path}", self._page(call, self._one("audio_features"))),
            Route("/v1/audio-analysis/{id:path}", self._page(call, self._one("audio_analysis"))),
            Route("/v1/recommendations", self._page(call, self._recommendations)),
            Route("/v1/search", self._page(library, self._search)),
        ]

    def _page(self, type: str, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                check_rights(type, self._guard.claims(request).rights)
                if self._requests >= MAX_REQUESTS:
                    raise RequestError("busy", "too many requests at once", "", "try again soon")
                self._requests += 1
                try:
                    return JSONResponse(await page(request))
                finally:
                    self._requests -= 1
            except RequestError as error:
                return http_error(error)

        return answer

    def _one(self, function: str) -> Page:
        async def page(request: Request) -> object:
            return await self._call(function, p.Source(library=request.path_params["id"]))

        return page

    async def _features_of_many(self, request: Request) -> object:
        ids = [id for id in request.query_params.get("ids", "").split(",") if id]
        if not 1 <= len(ids) <= MAX_IDS:
            raise RequestError("invalid", f"{len(ids)} ids", "", f"name 1 to {MAX_IDS} in ?ids=")
        turns = asyncio.Semaphore(CALLS_AT_ONCE)

        async def features(id: str) -> object:
            async with turns:
                try:
                    return await self._call("audio_features", p.Source(library=id))
                except RequestError as error:
                    if error.code == "unknown_name":
                        return None
                    raise

        return {"audio_features": await asyncio.gather(*map(features, ids))}

    async def _recommendations(self, request: Request) -> object:
        options: p.Plain = {}
        for name, text in request.query_params.items():
            if name == "seed_tracks":
                options["seeds"] = [id for id in text.split(",") if id]
            elif name == "limit":
                options["limit"] = int(number(name, text, 1, 100))
            elif name.startswith(("min_", "max_", "target_")):
                options[name] = number(name, text, -math.inf, math.inf)
            elif name.startswith("seed_"):
                way = "name tracks in seed_tracks"
                raise RequestError("invalid", f"the library knows no {name[5:]}", "", way)
        return await self._call("recommendations", p.Source(), options)

    async def _search(self, request: Request) -> object:
        query = request.query_params
        limit = int(number("limit", query.get("limit", "20"), 1, 50))
        offset = int(number("offset", query.get("offset", "0"), 0, 1000))
        asked = p.GetLibrary(search=query.get("q", ""), limit=limit + offset)
        found = (await self._ask(asked)).read(p.Library)
        items = [track(item) for item in found.items[offset:]]
        page = {"items": items, "limit": limit, "offset": offset, "total": found.total}
        return {"tracks": page | {"next": None, "previous": None}}

    async def _call(
        self, function: str, source: p.Source, options: p.Plain | None = None
    ) -> object:
        call = p.Call(function=function, source=source, options=options or {})
        return (await self._ask(call)).read(p.Result).value

    async def _ask(self, content: p.Request) -> Message:
        if self._hub.models is None or not self._hub.models_up:
            raise unavailable("is not running")
        return await self._hub.models.ask(content, seconds=CALL_SECONDS)


def track(item: p.LibraryItem) -> dict[str, object]:
    """An item of the library as a track."""
    return {
        "id": item.id,
        "name": item.title,
        "type": "track",
        "uri": f"segue:track:{item.id}",
        "duration_ms": round(1000 * item.seconds),
    }


def number(name: str, text: str, low: float, high: float) -> float:
    """A finite number in a range; RequestError `out_of_range` if the text is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        fact = f"{name} is {text[:32]!r}, not a number from {low:g} to {high:g}"
        raise RequestError("out_of_range", fact, "", "give one in that range")
    return value
