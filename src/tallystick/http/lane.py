"""The verification lane: what is asked on every request of somebody's API, answered from memory before the router is reached.

It answers only what it can answer at once, and to the byte as the ordinary route would; everything else (a token that is not
remembered, a lease that is over, headers that take thought) goes on to that route.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import msgspec

from tallystick.core.may import has_scope, is_limited_to
from tallystick.core.ports import Seen
from tallystick.core.secret import Secret
from tallystick.core.token import LastUse
from tallystick.http import check, wire
from tallystick.http.routes import Wiring
from tallystick.http.times import stamp
from tallystick.steady import steady

Headers: TypeAlias = list[tuple[str, str]]
Answer: TypeAlias = tuple[int, Headers, bytes]
"""Status, headers, body."""
_JSON: Final = msgspec.json.Encoder()
_MARK: Final = "\x00"  # stands in no text of ours: where the parts that differ from request to request go
_PLAIN: Final = re.compile(r"[A-Za-z0-9_:-]+")  # needs no decoding
_PREPARED_MAX: Final = 200_000


class Given(Protocol):
    """A request's headers, by name in lower case."""

    def __contains__(self, name: str, /) -> bool: ...
    def get(self, name: str, /) -> str | None:
        """The first of a name, if it can be read."""

    def get_all(self, name: str, /) -> list[str]:
        """All of a name that can be read."""


class Asked(Protocol):
    """What the lane is told of a request.  `client`: address and port, with a colon between them."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def headers(self) -> Given: ...
    @property
    def client(self) -> str: ...


class Lane:
    """Asked before the router; None says nothing: ask there."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._verifier = wiring.memory.verifier
        self._self = _Prepared()
        self._paths: dict[str, Callable[[Asked, Seen, LastUse], Answer | None]] = {
            "/tokens/self": self._read_self,
            "/check": self._check,
        }

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer, if it is known here and now."""
        make = self._paths.get(asked.path)
        if make is None:
            return None
        method = asked.method
        answer = self._answer(asked, make) if method in ("GET", "HEAD") else None
        if answer is None or method != "HEAD":
            return answer
        return answer[0], answer[1], b""

    def _answer(self, asked: Asked, make: Callable[[Asked, Seen, LastUse], Answer | None]) -> Answer | None:
        headers = asked.headers
        key, agent = _key(headers), headers.get("user-agent")
        if key is None or (agent is None and "user-agent" in headers):
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
        use = self._wiring.uses.touch(seen.token.id, at=now, ip=host_of(asked.client), user_agent=agent)
        answer = make(asked, seen, use)
        if answer is None:
            self._wiring.uses.take_back(seen.token.id, at=now)  # the ordinary route counts it
        return answer

    def _read_self(self, _asked: Asked, seen: Seen, use: LastUse) -> Answer | None:
        quirk = wire.quirk_of(use.user_agent or "")
        before = seen.token.last_use
        if quirk.leave_out_nulls or (before is not None and before.at > use.at):
            return None
        first, second, third, last = self._self.parts(seen)
        body = b"".join((first, _text(stamp(use.at)), second, _text(use.ip), third, _text(use.user_agent), last))
        return 200, [*_NO_STORE, ("content-length", str(len(body))), _AS_JSON], body

    def _check(self, asked: Asked, seen: Seen, _use: LastUse) -> Answer | None:
        query, token = asked.query_string, seen.token
        if query:
            name, _, value = query.partition("=")
            if _PLAIN.fullmatch(value) is None:
                return None
            if name == "scope" and not has_scope(token.scope, value):
                return None
            if name == "service" and not is_limited_to(token, value):
                return None
            if name not in ("scope", "service"):
                return None
        return 200, [*_NO_STORE, ("content-length", "2"), _AS_JSON, *check.names(token).items()], b"{}"


_NO_STORE: Final = [("cache-control", "no-store")]
_AS_JSON: Final = ("content-type", "application/json")


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


def _key(headers: Given) -> str | None:
    """The secret.  None when there is more than one way to read what came: that takes thought."""
    keys, credentials = headers.get_all("fastly-key"), headers.get_all("authorization")
    if len(keys) == 1 and "authorization" not in headers:
        return keys[0]
    if len(credentials) == 1 and "fastly-key" not in headers and credentials[0][:7].lower() == "bearer ":
        return credentials[0][7:]
    return None


def host_of(client: str) -> str | None:
    """The address without the port, and without what marks it as one of IPv6."""
    return client.rpartition(":")[0].strip("[]").partition("%")[0] or None


def _text(value: str | None) -> bytes:
    return _JSON.encode(value)
