"""The one thread that writes: whatever has queued up is committed together.

A commit with its fsync costs the same for one row as for a hundred, so waiting writers share one.  How it stays quick next
to a busy event loop: what was asked for within one turn of the loop is handed over at once, what is of one kind is one
statement, and all answers go back in one call.  Each of these saves taking the interpreter's lock back from the loop.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from tallystick.core.errors import Unavailable
from tallystick.storage.sqlite.connection import patiently, unavailable

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

Work: TypeAlias = Callable[[sqlite3.Connection, Sequence[I]], Sequence[R]]
"""Writes all items, in order, and says how each went.  If it raises, nothing is kept, and each item is tried by itself."""


class _Job(NamedTuple):
    # Any: jobs of all kinds wait in one queue; `submit` is what ties the types of work, item and future together.
    work: Work[Any, Any]
    item: Any
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None


_STOP: Final = None


class Writer:
    """Belongs to one event loop: `submit` and `stop` are called on it, and answers arrive there."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, busy_seconds: float) -> None:
        """Start.  `busy_seconds`: how long the writer of another process is waited for.

        `connect` opens a connection that any thread may use; the first is opened here, so that its errors show here.
        """
        self._connect = connect
        self._busy_seconds = busy_seconds
        self._connection: sqlite3.Connection | None = connect()
        self._loop = asyncio.get_running_loop()
        self._gathered: list[_Job] = []
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._in_hand: list[_Job] = []
        self._stopping = False
        self._refusal: str | None = None
        self._ended = self._loop.create_future()
        # A daemon: a program that forgot to close its store can still end.  What was acknowledged is on disk.
        self._thread = Thread(target=self._run, name="tallystick-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[I, R], item: I) -> asyncio.Future[R]:
        """Have `item` written; the future is done when it is on disk.  To cancel it only stops the waiting.

        Raises `Unavailable`, here or in the future, when it cannot be written; then nothing was.
        """
        if self._refusal is not None:
            raise Unavailable(self._refusal)
        future: asyncio.Future[R] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Job(work, item, future))
        return future

    async def stop(self) -> None:
        """Write what was accepted, accept nothing more, and let go of the file."""
        if self._refusal is None:
            self._refusal = "the store is closed"
            self._hand_over()
            self._queue.put(_STOP)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _hand_over(self) -> None:
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    # From here on: in the thread.

    def _run(self) -> None:
        try:
            while not self._stopping and (piece := self._queue.get()) is not _STOP:
                self._in_hand = piece
                self._call_loop(_tell, self._write())
        finally:
            self._let_go(checkpoint=True)
            # Also when something went wrong that cannot go wrong: whoever waits, or comes later, is told so.
            self._refusal = self._refusal or "the store has stopped writing"
            self._call_loop(self._end)

    def _write(self) -> list[_Outcome]:
        """One transaction.  Nobody is told anything before it is committed."""
        outcomes: list[_Outcome] = []
        try:
            connection = self._connection = self._connection or self._connect()
            patiently(partial(connection.execute, "BEGIN IMMEDIATE"), seconds=self._busy_seconds)
            self._take_what_came_meanwhile()
            for work, group in _by_work(self._in_hand).items():
                outcomes += _write_group(connection, work, group)
            connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it was: all of them are told, and the thread lives on
            self._roll_back()
            return [_Outcome(job.future, None, _unavailable(error)) for job in self._in_hand]
        return outcomes

    def _take_what_came_meanwhile(self) -> None:
        with suppress(Empty):
            while (piece := self._queue.get_nowait()) is not _STOP:
                self._in_hand += piece
            self._stopping = True

    def _roll_back(self) -> None:
        """Back to a state from which the next batch can begin; a connection that cannot even do this is replaced."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._let_go(checkpoint=False)

    def _let_go(self, *, checkpoint: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if checkpoint:
            with suppress(sqlite3.Error):  # in use elsewhere: the log stays, and is read by whoever opens the file next
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(sqlite3.Error):
            connection.close()

    def _call_loop(self, call: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *args)

    # Again on the loop.

    def _end(self) -> None:
        """The thread is over.  After an orderly stop nobody is waiting any more."""
        left = self._in_hand + self._gathered
        self._gathered = []
        while not self._queue.empty():
            left += self._queue.get() or []
        _tell([_Outcome(job.future, None, Unavailable(self._refusal or "")) for job in left])
        if not self._ended.done():
            self._ended.set_result(None)


def _by_work(jobs: list[_Job]) -> dict[Work[Any, Any], list[_Job]]:
    """All of them are under way at the same time, so any order is right; those of one kind go together."""
    groups: dict[Work[Any, Any], list[_Job]] = {}
    for job in jobs:
        groups.setdefault(job.work, []).append(job)
    return groups


def _write_group(connection: sqlite3.Connection, work: Work[Any, Any], jobs: list[_Job]) -> list[_Outcome]:
    """As one if possible, otherwise one by one, so that what is wrong with one job does not touch the others."""
    connection.execute("SAVEPOINT one")
    try:
        results = work(connection, [job.item for job in jobs])
        connection.execute("RELEASE one")
    except Exception as error:  # it belongs to whoever submitted this job
        if not connection.in_transaction:
            raise  # SQLite has undone everything, the jobs before it too
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        if len(jobs) == 1:
            return [_Outcome(jobs[0].future, None, _unavailable(error) if isinstance(error, sqlite3.Error) else error)]
        return [outcome for job in jobs for outcome in _write_group(connection, work, [job])]
    return [_Outcome(job.future, result, None) for job, result in zip(jobs, results, strict=True)]


def _unavailable(error: BaseException) -> Unavailable:
    """A new exception for each waiter: a shared one would collect the tracebacks of all who raise it."""
    ours = unavailable(error)
    ours.__cause__ = error
    return ours


def _tell(outcomes: list[_Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue  # its waiter went away; what it asked for is written all the same
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
