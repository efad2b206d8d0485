"""Granian's own interface, RSGI, in front: the lane is asked first, at once; all else goes on to an ASGI application.

ASGI takes the server half again as long: it makes a dictionary of everything, and two messages of each answer.  Here, in one
place, is what it takes to be told of a request by the one and to tell it as the other.
"""

from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from typing import Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message
from starlette.types import Scope as AsgiScope

from tallystick.http.asked import Answer, Asked, host_of
from tallystick.http.outflow import Files, Outflow

_UNREADABLE: Final = b"?"
_ASGI: Final = {"version": "3.0", "spec_version": "2.4"}  # who sends to a client that is gone gets an OSError


class Headers(Protocol):
    """A request's headers, names in lower case.  RSGI hides values that are not ASCII."""

    def __contains__(self, name: str) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]:
        """Each name once."""

    def items(self) -> list[tuple[str, str]]:
        """All that can be read."""

    def get(self, name: str) -> str | None:
        """The first of a name."""

    def get_all(self, name: str) -> list[str]:
        """All of a name."""


class Scope(Asked, Protocol):
    """A request, as RSGI tells of it."""

    @property
    def headers(self) -> Headers: ...
    @property
    def http_version(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def authority(self) -> str | None: ...


class Exchange(Files, Protocol):
    """What can be done about a request: read its body, and answer it."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def client_disconnect(self) -> None:
        """Wait until the client is gone."""


class Lane(Protocol):
    """Who is asked first."""

    def answer(self, asked: Asked, /) -> Answer | None:
        """The answer, if it is known here and now."""

    async def answer_from_store(self, asked: Asked, /) -> Answer | None:
        """The answer, if asking the store for one thing is all that it takes."""


class Front:
    """An RSGI application made of a lane and an ASGI application."""

    def __init__(self, lane: Lane, app: ASGIApp) -> None:
        self._answer = lane.answer
        self._answer_from_store = lane.answer_from_store
        self._app = app

    def __rsgi__(self, scope: Scope, proto: Exchange) -> Awaitable[None]:
        """Answer.  No coroutine while the lane has the answer: to make and run one takes longer than the rest."""
        answer = self._answer(scope)
        if answer is None:
            return self._pass_on(scope, proto)
        proto.response_bytes(*answer)
        return _DONE

    async def _pass_on(self, scope: Scope, proto: Exchange) -> None:
        known = await self._answer_from_store(scope)
        if known is not None:
            proto.response_bytes(*known)
            return
        told = told_as_asgi(scope)
        body = _Body(proto, scope.headers.get("content-length"))
        answer = _Sent(proto)
        try:
            await self._app(told, body.receive, answer.send)
        except ClientDisconnect:
            pass  # nobody is there to be told, and nothing went wrong here
        finally:
            answer.close()


class _Done:
    """To wait for what is done already."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


_DONE: Final = _Done()


def told_as_asgi(scope: Scope) -> AsgiScope:
    """The same request, as Granian's ASGI tells of it.  Only `raw_path` is missing, which RSGI does not know."""
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": scope.http_version,
        "server": _address(scope.server),
        "client": _address(scope.client),
        "scheme": scope.scheme,
        "method": scope.method,
        "root_path": "",
        "path": scope.path,
        "query_string": scope.query_string.encode(),
        "headers": _headers(scope),
    }


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """A header of which nothing can be read stands there as a value that is good for nothing: it did come."""
    headers = [(name.encode(), value.encode()) for name, value in scope.headers.items()]
    read = {name for name, _ in headers}
    if len(read) < len(scope.headers):
        headers += [(name, _UNREADABLE) for key in scope.headers if (name := key.encode()) not in read]
    if b"host" not in read and "host" not in scope.headers:
        headers.insert(0, (b"host", (scope.authority or "").encode()))
    return headers


def _address(told: str) -> tuple[str, str]:
    return host_of(told) or "", told.rpartition(":")[2]


class _Body:
    """What the client sends: a piece is taken from it when the application asks for one, and not before."""

    def __init__(self, proto: Exchange, announced: str | None) -> None:
        self._proto = proto
        self._pieces: AsyncIterator[bytes] | None = None
        self._missing = None if announced is None else int(announced)
        self._over = False

    async def receive(self) -> Message:
        """ASGI's."""
        if self._over:
            await self._proto.client_disconnect()
            return {"type": "http.disconnect"}
        piece = await self._next()
        if self._missing is not None:
            self._missing -= len(piece)
        if piece:
            return {"type": "http.request", "body": piece, "more_body": True}
        self._over = True
        if await self._is_whole():
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.disconnect"}

    async def _next(self) -> bytes:
        if self._pieces is None:
            self._pieces = aiter(self._proto)
        return await anext(self._pieces)

    async def _is_whole(self) -> bool:
        """RSGI says "no more" and "broken off" with an empty piece, but after the second there is another.

        So there is after the trailers of a body in chunks, which nobody sends: it counts as broken off.  A body that is taken
        for whole and is not could be a token without the limits that were meant.
        """
        if self._missing:
            return False
        try:
            await self._next()
        except StopAsyncIteration:
            return True
        return False


class _Sent:
    """What the application answers: at once if it comes in one piece, else as it comes."""

    def __init__(self, proto: Exchange) -> None:
        self._proto = proto
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._flow: Outflow | None = None

    async def send(self, message: Message) -> None:
        """ASGI's.  Raises `OSError` when the client is gone."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name.decode("ascii"), value.decode("ascii")) for name, value in message["headers"]]
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._flow is None and not more:
            self._proto.response_bytes(self._status, self._headers, bytes(body))
            return
        if self._flow is None:
            self._flow = Outflow(self._proto, self._status, self._headers)
        await self._flow.write(body)
        if not more:
            self._flow.finish()

    def close(self) -> None:
        """The application is done."""
        if self._flow is not None:
            self._flow.close()
