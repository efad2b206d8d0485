"""A process's connections: opened when they are needed, lent one by one, and replaced when they have failed.

(asyncpg's own pool resets a connection with one more question each time it comes back, and waits for servers that are lost.
What we do on a connection leaves nothing behind that would have to be reset: it works behind a pooler, too.)
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from tallystick.core.errors import Unavailable
from tallystick.storage.postgresql.connection import ANY, close_all, is_everybodys, is_spent, unavailable


class Pool:
    """Up to `size` connections.  `seconds`: how long somebody waits for one, and for whatever is asked on it."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, size: int, seconds: float) -> None:
        self.seconds = seconds
        self._connect = connect
        self._free = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """One of them, for so long.  Raises `Unavailable` where there is none, or what is done with it raises PostgreSQL's errors.

        Whatever interrupts its use ends the connection: an answer that is still to come must not be taken for another's.
        """
        await self._wait_for_turn()
        try:
            connection = await self._open()
            try:
                yield connection
            except BaseException as error:
                self._look_at(connection, error)
                if isinstance(error, ANY):
                    raise unavailable(error) from error
                raise
            if connection.is_closed() or self._closed:
                connection.terminate()
            else:
                self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Lend no more, and let go of all."""
        self._closed = True
        idle, self._idle = self._idle, []
        await close_all(idle, seconds=self.seconds)

    async def _wait_for_turn(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")
        try:
            async with asyncio.timeout(self.seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise Unavailable("the store is busy") from error

    async def _open(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await self._connect()
        except ANY as error:
            raise unavailable(error) from error

    def _look_at(self, connection: asyncpg.Connection, error: BaseException) -> None:
        if is_everybodys(error):
            # Else each of them would have to fail first, one time-out after the other.
            idle, self._idle = self._idle, []
            for each in idle:
                each.terminate()
        if is_spent(error, connection):
            connection.terminate()
        elif not self._closed:
            self._idle.append(connection)
