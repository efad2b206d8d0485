"""Writes: what has queued up of one kind is one transaction, and several kinds are under way at once.

READ COMMITTED, with locks that are taken before anything is looked at.  A change looks at what belongs to one customer: whether
who asks still stands, whether somebody is the last superuser, what of a plan is stale.  So the first statement of its transaction
waits until nobody else changes anything of that customer, by an advisory lock on the customer, which lasts until the commit; and
each later statement, which sees all that was committed before it began, sees all that those did.  From then on it is as if it
were alone, as with SQLite, but only within the customer.  Tokens are added side by side: an addition shares the customer's lock,
so that no change comes between, and has the owner's for itself, so that two of them do not both count up to the limit.  What
takes no lock (budgets, one-time steps, uses) has its guard in the one statement that writes.

Why not SERIALIZABLE: each addition to a customer would be in conflict with each look at its tokens, and be tried again; and what
is tried again in a batch is tried again for everybody in it.  Why not FOR UPDATE: what must stand still is often what is not
there yet, and a lock on a row is a write to it.

Numbers come last (`announce`): that row's lock is held for the time of a commit, by whoever changes anything at all.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import asyncpg

from tallystick.core.errors import Unavailable
from tallystick.core.events import Event
from tallystick.core.outcome import OUTCOME_UNKNOWN
from tallystick.storage.parts.publishing import carry_out
from tallystick.storage.postgresql.connection import ANY, LOST, RETRY, is_everybodys, unavailable
from tallystick.storage.postgresql.knowing import Known
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.session import PostgresTransaction
from tallystick.storage.postgresql.statement import OWN, STATEMENTS, prepared
from tallystick.storage.rows import json
from tallystick.storage.transaction import ALONE, Within, Work

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

_TOGETHER_MAX: Final = 100
# A transaction that waits for somebody's locks must not hold up those that need others.  Not at once: who shares a commit is quicker.
_SLOW_SECONDS: Final = 0.025
_AT_ONCE: Final = 4
_TRIES: Final = 5


class _Job(NamedTuple):
    # Any: jobs of all kinds; `submit` is what ties the types of work, item and future together.
    item: Any
    within: Within
    future: asyncio.Future[Any]


class _Lane:
    """What is to be written of one kind, and the transactions that do; when the last of them began."""

    def __init__(self) -> None:
        self.queue: list[_Job] = []
        self.under_way: set[asyncio.Task[None]] = set()
        self.began = 0.0


class Writer:
    """`transaction.Writes`.  Belongs to one event loop.  `stir`: called after each change."""

    def __init__(self, pool: Pool, stir: Callable[[], None], known: Known) -> None:
        self._pool = pool
        self._stir = stir
        self._known = known
        self._lanes: dict[Work[Any, Any], _Lane] = {}
        self._closed = False

    def submit(self, work: Work[I, R], item: I, within: Within = ALONE) -> "asyncio.Future[R]":
        if self._closed:
            raise Unavailable("the store is closed")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        lane = self._lanes.setdefault(work, _Lane())
        lane.queue.append(_Job(item, within, future))
        self._help(work, lane)
        return future

    async def stop(self) -> None:
        """Write what was accepted, and accept nothing more."""
        self._closed = True
        for lane in self._lanes.values():
            while lane.under_way:
                await asyncio.wait(lane.under_way)

    def _help(self, work: Work[Any, Any], lane: "_Lane") -> None:
        """Begin to write what waits: at once, or, when those before it take long, beside them."""
        slow = asyncio.get_running_loop().time() - lane.began > _SLOW_SECONDS
        if lane.queue and (not lane.under_way or (slow and len(lane.under_way) < _AT_ONCE)):
            lane.under_way.add(asyncio.create_task(self._write_all(work, lane)))

    async def _write_all(self, work: Work[Any, Any], lane: "_Lane") -> None:
        loop = asyncio.get_running_loop()
        while jobs := lane.queue[:_TOGETHER_MAX]:
            del lane.queue[: len(jobs)]
            lane.began = loop.time()
            again = loop.call_later(2 * _SLOW_SECONDS, self._help, work, lane)
            await self._write(work, jobs)
            again.cancel()
        # Here, where nothing comes between it and the look at the queue: who comes next begins anew.
        task = asyncio.current_task()
        assert task is not None, "it is one"
        lane.under_way.discard(task)

    async def _write(self, work: Work[Any, Any], jobs: Sequence[_Job]) -> None:
        """Together if that is possible, otherwise in halves, so that what is wrong with one does not touch the others."""
        try:
            results = await self._patiently(work, jobs)
        except Unavailable as error:
            for job in jobs:
                # One each: a shared one would collect the tracebacks of all who raise it.
                _fail(job, _like(error))
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever submitted it, and the queue goes on
            if len(jobs) == 1:
                _fail(jobs[0], error if isinstance(error, Exception) else Unavailable("the store has stopped writing"))
                return
            await self._write(work, jobs[: len(jobs) // 2])
            await self._write(work, jobs[len(jobs) // 2 :])
        else:
            for job, result in zip(jobs, results, strict=True):
                if not job.future.done():  # else its waiter went away; what it asked for is written all the same
                    job.future.set_result(result)

    async def _patiently(self, work: Work[Any, Any], jobs: Sequence[_Job]) -> Sequence[Any]:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(_AgainError):
                return await self._in_transaction(work, jobs)
        try:
            return await self._in_transaction(work, jobs)
        except _AgainError as error:
            raise unavailable(error.__cause__ or error) from error

    async def _in_transaction(self, work: Work[Any, Any], jobs: Sequence[_Job]) -> Sequence[Any]:
        seconds = self._pool.seconds * max(job.within.patience for job in jobs)
        told: list[Event] = []
        results: Sequence[Any] = ()
        numbered = 0
        try:
            async with self._pool.connection() as connection:
                await _begin(connection, jobs, seconds=seconds)
                try:
                    tx = PostgresTransaction(connection, seconds=seconds)
                    results = await carry_out(work, tx, [job.item for job in jobs])
                except Exception as error:
                    await _roll_back(connection, error, seconds=seconds)
                    raise
                told, numbered = tx.happened.events, tx.numbered
                await _commit(connection, has_written=bool(told), seconds=seconds)
        except _LostAtCommitError as error:
            await self._find_out(jobs, told, error, seconds=seconds)
        self._known.tell(numbered)
        self._stir()
        return results

    async def _find_out(self, jobs: Sequence[_Job], told: Sequence[Event], error: Exception, *, seconds: float) -> None:
        """The store was lost at a commit: return if it was done, raise `Unavailable` if not, or if nobody knows.

        The same locks are taken again, so that what is looked for is not still under way; and what is found counts only when
        something was written after it, which comes after it wherever it is replicated to.
        """
        if not told:
            raise Unavailable(_LOST, code=OUTCOME_UNKNOWN) from error
        one = told[0]
        try:
            async with self._pool.connection() as connection:
                await _begin(connection, jobs, seconds=seconds)
                tx = PostgresTransaction(connection, seconds=seconds)
                asked = {"customer_id": one.customer_id, "at": one.by.at, "id": one.id}
                row = await tx.one(OWN["was_told"], asked)
                await tx.run(STATEMENTS.try_to_write, {"now": str(one.by.at)})
                await _commit(connection, has_written=True, seconds=seconds)
        except (_LostAtCommitError, Unavailable) as another:
            raise Unavailable(_LOST, code=OUTCOME_UNKNOWN) from another
        if row is None or not row[0]:
            raise Unavailable("the store cannot be used now") from error


_LOST: Final = "the store was lost while it wrote: whether it was done is not known; look before you try again"


class _AgainError(Exception):
    """PostgreSQL asks for the transaction to be tried again."""


class _LostAtCommitError(Exception):
    """The connection was lost when the transaction was to be committed."""


async def _begin(connection: asyncpg.Connection, jobs: Sequence[_Job], *, seconds: float) -> None:
    """Begin, and have what the jobs look at stand still.

    All settings are the transaction's own, so they hold behind a pooler.  No statement_timeout: where it ends the wait for a
    standby, PostgreSQL says that it has committed.  A frozen process of ours lets go of its locks after a while.
    """
    ms = round(seconds * 1000)
    await connection.execute(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0;"
        f" SET LOCAL lock_timeout = {ms}; SET LOCAL idle_in_transaction_session_timeout = {ms}",
        timeout=seconds,
    )
    customers = {each for job in jobs for each in job.within.customers}
    owners = {job.within.adds_to for job in jobs if job.within.adds_to is not None}
    users = {each for job in jobs for each in job.within.users}
    tokens = {each for job in jobs for each in job.within.tokens}
    if owners:
        sql, wanted = OWN["make_room"], {"customers": customers, "owners": owners}
    elif customers or users or tokens:
        sql, wanted = OWN["stand_still"], {"customers": customers, "users": users, "tokens": tokens}
    else:
        return
    statement = prepared(sql)
    values = statement.values({name: json(sorted(each)) for name, each in wanted.items()})
    await connection.execute(statement.text, *values, timeout=seconds)


async def _roll_back(connection: asyncpg.Connection, error: Exception, *, seconds: float) -> None:
    if not isinstance(error, LOST) and not connection.is_closed():
        await connection.execute("ROLLBACK", timeout=seconds)
    if isinstance(error, RETRY) or isinstance(error.__cause__, RETRY):
        raise _AgainError from error
    if isinstance(error, ANY):
        raise unavailable(error) from error


async def _commit(connection: asyncpg.Connection, *, has_written: bool, seconds: float) -> None:
    """`has_written`: surely.  Else something is, so that a server that was replaced cannot say that there was nothing to do."""
    try:
        said = await connection.execute("COMMIT" if has_written else f"{OWN['prove']}; COMMIT", timeout=seconds)
    except RETRY as error:
        raise _AgainError from error
    except ANY as error:
        if not is_everybodys(error):
            raise  # the server says what was wrong: nothing was committed
        connection.terminate()
        raise _LostAtCommitError from error
    assert said == "COMMIT", "whatever failed has been rolled back"


def _fail(job: _Job, error: Exception) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _like(error: Unavailable) -> Unavailable:
    ours = Unavailable(error.msg, code=error.code)
    ours.__cause__ = error.__cause__
    return ours
