"""How people and services come, change and go, each with its event in the same transaction.

From the first look to the commit nobody else changes what it looks at: `within` says what that is.  (SQLite's writer keeps
everybody else from writing at all.)
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from tallystick.core import events, verify
from tallystick.core.events import Event, Origin, Record
from tallystick.core.outcome import Outcome, Removal
from tallystick.core.people import Customer, Service, User
from tallystick.core.ports import Seen
from tallystick.core.token import Token
from tallystick.storage import rows
from tallystick.storage.parts.publishing import write
from tallystick.storage.transaction import Parameters, Refused, Transaction, Within


class Asked(Protocol):
    """What is asked for by somebody."""

    @property
    def by(self) -> Origin: ...


_MUCH: Final = 12
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


def within(
    by: Origin, *, customer: str | None = None, user: str | None = None, token: str | None = None, much: bool = False
) -> Within:
    """What must stand still for a change by somebody: the customer of what it changes, named by one of these, and whether they may.

    `much`: it may be about all that they have.
    """
    return Within(
        customers=() if customer is None else (customer,),
        users=() if user is None else (user,),
        tokens=tuple(each for each in (token, by.token_id) if each is not None),
        patience=_MUCH if much else 1,
    )


async def in_turn(tx: Transaction, asked: Sequence[A], carry_out: Callable[[Transaction, A], Awaitable[R]]) -> list[R]:
    """Carry them out one after the other.  Raises `Unauthenticated` when one who asks may not any more."""
    results = []
    for each in asked:
        await _require_standing(tx, each.by)
        results.append(await carry_out(tx, each))
    return results


async def add_customers(tx: Transaction, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id that is taken."""
    return await _insert(tx, tx.sql.add_customer, additions, taken="a customer with this id exists already")


