"""The parts of the port over one SQLite file."""

import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

from tallystick.storage.parts.budgets import SqlBudgets
from tallystick.storage.parts.catalogues import SqlCatalogues
from tallystick.storage.parts.events import SqlEvents
from tallystick.storage.parts.guesses import SqlGuesses
from tallystick.storage.parts.hearing import SqlChanges
from tallystick.storage.parts.limits import SqlLimits
from tallystick.storage.parts.people import SqlDirectory
from tallystick.storage.parts.tokens import SqlTokens
from tallystick.storage.parts.usage import SqlUsage
from tallystick.storage.sqlite.connection import connect
from tallystick.storage.sqlite.finder import Finder
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.session import SqliteFinds, SqliteReads, SqliteWrites, prepared
from tallystick.storage.sqlite.setup import open_checked
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load

_SQL: Final = load("sqlite")

# A write waits in its thread while another process writes.  A read only ever waits when a crashed process's log is being
# recovered, and then the whole event loop waits with it: not for long.
WRITE_WAITS_SECONDS: Final = 5.0
READ_WAITS_SECONDS: Final = 1.0


class SqliteStore:
    """`ports.Store`.  Belongs to the event loop on which it was opened."""

    def __init__(self, reader: Reader, writer: Writer, finder: Finder) -> None:
        reads, writes, finds = SqliteReads(reader), SqliteWrites(writer), SqliteFinds(finder)
        self.tokens = SqlTokens(reads, writes, finds)
        self.people = SqlDirectory(reads, writes)
        self.limits = SqlLimits(reads, writes)
        self.catalogues = SqlCatalogues(reads, writes)
        self.guesses = SqlGuesses(reads, writes)
        self.usage = SqlUsage(reads, writes)
        self.budgets = SqlBudgets(writes)
        self.events = SqlEvents(finds)
        self.changes = SqlChanges(reads, writes, _Stirring(reader))
        self._reader = reader
        self._writer = writer
        self._finder = finder

    @classmethod
    def open(cls, path: Path, *, busy_seconds: float = WRITE_WAITS_SECONDS) -> Self:
        """Open a file that `setup.prepare` has brought up to date.  Call it on the event loop that will use it.

        `busy_seconds`: how long a write waits for another process's.  Raises `Invalid` for a file that is not as this
        program expects, `Unavailable` for one that cannot be read and written.
        """
        reader = Reader(open_checked(path, busy_seconds=min(busy_seconds, READ_WAITS_SECONDS)))
        writer = Writer(partial(_writable, path), busy_seconds=busy_seconds)
        finder = Finder(partial(connect, path, busy_seconds=READ_WAITS_SECONDS))
        return cls(reader, writer, finder)

    async def ready(self) -> None:
        """Raises `Unavailable` when the database cannot be read and written now.  To know, it writes: one small row."""
        self._reader.one(_SQL.meta, {"name": "last_ready"})
        await self._writer.submit(_try_to_write, str(time.time_ns() // 1_000_000))

    async def close(self) -> None:
        """Write what was accepted, move the log into the file, and let go of both."""
        await self._finder.stop()
        await self._writer.stop()
        self._reader.close()


class _Stirring:
    """Whether anything was written since this was asked last, in any process."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._version: int | None = None

    def __call__(self) -> bool:
        version = self._reader.data_version()
        stirred, self._version = version != self._version, version
        return stirred


def _writable(path: Path) -> sqlite3.Connection:
    # No waiting inside SQLite: `connection.patiently` does it better.
    return prepared(connect(path, busy_seconds=0, any_thread=True))


def _try_to_write(connection: sqlite3.Connection, nows: Sequence[str]) -> list[None]:
    connection.execute(_SQL.try_to_write, {"now": max(nows)})
    return [None] * len(nows)
