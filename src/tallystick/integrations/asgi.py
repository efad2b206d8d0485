"""ASGI: a middleware in front of any program (Starlette, FastAPI, Litestar, Quart, …), for HTTP and for WebSockets.

    app = TallystickMiddleware(app, open=["/healthz"], needs={"POST /purge/**": "purge_all"})

The program finds the verdict in `scope["state"]["token"]`, which is `request.state.token` in Starlette; None where it is open.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias, Unpack

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Came, Refusal
from tallystick.integrations._guard import AsyncGuard, Settings

Scope: TypeAlias = MutableMapping[str, Any]  # Any, here and in messages: what ASGI says
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_DENIAL = "websocket.http.response"


class TallystickMiddleware:
    """Lets through what has a good token, and what is open.  Bodies and messages are passed on as they come.

    A WebSocket is judged when it is opened.  `settings`: see `Settings`.
    """

    def __init__(self, app: App, **settings: Unpack[Settings]) -> None:
        self._app = app
        self._guard = AsyncGuard(**settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI calls it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"no token can be asked for over {scope['type']!r}")
        found = await self._judge(scope)
        if not isinstance(found, Refusal):
            state = {**scope.get("state", {}), "token": found}
            await self._app({**scope, "state": state}, receive, send)
        elif scope["type"] == "http":
            await _refuse(found, "http.response", send)
        elif _DENIAL in scope.get("extensions", {}):
            await _refuse(found, _DENIAL, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": found.msg})

    async def _judge(self, scope: Scope) -> Verdict | Refusal | None:
        need = self._guard.rules.need(scope.get("method", "GET"), _path(scope))
        if need is None or isinstance(need, Refusal):
            return need
        return await self._guard.judge(need, came(scope))

    def _closing(self, send: Send) -> Send:
        """Before the program says that it has shut down, the server is told that nobody has to wait for us."""

        async def passed_on(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self._guard.aclose()
            await send(message)

        return passed_on


def came(scope: Scope) -> Came:
    """A request, or the opening of a WebSocket, for a guard."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    peer = scope.get("client")
    return Came(scope.get("method", "GET"), scope["path"], headers, peer[0] if peer else None)


def _path(scope: Scope) -> str:
    """As the program will route it: below where it is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root and (path == root or path.startswith(f"{root}/")) else path


async def _refuse(refusal: Refusal, kind: str, send: Send) -> None:
    body = refusal.body
    headers = [*refusal.headers, ("Content-Length", str(len(body)))]
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": raw})
    await send({"type": f"{kind}.body", "body": body})
