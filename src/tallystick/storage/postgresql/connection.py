"""How a server is reached, and what PostgreSQL's errors mean to us."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from tallystick.core.errors import Invalid, Unavailable
from tallystick.storage.postgresql.target import Target

_OLDEST: Final = 14
_APPLICATION: Final = "tallystick"

LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
"""The connection is of no use any more, and what was under way is done or not."""

ANY: Final = (*LOST, asyncpg.PostgresError)

# The server shuts down, starts, or was a primary once.
_GOES: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)
_BUSY: Final = (
    TimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.TooManyConnectionsError,
)
RETRY: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""PostgreSQL asks for it to be tried again."""


_SEVERAL: Final = 2
_A_MOMENT_SECONDS: Final = 0.1
_TIMELINE: Final = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"


class _Reached(NamedTuple):
    """A host that lets us in, and in which timeline it writes, as text that sorts; of any server ''."""

    timeline: str
    connection: asyncpg.Connection


class Connector:
    """Connects to whichever of the hosts lets us write.

    All of them are asked at once, so that one that says nothing holds nobody up.  (asyncpg would ask one after the other, within
    one time-out.)  Where two let us write, one was replaced and has not been told yet: the newer timeline is the primary's.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    async def __call__(self) -> asyncpg.Connection:
        """Raises what asyncpg raises: see `ANY`."""
        hosts = self._target.hosts
        if len(hosts) < _SEVERAL:
            return await self._connect(*(hosts[0] if hosts else (None, None)))
        asked = [asyncio.create_task(self._reach(*each)) for each in hosts]
        best: asyncpg.Connection | None = None
        try:
            await _until_one_answers(asked)
            reached = [each.result() for each in asked if _has_answered(each)]
            if not reached:
                raise next(error for each in reversed(asked) if (error := each.exception()) is not None)
            best = max(reached, key=_timeline).connection  # of equals the first, as they are named
            return best
        finally:
            for each in asked:
                each.add_done_callback(partial(_let_go, best))
                each.cancel()

    async def _reach(self, host: str, port: int) -> _Reached:
        connection = await self._connect(host, port)
        if self._target.any_server:
            return _Reached("", connection)  # as somebody wants it: it may be a replica, which cannot say
        try:
            return _Reached(await connection.fetchval(_TIMELINE, timeout=self._target.timeout), connection)
        except BaseException:
            connection.terminate()
            raise

    async def _connect(self, host: str | None, port: int | None) -> asyncpg.Connection:
        target = self._target
        return await asyncpg.connect(
            target.dsn,
            host=host,
            port=port,
            timeout=target.timeout,
            statement_cache_size=target.statement_cache_size,
            max_cached_statement_lifetime=0,
            target_session_attrs=None if target.any_server else "read-write",
            server_settings={"application_name": _APPLICATION},
        )


async def _until_one_answers(asked: Sequence["asyncio.Task[_Reached]"]) -> None:
    """Until one lets us in, and the others had a moment; or until none does."""
    waiting = set(asked)
    while waiting and not any(map(_has_answered, asked)):
        _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if waiting:
        await asyncio.wait(waiting, timeout=_A_MOMENT_SECONDS)


def _has_answered(task: "asyncio.Task[_Reached]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _timeline(reached: _Reached) -> str:
    return reached.timeline


def _let_go(best: asyncpg.Connection | None, task: "asyncio.Task[_Reached]") -> None:
    """Of what was reached and is not used; who was not reached has said why, and is not asked again."""
    if _has_answered(task) and task.result().connection is not best:
        task.result().connection.terminate()


def is_spent(error: BaseException, connection: asyncpg.Connection) -> bool:
    """Whether a connection is of no use after this.  One that was interrupted may get an answer that nobody waits for."""
    if connection.is_closed() or connection.is_in_transaction():
        return True
    return not isinstance(error, Exception) or is_everybodys(error)


def is_everybodys(error: BaseException) -> bool:
    """Whether other connections to the same server are likely of no use either."""
    return isinstance(error, (*LOST, *_GOES)) or isinstance(error.__cause__, (*LOST, *_GOES))


def unavailable(error: BaseException) -> Unavailable:
    """Our error for what PostgreSQL could not do; the cause is for whoever raises it to set."""
    return Unavailable("the store is busy" if isinstance(error, _BUSY) else "the store cannot be used now")


def require_version(connection: asyncpg.Connection, *, where: str) -> None:
    """Raise `Invalid` for a server that is too old for our statements."""
    if connection.get_server_version().major < _OLDEST:
        raise Invalid(
            f"Tallystick needs PostgreSQL {_OLDEST} or newer: {where} has {connection.get_server_version().major}"
        )


async def close_all(connections: list[asyncpg.Connection], *, seconds: float) -> None:
    """Say goodbye to each; those that do not answer in time are let go."""
    await asyncio.gather(*(_close(each, seconds) for each in connections))


async def _close(connection: asyncpg.Connection, seconds: float) -> None:
    try:
        await connection.close(timeout=seconds)
    except ANY:
        connection.terminate()
