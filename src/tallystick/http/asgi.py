"""The lane in front of an ASGI application, over ASGI: for tests, and for whoever runs the service on another server."""

from functools import cached_property

from starlette.types import ASGIApp, Receive, Scope, Send

from tallystick.http.asked import Given
from tallystick.http.lane import Lane


def in_front(lane: Lane, app: ASGIApp) -> ASGIApp:
    """The lane and an ASGI application as one ASGI application.  On Granian it is `rsgi.Front`."""

    async def asked_first(scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http":
            asked = AsRsgi(scope)
            answer = lane.answer(asked) or await lane.answer_from_store(asked)
        if answer is None:
            await app(scope, receive, send)
            return
        status, headers, body = answer
        told = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return asked_first


class AsRsgi:
    """A request over ASGI, as RSGI tells of it: what is not ASCII among its headers is hidden there."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope = scope

    @property
    def query_string(self) -> str:
        return str(self._scope["query_string"], "latin-1")

    @property
    def headers(self) -> Given:
        return self

    @property
    def client(self) -> str:
        host, port = self._scope.get("client") or ("", "")
        return f"[{host}]:{port}"

    def __contains__(self, name: str, /) -> bool:
        return name in self._headers

    def get(self, name: str, /) -> str | None:
        first = self._headers.get(name, [b"\xff"])[0]
        return first.decode() if first.isascii() else None

    def get_all(self, name: str, /) -> list[str]:
        return [value.decode() for value in self._headers.get(name, ()) if value.isascii()]

    @cached_property
    def _headers(self) -> dict[str, list[bytes]]:
        headers: dict[str, list[bytes]] = {}
        for name, value in self._scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value)
        return headers
