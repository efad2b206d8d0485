"""How often tokens were presented."""

from collections.abc import Sequence

from tallystick.core.usage import Usage
from tallystick.storage import rows
from tallystick.storage.text import is_storable
from tallystick.storage.transaction import Reads, Transaction, Writes


class SqlUsage:
    """`usage.UsageLog`."""

    def __init__(self, reader: Reads, writer: Writes) -> None:
        self._reader = reader
        self._writer = writer

    async def of_token(self, token_id: str, *, since: int, until: int) -> list[Usage]:
        wanted = {"token_id": token_id, "since": since, "until": until}
        return [rows.usage(row) for row in await self._reader.all(self._reader.sql.usage_of_token, wanted)]

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget, before)


async def add(tx: Transaction, usage: Sequence[Usage]) -> None:
    """Add to what was counted, in a transaction that is under way."""
    known = [rows.of_usage(each) for each in usage if is_storable(each.token_id)]
    if known:
        await tx.run(tx.sql.add_usage, {"usage": rows.json(known)})


async def _forget(tx: Transaction, instants: Sequence[int]) -> list[None]:
    await tx.run(tx.sql.forget_usage, {"before": max(instants)})
    await tx.run(tx.sql.forget_counted, {"before": max(instants)})
    return [None] * len(instants)
