"""Usage: how often a token was let in or not, hour by hour."""

from datetime import datetime
from typing import Final

import msgspec

from tallystick.client.models._read import decode, known, time, unreadable


class UsageHour(msgspec.Struct, frozen=True, kw_only=True):
    """One hour, which began at `hour`, in UTC.  `allowed`: how often the token was let in; the rest: how often not, and why.

    `expired`, `revoked`: it was over.  `locked`: its user was.  `scope`, `service`: it did not have what was asked for.  `limited`: a limit of its own
    was against it.
    """

    hour: datetime
    allowed: int
    expired: int
    revoked: int
    locked: int
    scope: int
    service: int
    limited: int = 0

    @property
    def refused(self) -> int:
        """How often it was not let in, for whatever reason."""
        return self.expired + self.revoked + self.locked + self.scope + self.service + self.limited


class TokenUsage(msgspec.Struct, frozen=True, kw_only=True):
    """The hours from `since` on, before `until`, the oldest first; those in which nothing happened are left out."""

    token_id: str
    since: datetime
    until: datetime
    hours: tuple[UsageHour, ...]

    @property
    def allowed(self) -> int:
        """How often it was let in, in all."""
        return sum(each.allowed for each in self.hours)

    @property
    def refused(self) -> int:
        """How often it was not, in all."""
        return sum(each.refused for each in self.hours)


class _WireHour(msgspec.Struct):
    hour: str
    allowed: int = 0
    expired: int = 0
    revoked: int = 0
    locked: int = 0
    scope: int = 0
    service: int = 0
    limited: int = 0


class _WireUsage(msgspec.Struct):
    token_id: str
    since: str
    until: str
    hours: list[_WireHour]


_USAGE: Final = msgspec.json.Decoder(_WireUsage)


def read_usage(body: bytes) -> TokenUsage:
    """The answer of `GET /tokens/{id}/usage`.  Raises `TallystickError` if it is none."""
    wire = decode(_USAGE, body)
    return TokenUsage(
        token_id=known(wire.token_id, "token"),
        since=_moment(wire.since),
        until=_moment(wire.until),
        hours=tuple(_hour(each) for each in wire.hours),
    )


def _hour(wire: _WireHour) -> UsageHour:
    return UsageHour(**msgspec.structs.asdict(wire) | {"hour": _moment(wire.hour)})


def _moment(text: str) -> datetime:
    moment = time(text)
    if moment is None:
        raise unreadable("there is an hour without a time in it")
    return moment
