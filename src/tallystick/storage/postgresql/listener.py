"""Hears that something was written, on a connection of its own.

What correctness rests on is the counter: it is read again and again.  A notification, where there are any, only makes that
happen at once, and the reading rarer.  When the connection is lost another one is opened; until then a worker hears of nothing
between two renewals of its lease, and where the whole store is lost its lease simply ends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import asyncpg

from tallystick.storage.postgresql.connection import ANY
from tallystick.storage.postgresql.knowing import Known
from tallystick.storage.postgresql.session import CHANNEL
from tallystick.storage.postgresql.statement import STATEMENTS

_LOOK_SECONDS: Final = 0.02
_LOOK_WHEN_TOLD_SECONDS: Final = 0.25  # when notifications tell, and one might be lost
_AGAIN_SECONDS: Final = 0.2


class Listener:
    """Follows the counter from its `start` to its `stop`.  `notifications`: whether the server may tell us."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        known: Known,
        *,
        seconds: float,
        notifications: bool,
    ) -> None:
        self._connect = connect
        self._known = known
        self._seconds = seconds
        self._notifications = notifications
        self._told = asyncio.Event()
        self._stirred = True
        self._head = -1
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the event loop that runs."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Let go of the connection."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def stirred(self) -> bool:
        """`changes.Changes.stirred`: since this was asked last a change was heard of, or may have been missed."""
        stirred, self._stirred = self._stirred, False
        return stirred

    def stir(self) -> None:
        """This process has written something itself."""
        self._stirred = True

    async def _listen(self) -> None:
        while True:
            with suppress(*ANY):
                connection = await self._connect()
                try:
                    await self._follow(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(_AGAIN_SECONDS)  # noqa: TID251 - a server that is lost tells nobody when it is back

    async def _follow(self, connection: asyncpg.Connection) -> None:
        if self._notifications:
            await connection.add_listener(CHANNEL, lambda *_: self._told.set())
        pause = _LOOK_WHEN_TOLD_SECONDS if self._notifications else _LOOK_SECONDS
        while True:
            self._told.clear()
            told = self._known.told
            head = await connection.fetchval(STATEMENTS.head, timeout=self._seconds)
            if head < told:
                return  # it was replaced: of what is new another one tells
            if head != self._head:
                self._head, self._stirred = head, True
            # Not wait_for: up to Python 3.11 that forgets to be cancelled when it is told something at the same moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._told.wait()
