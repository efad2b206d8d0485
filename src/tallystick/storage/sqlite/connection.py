"""How a database file is opened, and what SQLite's errors mean to us."""

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from tallystick.core.errors import Invalid, Unavailable

R = TypeVar("R")

_CHANCE: Final = random.Random()  # of our own: programs seed the common one, and rely on what comes then
APPLICATION_ID: Final = 0x544C536B  # "TLSk", as in 0001_init.sql
_OLDEST: Final = (3, 35, 0)  # RETURNING is from 3.35, UPDATE … FROM from 3.33

# A commit that ends in a checkpoint writes everything once more, with two more fsyncs.  At SQLite's 1,000 pages that was
# every third commit under load; at 8,000 (32 MiB of log) it is rare, and reads were no slower.
_CHECKPOINT_PAGES: Final = 8000
_STATEMENTS_KEPT: Final = 256  # more than we have: each is prepared once


def connect(path: Path, *, busy_seconds: float, any_thread: bool = False, alone: bool = False) -> sqlite3.Connection:
    """Open an existing file.  Whoever else holds the lock is waited for, `busy_seconds` at most; transactions are explicit.

    `alone`: from its first transaction on nobody else can open it, not even to read; it fails where somebody else has it open.

    Raises sqlite3.Error as it comes: who calls knows what to say about it.
    """
    connection = sqlite3.connect(
        path.absolute().as_uri() + "?mode=rw",  # rw: never create what is not there
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=not any_thread,
        cached_statements=_STATEMENTS_KEPT,
    )
    try:
        if alone:  # before anything is read, else it is for writing only
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # FULL: the log is on disk before a commit returns.  fullfsync: what macOS calls it when it is true.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def patiently(call: Callable[[], R], *, seconds: float) -> R:
    """What `call` returns, tried again while another process is in its way, for `seconds` at most; then sqlite3.Error, busy.

    SQLite's own way of waiting asks ever more rarely, every 100 ms in the end, and loses against processes that came later:
    with four of them at work one write in a hundred took over a second.  Asked every millisecond it took 75 ms.  And some
    things it does not wait for at all, such as two processes that switch a new file to WAL.
    """
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
        time.sleep(_CHANCE.uniform(0.0005, 0.0015))  # noqa: TID251 - a lock between processes has no event to wait for


def require_sqlite() -> None:
    """Raise `Invalid` when this Python comes with an SQLite that is too old for our statements."""
    if sqlite3.sqlite_version_info < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise Invalid(f"Tallystick needs SQLite {oldest} or newer; this Python has {sqlite3.sqlite_version}")


def unavailable(error: BaseException) -> Unavailable:
    """Our error for what SQLite could not do; the cause is for whoever raises it to set."""
    if isinstance(error, sqlite3.Error) and primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("the store is busy")
    return Unavailable("the store cannot be used now")


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's result code without its extension; None for an error that the driver itself raised."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
