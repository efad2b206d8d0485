"""How a server is reached, and what PostgreSQL's errors mean to us."""

import asyncio
from typing import Final

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


class Connector:
    """Connects to whichever of the hosts lets us write.  It begins with the one that did last time.

    (asyncpg would try them too, but within one time-out: a first host that does not answer would be all that it tries.)
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hosts = list(target.hosts)

    async def __call__(self) -> asyncpg.Connection:
        """Raises what asyncpg raises: see `ANY`."""
        if not self._hosts:
            return await self._connect(None, None, seconds=self._target.timeout)
        error: BaseException | None = None
        for host, port in tuple(self._hosts):
            try:
                connection = await self._connect(host, port, seconds=self._target.timeout / len(self._hosts))
            except ANY as another:
                error = another
                continue
            self._hosts.sort(key=lambda each: each != (host, port))
            return connection
        assert error is not None, "there is a host"
        raise error

    async def _connect(self, host: str | None, port: int | None, *, seconds: float) -> asyncpg.Connection:
        target = self._target
        return await asyncpg.connect(
            target.dsn,
            host=host,
            port=port,
            timeout=seconds,
            statement_cache_size=target.statement_cache_size,
            max_cached_statement_lifetime=0,
            target_session_attrs=None if target.any_server else "read-write",
            server_settings={"application_name": _APPLICATION},
        )


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
