"""Somebody leaves: their tokens and they themselves, in one transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from tallystick.core import events
from tallystick.core.events import Event, Origin
from tallystick.core.outcome import HandOver, Outcome, Removal
from tallystick.core.people import UserChange
from tallystick.core.revoke import Reason
from tallystick.core.token import Token, moved
from tallystick.storage import rows
from tallystick.storage.parts import changing
from tallystick.storage.parts.changing import Change
from tallystick.storage.transaction import Transaction


class Leaving(NamedTuple):
    """Who leaves, and what was decided."""

    change: Change
    plan: HandOver

    @property
    def by(self) -> Origin:
        """Who is behind it."""
        return self.change.by


async def hand_over(tx: Transaction, leavings: Sequence[Leaving]) -> list[Removal]:
    """Carry out plans that name exactly the live tokens of those who leave."""
    return await changing.in_turn(tx, leavings, lambda _, each: _hand_over(tx, each.change, each.plan))


async def _hand_over(tx: Transaction, change: Change, plan: HandOver) -> Removal:
    obstacle = await changing.why_not_without(tx, change)
    if obstacle is not None:
        return Removal(obstacle)
    found = await tx.all(tx.sql.live_records_of_user, change.wanted)
    live = {token.id: token for token in map(rows.token, found)}
    if stale := plan.stale(live.keys()):
        return Removal(Outcome.STALE, stale)
    happened = await _move(tx, [live[each] for each in plan.moved], change, plan)
    happened += await _end(tx, [live[each] for each in plan.ended], change)
    if plan.delete:
        return await changing.remove_user(tx, change, happened)
    locked = {**change.wanted, **rows.of_change(UserChange(locked=True))}
    return Removal(await changing.change_user(tx, Change(locked, change.by), happened))


async def _move(tx: Transaction, tokens: Sequence[Token], change: Change, plan: HandOver) -> list[Event]:
    wanted = {**change.wanted, "ids": rows.json([token.id for token in tokens]), "role": plan.role.value}
    await tx.run(tx.sql.move_tokens, wanted)
    return [events.changed(token, moved(token, plan.role), change.by, action="move") for token in tokens]


async def _end(tx: Transaction, tokens: Sequence[Token], change: Change) -> list[Event]:
    wanted = {**change.wanted, "ids": rows.json([token.id for token in tokens]), "owner_id": change.wanted["id"]}
    await tx.run(tx.sql.revoke_all, wanted)
    return [events.revoked(token, change.by, reason=Reason.AFFILIATION_CHANGED) for token in tokens]
