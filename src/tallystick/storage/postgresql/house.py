"""A server's database as a whole, for `moving`: held so that nobody else writes to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

import asyncpg

from tallystick.core.errors import Conflict, Invalid, Unavailable
from tallystick.core.receipt import LEASE_MS, MARGIN_MS
from tallystick.storage.moving import STAYING, TABLES, Row, Table, key_of, last_of, quoted, reading
from tallystick.storage.postgresql.connection import ANY, Connector, close_all, unavailable
from tallystick.storage.postgresql.setup import clear_errors, require_prepared
from tallystick.storage.postgresql.statement import OWN
from tallystick.storage.postgresql.target import Target

_COLUMNS: Final = """
  SELECT t.relname, a.attname, a.atttypid = 'boolean'::regtype, array_position(k.conkey, a.attnum)
    FROM pg_class AS t
    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    LEFT JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
   WHERE t.relnamespace = current_schema()::regnamespace
     AND t.relkind = 'r'
ORDER BY t.relname, a.attnum"""

_SERVERS: Final = """
SELECT count(*) FILTER (WHERE NOT by_another), count(*) FILTER (WHERE by_another)
  FROM (
         SELECT boot <> left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time() AS by_another
           FROM verifier
          WHERE lease_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint
       ) AS leased"""

_WITHOUT_END: Final = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0"
_TAKE: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('tallystick copy', 0))"
# Not NOWAIT: an autovacuum that is just at work ends when somebody has waited for a second.
_HOLD: Final = f"SET LOCAL lock_timeout = '3s'; LOCK TABLE {quoted((*TABLES, *STAYING))} IN SHARE MODE"


class _Column(NamedTuple):
    table: str
    name: str
    is_bool: bool
    place: int | None


class PostgresHouse:
    """`moving.House`.  SQLite has no truth values, so those are 0 and 1 here, too.

    `keeper`: holds it against other copies, by a transaction that lasts as long as this.  (A session's lock would be left behind
    with a pooler.)
    """

    def __init__(self, connection: asyncpg.Connection, keeper: asyncpg.Connection) -> None:
        self._connection = connection
        self._keeper = keeper
        self._bools: dict[str, frozenset[str]] = {}

    @classmethod
    async def open(cls, target: Target, *, to_read: bool) -> Self:
        """Connect to a database that is as this program expects, and hold it.

        `to_read`: all is read as of one moment, and nobody else can write; otherwise no other copy is made into it.  Raises
        `Conflict` while somebody writes, or copies, and `Unavailable`.
        """
        async with clear_errors(target):
            connect = Connector(target)
            connections = [await connect()]
            try:
                connections.append(await connect())
                house = cls(*connections)
                await house._hold(target, to_read=to_read)
            except BaseException:
                await close_all(connections, seconds=target.timeout)
                raise
            return house

    async def tables(self) -> Sequence[Table]:
        columns = [_Column(*row) for row in await self._all(_COLUMNS)]
        names = dict.fromkeys(column.table for column in columns)
        self._bools = {name: frozenset(c.name for c in columns if c.table == name and c.is_bool) for name in names}
        return [_table(name, [column for column in columns if column.table == name]) for name in names]

    async def servers(self) -> int:
        ((holding, by_another),) = await self._all(_SERVERS)
        if by_another:
            # By the clock of a server that is gone: nobody can renew it now, so it is over when it must be.
            await asyncio.sleep((LEASE_MS + MARGIN_MS) / 1000)  # noqa: TID251 - see above
        return int(holding)

    async def count(self, table: Table) -> int:
        ((count,),) = await self._all(f'SELECT count(*) FROM "{table.name}"')
        return int(count)

    async def read(self, table: Table, *, after: Row | None, size: int) -> Sequence[Row]:
        rows = await self._all(reading(table, after=after is not None), *(after or ()), size)
        bools = self._bools_of(table)
        if bools:
            return [tuple(int(v) if n in bools else v for n, v in enumerate(row)) for row in rows]
        return [tuple(row) for row in rows]

    async def last(self, table: Table) -> Row | None:
        rows = await self._all(last_of(table))
        return key_of(table, tuple(rows[0])) if rows else None

    async def write(self, table: Table, rows: Sequence[Row], *, instead: bool = False) -> None:
        if bools := self._bools_of(table):
            rows = [tuple(bool(v) if n in bools else v for n, v in enumerate(row)) for row in rows]
        try:
            async with _clear_errors(), self._connection.transaction():
                await self._keeper.execute("SELECT")  # whether it still keeps it
                await self._connection.execute(_WITHOUT_END)
                if instead:
                    await self._connection.execute(f'DELETE FROM "{table.name}"')
                await self._connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
        except Unavailable as error:
            if isinstance(error.__cause__, asyncpg.CharacterNotInRepertoireError):
                raise _unstorable(table, rows) from error
            raise

    async def aclose(self) -> None:
        for each in (self._connection, self._keeper):
            await each.close()

    async def _hold(self, target: Target, *, to_read: bool) -> None:
        await require_prepared(self._connection, where=target.where)
        await self._keeper.execute(f"BEGIN; {_WITHOUT_END}")
        if not await self._keeper.fetchval(_TAKE):
            raise Conflict(f"{target.where} is just being copied")
        if not to_read:
            return
        await self._connection.execute(OWN["prove"], timeout=target.timeout)
        await self._connection.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ; {_WITHOUT_END}")
        try:
            await self._connection.execute(_HOLD)
        except asyncpg.LockNotAvailableError as error:
            raise Conflict(f"somebody writes to {target.where}, such as a server: stop that first") from error

    def _bools_of(self, table: Table) -> frozenset[int]:
        names = self._bools.get(table.name, frozenset())
        return frozenset(place for place, name in enumerate(table.columns) if name in names)

    # Any: what the statement takes.
    async def _all(self, sql: str, *values: Any) -> list[Row]:
        async with _clear_errors():
            found: list[Row] = await self._connection.fetch(sql, *values)
            return found


@asynccontextmanager
async def _clear_errors() -> AsyncIterator[None]:
    try:
        yield
    except ANY as error:
        raise unavailable(error) from error


def _unstorable(table: Table, rows: Sequence[Row]) -> Invalid:
    """What to say of the first row that holds U+0000.  A SQLite file may have been given such text by another program."""
    row, column = next(
        (row, c) for row in rows for c, v in zip(table.columns, row, strict=True) if isinstance(v, str) and "\x00" in v
    )
    key = ", ".join(f"{name} {value}" for name, value in zip(table.key, key_of(table, row), strict=True))
    cut = f'UPDATE "{table.name}" SET {column} = substr({column}, 1, instr({column}, char(0)) - 1) WHERE instr({column}, char(0)) > 0'
    return Invalid(
        f"{column} of {table.name} ({key}) holds the character U+0000, which PostgreSQL cannot keep; cut such texts short in the"
        f" source, and run this again: {cut};"
    )


def _table(name: str, columns: Sequence[_Column]) -> Table:
    key = sorted((column.place, column.name) for column in columns if column.place is not None)
    return Table(name, tuple(column.name for column in columns), tuple(name for _, name in key))
