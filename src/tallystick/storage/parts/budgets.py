"""Write budgets."""

from collections import Counter
from collections.abc import Sequence

from tallystick.storage import rows
from tallystick.storage.parts.counting import numbers
from tallystick.storage.transaction import Transaction, Writes

_Purse = tuple[int, str]  # hour and key


class SqlBudgets:
    """`budget.WriteBudgets`."""

    def __init__(self, writer: Writes) -> None:
        self._writer = writer

    async def spend(self, key: str, *, hour: int) -> int:
        return await self._writer.submit(_spend, (hour, key))

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget_hours, before)


async def _spend(tx: Transaction, purses: Sequence[_Purse]) -> list[int]:
    """All of them in one statement; those of one purse get the last numbers of it, in order."""
    asked = Counter(purses)
    wanted = rows.json([(hour, key, count) for (hour, key), count in asked.items()])
    found = await tx.all(tx.sql.spend_all, {"asked": wanted})
    return numbers(purses, {(hour, key): count for hour, key, count in found})


async def _forget_hours(tx: Transaction, instants: Sequence[int]) -> list[None]:
    await tx.run(tx.sql.forget_hours, {"before": max(instants)})
    return [None] * len(instants)
