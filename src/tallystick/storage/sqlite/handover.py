"""Somebody leaves, in SQLite: their tokens and they themselves, in one transaction."""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from tallystick.core import events
from tallystick.core.events import Event, Origin
from tallystick.core.people import UserChange
from tallystick.core.ports import HandOver, Outcome, Removal
from tallystick.core.revoke import Reason
from tallystick.core.token import Token, moved
from tallystick.storage import rows
from tallystick.storage.sqlite import changes
from tallystick.storage.sqlite.changes import Change
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")


class Leaving(NamedTuple):
    """Who leaves, and what was decided."""

    change: Change
    plan: HandOver

    @property
    def by(self) -> Origin:
        """Who is behind it."""
        return self.change.by


def hand_over(connection: sqlite3.Connection, leavings: Sequence[Leaving]) -> list[Removal]:
    """Carry out plans that name exactly the live tokens of those who leave."""
    return changes.in_turn(connection, leavings, lambda _, each: _hand_over(connection, each.change, each.plan))


def _hand_over(connection: sqlite3.Connection, change: Change, plan: HandOver) -> Removal:
    obstacle = changes.why_not_without(connection, change)
    if obstacle is not None:
        return Removal(obstacle)
    found = connection.execute(_SQL.live_records_of_user, change.wanted).fetchall()
    live = {token.id: token for token in map(rows.token, found)}
    if stale := plan.stale(live.keys()):
        return Removal(Outcome.STALE, stale)
    happened = _move(connection, [live[each] for each in plan.moved], change, plan)
    happened += _end(connection, [live[each] for each in plan.ended], change)
    if plan.delete:
        return changes.remove_user(connection, change, happened)
    locked = {**change.wanted, **rows.of_change(UserChange(locked=True))}
    return Removal(changes.change_user(connection, Change(locked, change.by), happened))


def _move(connection: sqlite3.Connection, tokens: Sequence[Token], change: Change, plan: HandOver) -> list[Event]:
    wanted = {**change.wanted, "ids": rows.json([token.id for token in tokens]), "role": plan.role.value}
    connection.execute(_SQL.move_tokens, wanted)
    return [events.changed(token, moved(token, plan.role), change.by, action="move") for token in tokens]


def _end(connection: sqlite3.Connection, tokens: Sequence[Token], change: Change) -> list[Event]:
    wanted = {**change.wanted, "ids": rows.json([token.id for token in tokens]), "owner_id": change.wanted["id"]}
    connection.execute(_SQL.revoke_all, wanted)
    return [events.revoked(token, change.by, reason=Reason.AFFILIATION_CHANGED) for token in tokens]