async def add_users(tx: Transaction, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id or a login that is taken, `NotFound` without the customer."""
    return await _insert(tx, tx.sql.add_user, additions, taken="a user with this id or login exists already")


async def add_services(tx: Transaction, additions: Sequence[Addition]) -> list[None]:
    """Raises `Conflict` for an id that is taken, `NotFound` without the customer."""
    return await _insert(tx, tx.sql.add_service, additions, taken="a service with this id exists already")


async def rename_customers(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Whether there was one to rename."""
    return await in_turn(tx, changes, partial(_changed, sql=tx.sql.rename_customer, read=_customer))


async def rename_services(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Whether the customer had one to rename."""
    return await in_turn(tx, changes, partial(_changed, sql=tx.sql.rename_service, read=_service))


async def remove_services(tx: Transaction, removals: Sequence[Change]) -> list[Removal]:
    """Delete services to which no live token is limited."""
    return await in_turn(tx, removals, _remove_service)


async def change_users(tx: Transaction, changes: Sequence[Change]) -> list[Outcome]:
    """Change users; a superuser who is the last stays one."""
    try:
        return await in_turn(tx, changes, change_user)
    except Refused as error:
        raise error.as_ours(taken="another user has this login", missing="no such user") from error


async def remove_users(tx: Transaction, removals: Sequence[Change]) -> list[Removal]:
    """Delete users who have no live token, with what is left of their others."""
    return await in_turn(tx, removals, remove_user)


async def set_totps(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Whether there was a user whose one-time secret is another now."""
    return await in_turn(tx, changes, partial(_changed, sql=tx.sql.set_totp, read=_user, action="two_factor"))


async def set_passwords(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Replace passwords, and where `kept` says so end all tokens of those users but one each."""
    return await in_turn(tx, changes, _set_password)


async def _insert(tx: Transaction, sql: str, additions: Sequence[Addition], *, taken: str) -> list[None]:
    try:
        await in_turn(tx, additions, lambda _, each: tx.run(sql, each.wanted))
    except Refused as error:
        raise error.as_ours(taken=taken, missing="no such customer") from error
    write(tx, [events.created(each.record, each.by) for each in additions])
    return [None] * len(additions)


async def _changed(
    tx: Transaction,
    change: Change,
    *,
    sql: str,
    read: Callable[[Transaction, str], Awaitable[Record | None]],
    action: str = "update",
    also: Sequence[Event] = (),
) -> bool:
    """Carry it out, and tell how the record was before and is after it.  False when the statement found none.

    `also`: what happened before in the same change.
    """
    before = await read(tx, change.wanted["id"])
    if await tx.run(sql, change.wanted) != 1:
        return False
    after = await read(tx, change.wanted["id"])
    if before is not None and after is not None:
        write(tx, [*also, events.changed(before, after, change.by, action=action)])
    return True


async def _remove_service(tx: Transaction, removal: Change) -> Removal:
    service = await _service(tx, removal.wanted["id"])
    if service is None or service.customer_id != removal.wanted["customer_id"]:
        return Removal(Outcome.UNKNOWN)
    limited = await tx.all(tx.sql.live_of_service, removal.wanted)
    if limited:
        return Removal(Outcome.IN_USE, tuple(id_ for id_, _ in sorted(limited, key=lambda row: (row[1], row[0]))))
    await tx.run(tx.sql.remove_service, removal.wanted)
    write(tx, [events.removed(service, removal.by)])
    return Removal(Outcome.DONE)


async def change_user(tx: Transaction, change: Change, also: Sequence[Event] = ()) -> Outcome:
    """One of `change_users`, whoever asks.  `also`: what happened before in the same change."""
    if await _changed(tx, change, sql=tx.sql.change_user, read=_user, also=also):
        return Outcome.DONE
    user = await _user(tx, change.wanted["id"])
    if user is not None and change.wanted["seen"] not in (None, user.updated_at):
        return Outcome.STALE
    return await why_not_without(tx, change) or Outcome.LAST_SUPERUSER


async def why_not_without(tx: Transaction, change: Change) -> Outcome | None:
    """What is against it that a user goes, or can look after people no more; None = nothing."""
    row = await tx.one(tx.sql.is_last_superuser, change.wanted)
    if row is None:
        return Outcome.UNKNOWN
    return Outcome.LAST_SUPERUSER if row[0] else None


async def remove_user(tx: Transaction, removal: Change, also: Sequence[Event] = ()) -> Removal:
    """One of `remove_users`, whoever asks.  `also`: what happened before in the same change."""
    user, obstacle = await _user(tx, removal.wanted["id"]), await why_not_without(tx, removal)
    if user is None or obstacle is not None:
        return Removal(obstacle or Outcome.UNKNOWN)
    live = await tx.all(tx.sql.live_of_user, removal.wanted)
    if live:
        return Removal(Outcome.IN_USE, tuple(row[0] for row in live))
    await tx.run(tx.sql.forget_usage_of_user, removal.wanted)
    await tx.run(tx.sql.forget_shadow_of_user, removal.wanted)
    await tx.run(tx.sql.forget_uses_of_user, removal.wanted)
    await tx.run(tx.sql.forget_of_user, removal.wanted)
    await tx.run(tx.sql.remove_user, removal.wanted)
    write(tx, [*also, events.removed(user, removal.by)])
    return Removal(Outcome.DONE)


async def _set_password(tx: Transaction, change: Change) -> bool:
    user = await _user(tx, change.wanted["id"])
    if user is None or await tx.run(tx.sql.set_password, change.wanted) != 1:
        return False
    happened = [events.noted("password", user, change.by)]
    if change.wanted["kept"] is not None:
        others = await tx.all(tx.sql.others_of_user, change.wanted)
        happened += [events.revoked(rows.token(row), change.by) for row in others]
        await tx.run(tx.sql.revoke_others, change.wanted)
    write(tx, happened)
    return True


async def _require_standing(tx: Transaction, by: Origin) -> None:
    if by.token_id is None:
        return
    token = await token_by_id(tx, by.token_id)
    verify.require_standing(None if token is None else Seen(token, await _user(tx, token.user_id or "")), by)


async def token_by_id(tx: Transaction, token_id: str) -> Token | None:
    """A token, as it is in this transaction."""
    row = await tx.one(tx.sql.token, {"id": token_id})
    return None if row is None else rows.token(row)


async def _customer(tx: Transaction, customer_id: str) -> Customer | None:
    row = await tx.one(tx.sql.customer, {"id": customer_id})
    return None if row is None else rows.customer(row)


async def _service(tx: Transaction, service_id: str) -> Service | None:
    row = await tx.one(tx.sql.service, {"id": service_id})
    return None if row is None else rows.service(row)


async def _user(tx: Transaction, user_id: str) -> User | None:
    row = await tx.one(tx.sql.user, {"id": user_id})
    return None if row is None else rows.user(row)
