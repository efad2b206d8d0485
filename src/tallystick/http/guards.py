"""Who may pass: each route names one of these.

    anyone       no token is looked at
    any_token    a live token, of whatever scope
    maybe_token  a live token, if one is given at all
    asked_token  a live token that is asked about: the answer says as what it counts (`count`)
    scraper      whoever may read the metrics, which a setting says

What a scope or a role allows beyond that is the core's to say.
"""

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.requests import Request

from tallystick.core import rights
from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, NotFound, Unauthenticated
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.ports import Seen
from tallystick.core.secret import Secret
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.core.verify import Refusal, Verdict, judge
from tallystick.http.times import stamp

if TYPE_CHECKING:
    from tallystick.http.routes import Wiring


_READS: Final = ("GET", "HEAD")
_COUNTED: Final = "tallystick.counted"
_WHY: Final = {Refusal.EXPIRED: Why.EXPIRED, Refusal.REVOKED: Why.REVOKED, Refusal.LOCKED: Why.LOCKED}


async def anyone(_wiring: "Wiring", _request: Request) -> Caller | None:
    """Open: the list of routes that use it is written out in a test."""
    return None


async def any_token(wiring: "Wiring", request: Request) -> Caller:
    """Raises `Unauthenticated` unless a live token came with the request."""
    return await any_live(wiring, request, presented(request.headers))


async def any_live(wiring: "Wiring", request: Request, secret: Secret | None) -> Caller:
    """The same for a secret that came in whatever way."""
    caller = await _let_in(wiring, request, secret, by_memory=request.method in _READS)
    if _COUNTED not in request.scope:
        count(wiring, request, caller.token, refused=None)
    return caller


async def maybe_token(wiring: "Wiring", request: Request) -> Caller | None:
    """None when no token came; a token that did come must be live."""
    return None if presented(request.headers) is None else await any_token(wiring, request)


async def asked_token(wiring: "Wiring", request: Request) -> Caller:
    """As `any_token`, but it changes nothing by any method, and is not counted as let in: the handler calls `count`."""
    return await _let_in(wiring, request, presented(request.headers), by_memory=True)


async def _let_in(wiring: "Wiring", request: Request, secret: Secret | None, *, by_memory: bool) -> Caller:
    if secret is None:
        raise Unauthenticated(NO_CREDENTIALS)
    if not secret.is_well_formed():
        wiring.tally.malformed += 1
        raise Unauthenticated(NO_CREDENTIALS)
    now = wiring.clock.now()
    verdict = judge(await _look_up(wiring, secret, by_memory=by_memory), now)
    if verdict.caller is None:
        if _COUNTED not in request.scope:
            count_refusal(wiring, verdict, now)
        raise _refused(verdict)
    return verdict.caller


async def scraper(wiring: "Wiring", request: Request) -> Caller | None:
    """What the setting says: `nobody`, `operator` or `anyone`."""
    return await wiring.scraping(wiring, request)


async def operator(wiring: "Wiring", request: Request) -> Caller:
    """Raises `Unauthenticated`, or `Forbidden` unless it is somebody who may know how the whole service is."""
    caller = await any_token(wiring, request)
    rights.require_may_measure(caller)
    return caller


async def nobody(_wiring: "Wiring", _request: Request) -> Caller | None:
    """Raises `NotFound`: what is off is not there, whoever asks."""
    raise NotFound("Not found", detail="Metrics are off: see TALLYSTICK_METRICS")


def count(wiring: "Wiring", request: Request, token: Token, *, refused: Why | None) -> None:
    """Note a use of a live token, and count it: as let in, or as refused for what it asked.

    Once for a request: when a long body has come, its guard looks at it again.
    """
    request.scope[_COUNTED] = True
    uses, now, agent = wiring.uses, wiring.clock.now(), request.headers.get("user-agent")
    if refused is None:
        wiring.tally.allowed += 1
        uses.touch(token.id, at=now, ip=address_of(request), user_agent=agent)
    else:
        uses.note(token.id, at=now, ip=address_of(request), user_agent=agent)
        uses.refuse(token.id, at=now, why=refused)
        wiring.tally.refused[refused] += 1


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


async def _look_up(wiring: "Wiring", secret: Secret, *, by_memory: bool) -> Seen | None:
    """What changes anything is asked of the store itself: memory is for those who ask often."""
    digest = wiring.digest(secret)
    if by_memory:
        return await wiring.memory.look_up(digest)
    wiring.tally.for_writes += 1
    return await wiring.store.tokens.look_up(digest)


def count_refusal(wiring: "Wiring", verdict: Verdict, now: int) -> None:
    """Count a secret that was not accepted, for its token if there is one."""
    if verdict.seen is None or verdict.refusal is None:
        wiring.tally.unknown += 1
        return
    why = _WHY[verdict.refusal]
    wiring.uses.refuse(verdict.seen.token.id, at=now, why=why)
    wiring.tally.refused[why] += 1


def _refused(verdict: Verdict) -> Unauthenticated:
    if verdict.refusal is Refusal.EXPIRED and verdict.seen is not None:
        token = verdict.seen.token
        return Unauthenticated(f"Token {token.id} expired at {stamp(token.expires_at)}")
    return Unauthenticated(NO_CREDENTIALS)
