"""How many writes somebody may make in an hour of the clock."""

import asyncio

import pytest

from tallystick.core import budget
from tallystick.core.budget import Balance, Budget
from tallystick.core.errors import Throttled
from tallystick.core.hour import HOUR_MS
from tallystick.storage.memory import MemoryBudgets
from tests.core.world import ANNA, NOW, caller

RESETS_AT = 1_770_091_200_000 + HOUR_MS  # 05:00:00Z


class Counting(MemoryBudgets):
    """Says how often it was asked."""

    asked = 0

    async def spend(self, key: str, *, hour: int) -> int:
        self.asked += 1
        return await super().spend(key, hour=hour)


async def test_each_write_takes_one_and_the_first_over_the_limit_is_refused() -> None:
    limited = Budget(MemoryBudgets(), limit=2)

    balances = [await limited.spend("anna", now=NOW) for _ in range(3)]

    assert balances == [
        Balance(ok=True, remaining=1, resets_at=RESETS_AT),
        Balance(ok=True, remaining=0, resets_at=RESETS_AT),
        Balance(ok=False, remaining=0, resets_at=RESETS_AT),
    ]


async def test_everybody_has_a_budget_of_their_own() -> None:
    limited = Budget(MemoryBudgets(), limit=1)

    balances = [await limited.spend(key, now=NOW) for key in ("anna", "bert")]

    assert [balance and balance.ok for balance in balances] == [True, True]


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_processes_that_share_a_store_let_through_exactly_the_limit(limit: int) -> None:
    store = MemoryBudgets()
    processes = [Budget(store, limit=limit) for _ in range(3)]

    balances = await asyncio.gather(*(processes[n % 3].spend("anna", now=NOW) for n in range(300)))

    assert sum(balance is not None and balance.ok for balance in balances) == limit


async def test_the_hour_is_the_clocks_and_the_next_one_begins_whole() -> None:
    limited = Budget(MemoryBudgets(), limit=1)
    await limited.spend("anna", now=RESETS_AT - 1)

    last = await limited.spend("anna", now=RESETS_AT - 1)
    first = await limited.spend("anna", now=RESETS_AT)

    assert last == Balance(ok=False, remaining=0, resets_at=RESETS_AT)
    assert first == Balance(ok=True, remaining=0, resets_at=RESETS_AT + HOUR_MS)


async def test_who_goes_on_asking_after_the_last_write_costs_the_store_nothing() -> None:
    store = Counting()
    limited = Budget(store, limit=2)

    for _ in range(50):
        await limited.spend("anna", now=NOW)

    assert store.asked == 2


async def test_the_last_write_of_an_hour_that_is_answered_in_the_next_spends_nothing_of_it() -> None:
    class Slow(MemoryBudgets):
        """Answers for the old hour when the new one has begun."""

        async def spend(self, key: str, *, hour: int) -> int:
            if hour < RESETS_AT:
                await begun.wait()
            return await super().spend(key, hour=hour)

    begun, limited = asyncio.Event(), Budget(Slow(), limit=2)
    last = asyncio.create_task(limited.spend("anna", now=RESETS_AT - 1))
    another = asyncio.create_task(limited.spend("anna", now=RESETS_AT - 1))
    await asyncio.sleep(0)  # noqa: TID251 - no waiting: it only lets both begin

    first = await limited.spend("anna", now=RESETS_AT)
    begun.set()
    await asyncio.gather(last, another)
    second = await limited.spend("anna", now=RESETS_AT)

    assert [each and each.ok for each in (first, second)] == [True, True]


async def test_without_a_limit_nothing_is_counted() -> None:
    store = Counting()

    assert await Budget(store, limit=0).spend("anna", now=NOW) is None
    assert store.asked == 0


async def test_a_limit_that_was_lowered_refuses_what_is_over_it() -> None:
    store = MemoryBudgets()
    for _ in range(5):
        await Budget(store, limit=10).spend("anna", now=NOW)

    lowered = await Budget(store, limit=3).spend("anna", now=NOW)

    assert lowered == Balance(ok=False, remaining=0, resets_at=RESETS_AT)


def test_a_user_has_one_budget_whichever_of_their_tokens_asks() -> None:
    assert budget.key_of(caller(ANNA, "global", id="one")) == budget.key_of(caller(ANNA, id="other"))
    assert budget.key_of(caller(ANNA)) == budget.key_of(ANNA)


def test_a_refusal_says_when_the_next_hour_begins() -> None:
    over = Balance(ok=False, remaining=0, resets_at=RESETS_AT)

    with pytest.raises(Throttled) as caught:
        budget.require(over, now=RESETS_AT - 1001)

    assert (caught.value.retry_after, str(caught.value)) == (2, budget.OVER)
    budget.require(Balance(ok=True, remaining=0, resets_at=RESETS_AT), now=NOW)
    budget.require(None, now=NOW)
