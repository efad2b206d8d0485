"""The verification lane: what is asked on every request of somebody's API, answered from memory before the router is reached.

It answers only what it can answer at once, and to the byte as the ordinary route would; everything else (a token that is not
remembered, a lease that is over, headers that take thought) goes on to that route.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from tallystick.core.may import has_scope, is_limited_to
from tallystick.core.ports import Seen
from tallystick.core.secret import Secret
from tallystick.core.token import LastUse
from tallystick.http import check, wire
from tallystick.http.routes import Wiring
from tallystick.http.times import stamp
from tallystick.steady import steady

Headers: TypeAlias = list[tuple[bytes, bytes]]
_Answer: TypeAlias = tuple[Headers, bytes]
_JSON: Final = msgspec.json.Encoder()
_MARK: Final = "\x00"  # stands in no text of ours: where the parts that differ from request to request go
_PLAIN: Final = re.compile(r"[A-Za-z0-9_:-]+")  # needs no decoding
_PREPARED_MAX: Final = 200_000


class Lane:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._verifier = wiring.memory.verifier
        self._self = _Prepared()
        self._paths: dict[str, Callable[[Scope, Seen, LastUse], _Answer | None]] = {
            "/tokens/self": self._read_self,
            "/check": self._check,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (make := self._paths.get(scope["path"])) is not None:
            answer = self._answer(scope, make)
            if answer is not None:
                headers, body = answer
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
                return
        await self._app(scope, receive, send)

    def _answer(self, scope: Scope, make: Callable[[Scope, Seen, LastUse], _Answer | None]) -> _Answer | None:
        if scope["method"] not in ("GET", "HEAD"):
            return None
        key, agent = _presented(scope["headers"])
        if key is None:
            return None
        secret = Secret(key)
        if not secret.is_well_formed():
            return None
        grant = self._verifier.recall(self._wiring.digest(secret), steady())
        if grant is None:
            return None
        seen, now = grant.what, self._wiring.clock.now()
        if seen.token.is_expired(now):
            return None
        client = scope["client"]
        use = self._wiring.uses.touch(seen.token.id, at=now, ip=client[0] if client else None, user_agent=agent)
        return make(scope, seen, use)

    def _read_self(self, _: Scope, seen: Seen, use: LastUse) -> _Answer | None:
        quirk = wire.quirk_of(use.user_agent or "")
        before = seen.token.last_use
        if quirk.leave_out_nulls or (before is not None and before.at > use.at):
            return None
        first, second, third, last = self._self.parts(seen)
        body = b"".join((first, _text(stamp(use.at)), second, _text(use.ip), third, _text(use.user_agent), last))
        return [*_NO_STORE, (b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")], body

    def _check(self, scope: Scope, seen: Seen, _: LastUse) -> _Answer | None:
        query, token = scope["query_string"], seen.token
        if query:
            name, _, value = query.decode("latin-1").partition("=")
            if _PLAIN.fullmatch(value) is None:
                return None
            if name == "scope" and not has_scope(token.scope, value):
                return None
            if name == "service" and not is_limited_to(token, value):
                return None
            if name not in ("scope", "service"):
                return None
        told = [(key.encode(), value.encode()) for key, value in check.names(token).items()]
        return [*_NO_STORE, (b"content-length", b"2"), (b"content-type", b"application/json"), *told], b"{}"


_NO_STORE: Final = [(b"cache-control", b"no-store")]


class _Prepared:
    """The parts of `GET /tokens/self` that stay, by what was remembered."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Seen, tuple[bytes, ...]]] = {}

    def parts(self, seen: Seen) -> tuple[bytes, ...]:
        known = self._parts.get(seen.token.id)
        if known is not None and known[0] is seen:
            return known[1]
        token = msgspec.structs.replace(seen.token, last_use=LastUse(0, _MARK, _MARK))
        read = wire.token_read(token, wire.quirk_of(""))
        read.last_used_at = _MARK
        parts = tuple(_JSON.encode(read).split(_JSON.encode(_MARK)))
        if len(self._parts) >= _PREPARED_MAX:
            del self._parts[next(iter(self._parts))]
        self._parts[seen.token.id] = (seen, parts)
        return parts


def _presented(headers: Headers) -> tuple[str | None, str | None]:
    """The secret and the user agent.  No secret when there is more than one way to read what came: that takes thought."""
    key, agent = None, None
    for name, value in headers:
        if name == b"fastly-key":
            if key is not None:
                return None, None
            key = value
        elif name == b"authorization":
            if key is not None or value[:7].lower() != b"bearer ":
                return None, None
            key = value[7:]
        elif name == b"user-agent":
            agent = value.decode("latin-1")
    return None if key is None else key.strip().decode("latin-1"), agent


def _text(value: str | None) -> bytes:
    return _JSON.encode(value)
