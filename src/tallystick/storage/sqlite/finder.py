"""Finds tokens and events in a thread of its own: what may look at all of them must not hold up the event loop.

SQLite lets go of the interpreter's lock while it works, so others are served meanwhile.  One thread, in which each owner and
each customer has one question at a time: who asks a hundred at once waits for themselves, and others for one of them.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from tallystick.core.errors import Unavailable
from tallystick.storage.sqlite.connection import unavailable
from tallystick.storage.sqlite.reader import Reader

R = TypeVar("R")


class Finder:
    """A reader that belongs to one thread.  Opened when first asked, because most processes are never asked."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._reader: Reader | None = None
        self._thread = ThreadPoolExecutor(1, "tallystick-finder")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def stop(self) -> None:
        """Answer what was asked, take nothing more, and let go of the file; the thread ends."""
        for turn in list(self._turns.values()):
            async with turn:  # who waited for it before us has been answered
                pass
        with suppress(Unavailable):  # stopped before
            await self._run(self._let_go)
        self._thread.shutdown()

    async def look(self, look: Callable[[Reader], R], *, of: str) -> R:
        """What `look` finds.  `of`: the id of whose records it looks at.  Raises `Unavailable`."""
        turn = self._turns.setdefault(of, asyncio.Lock())
        async with turn:
            return await self._run(partial(self._look, look))

    def _run(self, call: Callable[[], R]) -> asyncio.Future[R]:
        try:
            return asyncio.get_running_loop().run_in_executor(self._thread, call)
        except RuntimeError as error:
            raise Unavailable("the store is closed") from error

    # From here on: in the thread.

    def _look(self, look: Callable[[Reader], R]) -> R:
        if self._reader is None:
            try:
                self._reader = Reader(self._connect())
            except sqlite3.Error as error:
                raise unavailable(error) from error
        return look(self._reader)

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
