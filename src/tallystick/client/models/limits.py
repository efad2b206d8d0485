"""A token's own limits, what those that only report would have refused, and why a request was refused."""

from datetime import datetime
from typing import Any, Final

import msgspec

from tallystick.client.models._read import decode, known, time, unreadable
from tallystick.client.models.receipts import Receipt


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token is limited to beyond scope, services and expiry; `LimitsToSet` says what each means."""

    networks: tuple[str, ...] = ()
    not_before: datetime | None = None
    rules: tuple[str, ...] = ()
    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    uses: int | None = None
    shadow: tuple[str, ...] = ()


class TokenLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one token.  `uses_spent`: how many of its `uses` are over; None without such a limit.

    `receipt`: that everybody has heard of them, when they were set just now.
    """

    token_id: str
    limits: Limits
    uses_spent: int | None
    receipt: Receipt | None = None


class WouldRefuse(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one kind that one limit would have refused.

    `detail`: the address for `networks`, method and path for `rules`, else empty; `…` stands for all that came when there were
    100 kinds.  `ip`, `user_agent`: who asked, of late.
    """

    limit: str
    detail: str
    count: int
    first_at: datetime
    last_at: datetime
    ip: str | None
    user_agent: str | None


class TokenShadow(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits that only report (`shadow`) would have refused since they were set, the most frequent first."""

    token_id: str
    shadow: tuple[str, ...]
    would_refuse: tuple[WouldRefuse, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused.

    `why`: the rule in a word.  `rule`: what it says, and what came.  `cure`: what would have let the request in.  `token_id`: of
    the token that came; None where it is none of this customer's, or none at all.
    """

    request_id: str
    at: datetime
    why: str
    rule: str
    cure: str
    token_id: str | None


class WireLimits(msgspec.Struct, gc=False):
    """As they stand in every record."""

    networks: tuple[str, ...] = ()
    not_before: str | None = None
    rules: tuple[str, ...] = ()
    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    uses: int | None = None
    shadow: tuple[str, ...] = ()


class _WireTokenLimits(msgspec.Struct):
    token_id: str
    limits: WireLimits
    uses_spent: int | None = None


class _WireWouldRefuse(msgspec.Struct):
    limit: str
    detail: str
    count: int
    first_at: str
    last_at: str
    ip: str | None = None
    user_agent: str | None = None


class _WireShadow(msgspec.Struct):
    token_id: str
    shadow: tuple[str, ...]
    would_refuse: list[_WireWouldRefuse]


class _WireExplanation(msgspec.Struct):
    request_id: str
    at: str
    why: str
    rule: str
    cure: str
    token_id: str | None = None


_LIMITS: Final = msgspec.json.Decoder(_WireTokenLimits)
_SHADOW: Final = msgspec.json.Decoder(_WireShadow)
_EXPLANATION: Final = msgspec.json.Decoder(_WireExplanation)


def limits_of(wire: WireLimits | None) -> Limits | None:
    """The limits in a record; None where there are none."""
    return None if wire is None else Limits(**_fields(wire) | {"not_before": time(wire.not_before)})


def read_limits(body: bytes, *, receipt: Receipt | None = None) -> TokenLimits:
    """The answer of `GET` and `PUT /tokens/{id}/limits`.  Raises `TallystickError` if it is not one, as do all below."""
    wire = decode(_LIMITS, body)
    limits = limits_of(wire.limits) or Limits()
    token_id = known(wire.token_id, "token")
    return TokenLimits(token_id=token_id, limits=limits, uses_spent=wire.uses_spent, receipt=receipt)


def read_shadow(body: bytes) -> TokenShadow:
    """The answer of `GET /tokens/{id}/shadow`."""
    wire = decode(_SHADOW, body)
    found = tuple(_would_refuse(each) for each in wire.would_refuse)
    return TokenShadow(token_id=known(wire.token_id, "token"), shadow=wire.shadow, would_refuse=found)


def read_explanation(body: bytes) -> Explanation:
    """The answer of `GET /explain/{request_id}`."""
    wire = decode(_EXPLANATION, body)
    return Explanation(**_fields(wire) | {"at": _moment(wire.at), "token_id": wire.token_id or None})


def _would_refuse(wire: _WireWouldRefuse) -> WouldRefuse:
    return WouldRefuse(**_fields(wire) | {"first_at": _moment(wire.first_at), "last_at": _moment(wire.last_at)})


def _fields(wire: msgspec.Struct) -> dict[str, Any]:  # Any: a type for each
    return msgspec.structs.asdict(wire)


def _moment(text: str) -> datetime:
    moment = time(text)
    if moment is None:
        raise unreadable("there is a time missing in it")
    return moment
