"""Failed guesses."""

from collections.abc import Sequence
from typing import NamedTuple

from tallystick.core import events
from tallystick.core.events import Origin
from tallystick.core.guesses import Failures
from tallystick.core.people import User
from tallystick.storage import rows
from tallystick.storage.parts.changing import in_turn
from tallystick.storage.parts.publishing import write
from tallystick.storage.transaction import Parameters, Reads, Transaction, Within, Writes


class SqlGuesses:
    """`guesses.GuessLog`."""

    def __init__(self, reader: Reads, writer: Writes) -> None:
        self._reader = reader
        self._writer = writer

    async def failures(self, key: str) -> Failures | None:
        row = await self._reader.one(self._reader.sql.failures, {"key": key})
        return None if row is None else rows.failures(row)

    async def note_failure(self, keys: Sequence[str], *, now: int) -> None:
        # Each key once: PostgreSQL refuses to touch a row twice in one statement.
        keys_once = rows.json(tuple(dict.fromkeys(keys)))
        await self._writer.submit(_note_failure, {"keys": keys_once, "now": now})

    async def forget(self, keys: Sequence[str]) -> None:
        await self._writer.submit(_forget, {"keys": rows.json(keys)})

    async def unlock(self, keys: Sequence[str], *, user: User, by: Origin) -> None:
        item = _Unlock(rows.json(keys), user, by)
        await self._writer.submit(_unlock, item, Within(customers=(user.customer_id,)))

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget_older, {"before": before})


class _Unlock(NamedTuple):
    keys: str
    user: User
    by: Origin


async def _note_failure(tx: Transaction, items: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.note_failure, items)


async def _forget(tx: Transaction, items: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.forget, items)


async def _unlock(tx: Transaction, items: Sequence[_Unlock]) -> list[None]:
    return await in_turn(tx, items, _unlock_one)


async def _unlock_one(tx: Transaction, item: _Unlock) -> None:
    await tx.run(tx.sql.forget, {"keys": item.keys})
    write(tx, [events.noted("unlock", item.user, item.by)])


async def _forget_older(tx: Transaction, items: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.forget_older, items)


async def _run(tx: Transaction, sql: str, items: Sequence[Parameters]) -> list[None]:
    for item in items:
        await tx.run(sql, item)
    return [None] * len(items)
