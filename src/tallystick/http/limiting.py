"""A token's own limits: as they are sent and shown, changed, and reported.  Not Fastly's: paths and shapes of our own."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from tallystick.core import limits, narrow, revoke
from tallystick.core.errors import Invalid
from tallystick.core.limits import Limit, Limits
from tallystick.core.shadow import Shadowed
from tallystick.http import bodies
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import asked_instant, stamp

_Count: TypeAlias = Annotated[int, Meta(ge=1, le=limits.COUNT_MAX)]


class LimitsForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a token is limited to beyond scope, services and expiry.  All must agree; what is not there does not limit it.

    `networks`: addresses and CIDR, IPv4 and IPv6.  `not_before`: RFC 3339.  `rules`: such as `GET,POST /orders/*`.
    `per_second`, `per_minute`, `per_day`: requests.  `uses`: requests, ever.  `shadow`: names of those that only report.
    """

    networks: list[str] = []
    not_before: str | None = None
    rules: list[str] = []
    per_second: _Count | None = None
    per_minute: _Count | None = None
    per_day: _Count | None = None
    uses: _Count | None = None
    shadow: list[Limit] = []


class LimitsShown(msgspec.Struct, kw_only=True):
    """The same, as it is shown: only what there is."""

    networks: list[str] | UnsetType = UNSET
    not_before: str | UnsetType = UNSET
    rules: list[str] | UnsetType = UNSET
    per_second: int | UnsetType = UNSET
    per_minute: int | UnsetType = UNSET
    per_day: int | UnsetType = UNSET
    uses: int | UnsetType = UNSET
    shadow: list[Limit] | UnsetType = UNSET


class TokenLimits(msgspec.Struct):
    """`uses_spent`: how many there were of the number of uses; null without one."""

    token_id: str
    limits: LimitsShown
    uses_spent: int | None


class WouldRefuse(msgspec.Struct):
    """One kind of request that a limit would have refused.

    `detail`: the address for `networks`, method and path for `rules`, else empty; `…` stands for all that came when there were
    100 kinds.  `ip`, `user_agent`: who asked, of late.
    """

    limit: Limit
    detail: str
    count: int
    first_at: str
    last_at: str
    ip: str | None
    user_agent: str | None


class Shadow(msgspec.Struct):
    """What the limits that only report would have refused since they were set, the most frequent first."""

    token_id: str
    shadow: list[Limit]
    would_refuse: list[WouldRefuse]


def wished(form: LimitsForm | str | None, *, expires_at: int | None) -> Limits | None:
    """The limits that a body asks for: an object, or, in a form, its JSON text.  Raises `Invalid`, `Unprocessable`."""
    if isinstance(form, str):
        try:
            form = msgspec.json.decode(form, type=LimitsForm)
        except msgspec.DecodeError as error:
            raise Invalid(f"limits must be a JSON object: {error}", code="invalid_request") from error
    if form is None:
        return None
    wanted = Limits(
        networks=tuple(form.networks),
        not_before=asked_instant(form.not_before, "not_before"),
        rules=tuple(form.rules),
        per_second=form.per_second,
        per_minute=form.per_minute,
        per_day=form.per_day,
        uses=form.uses,
        shadow=tuple(form.shadow),
    )
    return limits.checked(wanted, expires_at=expires_at)


def shown(of: Limits | None) -> LimitsShown:
    """The limits as they are shown."""
    if of is None:
        return LimitsShown()
    # Any: the fields of a shape by name.
    told: dict[str, Any] = {name: value for name, value in msgspec.to_builtins(of).items() if value is not None}
    if of.not_before is not None:
        told["not_before"] = stamp(of.not_before)
    return LimitsShown(**told)


def shown_if_any(of: Limits | None) -> LimitsShown | UnsetType:
    """The same, beside what Fastly's clients know of a token: nothing where there are none."""
    return UNSET if of is None else shown(of)


async def get_token_limits(ask: Ask) -> Response:
    """Get what a token is limited to beyond scope, services and expiry: one's own, or, as a superuser, one of the customer's."""
    token = await revoke.find(ask.wiring.store.tokens, ask.caller, ask.token_id)
    return await _answer(ask, token.id, token.limits)


async def set_token_limits(ask: Ask) -> Response:
    """Limit a token otherwise: all of its limits become those that are sent, an empty object takes them away.

    Who may revoke it may narrow it.  What lets in more than before takes a token in sudo, as a new token does, and that token
    must have no narrower limits itself.  When this has answered no verifier goes by what was before, and what its limits that
    only report would have refused is counted anew.
    """
    form = await bodies.read(ask.request, LimitsForm, forms=False)
    store = ask.wiring.store
    token = await revoke.find(store.tokens, ask.caller, ask.token_id)
    wanted = wished(form, expires_at=token.expires_at)
    await narrow.limit(store.limits, ask.caller, token, wanted, by=ask.by())
    return await _answer(ask, token.id, wanted)


async def get_token_shadow(ask: Ask) -> Response:
    """Get what a token's limits that only report would have refused, how often, and for whom: before they are switched on.

    Also of a token that was revoked.  What other workers have counted comes at most a second later.
    """
    token = await revoke.find_ever(ask.wiring.store.tokens, ask.caller, ask.token_id)
    found = await ask.wiring.store.limits.reported(token.id)
    shadow = [] if token.limits is None else list(token.limits.shadow)
    return json_answer(Shadow(token.id, shadow, list(map(_would_refuse, found))))


async def _answer(ask: Ask, token_id: str, of: Limits | None) -> Response:
    spent = None
    if of is not None and of.uses is not None:
        spent = min(of.uses, await ask.wiring.store.limits.spent(token_id))
    return json_answer(TokenLimits(token_id, shown(of), spent))


def _would_refuse(each: Shadowed) -> WouldRefuse:
    first, last = stamp(each.first_at) or "", stamp(each.last_at) or ""
    return WouldRefuse(each.limit, each.detail, each.count, first, last, each.ip, each.user_agent)
