"""What a write costs, and the two headers that say what is left: on writes only, as recorded."""

from starlette.responses import Response

from tallystick.core import budget
from tallystick.core.budget import Balance, Budget
from tallystick.core.caller import Caller
from tallystick.core.people import User
from tallystick.core.ports import Clock


class Meter:
    """One request's: charged once it is known who writes, and shown on the answer, whatever that is."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._balance: Balance | None = None

    async def charge(self, who: Caller | User) -> None:
        """One write of theirs.  Raises `Throttled` when they have none left in this hour; then nothing may be done."""
        now = self._clock.now()
        self._balance = await self._budget.spend(budget.key_of(who), now=now)
        budget.require(self._balance, now=now)

    def show(self, response: Response) -> Response:
        """The answer, with what is left of the budget that was charged."""
        if self._balance is not None:
            # Lower case, as Starlette writes all names: Ruby's official client finds no other.
            response.headers["fastly-ratelimit-remaining"] = str(self._balance.remaining)
            response.headers["fastly-ratelimit-reset"] = str(self._balance.resets_at // 1000)
        return response
