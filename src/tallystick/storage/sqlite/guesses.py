"""Failed guesses in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from tallystick.core import events
from tallystick.core.events import Origin
from tallystick.core.people import User
from tallystick.core.ports import Failures
from tallystick.storage import rows
from tallystick.storage.sqlite.changes import in_turn
from tallystick.storage.sqlite.events import write
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteGuesses:
    """`ports.GuessLog`."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def failures(self, key: str) -> Failures | None:
        row = self._reader.one(_SQL.failures, {"key": key})
        return None if row is None else rows.failures(row)

    async def note_failure(self, keys: Sequence[str], *, now: int) -> None:
        # Each key once: PostgreSQL refuses to touch a row twice in one statement.
        keys_once = rows.json(tuple(dict.fromkeys(keys)))
        await self._writer.submit(_note_failure, {"keys": keys_once, "now": now})

    async def forget(self, keys: Sequence[str]) -> None:
        await self._writer.submit(_forget, {"keys": rows.json(keys)})

    async def unlock(self, keys: Sequence[str], *, user: User, by: Origin) -> None:
        await self._writer.submit(_unlock, _Unlock(rows.json(keys), user, by))

    async def forget_older(self, *, before: int) -> None:
        await self._writer.submit(_forget_older, {"before": before})


class _Unlock(NamedTuple):
    keys: str
    user: User
    by: Origin


# Any: the parameters of a statement.
Parameters = dict[str, Any]


def _note_failure(connection: sqlite3.Connection, items: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.note_failure, items)


def _forget(connection: sqlite3.Connection, items: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.forget, items)


def _unlock(connection: sqlite3.Connection, items: Sequence[_Unlock]) -> list[None]:
    return in_turn(connection, items, _unlock_one)


def _unlock_one(connection: sqlite3.Connection, item: _Unlock) -> None:
    connection.execute(_SQL.forget, {"keys": item.keys})
    write(connection, [events.noted("unlock", item.user, item.by)])


def _forget_older(connection: sqlite3.Connection, items: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.forget_older, items)


def _run(connection: sqlite3.Connection, sql: str, items: Sequence[Parameters]) -> list[None]:
    for item in items:
        connection.execute(sql, item)
    return [None] * len(items)
