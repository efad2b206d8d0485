"""One exchange as a value, and when it may be repeated.  No I/O: `sync/` and `aio/` carry it out.

A flow is a generator that yields a `Request` and is sent what came of it: an `Answer`, or `Lost`.  What it returns is the
result of the call.
"""

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from tallystick.client._target import origin
from tallystick.client.errors import is_final, retry_after, unreachable, was_sent
from tallystick.core.errors import Unavailable

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_CHANCE: Final = random.Random()  # of our own: programs seed the common one, and rely on what comes then
_PAUSES: Final = (0.2, 1.0)
"""Seconds before the first and the second repeat, where the server does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send.  Headers and content hold secrets, so the repr shows neither.

    `after`: seconds to wait before sending.  `gone`: statuses which say, on the repeat of a DELETE, that the first attempt
    did its work.  `hidden`: the secrets in it, which no message may repeat.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    gone: frozenset[int] = frozenset()
    after: float = 0.0

    @property
    def origin(self) -> str:
        """Scheme, host and port, for messages."""
        return origin(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.  The body may hold a new secret, so the repr does not show it.

    `headers`: looked up in lower case.  `at`: when it came, Unix seconds.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    at: float = 0.0

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, if the server said so."""
        return retry_after(self.status, self.headers, now=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No answer came.  `sent`: whether the server may have carried it out.  `final`: whether repeating is pointless."""

    error: Unavailable
    sent: bool
    final: bool


Reply: TypeAlias = Answer | Lost
Flow: TypeAlias = Generator[Request, Reply, T]


def answered(response: "httpx2.Response", *, now: float) -> Answer:
    """What the drivers send into a flow when there is an answer."""
    return Answer(status=response.status_code, headers=response.headers, body=response.content, at=now)


def lost(error: Exception, request: Request) -> Lost:
    """What the drivers send into a flow when httpx2 raised instead."""
    return Lost(
        error=unreachable(error, origin=request.origin, hidden=request.hidden),
        sent=was_sent(error),
        final=is_final(error),
    )


def send(request: Request, *, patience: float) -> Flow[Answer]:
    """Send `request`, and again where that can do no harm and is worth the wait.

    Anything may be repeated that never reached the server.  What did, or may have, is repeated only if doing it twice is
    the same as doing it once: GET, PUT and DELETE, never POST.  The waits of all repeats together stay below `patience` seconds;
    a server that asks for more gets no repeat, and the caller gets the error that says how long to wait.

    Returns the last answer, whatever its status.  Raises `Unavailable` if there was none.
    """
    carried_out = False
    pauses = iter(_PAUSES)
    while True:
        reply = yield request
        if isinstance(reply, Answer) and carried_out and reply.status in request.gone:
            return Answer(status=204)
        wait = _wait(request, reply, next(pauses, None))
        if wait is None or wait > patience:
            if isinstance(reply, Lost):
                raise reply.error
            return reply
        patience -= wait
        carried_out = carried_out or _may_have_worked(reply)
        request = replace(request, after=wait)


def _wait(request: Request, reply: Reply, pause: float | None) -> float | None:
    """Seconds until `request` should be sent again, None for not at all."""
    if pause is None:
        return None
    # Spread out, or all who were turned away together come back together.
    pause *= _CHANCE.uniform(0.75, 1.25)
    harmless = request.method in ("GET", "PUT", "DELETE")
    if isinstance(reply, Lost):
        return pause if not reply.final and (harmless or not reply.sent) else None
    if reply.status in (429, 503) and harmless:
        return pause if reply.retry_after is None else reply.retry_after
    return None


def _may_have_worked(reply: Reply) -> bool:
    # A 429 is a refusal.  A 503 may come from a proxy that gave up on a server which went on.
    return reply.sent if isinstance(reply, Lost) else reply.status == 503
