"""7 · Do a live token's own limits let this request in?  What has to be counted for that is counted here.

From memory: only a number of uses, which holds everywhere at once, takes one write for each.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from tallystick.core.caller import Reach
from tallystick.core.events import Origin
from tallystick.core.limits import RATES, Asked, Limit, Limits, refusing
from tallystick.core.rates import NO_LIMIT, Rates
from tallystick.core.shadow import Shadowed, Shadows
from tallystick.core.token import Token

_SPENT_MAX: Final = 100_000


class LimitStore(Protocol):
    """Where limits are kept, and what is counted for them."""

    async def limit(
        self, token_id: str, limits: Limits | None, *, instead_of: Limits | None, reach: Reach, by: Origin
    ) -> bool:
        """Limit a token otherwise, and drop its shadow report, which was about other limits.

        False when it has been revoked meanwhile, is not within reach, or is limited otherwise than `instead_of` by now.
        """

    async def spend(self, token_id: str) -> int:
        """One use more: which one it is, counted from 1.  No two get the same number, in any process."""

    async def spent(self, token_id: str) -> int:
        """How many uses there were."""

    async def report(self, refused: Sequence[Shadowed]) -> None:
        """Add to what limits would have refused.  What is about no token that is there is passed over."""

    async def reported(self, token_id: str) -> list[Shadowed]:
        """What a token's limits would have refused, the most frequent first."""


class _Judged(NamedTuple):
    """`refused`: the limit that refuses.  `shadows`: those that would have, where none does."""

    refused: Limit | None
    shadows: Sequence[Limit] = ()


_LET_IN: Final = _Judged(None)


class Admission:
    """Lets live tokens in, or does not, in one process."""

    def __init__(self, store: LimitStore, rates: Rates) -> None:
        self._store = store
        self._rates = rates
        self.shadows = Shadows()
        self._spent: dict[str, int] = {}

    def at_once(self, token: Token, asked: Asked, *, now: int, user_agent: str | None) -> bool:
        """Whether it is let in, here and now, and then it is counted.  False says nothing: ask `admit`."""
        limits = token.limits
        if limits is None:
            return True
        if limits.uses is not None:
            return False
        judged = self._judge(token.id, limits, asked, now)
        if judged.refused is None and judged.shadows:
            self._note(token.id, judged.shadows, asked, now, user_agent)
        return judged.refused is None

    async def admit(self, token: Token, asked: Asked, *, now: int, user_agent: str | None) -> Limit | None:
        """Which limit refuses it; None when it is let in, and counted.  Raises `Unavailable`."""
        limits = token.limits
        if limits is None:
            return None
        refused, shadows = self._judge(token.id, limits, asked, now)
        if refused is None and limits.uses is not None and await self._is_used_up(token.id, limits):
            if limits.enforces(Limit.USES):
                refused = Limit.USES
            else:
                shadows = [*shadows, Limit.USES]
        if refused is None:
            self._note(token.id, shadows, asked, now, user_agent)
        return refused

    def _judge(self, token_id: str, limits: Limits, asked: Asked, now: int) -> _Judged:
        against = refusing(limits, asked, now)
        refusal = next((limit for limit in against if limit not in limits.shadow), None)
        if refusal is not None:
            return _Judged(refusal)
        sizes = limits.per_second, limits.per_minute, limits.per_day
        if sizes == (None, None, None):
            return _Judged(None, against) if against else _LET_IN
        first, second, third = (
            NO_LIMIT if size is None or rate in limits.shadow else size for rate, size in zip(RATES, sizes, strict=True)
        )
        before = self._rates.take(token_id, at=now, most=(first, second, third))
        over = [
            rate for rate, size, count in zip(RATES, sizes, before, strict=True) if size is not None and count >= size
        ]
        for limit in reversed(over):  # the longest wait is the one to tell of
            if limit not in limits.shadow:
                return _Judged(limit)
        return _Judged(None, [*against, *over])

    async def _is_used_up(self, token_id: str, limits: Limits) -> bool:
        """What is used up stays so while its limit is what it is: who goes on asking costs no write."""
        assert limits.uses is not None, "asked of a token with a number of uses"
        if self._spent.get(token_id, 0) >= limits.uses:
            return True
        number = await self._store.spend(token_id)
        if len(self._spent) >= _SPENT_MAX:
            del self._spent[next(iter(self._spent))]
        self._spent[token_id] = max(number, self._spent.get(token_id, 0))
        return number > limits.uses

    def _note(self, token_id: str, shadows: Sequence[Limit], asked: Asked, now: int, user_agent: str | None) -> None:
        for limit in shadows:
            self.shadows.note(token_id, limit, asked, at=now, user_agent=user_agent)
