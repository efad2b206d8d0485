"""A database file as a whole, for `moving`: held so that no other process has it open."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tallystick.core.errors import Conflict, Unavailable
from tallystick.steady import BOOT, steady
from tallystick.storage.moving import Row, Table, key_of, last_of, quoted, reading
from tallystick.storage.sqlite.connection import primary_code, unavailable
from tallystick.storage.sqlite.setup import open_checked
from tallystick.storage.statements import load


class SqliteHouse:
    """`moving.House`.  Nobody waits for its event loop, so it reads and writes on the spot."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that is as this program expects.  Raises like `open_checked`, `Conflict` while it is open elsewhere."""
        try:
            return cls(open_checked(path, busy_seconds=0, alone=True))
        except Unavailable as error:
            if isinstance(error.__cause__, sqlite3.Error) and primary_code(error.__cause__) == sqlite3.SQLITE_BUSY:
                raise Conflict(f"{path} is open elsewhere, such as by a server: stop that first") from error
            raise

    async def tables(self) -> Sequence[Table]:
        names = self._all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return [self._table(name) for (name,) in names]

    async def servers(self) -> int:
        return len(self._all(load("sqlite").leased, {"boot": BOOT, "now": steady()}))

    async def count(self, table: Table) -> int:
        ((count,),) = self._all(f'SELECT count(*) FROM "{table.name}"')
        return int(count)

    async def read(self, table: Table, *, after: Row | None, size: int) -> Sequence[Row]:
        statement = reading(table, after=after is not None)
        return self._all(statement.replace("$", "?"), (*(after or ()), size))

    async def last(self, table: Table) -> Row | None:
        rows = self._all(last_of(table))
        return key_of(table, rows[0]) if rows else None

    async def write(self, table: Table, rows: Sequence[Row], *, instead: bool = False) -> None:
        places = ", ".join("?" * len(table.columns))
        with _clear_errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            if instead:
                self._connection.execute(f'DELETE FROM "{table.name}"')
            into = f'INSERT INTO "{table.name}" ({quoted(table.columns)}) VALUES ({places})'
            self._connection.executemany(into, rows)

    async def aclose(self) -> None:
        self._connection.close()

    def _table(self, name: str) -> Table:
        # Not the hidden ones: they are computed.
        columns = self._all("SELECT name, pk FROM pragma_table_info(?)", (name,))
        key = sorted((place, column) for column, place in columns if place)
        return Table(name, tuple(column for column, _ in columns), tuple(column for _, column in key))

    # Any: what the statement takes.
    def _all(self, sql: str, parameters: Sequence[object] | dict[str, object] = ()) -> list[Row]:
        with _clear_errors():
            return self._connection.execute(sql, parameters).fetchall()


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise unavailable(error) from error
