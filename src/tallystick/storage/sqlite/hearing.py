"""Changes and who has heard of them, in SQLite."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final

from tallystick.core.changes import Change, Follower, Heard, Hearing, News, Numbered, changes_of, told
from tallystick.core.events import Event, Origin
from tallystick.steady import BOOT, steady
from tallystick.storage import rows
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load
from tallystick.storage.text import readable

_SQL: Final = load("sqlite", driver="sqlite3")

# Any: the parameters of a statement.
Parameters = dict[str, Any]


class SqliteChanges:
    """`ports.Changes`.  All who share a file are on one machine, so its clock that counts from its start is the store's."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._version: int | None = None

    def stirred(self) -> bool:
        version = self._reader.data_version()
        stirred, self._version = version != self._version, version
        return stirred

    async def head(self) -> int:
        row = self._reader.one(_SQL.head, {})
        return 0 if row is None else int(row[0])

    async def after(self, seq: int) -> News:
        upto = await self.head()
        found = self._reader.all(_SQL.changes_after, {"seq": seq})
        # Each number has its rows, so one that is missing behind us has been trimmed.
        gap = upto > seq and (not found or found[0][0] > seq + 1)
        newest = found[-1][0] if found else upto
        return News(tuple(rows.change(row) for row in found), max(seq, newest), gap)

    async def of_request(self, request_id: str, *, since: int) -> int | None:
        row = self._reader.one(_SQL.change_of_request, {"request_id": request_id, "since": since})
        return None if row is None or row[0] is None else int(row[0])

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int) -> None:
        wanted = {"id": verifier_id, "boot": BOOT, "acked": acked, "lease_until": steady() + lasts_ms}
        await self._writer.submit(_lease, wanted)

    async def ack(self, verifier_id: str, seq: int) -> None:
        await self._writer.submit(_ack, {"id": verifier_id, "acked": seq})

    async def leave(self, verifier_id: str) -> None:
        await self._writer.submit(_leave, {"id": verifier_id})

    async def hearing(self, seq: int) -> Hearing:
        row = self._reader.one(_SQL.hearing, {"seq": seq, "boot": BOOT, "now": steady()})
        return Hearing(0, 0) if row is None else Hearing(*row)

    async def followers(self) -> list[Follower]:
        return [Follower(*row) for row in self._reader.all(_SQL.followers, {"boot": BOOT, "now": steady()})]

    async def numbered(self, seq: int) -> Numbered | None:
        row = self._reader.one(_SQL.numbered, {"seq": seq})
        return None if row is None else rows.numbered(row)

    async def note_heard(self, heard: Sequence[tuple[int, Heard]]) -> None:
        noted = [(seq, each.at, each.verifiers, each.waited_ms) for seq, each in heard]
        await self._writer.submit(_note_heard, {"heard": rows.json(noted)})

    async def trim_numbered(self, *, before: int) -> None:
        await self._writer.submit(_trim_numbered, {"before": before})

    async def trim(self, *, before: int) -> None:
        await self._writer.submit(_trim, {"before": before, "boot": BOOT, "now": steady()})


def publish(connection: sqlite3.Connection, happened: Sequence[Event]) -> None:
    """Number what these events change, within their transaction: what each is behind gets a number of its own."""
    behind: dict[tuple[Origin, str], list[Event]] = {}
    for event in happened:
        behind.setdefault((event.by, event.customer_id), []).append(event)
    for (by, customer_id), theirs in behind.items():
        if changes := changes_of(theirs):
            number(connection, changes, by, of=customer_id)


def number(connection: sqlite3.Connection, changes: Collection[Change], by: Origin, *, of: str) -> None:
    """Give these changes of a customer the next number, within their transaction."""
    (seq,) = connection.execute(_SQL.next_seq).fetchone()
    request_id = readable(by.request_id)
    about = [(seq, change.kind, change.key, by.at, request_id) for change in changes]
    connection.execute(_SQL.add_changes, {"changes": rows.json(about)})
    kept = {
        "seq": seq,
        "customer_id": of,
        "at": by.at,
        "user_id": by.user_id,
        "token_id": by.token_id,
        "request_id": request_id,
        "count": len(changes),
        "changes": rows.json([(change.kind, change.key) for change in told(changes)]),
    }
    connection.execute(_SQL.keep_change, kept)


def _lease(connection: sqlite3.Connection, leases: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.lease, leases)


def _ack(connection: sqlite3.Connection, acks: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.ack, acks)


def _leave(connection: sqlite3.Connection, leaving: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.leave, leaving)


def _note_heard(connection: sqlite3.Connection, notes: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.note_heard, notes)


def _trim_numbered(connection: sqlite3.Connection, trims: Sequence[Parameters]) -> list[None]:
    return _run(connection, _SQL.trim_numbered, trims)


def _trim(connection: sqlite3.Connection, trims: Sequence[Parameters]) -> list[None]:
    _run(connection, _SQL.trim_verifiers, trims)
    return _run(connection, _SQL.trim_changes, trims)


def _run(connection: sqlite3.Connection, sql: str, items: Sequence[Parameters]) -> list[None]:
    for item in items:
        connection.execute(sql, item)
    return [None] * len(items)
