"""Recovery codes: digests, kept beside the one-time secret that they stand in for."""

from collections.abc import Sequence

from tallystick.core import events
from tallystick.storage import rows
from tallystick.storage.parts.changing import Change, in_turn
from tallystick.storage.parts.publishing import write
from tallystick.storage.transaction import Parameters, Transaction


async def set_codes(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Whether there was a user with two factors whose codes are others now."""
    return await in_turn(tx, changes, _set)


async def use_codes(tx: Transaction, uses: Sequence[Parameters]) -> list[bool]:
    """Whether each was there, and is no more."""
    return [await tx.run(tx.sql.use_recovery, each) == 1 for each in uses]


def kept(digests: Sequence[str]) -> str:
    """Digests as they are kept."""
    return "".join(f"{digest} " for digest in digests)


async def _set(tx: Transaction, change: Change) -> bool:
    if await tx.run(tx.sql.set_recovery, change.wanted) == 0:
        return False
    row = await tx.one(tx.sql.user, {"id": change.wanted["id"]})
    if row is not None:
        write(tx, [events.noted("recovery_codes", rows.user(row), change.by)])
    return True
