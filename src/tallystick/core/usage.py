"""How often a token was presented in an hour, and what became of it: counted in memory, added up in the store.

Only tokens that are known are counted: what a stranger makes up has no token, and is nobody's usage.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

import msgspec

from tallystick.core.hour import HOUR_MS, hour_of

COUNTED_MAX: Final = (
    100_000  # tokens in an hour each whose counts wait to be written; reached only while the store is away
)
KEPT_MS: Final = 90 * 24 * HOUR_MS


class Why(StrEnum):
    """Why a token that is known was not let in."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    LOCKED = "locked"  # its user is
    SCOPE = "scope"  # it does not have the scope that was asked for
    SERVICE = "service"  # it does not reach the service that was asked for
    NETWORKS = "networks"  # a limit of its own, as those that follow (`limits.Limit`)
    NOT_BEFORE = "not_before"
    RULES = "rules"
    PER_SECOND = "per_second"
    PER_MINUTE = "per_minute"
    PER_DAY = "per_day"
    USES = "uses"


class Usage(msgspec.Struct, frozen=True):
    """What was counted of one token in one hour, which began at `hour` (ms since the epoch).

    `allowed`: how often it was let in; the others: how often it was not, by `Why`; `limited`: by any limit of its own.
    """

    token_id: str
    hour: int
    allowed: int = 0
    expired: int = 0
    revoked: int = 0
    locked: int = 0
    scope: int = 0
    service: int = 0
    limited: int = 0


class Once(msgspec.Struct, frozen=True):
    """Which batch of uses it is: whose, and the how manieth of theirs, from 1 on."""

    writer: str
    number: int


COUNTED: Final = Usage.__struct_fields__[2:]
"""What there is a number for, in order."""


class UsageLog(Protocol):
    """What `TokenStore.touch` has written."""

    async def of_token(self, token_id: str, *, since: int, until: int) -> list[Usage]:
        """The hours of one token that began at `since` or later, and before `until`; the oldest first, without empty ones."""

    async def forget_older(self, *, before: int) -> None:
        """Drop the hours that began before that instant."""


def added(usages: Iterable[Usage]) -> list[Usage]:
    """One for each token and hour, in order of both."""
    sums: dict[tuple[str, int], Usage] = {}
    for each in usages:
        key = each.token_id, each.hour
        sums[key] = _sum(sums[key], each) if key in sums else each
    return [sums[key] for key in sorted(sums)]


def _sum(one: Usage, other: Usage) -> Usage:
    return msgspec.structs.replace(one, **{name: getattr(one, name) + getattr(other, name) for name in COUNTED})


_Tally: TypeAlias = list[int]  # as COUNTED
_Hours: TypeAlias = dict[int, dict[str, _Tally]]
_COLUMN: Final = {why: COUNTED.index(why if why in COUNTED else "limited") for why in Why}
_ALLOWED: Final = 0


class Counts:
    """What is counted and not written yet.  Owned by one thread; nothing here waits.

    `lost`: how many requests were counted and forgotten, because the store was away for too long.
    """

    def __init__(self, *, most: int = COUNTED_MAX) -> None:
        self._most = most
        self._hours: _Hours = {}
        self._being_written: _Hours = {}
        self._size = 0
        self._newest: dict[str, _Tally] = {}
        self._begins = self._ends = 0  # of the newest hour
        self.lost = 0

    def allow(self, token_id: str, at: int) -> None:
        """One more that was let in now, `at` (ms since the epoch).  Each request comes by here.

        When the clock is set back, it counts in the hour where the clock had been.
        """
        if at < self._ends and token_id in self._newest:
            self._newest[token_id][0] += 1
        else:
            self._count(token_id, hour_of(at), _ALLOWED, 1)

    def add(self, token_id: str, *, at: int, count: int, why: Why | None = None) -> None:
        """So many more, in the hour of `at`: let in, or not, with `why`."""
        self._count(token_id, hour_of(at), _ALLOWED if why is None else _COLUMN[why], count)

    def of_token(self, token_id: str) -> Iterator[Usage]:
        """What is not written yet of one token; perhaps twice for an hour."""
        for hours in (self._being_written, self._hours):
            for hour, tallies in hours.items():
                if (tally := tallies.get(token_id)) is not None:
                    yield _usage(token_id, hour, tally)

    def take(self) -> Sequence[Usage]:
        """What is to be added in the store now.  Call `written` or `failed` before the next `take`."""
        self._being_written = self._hours
        self._begin_with({})
        return [
            _usage(token_id, hour, tally)
            for hour, tallies in self._being_written.items()
            for token_id, tally in tallies.items()
            if any(tally)
        ]

    def written(self) -> None:
        """All of it is in the store."""
        self._being_written = {}

    def failed(self) -> None:
        """None of it is in the store: keep it, with what came since."""
        newer = self._hours
        self._begin_with(self._being_written)
        self._being_written = {}
        for hour, tallies in newer.items():
            for token_id, tally in tallies.items():
                for column, count in enumerate(tally):
                    self._count(token_id, hour, column, count)

    def __len__(self) -> int:
        return self._size

    def _begin_with(self, hours: _Hours) -> None:
        self._hours = hours
        self._size = sum(map(len, hours.values()))
        self._newest, self._begins, self._ends = {}, 0, 0

    def _count(self, token_id: str, hour: int, column: int, count: int) -> None:
        tally = self._hours.get(hour, {}).get(token_id)
        if tally is None:
            tally = self._new_tally(token_id, hour)
        tally[column] += count
        if hour >= self._begins:
            self._newest, self._begins, self._ends = self._hours[hour], hour, hour + HOUR_MS

    def _new_tally(self, token_id: str, hour: int) -> _Tally:
        if self._size >= self._most:
            self._forget_oldest()
        self._size += 1
        tally = self._hours.setdefault(hour, {})[token_id] = [0] * len(COUNTED)
        return tally

    def _forget_oldest(self) -> None:
        """The store has been away for long.  What was counted first goes: it says least about today."""
        hour = next(iter(self._hours))
        tallies = self._hours[hour]
        self.lost += sum(tallies.pop(next(iter(tallies))))
        self._size -= 1
        if not tallies:
            del self._hours[hour]


def _usage(token_id: str, hour: int, tally: _Tally) -> Usage:
    return Usage(token_id, hour, *tally)
