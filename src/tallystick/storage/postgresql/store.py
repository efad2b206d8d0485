"""The parts of the port over one PostgreSQL database."""

import time
from collections.abc import Sequence
from typing import Final, Self

from msgspec.structs import replace

from tallystick.storage.parts.budgets import SqlBudgets
from tallystick.storage.parts.catalogues import SqlCatalogues
from tallystick.storage.parts.events import SqlEvents
from tallystick.storage.parts.guesses import SqlGuesses
from tallystick.storage.parts.limits import SqlLimits
from tallystick.storage.parts.people import SqlDirectory
from tallystick.storage.parts.usage import SqlUsage
from tallystick.storage.postgresql.changes import OneByOne, PostgresChanges
from tallystick.storage.postgresql.connection import Connector
from tallystick.storage.postgresql.knowing import Known
from tallystick.storage.postgresql.listener import Listener
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.session import PostgresFinds, PostgresReads
from tallystick.storage.postgresql.setup import clear_errors, require_prepared
from tallystick.storage.postgresql.statement import STATEMENTS
from tallystick.storage.postgresql.target import Target
from tallystick.storage.postgresql.tokens import PostgresTokens
from tallystick.storage.postgresql.writer import Writer
from tallystick.storage.transaction import Transaction

_FOR_LEASES: Final = 2
_COPY_SECONDS_MAX: Final = 1.0


class PostgresStore:
    """`ports.Store`.  Belongs to the event loop on which it was opened."""

    def __init__(self, target: Target, replica: Target | None = None) -> None:
        connect = Connector(target)
        known = Known()
        self._pool = Pool(connect, size=target.pool_size, seconds=target.timeout)
        self._leases = Pool(connect, size=_FOR_LEASES, seconds=target.timeout)
        self._replica = None if replica is None else _copy(replica)
        self._listener = Listener(connect, known, seconds=target.timeout, notifications=target.notifications)
        self._writer = Writer(self._pool, self._listener.stir, known)
        reads = PostgresReads(self._pool, known.least)
        finds = PostgresFinds(reads, at_once=max(1, target.pool_size // 2))
        self.tokens = PostgresTokens(reads, self._replica, self._writer, finds, known)
        self.people = SqlDirectory(reads, self._writer)
        self.limits = SqlLimits(reads, self._writer)
        self.catalogues = SqlCatalogues(reads, self._writer)
        self.guesses = SqlGuesses(reads, self._writer)
        self.usage = SqlUsage(reads, self._writer)
        self.budgets = SqlBudgets(self._writer)
        self.events = SqlEvents(finds)
        self.changes = PostgresChanges(self._leases, self._listener.stirred, known)

    @classmethod
    async def open(cls, target: Target, replica: Target | None = None) -> Self:
        """Open a database that `setup.prepare` has brought up to date.

        Raises `Invalid` for one that is not as this program expects, `Unavailable` for one that cannot be used.
        """
        async with clear_errors(target):
            connection = await Connector(target)()
            try:
                await require_prepared(connection, where=target.where)
            finally:
                connection.terminate()
        store = cls(target, replica)
        store._listener.start()
        return store

    async def ready(self) -> None:
        """Raises `Unavailable` when the database cannot be read and written now.  To know, it writes: one small row."""
        await OneByOne(self._leases).submit(_try_to_write, str(time.time_ns() // 1_000_000))

    async def close(self) -> None:
        """Write what was accepted, and let go of the connections."""
        await self._writer.stop()
        await self._listener.stop()
        for pool in filter(None, (self._pool, self._leases, self._replica)):
            await pool.close()


def _copy(target: Target) -> Pool:
    """It need not let us write, and is not waited for as long as a primary: that one can be asked instead."""
    seconds = min(target.timeout, _COPY_SECONDS_MAX)
    return Pool(Connector(replace(target, any_server=True, timeout=seconds)), size=target.pool_size, seconds=seconds)


async def _try_to_write(tx: Transaction, nows: Sequence[str]) -> list[None]:
    await tx.run(STATEMENTS.try_to_write, {"now": max(nows)})
    return [None]
