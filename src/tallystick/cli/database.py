"""The database that the settings name: set up, known to belong to the key file, opened for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tallystick import storage
from tallystick.core.errors import NotFound
from tallystick.core.ports import Store
from tallystick.identity.keys import Keys

_T = TypeVar("_T")


def fingerprint_in(database: str) -> str | None:
    """Which key file belongs to it, None when it is new.  Made, and brought up to date, if need be."""
    storage.prepare(database)
    return storage.fingerprint(database)


def claim(database: str, keys: Keys) -> None:
    """Make it if need be, and have it belong to these keys.  Raises `Invalid` when it belongs to others."""
    storage.prepare(database)
    storage.bind_key(database, keys.fingerprint)


def require_ours(database: str, keys: Keys) -> None:
    """Bring it up to date.  Raises `NotFound` when `tallystick init` has not been there, `Invalid` for other keys."""
    if fingerprint_in(database) is None:
        # A mistyped path would otherwise be served as a service without users.
        raise NotFound(
            f"{storage.shown(database)} is empty: `tallystick init` sets it up, or name another one with --database"
        )
    storage.bind_key(database, keys.fingerprint)


def opened(database: str, work: Callable[[Store], Awaitable[_T]]) -> _T:
    """Do `work` on the open store, on a loop of its own, and close it."""

    async def whole() -> _T:
        store = await storage.open_store(database)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(whole())
