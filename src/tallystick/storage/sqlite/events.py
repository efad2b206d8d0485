"""Who did what, in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tallystick.core.events import Event, Sought
from tallystick.core.ports import Position
from tallystick.storage import rows
from tallystick.storage.sqlite.finder import Finder
from tallystick.storage.sqlite.hearing import publish
from tallystick.storage.statements import load

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteEvents:
    """`ports.EventLog`."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    async def find(self, customer_id: str, sought: Sought, *, after: Position | None, size: int) -> list[Event]:
        wanted = {"customer_id": customer_id, **rows.of_sought(sought, after=after), "size": size}
        sql = _SQL.events_of_customer if sought.target_id is None else _SQL.events_of_target
        return await self._finder.look(lambda reader: rows.events(reader.one(sql, wanted)), of=customer_id)


def write(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    """Within the transaction of what they tell: if this raises, nothing of it happened.

    What they changed gets its number here as well, so that no change can be without one.
    """
    if events:
        connection.execute(_SQL.add_events, {"events": rows.json([rows.of_event(event) for event in events])})
        publish(connection, events)
