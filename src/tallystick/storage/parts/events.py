"""Who did what: reading it.  It is written by `publishing`."""

from tallystick.core.events import Event, Sought
from tallystick.core.ports import Position
from tallystick.storage import event_rows
from tallystick.storage.transaction import Finds


class SqlEvents:
    """`ports.EventLog`."""

    def __init__(self, finder: Finds) -> None:
        self._finder = finder

    async def find(self, customer_id: str, sought: Sought, *, after: Position | None, size: int) -> list[Event]:
        wanted = {"customer_id": customer_id, **event_rows.of_sought(sought, after=after), "size": size}
        sql = self._finder.sql.events_of_customer if sought.target_id is None else self._finder.sql.events_of_target
        return await self._finder.find(sql, wanted, event_rows.events, of=customer_id)
