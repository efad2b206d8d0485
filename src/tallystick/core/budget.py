"""How many writes may somebody make in an hour?

The hour is the clock's: it begins at :00 for everybody, and with it the whole budget.  Reads cost nothing.  Every write
costs one, also one that is refused for another reason, so that a loop of mistakes ends too.
"""

from typing import Final, Protocol

import msgspec

from tallystick.core.caller import Caller
from tallystick.core.errors import Throttled
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.people import User

# Fastly wire, recorded.
OVER: Final = (
    "You have exceeded your hourly rate limit. Please contact support@fastly.com if you think this is a mistake."
)


class WriteBudgets(Protocol):
    """How many writes were asked for in an hour, by an opaque key.  `hour`: when it began, ms since the epoch."""

    async def spend(self, key: str, *, hour: int) -> int:
        """One more: which one it is of its hour and key, counted from 1.  No two get the same number, in any process."""

    async def forget_older(self, *, before: int) -> None:
        """Drop the hours that began before that instant."""


class Balance(msgspec.Struct, frozen=True):
    """How an hour stands after a write was asked for.  `ok`: whether it may be done; `resets_at`: ms since the epoch."""

    ok: bool
    remaining: int
    resets_at: int


class Budget:
    """The hourly budget of everybody who writes.  `limit`: writes per hour, 0 = no limit.

    Each write gets a number from the store, whichever process asks, so that no write over the limit is ever let through.
    `allowed`, `throttled`: how many were asked for here, and were or were not within it.
    """

    def __init__(self, budgets: WriteBudgets, *, limit: int) -> None:
        self._budgets = budgets
        self._limit = limit
        self.allowed = self.throttled = 0
        self._hour = 0
        self._spent: set[str] = set()

    async def spend(self, key: str, *, now: int) -> Balance | None:
        """One write of whoever `key` is.  None when there is no limit.  Raises `Unavailable`."""
        if not self._limit:
            self.allowed += 1
            return None
        hour = hour_of(now)
        if hour != self._hour:
            self._hour, self._spent = hour, set()
        # What is spent stays so until the hour is over: who goes on asking costs no write.
        number = self._limit + 1 if key in self._spent else await self._budgets.spend(key, hour=hour)
        if number >= self._limit and hour == self._hour:
            self._spent.add(key)
        if number <= self._limit:
            self.allowed += 1
        else:
            self.throttled += 1
        return Balance(number <= self._limit, max(0, self._limit - number), hour + HOUR_MS)


def key_of(who: Caller | User) -> str:
    """Whose budget it is: the user's, whichever of their tokens asks, or an automation token's own."""
    return who.token.owner_id if isinstance(who, Caller) else who.id


def require(balance: Balance | None, *, now: int) -> None:
    """Raise `Throttled` when the write may not be done."""
    if balance is not None and not balance.ok:
        raise Throttled(OVER, retry_after=-(-(balance.resets_at - now) // 1000))
