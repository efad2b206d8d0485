"""`POST /check/batch`: may these tokens do that?  For programs that verify for others, with a token of their own for it."""

from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import limits
from tallystick.core.errors import Invalid
from tallystick.core.limits import RATES, Limit, Limits
from tallystick.core.rights import require_may_verify
from tallystick.core.secret import Secret
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.core.verify import Refusal, judge
from tallystick.http import bodies, check, guards
from tallystick.http.admitting import seconds_left
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import stamp

ASKED_MAX: Final = 1_000
_SECRET_CHARS_MAX: Final = 1_000
_INVALID: Final = "invalid"
_RATES: Final = frozenset(map(Why, RATES))


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A token, and what it is to be allowed: `scope`, words that it must have; `service`, the id of one that it must reach.

    `ip`: the address of who presents it; `method`, `uri`, `host`: with which request.  Where a limit of the token needs what is
    not said, it refuses.  `again`: it was let in for this very request already, so that is not counted a second time.
    """

    secret: str
    scope: str | None = None
    service: str | None = None
    ip: str | None = None
    method: str | None = None
    uri: str | None = None
    host: str | None = None
    again: bool = False


class Checked(msgspec.Struct, kw_only=True):
    """What was found.  `reason`: null when it may; else `invalid`, `expired`, `scope`, `service`, or the limit that refuses.

    Of an invalid one nothing else is said.  `lasts_ms`: how long it has, from when this was answered; null: for ever.
    `begins_in_ms`: when it begins to hold, if that is still to come.  `limits`: its own, which whoever remembers it must look at
    each time.  `counted`: it must not be remembered at all, since each request counts, or is reported, here.  `retry_after`:
    seconds, after a limit of requests in a time.
    """

    ok: bool
    reason: str | None = None
    token_id: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    scope: str | None = None
    services: list[str] = []
    expires_at: str | None = None
    lasts_ms: int | None = None
    begins_in_ms: int | None = None
    limits: Limits | None = None
    counted: bool = False
    retry_after: int | None = None


class Batch(msgspec.Struct):
    """One for each that was asked about, in that order.  `as_of`: the number of a change after which all of it was so."""

    as_of: int
    checked: list[Checked]


async def check_batch(ask: Ask) -> Response:
    """Say of up to 1,000 tokens whether each may do what is asked for, with a token that has the scope `verify`.

    The body is a JSON list.  It counts as a use of each token that is accepted, from the address of who asks.
    """
    asked = await bodies.read_list(ask.request, Asked)
    require_may_verify(ask.caller)
    if not 0 < len(asked) <= ASKED_MAX:
        raise Invalid(f"ask about one token at least, and {ASKED_MAX} at most", code="invalid_request")
    # Before anything is looked at: what is read later is no older than this.
    as_of = ask.wiring.memory.verifier.applied
    checked = [await _checked(ask, each) for each in asked]
    return json_answer(Batch(as_of, checked))


async def _checked(ask: Ask, asked: Asked) -> Checked:
    secret = Secret(asked.secret)
    if len(asked.secret) > _SECRET_CHARS_MAX or not secret.is_well_formed():
        ask.wiring.tally.malformed += 1
        return Checked(ok=False, reason=_INVALID)
    verdict = judge(await ask.wiring.memory.look_up(ask.wiring.digest(secret)), ask.now)
    if verdict.caller is None:
        guards.count_refusal(ask.wiring, verdict, ask.now)
        # Expired is said to who has the real secret, and they have; all else is alike (`Refusal`).
        return Checked(ok=False, reason="expired" if verdict.refusal is Refusal.EXPIRED else _INVALID)
    token = verdict.caller.token
    reason = await check.why_not(ask, token, asked.scope, asked.service) or await _limited(ask, token, asked)
    if not asked.again:
        guards.count(ask.wiring, ask.request, token, refused=reason)
    return Checked(
        ok=reason is None,
        reason=reason,
        token_id=token.id,
        user_id=token.user_id,
        customer_id=token.customer_id,
        scope=token.scope.given,
        services=list(token.services),
        expires_at=stamp(token.expires_at),
        lasts_ms=None if token.expires_at is None else token.expires_at - ask.now,
        begins_in_ms=_begins_in(token, ask.now),
        limits=token.limits,
        counted=token.limits is not None and (token.limits.are_counted or bool(token.limits.shadow)),
        retry_after=seconds_left(Limit(reason), now=ask.now) if reason in _RATES else None,
    )


def _begins_in(token: Token, now: int) -> int | None:
    begins = None if token.limits is None else token.limits.not_before
    return None if begins is None or begins <= now else begins - now


async def _limited(ask: Ask, token: Token, asked: Asked) -> Why | None:
    for_what = limits.Asked(asked.ip, asked.method, asked.uri, asked.host)
    if asked.again:
        limit = None if token.limits is None else limits.enforced(token.limits, for_what, ask.now)
    else:
        limit = await ask.wiring.admission.admit(token, for_what, now=ask.now, user_agent=None)
    return None if limit is None else Why(limit)
