"""Changes and who has heard of them, in PostgreSQL.

Leases and what is said of them go over connections of their own: they must not wait behind requests.  Each statement is its own
transaction.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from tallystick.core.changes import News
from tallystick.core.errors import Unavailable
from tallystick.core.receipt import LEASE_MS, MARGIN_MS
from tallystick.steady import steady
from tallystick.storage.parts.hearing import SqlChanges
from tallystick.storage.postgresql.knowing import Known
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.session import PostgresReads, PostgresTransaction
from tallystick.storage.postgresql.statement import OWN, STATEMENTS
from tallystick.storage.transaction import ALONE, Parameters, Within, Work

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

_OVER_MS: Final = LEASE_MS + MARGIN_MS
_TRIES: Final = 3


class PostgresChanges(SqlChanges):
    """`ports.Changes`, by the server's clock.

    That clock must not jump by more than a lease's margin while somebody who holds one is cut off.  When another server takes
    over, with another clock, leases by the old one's count as held: a worker that lives renews its own at once, and the others'
    are dropped when they must have ended.

    What is read here says who may be answered, so it is never older than what this process has been told of, or has written:
    else a server that was replaced could say that there is no news, or that nobody is to be waited for.
    """

    def __init__(self, pool: Pool, stirred: Callable[[], bool], known: Known) -> None:
        super().__init__(PostgresReads(pool, lambda: known.told), OneByOne(pool), stirred)
        self._pool = pool
        self._known = known
        self._boot = ""
        self._others_end_at = 0
        self._looking: asyncio.Task[list[tuple[int, int]]] | None = None
        self._next: asyncio.Task[list[tuple[int, int]]] | None = None

    async def after(self, seq: int) -> News:
        won = self._known.won
        news = await super().after(seq)
        self._known.tell(news.upto, until=won)
        return news

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int, speaks_for: int = 0) -> None:
        noted = steady()
        async with self._pool.connection() as connection:
            tx = PostgresTransaction(connection, seconds=self._pool.seconds)
            wanted = {"id": verifier_id, "acked": acked, "lasts_ms": lasts_ms, "speaks_for": speaks_for}
            boot, upto = await _leased_in_its_range(tx, wanted)
            self._known.tell(upto)
            await self._drop_others(tx, boot)
        self._known.won = noted + lasts_ms - MARGIN_MS

    async def leave(self, verifier_id: str) -> None:
        self._known.let_go()
        await super().leave(verifier_id)

    async def _drop_others(self, tx: PostgresTransaction, boot: str) -> None:
        """Once, when this clock has gone on for so long that nothing by another one can last."""
        if boot != self._boot:
            self._boot, self._others_end_at = boot, steady() + _OVER_MS
        elif self._others_end_at and steady() > self._others_end_at:
            await tx.run(OWN["forget_other_clocks"], {"boot": boot})
            self._others_end_at = 0

    async def _leased(self) -> list[tuple[int, int]]:
        """One question for all who wait: it begins after each of them asked, since what was read before may be too old."""
        if self._next is None:
            self._next = asyncio.create_task(self._look(self._looking))
            self._next.add_done_callback(_retrieved)
        try:
            return await asyncio.shield(self._next)
        except Unavailable as error:
            raise Unavailable(error.msg) from error

    async def _look(self, before: "asyncio.Task[list[tuple[int, int]]] | None") -> list[tuple[int, int]]:
        if before is not None:
            await asyncio.wait([before])
        self._looking, self._next = self._next, None
        return await super()._leased()


async def _leased_in_its_range(tx: PostgresTransaction, wanted: Parameters) -> tuple[str, int]:
    """Whose clock it is by, and up to which change there are some, in the range of that server's timeline.

    So what was told under this lease is above all that a server whose place it took can ever show.
    """
    for _ in range(_TRIES):
        row = await tx.one(STATEMENTS.lease, wanted)
        assert row is not None, "it returns what it wrote"
        boot, upto, has_begun = row
        if has_begun:
            return boot, upto
        await tx.run(OWN["begin_numbers"], {})
    raise Unavailable("the store cannot be used now")  # a pooler that changes servers all the while


class OneByOne:
    """`transaction.Writes` of what is one statement each, and must not wait for others."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def submit(self, work: Work[I, R], item: I, within: Within = ALONE) -> R:  # noqa: ARG002 - nobody has to stand still
        async with self._pool.connection() as connection:
            (result,) = await work(PostgresTransaction(connection, seconds=self._pool.seconds), [item])
            return result


def _retrieved(task: "asyncio.Task[list[tuple[int, int]]]") -> None:
    """All who waited may be gone: their error is nobody's then."""
    if not task.cancelled():
        task.exception()
