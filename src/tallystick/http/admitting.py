"""A token's own limits, at the door: what a request is presented for, and what is said of one that they refuse."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from starlette.requests import Request

from tallystick.core.errors import Forbidden, TallystickError, Throttled, Unauthenticated
from tallystick.core.explain import Because
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.limits import NOT_FOR_THIS, RATES, TOO_MANY, Asked, Limit
from tallystick.core.proxies import Proxies
from tallystick.core.rates import ends_in
from tallystick.core.shadow import detail_of
from tallystick.core.token import Token

if TYPE_CHECKING:
    from tallystick.http.routes import Wiring

_METHODS: Final = ("x-original-method", "x-forwarded-method")
_URIS: Final = ("x-original-uri", "x-forwarded-uri")
_HOSTS: Final = ("x-forwarded-host",)


class Headers(Protocol):
    """What can be asked of a request's headers, by name in lower case."""

    def __contains__(self, name: str, /) -> bool: ...


GetAll = Callable[[str], Sequence[str]]


def of_gateway(get_all: GetAll, ip: str | None) -> Asked:
    """The request that a gateway asks about, as it says: nginx by `X-Original-*`, others by `X-Forwarded-*`.

    What is said twice and differently is not known: one of the two came from the client.
    """
    return Asked(ip, _one(get_all, _METHODS), _one(get_all, _URIS), _one(get_all, _HOSTS))


def client_of(proxies: Proxies, peer: str | None, get_all: GetAll, given: Headers) -> str | None:
    """The address of the client, for limits to networks; None where it is not sure."""
    forwarded = get_all("x-forwarded-for")
    if not forwarded and "x-forwarded-for" in given:
        return None  # it cannot be read
    return proxies.sure_client_of(peer, forwarded)


def of_request(wiring: "Wiring", request: Request) -> str | None:
    """The same for a request that came by Starlette."""
    peer = request.client.host if request.client else None
    return client_of(wiring.proxies, peer, request.headers.getlist, request.headers)


def refused(token: Token, limit: Limit, asked: Asked, *, now: int) -> TallystickError:
    """What is said of it.  Who is where they may not be learns no more than who has no token at all."""
    error: TallystickError
    if limit in RATES:
        wait = seconds_left(limit, now=now)
        error = Throttled(TOO_MANY, retry_after=wait)
    elif limit is Limit.RULES:
        error = Forbidden(NOT_FOR_THIS)
    else:
        error = Unauthenticated(NO_CREDENTIALS)
    error.because = Because(limit.value, token.id, detail_of(limit, asked))
    return error


def seconds_left(rate: Limit, *, now: int) -> int:
    """Until such a limit begins with nothing again."""
    return -(-ends_in(RATES.index(rate), now) // 1000)


def _one(get_all: GetAll, names: Sequence[str]) -> str | None:
    given = {value for name in names for value in get_all(name)}
    return given.pop() if len(given) == 1 else None
