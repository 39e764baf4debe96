"""The gateway's own questions to the server's sockets."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from ...client import protocol as p
from ...client.errors import RequestError
from ...client.verbs import new_id
from ...client.wire import Message, pack, unpack
from .sockets import LoopSocket, ZmqSocket

ANSWER_SECONDS = 5.0
Answered = Callable[[Message], None]


class Link:
    """Requests over one socket, each with what is to be done with its answer."""

    def __init__(self, socket: ZmqSocket) -> None:
        self._waiting: dict[str, Answered] = {}
        self._socket = LoopSocket(socket, self._receive)

    def tell(
        self,
        content: p.Request,
        answered: Answered,
        *,
        session: str = "",
        id: str = "",
        buffers: Sequence[bytes] = (),
    ) -> str:
        """Send a request and go on; the id by which `forget` knows it.

        Raises RequestError `unavailable` if the server does not take it.
        """
        header = p.Header(id=id or new_id(), type=content.TYPE, session=session)
        if not self._socket.send(pack(content, header, multipart=bool(buffers), buffers=buffers)):
            raise unavailable("does not take requests now")
        self._waiting[header.id] = answered
        return header.id

    def forget(self, id: str) -> None:
        """Wait no longer for an answer."""
        self._waiting.pop(id, None)

    async def ask(
        self,
        content: p.Request,
        *,
        session: str = "",
        buffers: Sequence[bytes] = (),
        seconds: float = ANSWER_SECONDS,
    ) -> Message:
        """The answer; RequestError if it is an error, or none comes in time."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def answered(message: Message) -> None:
            if not future.done():
                future.set_result(message)

        id = self.tell(content, answered, session=session, buffers=buffers)
        try:
            async with asyncio.timeout(seconds):
                message = await future
        except TimeoutError:
            raise unavailable(f"has not answered within {seconds:g} s") from None
        finally:
            self.forget(id)
        fault = fault_of(message)
        if fault is not None:
            raise fault
        return message

    def lose(self) -> None:
        """Whoever waits is told that the server has gone."""
        waiting, self._waiting = self._waiting, {}
        content = msgspec.json.encode(error_reply(unavailable("has gone")))
        for answered in waiting.values():
            answered(Message(header=p.Header(type=p.Error.TYPE), content=content))

    def close(self) -> None:
        self._socket.close()

    def _receive(self, frames: list[bytes]) -> None:
        message = Message()
        unpack(frames, message, max_bytes=p.MAX_UPLOAD_BYTES)
        answered = self._waiting.pop(str(message.parent.get("id")), None)
        if answered is not None:
            answered(message)


def fault_of(message: Message) -> RequestError | None:
    """The error that a reply tells of."""
    if message.header.type != p.Error.TYPE:
        return None
    told = message.read(p.Error)
    return RequestError(told.code, told.message, told.path, told.remediation)


def error_reply(error: RequestError) -> p.Error:
    """An error as the protocol tells it."""
    return p.Error(
        code=error.code, message=error.message, path=error.path, remediation=error.remediation
    )


def unavailable(fact: str) -> RequestError:
    """That a part of the server is not there."""
    return RequestError("unavailable", f"this part of the server {fact}", "", "try again soon")
