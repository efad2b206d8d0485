"""Recovery codes in SQLite: digests, kept beside the one-time secret that they stand in for."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tallystick.core import events
from tallystick.storage import rows
from tallystick.storage.sqlite.changes import Change, Parameters, in_turn
from tallystick.storage.sqlite.events import write
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")


def set_codes(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    """Whether there was a user with two factors whose codes are others now."""
    return in_turn(connection, changes, _set)


def use_codes(connection: sqlite3.Connection, uses: Sequence[Parameters]) -> list[bool]:
    """Whether each was there, and is no more."""
    return [connection.execute(_SQL.use_recovery, each).rowcount == 1 for each in uses]


def kept(digests: Sequence[str]) -> str:
    """Digests as they are kept."""
    return "".join(f"{digest} " for digest in digests)


def _set(connection: sqlite3.Connection, change: Change) -> bool:
    if connection.execute(_SQL.set_recovery, change.wanted).rowcount == 0:
        return False
    user = rows.user(connection.execute(_SQL.user, {"id": change.wanted["id"]}).fetchone())
    write(connection, [events.noted("recovery_codes", user, change.by)])
    return True
