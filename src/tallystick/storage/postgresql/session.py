"""What the parts of the port ask of a database (`storage/transaction.py`), on a pool's connections."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import asyncpg

from tallystick.storage.postgresql.knowing import fetch
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.statement import DIALECT, OWN, STATEMENTS, prepared
from tallystick.storage.rows import Row
from tallystick.storage.transaction import Happened, Parameters, Refused

R = TypeVar("R")

CHANNEL: Final = "tallystick"


class PostgresReads:
    """`transaction.Reads`: each statement by itself, as of its own moment.  `least`: what an answer must show (`Known.least`)."""

    dialect = DIALECT
    sql = STATEMENTS

    def __init__(self, pool: Pool, least: Callable[[], int | None]) -> None:
        self._pool = pool
        self._least = least

    async def one(self, sql: str, parameters: Parameters) -> Row | None:
        found = await self.all(sql, parameters)
        return found[0] if found else None

    async def all(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        return await fetch(self._pool, sql, parameters, least=self._least())


class PostgresFinds:
    """`transaction.Finds`: half of the connections at most, in which each owner and each customer has one question at a time."""

    dialect = DIALECT
    sql = STATEMENTS

    def __init__(self, reads: PostgresReads, *, at_once: int) -> None:
        self._reads = reads
        self._free = asyncio.Semaphore(at_once)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find(self, sql: str, parameters: Parameters, read: Callable[[Row | None], R], *, of: str) -> R:
        turn = self._turns.setdefault(of, asyncio.Lock())
        async with turn, self._free:
            return read(await self._reads.one(sql, parameters))


class PostgresTransaction:
    """`transaction.Transaction`, on a connection that has begun one.  `seconds`: for each statement.

    `numbered`: the last number that it took, 0 = none.
    """

    dialect = DIALECT
    sql = STATEMENTS

    def __init__(self, connection: asyncpg.Connection, *, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self.happened = Happened([], [])
        self.numbered = 0

    async def one(self, sql: str, parameters: Parameters) -> Row | None:
        found = await self.all(sql, parameters)
        return found[0] if found else None

    async def all(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        text, values = _asked(sql, parameters)
        found: list[Row] = await self._connection.fetch(text, *values, timeout=self._seconds)
        return found

    async def run(self, sql: str, parameters: Parameters) -> int:
        text, values = _asked(sql, parameters)
        try:
            said: str = await self._connection.execute(text, *values, timeout=self._seconds)
        except asyncpg.ForeignKeyViolationError as error:
            raise Refused(missing=True) from error
        except asyncpg.UniqueViolationError as error:
            raise Refused(missing=False) from error
        return int(said.rpartition(" ")[2])  # such as "UPDATE 1", "INSERT 0 1"

    async def announce(self, *, count: int, changes: str, kept: str) -> None:
        wanted = {"count": count, "changes": changes, "kept": kept, "channel": CHANNEL}
        row = await self.one(OWN["announce"], wanted)
        assert row is not None, "there is a counter"
        self.numbered = row[0]


# Any: values of all kinds, as the statement takes them.
def _asked(sql: str, parameters: Parameters) -> tuple[str, list[Any]]:
    statement = prepared(sql)
    return statement.text, statement.values(parameters)
