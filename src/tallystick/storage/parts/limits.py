"""A token's own limits, and what is counted for them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.events import Origin
from tallystick.core.limits import Limits
from tallystick.core.shadow import KINDS_MAX, OTHERS, Shadowed, by_count
from tallystick.storage import rows
from tallystick.storage.parts.changing import in_turn, token_by_id, within
from tallystick.storage.parts.counting import numbers
from tallystick.storage.parts.publishing import write
from tallystick.storage.text import is_storable
from tallystick.storage.transaction import Reads, Transaction, Writes


class SqlLimits:
    """`admission.LimitStore`."""

    def __init__(self, reader: Reads, writer: Writes) -> None:
        self._reader = reader
        self._writer = writer

    async def limit(
        self, token_id: str, limits: Limits | None, *, instead_of: Limits | None, reach: Reach, by: Origin
    ) -> bool:
        if not is_storable(token_id):
            return False
        change = _Limiting(token_id, limits, instead_of, reach, by)
        return await self._writer.submit(_limit, change, within(by, customer=reach.customer_id))

    async def spend(self, token_id: str) -> int:
        return await self._writer.submit(_spend, token_id)

    async def spent(self, token_id: str) -> int:
        row = await self._reader.one(self._reader.sql.spent, {"token_id": token_id})
        return 0 if row is None else int(row[0])

    async def report(self, refused: Sequence[Shadowed]) -> None:
        if refused:
            await self._writer.submit(_report, refused)

    async def reported(self, token_id: str) -> list[Shadowed]:
        found = await self._reader.all(self._reader.sql.shadow_of_token, {"token_id": token_id})
        return by_count(rows.shadowed(row) for row in found)


class _Limiting(NamedTuple):
    token_id: str
    limits: Limits | None
    instead_of: Limits | None
    reach: Reach
    by: Origin


async def _limit(tx: Transaction, changes: Sequence[_Limiting]) -> list[bool]:
    return await in_turn(tx, changes, _limit_one)


async def _limit_one(tx: Transaction, change: _Limiting) -> bool:
    before = await token_by_id(tx, change.token_id)
    if before is None or before.limits != change.instead_of or not change.reach.covers(before):
        return False
    if await tx.run(tx.sql.set_limits, {"id": before.id, "limits": rows.of_limits(change.limits)}) != 1:
        return False
    await tx.run(tx.sql.forget_shadow_of_token, {"id": before.id})
    write(tx, [events.changed(before, replace(before, limits=change.limits), change.by, action="limit")])
    return True


async def _spend(tx: Transaction, token_ids: Sequence[str]) -> list[int]:
    """All of them in one statement; those of one token get the last numbers of it, in order."""
    asked = Counter(token_ids)
    found = await tx.all(tx.sql.spend_uses, {"asked": rows.json(list(asked.items()))})
    return numbers(token_ids, {row[0]: row[1] for row in found})


async def _report(tx: Transaction, batches: Sequence[Sequence[Shadowed]]) -> list[None]:
    for batch in batches:
        refused = [rows.of_shadowed(each) for each in batch if is_storable(each.token_id)]
        await tx.run(tx.sql.add_shadow, {"refused": rows.json(refused), "most": KINDS_MAX, "others": OTHERS})
    return [None] * len(batches)
