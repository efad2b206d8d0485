"""Who may pass: each route names one of these.

    anyone       no token is looked at
    any_token    a live token, of whatever scope
    about_itself  the same, for what its access rules are not about: itself
    ending_itself  the same, whatever its own limits say
    maybe_token  a live token, if one is given at all
    asked_token  a live token that is asked about: the answer says as what it counts (`count`)
    client_token  the same as OAuth's clients send it, too: as the password of Basic
    scraper      whoever may read the metrics, which a setting says

What a scope or a role allows beyond that is the core's to say.
"""

import base64
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from starlette.datastructures import Headers
from starlette.requests import Request

from tallystick.core import rights
from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, NotFound, Unauthenticated
from tallystick.core.explain import Because
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.limits import Asked, enforced
from tallystick.core.ports import Seen
from tallystick.core.secret import SEVERAL_TOKENS, Secret, all_presented
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.core.verify import Refusal, Verdict, judge
from tallystick.http.admitting import of_request, refused
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
    """Raises `Unauthenticated` unless a live token came with the request, and its own limits let it in."""
    return await any_live(wiring, request, presented(request.headers))


async def any_live(wiring: "Wiring", request: Request, secret: Secret | None) -> Caller:
    """The same for a secret that came in whatever way."""
    caller = await _let_in(wiring, request, secret, by_memory=request.method in _READS)
    # Its rules are about somebody's API, not about this one: nothing here is for a token that has some.
    await _admit(wiring, request, caller, Asked(of_request(wiring, request)))
    return caller


async def about_itself(wiring: "Wiring", request: Request) -> Caller:
    """As `any_token`, for what a token may know of itself, whatever it is for."""
    caller = await _let_in(wiring, request, presented(request.headers), by_memory=True)
    await _admit(wiring, request, caller, Asked(of_request(wiring, request), about_itself=True))
    return caller


async def ending_itself(wiring: "Wiring", request: Request) -> Caller:
    """A live token, wherever it comes from: to end what was found must always be possible."""
    return await ending(wiring, request, presented(request.headers))


async def ending(wiring: "Wiring", request: Request, secret: Secret | None) -> Caller:
    """The same, of a secret that came in another way."""
    caller = await _let_in(wiring, request, secret, by_memory=False)
    if _COUNTED not in request.scope:
        count(wiring, request, caller.token, refused=None)
    return caller


async def maybe_token(wiring: "Wiring", request: Request) -> Caller | None:
    """None when no token came; a token that did come must be live."""
    return None if presented(request.headers) is None else await any_token(wiring, request)


async def client_token(wiring: "Wiring", request: Request) -> Caller:
    """As `any_token`, for what changes nothing; also as a client's secret, in Basic (RFC 6749, 2.3.1)."""
    secret = presented(request.headers)
    secret = _of_client(request.headers) if secret is None else secret
    caller = await _let_in(wiring, request, secret, by_memory=True)
    await _admit(wiring, request, caller, Asked(of_request(wiring, request)))
    return caller


async def asked_token(wiring: "Wiring", request: Request) -> Caller:
    """As `any_token`, but it changes nothing by any method, and is not counted as let in: the handler calls `count`.

    Two different tokens are none here: gateways know 401, and take 400 for a fault of ours.
    """
    try:
        return await _let_in(wiring, request, presented(request.headers), by_memory=True)
    except Invalid as error:
        raise Unauthenticated(error.msg) from error


async def _admit(wiring: "Wiring", request: Request, caller: Caller, asked: Asked) -> None:
    """Raise what its own limits say of it.  Counted once: when a long body has come, only what needs no counting is asked again."""
    token, now = caller.token, wiring.clock.now()
    if _COUNTED in request.scope:
        again = None if token.limits is None else enforced(token.limits, asked, now)
        if again is not None:
            raise refused(token, again, asked, now=now)
        return
    limit = await wiring.admission.admit(token, asked, now=now, user_agent=request.headers.get("user-agent"))
    count(wiring, request, token, refused=None if limit is None else Why(limit))
    if limit is not None:
        raise refused(token, limit, asked, now=now)


async def _let_in(wiring: "Wiring", request: Request, secret: Secret | None, *, by_memory: bool) -> Caller:
    if secret is None:
        raise _nobody("missing")
    if not secret.is_well_formed():
        wiring.tally.malformed += 1
        raise _nobody("malformed")
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
        uses.touch(token.id, at=now, ip=address_of(wiring, request), user_agent=agent)
    else:
        uses.note(token.id, at=now, ip=address_of(wiring, request), user_agent=agent)
        uses.refuse(token.id, at=now, why=refused)
        wiring.tally.refused[refused] += 1


def presented(headers: Headers) -> Secret | None:
    """The secret that came as `Fastly-Key` or as `Authorization: Bearer`; an empty one counts as absent, as does Basic.

    Raises `Invalid` when two different ones came: which of them was meant must never be a guess (RFC 6750, 2).
    """
    distinct = all_presented(headers.items())
    if len(distinct) > 1:
        raise Invalid(SEVERAL_TOKENS, code="invalid_request")
    return Secret(distinct.pop()) if distinct else None


def any_came(headers: Headers) -> bool:
    """Whether a token came with a request at all, however good."""
    return bool(all_presented(headers.items()))


def _of_client(headers: Headers) -> Secret | None:
    """The password of Basic, encoded as forms are.  The client's id is passed over: the secret says which it is."""
    login, password = basic(headers)
    return None if login is None or password is None else Secret(unquote_plus(password))


def basic(headers: Headers) -> tuple[str | None, str | None]:
    """Login and password as they came by Basic; empty ones count as absent.  Raises `Invalid` for what cannot be read."""
    kind, _, encoded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None, None
    try:
        login, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:  # no ASCII, no Base64, or no UTF-8 within
        raise Invalid("the Basic credentials cannot be read", code="invalid_request") from error
    if "\0" in login + password:
        raise Invalid("the Basic credentials hold a NUL character", code="invalid_request")
    return login or None, password or None


def address_of(wiring: "Wiring", request: Request) -> str | None:
    """Where the request came from, as the socket says it, or a proxy that is trusted."""
    peer = request.client.host if request.client else None
    if not wiring.proxies.any:
        return peer
    # What cannot be read over RSGI is not read over ASGI either.
    forwarded = [value for value in request.headers.getlist("x-forwarded-for") if value.isascii()]
    return wiring.proxies.client_of(peer, forwarded)


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
    if verdict.seen is None or verdict.refusal is None:
        return _nobody("unknown")
    token = verdict.seen.token
    expired = f"Token {token.id} expired at {stamp(token.expires_at)}"
    error = Unauthenticated(expired if verdict.refusal is Refusal.EXPIRED else NO_CREDENTIALS)
    error.because = Because(_WHY[verdict.refusal].value, token.id)
    return error


def _nobody(why: str) -> Unauthenticated:
    error = Unauthenticated(NO_CREDENTIALS)
    error.because = Because(why, None)
    return error
