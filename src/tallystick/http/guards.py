"""Who may pass: each route names one of these.

    anyone       no token is looked at
    any_token    a live token, of whatever scope
    maybe_token  a live token, if one is given at all
    asked_token  a live token that is asked about: the answer says as what it counts (`count`)

What a scope or a role allows beyond that is the core's to say.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.datastructures import Headers
from starlette.requests import Request

from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, Unauthenticated
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest, Secret
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.core.verify import Refusal, Verdict, judge
from tallystick.http.times import stamp

if TYPE_CHECKING:
    from tallystick.http.routes import Wiring


_LookUp: TypeAlias = Callable[[Digest], Awaitable[Seen | None]]
_READS: Final = ("GET", "HEAD")
_COUNTED: Final = "tallystick.counted"
_WHY: Final = {Refusal.EXPIRED: Why.EXPIRED, Refusal.REVOKED: Why.REVOKED, Refusal.LOCKED: Why.LOCKED}


async def anyone(_wiring: "Wiring", _request: Request) -> Caller | None:
    """Open: the list of routes that use it is written out in a test."""
    return None


async def any_token(wiring: "Wiring", request: Request) -> Caller | None:
    """Raises `Unauthenticated` unless a live token came with the request."""
    # What changes anything is asked of the store itself: memory is for those who ask often.
    source = wiring.memory if request.method in _READS else wiring.store.tokens
    caller = await _let_in(wiring, request, source.look_up)
    if _COUNTED not in request.scope:
        count(wiring, request, caller.token, refused=None)
    return caller


async def maybe_token(wiring: "Wiring", request: Request) -> Caller | None:
    """None when no token came; a token that did come must be live."""
    return None if presented(request.headers) is None else await any_token(wiring, request)


async def asked_token(wiring: "Wiring", request: Request) -> Caller:
    """As `any_token`, but it changes nothing by any method, and is not counted as let in: the handler calls `count`."""
    return await _let_in(wiring, request, wiring.memory.look_up)


async def _let_in(wiring: "Wiring", request: Request, look_up: _LookUp) -> Caller:
    secret = presented(request.headers)
    if secret is None or not secret.is_well_formed():
        raise Unauthenticated(NO_CREDENTIALS)
    now = wiring.clock.now()
    verdict = judge(await look_up(wiring.digest(secret)), now)
    if verdict.caller is None:
        if verdict.seen is not None and verdict.refusal in _WHY and _COUNTED not in request.scope:
            wiring.uses.refuse(verdict.seen.token.id, at=now, why=_WHY[verdict.refusal])
        raise _refused(verdict)
    return verdict.caller


def count(wiring: "Wiring", request: Request, token: Token, *, refused: Why | None) -> None:
    """Note a use of a live token, and count it: as let in, or as refused for what it asked.

    Once for a request: when a long body has come, its guard looks at it again.
    """
    request.scope[_COUNTED] = True
    uses, now, agent = wiring.uses, wiring.clock.now(), request.headers.get("user-agent")
    if refused is None:
        uses.touch(token.id, at=now, ip=address_of(request), user_agent=agent)
    else:
        uses.note(token.id, at=now, ip=address_of(request), user_agent=agent)
        uses.refuse(token.id, at=now, why=refused)


def presented(headers: Headers) -> Secret | None:
    """The secret that came as `Fastly-Key` or as `Authorization: Bearer`; an empty one counts as absent, as does Basic.

    Raises `Invalid` when two different ones came: which of them was meant must never be a guess (RFC 6750, 2).
    """
    given = [key.strip() for key in headers.getlist("fastly-key")]
    for value in headers.getlist("authorization"):
        kind, _, credentials = value.strip().partition(" ")
        if kind.lower() == "bearer":
            given.append(credentials.strip())
    distinct = {key for key in given if key}
    if len(distinct) > 1:
        raise Invalid("several different tokens were sent: send one", code="invalid_request")
    return Secret(distinct.pop()) if distinct else None


def address_of(request: Request) -> str | None:
    """Where the request came from, as the socket says it."""
    return request.client.host if request.client else None


def _refused(verdict: Verdict) -> Unauthenticated:
    if verdict.refusal is Refusal.EXPIRED and verdict.seen is not None:
        token = verdict.seen.token
        return Unauthenticated(f"Token {token.id} expired at {stamp(token.expires_at)}")
    return Unauthenticated(NO_CREDENTIALS)
