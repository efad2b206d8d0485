"""What the parts of the port ask of a database (`storage/transaction.py`), from SQLite's reader, writer and finder.

The parts await; nothing here makes them wait.  In the writer's thread there is no event loop: what is awaited there has
ended when it is asked for.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from tallystick.core.secret import redacted
from tallystick.storage.parts.publishing import carry_out
from tallystick.storage.rows import Row
from tallystick.storage.sqlite import writer
from tallystick.storage.sqlite.finder import Finder
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import SQL, load, read
from tallystick.storage.transaction import ALONE, Happened, Parameters, Refused, Within, Work

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

DIALECT: Final = "sqlite"
_KEYS: Final = {
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
}
_NUMBERING: Final = read([SQL / DIALECT / "numbering.sql"])


class SqliteReads:
    """`transaction.Reads`, straight on the event loop."""

    dialect = DIALECT
    sql = load(DIALECT)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def one(self, sql: str, parameters: Parameters) -> Row | None:
        return self._reader.one(sql, parameters)

    async def all(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        return self._reader.all(sql, parameters)


class SqliteFinds:
    """`transaction.Finds`."""

    dialect = DIALECT
    sql = load(DIALECT)

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    async def find(self, sql: str, parameters: Parameters, read: Callable[[Row | None], R], *, of: str) -> R:
        return await self._finder.look(lambda reader: read(reader.one(sql, parameters)), of=of)


class SqliteWrites:
    """`transaction.Writes`.  One writes at a time, so everything stands still."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def submit(self, work: Work[I, R], item: I, within: Within = ALONE) -> asyncio.Future[R]:  # noqa: ARG002 - see above
        return self._writer.submit(_in_thread(work), item)


class SqliteTransaction:
    """`transaction.Transaction`.  It lives in the writer's thread."""

    dialect = DIALECT
    sql = load(DIALECT)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.happened = Happened([], [])

    async def one(self, sql: str, parameters: Parameters) -> Row | None:
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    async def all(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        # Not read row by row: a statement that is left open keeps the transaction from ending.
        return self._connection.execute(sql, parameters).fetchall()

    async def run(self, sql: str, parameters: Parameters) -> int:
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode not in _KEYS:
                raise
            raise Refused(missing=error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY) from error

    async def announce(self, *, count: int, changes: str, kept: str) -> None:
        (newest,) = self._connection.execute(_NUMBERING["next_numbers"], {"count": count}).fetchone()
        before = newest - count
        self._connection.execute(_NUMBERING["add_changes"], {"before": before, "changes": changes})
        self._connection.execute(_NUMBERING["keep_changes"], {"before": before, "kept": kept})


def prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The writer's connection, with what the statements need beyond SQLite's own functions."""
    connection.create_function("redacted", 1, redacted, deterministic=True)
    return connection


@cache
def _in_thread(work: Work[I, R]) -> writer.Work[I, R]:
    """The same as the writer's thread can do it; always the same for the same work, so that the writer puts it together."""

    def done(connection: sqlite3.Connection, items: Sequence[I]) -> Sequence[R]:
        return _result(carry_out(work, SqliteTransaction(connection), items))

    return done


def _result(work: Coroutine[Any, Any, R]) -> R:
    try:
        work.send(None)
    except StopIteration as ended:
        result: R = ended.value
        return result
    work.close()
    raise AssertionError("nothing waits within a transaction of SQLite")
