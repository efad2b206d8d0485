"""Reads, straight on the event loop.

A point read takes some ten microseconds, a trip to a thread and back a hundred.  In WAL mode no writer is ever waited for.
"""

import sqlite3
from typing import Any, Final

from tallystick.storage.rows import Row
from tallystick.storage.sqlite.connection import unavailable

# SQLite's own 2 MiB hold the tokens of a small team only; at 100,000 tokens the difference was a microsecond in twelve.
_CACHE_KIB: Final = 32 * 1024


class Reader:
    """A connection that belongs to the thread of the event loop, and only reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._connection = connection

    # Any: whatever the statement takes.  Its names are checked by the driver, and by a test.
    def one(self, sql: str, parameters: dict[str, Any]) -> Row | None:
        """The only row, or None.  Raises `Unavailable`."""
        try:
            row: Row | None = self._connection.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except UnicodeEncodeError:
            return None  # text that no database can hold: nothing was ever kept under it
        return row

    def all(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """All rows.  Raises `Unavailable`."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        except UnicodeEncodeError:
            return []

    def data_version(self) -> int:
        """Another number whenever any other connection, of whatever process, has committed.  About 2 µs."""
        row = self.one("PRAGMA data_version", {})
        return 0 if row is None else int(row[0])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
