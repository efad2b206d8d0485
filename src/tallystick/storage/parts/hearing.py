"""Changes and who has heard of them."""

from collections.abc import Callable, Sequence

from tallystick.core.changes import Follower, Heard, Hearing, News, Numbered, hearing
from tallystick.steady import BOOT, steady
from tallystick.storage import event_rows, rows
from tallystick.storage.transaction import Parameters, Reads, Transaction, Writes


class SqlChanges:
    """`ports.Changes`.  `stirred`: as there.

    All who share a file are on one machine, so its clock that counts from its start is the store's: each statement about
    leases gets it as `now` and `boot`.  A server has a clock of its own, and does not look at them.
    """

    def __init__(self, reader: Reads, writer: Writes, stirred: Callable[[], bool]) -> None:
        self._reader = reader
        self._writer = writer
        self.stirred = stirred

    async def head(self) -> int:
        row = await self._reader.one(self._reader.sql.head, {})
        return 0 if row is None else int(row[0])

    async def after(self, seq: int) -> News:
        upto = await self.head()
        found = await self._reader.all(self._reader.sql.changes_after, {"seq": seq})
        # Each number has its rows, so one that is missing behind us has been trimmed.
        gap = upto > seq and (not found or found[0][0] > seq + 1)
        newest = found[-1][0] if found else upto
        return News(tuple(event_rows.change(row) for row in found), max(seq, newest), gap)

    async def of_request(self, request_id: str, *, since: int) -> int | None:
        row = await self._reader.one(self._reader.sql.change_of_request, {"request_id": request_id, "since": since})
        return None if row is None or row[0] is None else int(row[0])

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int, speaks_for: int = 0) -> None:
        wanted = {"id": verifier_id, "acked": acked, "lasts_ms": lasts_ms, "speaks_for": speaks_for, **_clock()}
        await self._writer.submit(_lease, wanted)

    async def ack(self, verifier_id: str, seq: int) -> None:
        await self._writer.submit(_ack, {"id": verifier_id, "acked": seq})

    async def leave(self, verifier_id: str) -> None:
        await self._writer.submit(_leave, {"id": verifier_id})

    async def hearing(self, seq: int) -> Hearing:
        return hearing(await self._leased(), seq)

    async def _leased(self) -> list[tuple[int, int]]:
        """How far those have heard who hold a lease now, and for how many others each speaks."""
        return [(row[0], row[1]) for row in await self._reader.all(self._reader.sql.leased, _clock())]

    async def followers(self) -> list[Follower]:
        return [Follower(*row) for row in await self._reader.all(self._reader.sql.followers, _clock())]

    async def numbered(self, seq: int) -> Numbered | None:
        row = await self._reader.one(self._reader.sql.numbered, {"seq": seq})
        return None if row is None else event_rows.numbered(row)

    async def note_heard(self, heard: Sequence[tuple[int, Heard]]) -> None:
        noted = [(seq, each.at, each.verifiers, each.waited_ms) for seq, each in heard]
        await self._writer.submit(_note_heard, {"heard": rows.json(noted)})

    async def trim_numbered(self, *, before: int) -> None:
        await self._writer.submit(_trim_numbered, {"before": before})

    async def trim(self, *, before: int) -> None:
        await self._writer.submit(_trim, {"before": before, **_clock()})


def _clock() -> Parameters:
    return {"boot": BOOT, "now": steady()}


async def _lease(tx: Transaction, leases: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.lease, leases)


async def _ack(tx: Transaction, acks: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.ack, acks)


async def _leave(tx: Transaction, leaving: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.leave, leaving)


async def _note_heard(tx: Transaction, notes: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.note_heard, notes)


async def _trim_numbered(tx: Transaction, trims: Sequence[Parameters]) -> list[None]:
    return await _run(tx, tx.sql.trim_numbered, trims)


async def _trim(tx: Transaction, trims: Sequence[Parameters]) -> list[None]:
    await _run(tx, tx.sql.trim_verifiers, trims)
    return await _run(tx, tx.sql.trim_changes, trims)


async def _run(tx: Transaction, sql: str, items: Sequence[Parameters]) -> list[None]:
    for item in items:
        await tx.run(sql, item)
    return [None] * len(items)
