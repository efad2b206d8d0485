"""Write budgets in SQLite."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tallystick.storage import rows
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")
_Purse = tuple[int, str]  # hour and key


class SqliteBudgets:
    """`budget.WriteBudgets`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def spend(self, key: str, *, hour: int) -> int:
        return await self._writer.submit(_spend, (hour, key))

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget_hours, before)


def _spend(connection: sqlite3.Connection, purses: Sequence[_Purse]) -> list[int]:
    """All of them in one statement; those of one purse get the last numbers of it, in order."""
    asked = Counter(purses)
    wanted = rows.json([(hour, key, count) for (hour, key), count in asked.items()])
    # Not read row by row: a statement that is left open keeps the transaction from ending.
    found = connection.execute(_SQL.spend_all, {"asked": wanted}).fetchall()
    number = {(hour, key): count - asked[hour, key] for hour, key, count in found}
    numbers = []
    for purse in purses:
        number[purse] += 1
        numbers.append(number[purse])
    return numbers


def _forget_hours(connection: sqlite3.Connection, instants: Sequence[int]) -> list[None]:
    connection.execute(_SQL.forget_hours, {"before": max(instants)})
    return [None] * len(instants)
