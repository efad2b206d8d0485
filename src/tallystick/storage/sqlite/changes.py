"""How people and services come, change and go in SQLite, each with its event in the same transaction.

The writer begins it IMMEDIATE: from the first look to the commit nobody else writes, in this process or another.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from tallystick.core import events, verify
from tallystick.core.events import Event, Origin, Record
from tallystick.core.people import Customer, Service, User
from tallystick.core.ports import Outcome, Removal, Seen
from tallystick.core.token import Token
from tallystick.storage import rows
from tallystick.storage.sqlite.connection import refused
from tallystick.storage.sqlite.events import write
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")

# Any: the parameters of a statement.
Parameters = dict[str, Any]


class Asked(Protocol):
    """What is asked for by somebody."""

    @property
    def by(self) -> Origin: ...


A = TypeVar("A", bound=Asked)
R = TypeVar("R")


class Addition(NamedTuple):
    """A new record, what its statement takes, and who adds it."""

    record: Record
    wanted: Parameters
    by: Origin


class Change(NamedTuple):
    """What its statements take, and who is behind it."""

    wanted: Parameters
    by: Origin


def in_turn(
    connection: sqlite3.Connection, asked: Sequence[A], carry_out: Callable[[sqlite3.Connection, A], R]
) -> list[R]:
    """Carry them out one after the other.  Raises `Unauthenticated` when one who asks may not any more."""
    results = []
    for each in asked:
        _require_standing(connection, each.by)
        results.append(carry_out(connection, each))
    return results


def add_customers(connection: sqlite3.Connection, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id that is taken."""
    return _insert(connection, _SQL.add_customer, additions, taken="a customer with this id exists already")


