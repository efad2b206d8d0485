"""How people and services change and go in SQLite.  What looks first and writes then does both within one transaction.

The writer begins it IMMEDIATE: from the look to the commit nobody else writes, in this process or another.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from tallystick.core.ports import Outcome, Removal
from tallystick.storage import rows
from tallystick.storage.sqlite.connection import refused
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")

# Any: the parameters of a statement.
Parameters = dict[str, Any]


def rename_customer(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[bool]:
    """Whether there was one to rename."""
    return [connection.execute(_SQL.rename_customer, each).rowcount == 1 for each in changes]


def rename_service(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[bool]:
    """Whether the customer had one to rename."""
    return [connection.execute(_SQL.rename_service, each).rowcount == 1 for each in changes]


def remove_service(connection: sqlite3.Connection, removals: Sequence[Parameters]) -> list[Removal]:
    """Delete services to which no live token is limited."""
    return [_remove_service(connection, **each) for each in removals]


def change_user(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[Outcome]:
    """Change users; a superuser who is the last stays one."""
    try:
        return [_change_user(connection, each) for each in changes]
    except sqlite3.IntegrityError as error:
        raise refused(error, taken="another user has this login", missing="no such user") from error


def remove_user(connection: sqlite3.Connection, removals: Sequence[Parameters]) -> list[Removal]:
    """Delete users who have no live token, with what is left of their others."""
    return [_remove_user(connection, **each) for each in removals]


def set_password_and_end(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[bool]:
    """Replace passwords, and end all tokens of those users but one each."""
    return [_set_password_and_end(connection, each) for each in changes]


def _remove_service(connection: sqlite3.Connection, *, id: str, customer_id: str, now: int) -> Removal:  # noqa: A002
    wanted = {"service_id": id, "customer_id": customer_id, "now": now}
    (is_known,) = connection.execute(_SQL.are_services, {"ids": rows.json([id]), "customer_id": customer_id}).fetchone()
    if not is_known:
        return Removal(Outcome.UNKNOWN)
    limited = connection.execute(_SQL.live_of_service, wanted).fetchall()
    if limited:
        return Removal(Outcome.IN_USE, tuple(id_ for id_, _ in sorted(limited, key=lambda row: (row[1], row[0]))))
    connection.execute(_SQL.remove_service, {"id": id})
    return Removal(Outcome.DONE)


def _change_user(connection: sqlite3.Connection, change: Parameters) -> Outcome:
    if connection.execute(_SQL.change_user, change).rowcount == 1:
        return Outcome.DONE
    row = connection.execute(_SQL.is_last_superuser, change).fetchone()
    return Outcome.UNKNOWN if row is None else Outcome.LAST_SUPERUSER


def _remove_user(connection: sqlite3.Connection, *, id: str, customer_id: str, now: int) -> Removal:  # noqa: A002
    row = connection.execute(_SQL.is_last_superuser, {"id": id, "customer_id": customer_id}).fetchone()
    if row is None:
        return Removal(Outcome.UNKNOWN)
    if row[0]:
        return Removal(Outcome.LAST_SUPERUSER)
    live = connection.execute(_SQL.live_of_user, {"user_id": id, "now": now}).fetchall()
    if live:
        return Removal(Outcome.IN_USE, tuple(row[0] for row in live))
    connection.execute(_SQL.forget_of_user, {"user_id": id})
    connection.execute(_SQL.remove_user, {"id": id})
    return Removal(Outcome.DONE)


def _set_password_and_end(connection: sqlite3.Connection, change: Parameters) -> bool:
    if connection.execute(_SQL.set_password, change).rowcount != 1:
        return False
    connection.execute(_SQL.revoke_others, change)
    return True
