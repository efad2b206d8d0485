"""Create a database file, bring it up to date, and keep what is said once about it.  For the command line: no event loop."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tallystick.core.errors import Invalid, Unavailable
from tallystick.storage.migrate import Migration, migrations, require_known
from tallystick.storage.sqlite.connection import (
    APPLICATION_ID,
    connect,
    patiently,
    primary_code,
    require_sqlite,
    unavailable,
)
from tallystick.storage.statements import load

_BUSY_SECONDS: Final = 30.0  # another process may be migrating
_OWNER_ONLY: Final = 0o600  # SQLite gives its -wal and -shm files the same

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migration (
    number     INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
)"""


def prepare(path: Path, *, steps: tuple[Migration, ...] | None = None) -> None:
    """Create the file if it is not there (mode 0600), and apply what is missing of `steps` (default: all there are).

    Safe to call from several processes at once, and again.  Raises `Invalid` for a file that is not ours or is too new,
    `Unavailable` for one that cannot be read or written now.
    """
    require_sqlite()
    steps = migrations("sqlite") if steps is None else steps
    with _clear_errors(path):
        _create(path)
        patiently(partial(_bring_up_to_date, path, steps), seconds=_BUSY_SECONDS)


def open_checked(path: Path, *, busy_seconds: float, alone: bool = False) -> sqlite3.Connection:
    """A connection to a file that is exactly as this program expects.  Raises `Invalid` or `Unavailable` if it is not.

    `alone`: as of `connect`, and at once.
    """
    require_sqlite()
    steps = migrations("sqlite")
    with _clear_errors(path):
        connection = connect(path, busy_seconds=busy_seconds, alone=alone)
        try:
            if alone:
                connection.execute("BEGIN IMMEDIATE").execute("COMMIT")
            require_ours(connection, path)
            found = version(connection)
            require_known(found, steps, where=str(path))
            if found < len(steps):
                raise Invalid(f"{path} is not set up for this version of Tallystick: prepare it first")
        except BaseException:
            connection.close()
            raise
        return connection


def fingerprint(path: Path) -> str | None:
    """Which key file belongs to this database, if that was said."""
    with _clear_errors(path), closing(open_checked(path, busy_seconds=_BUSY_SECONDS)) as connection:
        return _meta(connection, "key_fingerprint")


def bind_key(path: Path, key_fingerprint: str) -> None:
    """Say, once and for all, which key file belongs to this database.  Raises `Invalid` when it is another one."""
    with _clear_errors(path), closing(open_checked(path, busy_seconds=_BUSY_SECONDS)) as connection:
        keep = load("sqlite").keep_meta
        connection.execute(keep, {"name": "key_fingerprint", "value": key_fingerprint})
        if _meta(connection, "key_fingerprint") != key_fingerprint:
            raise Invalid(
                f"the key file does not belong to {path}: with it no token and no one-time code would be recognised;"
                " use the key file that was made together with this database"
            )


def require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `Invalid` for another program's database.  An empty file is nobody's yet."""
    # In this order: who prepares it at the same time writes both at once, so what is seen after tables is true of them.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables > 0 and application_id != APPLICATION_ID:
        raise Invalid(f"{path} is a database of another program")


def version(connection: sqlite3.Connection) -> int:
    """The number of the last migration that was applied, 0 = none."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'migration'").fetchone() is None:
        return 0
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    return int(number)


def _create(path: Path) -> None:
    """An empty file that only we may read.  O_EXCL: to open and close a file in use would drop SQLite's locks on it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    except FileExistsError:
        return


def _bring_up_to_date(path: Path, steps: tuple[Migration, ...]) -> None:
    """Whole or again: each step is one transaction, and is passed over once it has been applied."""
    with closing(connect(path, busy_seconds=_BUSY_SECONDS)) as connection:
        require_ours(connection, path)
        require_known(version(connection), steps, where=str(path))
        connection.execute("PRAGMA journal_mode = WAL")
        for step in steps:
            _apply(connection, step)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_TABLE)
        if version(connection) < step.number:  # asked again under the lock: somebody may have been faster
            for statement in step.statements:
                connection.execute(statement)
            row = (step.number, step.name, time.time_ns() // 1_000_000)
            connection.execute("INSERT INTO migration (number, name, applied_at) VALUES (?, ?, ?)", row)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute(load("sqlite").meta, {"name": name}).fetchone()
    return None if row is None else str(row[0])


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """One sentence for whoever started the program, in place of what the operating system or SQLite say."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot create {path}: {error.strerror}") from error
    except sqlite3.Error as error:
        if primary_code(error) == sqlite3.SQLITE_NOTADB:
            raise Invalid(f"{path} is not a database") from error
        if primary_code(error) == sqlite3.SQLITE_CANTOPEN:
            raise Unavailable(f"cannot open {path}: is it there, and may this user read and write it?") from error
        if primary_code(error) == sqlite3.SQLITE_READONLY:
            raise Unavailable(f"cannot write to {path}: is it, or its folder, read-only?") from error
        raise unavailable(error) from error