def add_users(connection: sqlite3.Connection, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id or a login that is taken, `NotFound` without the customer."""
    return _insert(connection, _SQL.add_user, additions, taken="a user with this id or login exists already")


def add_services(connection: sqlite3.Connection, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id that is taken, `NotFound` without the customer."""
    return _insert(connection, _SQL.add_service, additions, taken="a service with this id exists already")


def rename_customers(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    """Whether there was one to rename."""
    return in_turn(connection, changes, partial(_changed, sql=_SQL.rename_customer, read=_customer))


def rename_services(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    """Whether the customer had one to rename."""
    return in_turn(connection, changes, partial(_changed, sql=_SQL.rename_service, read=_service))


def remove_services(connection: sqlite3.Connection, removals: Sequence[Change]) -> list[Removal]:
    """Delete services to which no live token is limited."""
    return in_turn(connection, removals, _remove_service)


def change_users(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[Outcome]:
    """Change users; a superuser who is the last stays one."""
    try:
        return in_turn(connection, changes, change_user)
    except sqlite3.IntegrityError as error:
        raise refused(error, taken="another user has this login", missing="no such user") from error


def remove_users(connection: sqlite3.Connection, removals: Sequence[Change]) -> list[Removal]:
    """Delete users who have no live token, with what is left of their others."""
    return in_turn(connection, removals, remove_user)


def set_totps(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    """Whether there was a user whose one-time secret is another now."""
    return in_turn(connection, changes, partial(_changed, sql=_SQL.set_totp, read=_user, action="two_factor"))


def set_passwords(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[bool]:
    """Replace passwords, and where `kept` says so end all tokens of those users but one each."""
    return in_turn(connection, changes, _set_password)


def _insert(connection: sqlite3.Connection, sql: str, additions: Sequence[Addition], *, taken: str) -> list[None]:
    try:
        in_turn(connection, additions, lambda _, each: connection.execute(sql, each.wanted))
    except sqlite3.IntegrityError as error:
        raise refused(error, taken=taken, missing="no such customer") from error
    write(connection, [events.created(each.record, each.by) for each in additions])
    return [None] * len(additions)


def _changed(
    connection: sqlite3.Connection,
    change: Change,
    *,
    sql: str,
    read: Callable[[sqlite3.Connection, str], Record | None],
    action: str = "update",
    also: Sequence[Event] = (),
) -> bool:
    """Carry it out, and tell how the record was before and is after it.  False when the statement found none.

    `also`: what happened before in the same change.
    """
    before = read(connection, change.wanted["id"])
    if connection.execute(sql, change.wanted).rowcount != 1:
        return False
    after = read(connection, change.wanted["id"])
    if before is not None and after is not None:
        write(connection, [*also, events.changed(before, after, change.by, action=action)])
    return True


def _remove_service(connection: sqlite3.Connection, removal: Change) -> Removal:
    service = _service(connection, removal.wanted["id"])
    if service is None or service.customer_id != removal.wanted["customer_id"]:
        return Removal(Outcome.UNKNOWN)
    limited = connection.execute(_SQL.live_of_service, removal.wanted).fetchall()
    if limited:
        return Removal(Outcome.IN_USE, tuple(id_ for id_, _ in sorted(limited, key=lambda row: (row[1], row[0]))))
    connection.execute(_SQL.remove_service, removal.wanted)
    write(connection, [events.removed(service, removal.by)])
    return Removal(Outcome.DONE)


def change_user(connection: sqlite3.Connection, change: Change, also: Sequence[Event] = ()) -> Outcome:
    """One of `change_users`, whoever asks.  `also`: what happened before in the same change."""
    if _changed(connection, change, sql=_SQL.change_user, read=_user, also=also):
        return Outcome.DONE
    return why_not_without(connection, change) or Outcome.LAST_SUPERUSER


def why_not_without(connection: sqlite3.Connection, change: Change) -> Outcome | None:
    """What is against it that a user goes, or can look after people no more; None = nothing."""
    row = connection.execute(_SQL.is_last_superuser, change.wanted).fetchone()
    if row is None:
        return Outcome.UNKNOWN
    return Outcome.LAST_SUPERUSER if row[0] else None


def remove_user(connection: sqlite3.Connection, removal: Change, also: Sequence[Event] = ()) -> Removal:
    """One of `remove_users`, whoever asks.  `also`: what happened before in the same change."""
    user, obstacle = _user(connection, removal.wanted["id"]), why_not_without(connection, removal)
    if user is None or obstacle is not None:
        return Removal(obstacle or Outcome.UNKNOWN)
    live = connection.execute(_SQL.live_of_user, removal.wanted).fetchall()
    if live:
        return Removal(Outcome.IN_USE, tuple(row[0] for row in live))
    connection.execute(_SQL.forget_usage_of_user, removal.wanted)
    connection.execute(_SQL.forget_of_user, removal.wanted)
    connection.execute(_SQL.remove_user, removal.wanted)
    write(connection, [*also, events.removed(user, removal.by)])
    return Removal(Outcome.DONE)


def _set_password(connection: sqlite3.Connection, change: Change) -> bool:
    user = _user(connection, change.wanted["id"])
    if user is None or connection.execute(_SQL.set_password, change.wanted).rowcount != 1:
        return False
    happened = [events.noted("password", user, change.by)]
    if change.wanted["kept"] is not None:
        others = connection.execute(_SQL.others_of_user, change.wanted).fetchall()
        happened += [events.revoked(rows.token(row), change.by) for row in others]
        connection.execute(_SQL.revoke_others, change.wanted)
    write(connection, happened)
    return True


def _require_standing(connection: sqlite3.Connection, by: Origin) -> None:
    if by.token_id is None:
        return
    token = token_by_id(connection, by.token_id)
    verify.require_standing(None if token is None else Seen(token, _user(connection, token.user_id or "")), by)


def token_by_id(connection: sqlite3.Connection, token_id: str) -> Token | None:
    """A token, as it is in this transaction."""
    row = connection.execute(_SQL.token, {"id": token_id}).fetchone()
    return None if row is None else rows.token(row)


def _customer(connection: sqlite3.Connection, customer_id: str) -> Customer | None:
    row = connection.execute(_SQL.customer, {"id": customer_id}).fetchone()
    return None if row is None else rows.customer(row)


def _service(connection: sqlite3.Connection, service_id: str) -> Service | None:
    row = connection.execute(_SQL.service, {"id": service_id}).fetchone()
    return None if row is None else rows.service(row)


def _user(connection: sqlite3.Connection, user_id: str) -> User | None:
    row = connection.execute(_SQL.user, {"id": user_id}).fetchone()
    return None if row is None else rows.user(row)
