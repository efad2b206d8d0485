"""How often tokens were presented, in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tallystick.core.usage import Usage
from tallystick.storage import rows
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load
from tallystick.storage.text import is_storable

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteUsage:
    """`usage.UsageLog`."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def of_token(self, token_id: str, *, since: int, until: int) -> list[Usage]:
        wanted = {"token_id": token_id, "since": since, "until": until}
        return [rows.usage(row) for row in self._reader.all(_SQL.usage_of_token, wanted)]

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget, before)


def add(connection: sqlite3.Connection, usage: Sequence[Usage]) -> None:
    """Add to what was counted, in a transaction that is under way."""
    known = [rows.of_usage(each) for each in usage if is_storable(each.token_id)]
    if known:
        connection.execute(_SQL.add_usage, {"usage": rows.json(known)})


def _forget(connection: sqlite3.Connection, instants: Sequence[int]) -> list[None]:
    connection.execute(_SQL.forget_usage, {"before": max(instants)})
    return [None] * len(instants)
