"""Where tokens, people and failed guesses are kept.

    memory       the executable specification of the ports
    sqlite       one file, one machine
    statements   every SQL statement by name, from sql/*.sql
    finding      the statements that find tokens, from pieces
    rows         row ↔ record
    text         which text a database can hold
    migrate      numbered changes of the schema

A store is named by a URL: `sqlite:PATH`, or `memory:`, which is gone with its process.
"""

from pathlib import Path
from typing import Final

from tallystick.core.errors import Invalid
from tallystick.core.ports import Store

_UNDERSTOOD: Final = "use sqlite:PATH, sqlite:///ABSOLUTE/PATH or memory:"


# What only one kind of store needs is imported when that kind is asked for: `tallystick --help` needs neither.


async def open_store(url: str) -> Store:
    """Open the store that `url` names, for the running event loop.  `prepare` has been called before.

    Raises `Invalid` for an unknown kind of URL and for a database that is not as this program expects, `Unavailable` for
    one that cannot be read and written.
    """
    path = _path(url)
    if path is None:
        from tallystick.storage.memory import MemoryStore

        return MemoryStore()
    from tallystick.storage.sqlite.store import SqliteStore

    return SqliteStore.open(path)


def prepare(url: str) -> None:
    """Create what is not there yet, and bring what is there up to date.  Several processes may do it at once.

    Raises like `open_store`.
    """
    path = _path(url)
    if path is not None:
        from tallystick.storage.sqlite import setup

        setup.prepare(path)


def fingerprint(url: str) -> str | None:
    """Which key file belongs to this database, if that was said.  Raises like `open_store`."""
    path = _path(url)
    if path is None:
        return None
    from tallystick.storage.sqlite import setup

    return setup.fingerprint(path)


def bind_key(url: str, key_fingerprint: str) -> None:
    """Say once which key file belongs to this database.  Raises `Invalid` when it is another one; else like `open_store`."""
    path = _path(url)
    if path is not None:
        from tallystick.storage.sqlite import setup

        setup.bind_key(path, key_fingerprint)


def _path(url: str) -> Path | None:
    """The file that an URL names; None = memory."""
    scheme, colon, rest = url.partition(":")
    if scheme == "memory" and colon and not rest:
        return None
    if scheme != "sqlite":
        raise Invalid(f"not a store that Tallystick knows: {scheme}{colon}…: {_UNDERSTOOD}")
    if rest.startswith("//"):
        rest = rest.removeprefix("//")
        if not rest.startswith("/"):
            raise Invalid(f"a SQLite database is a file on this machine, without a host: {_UNDERSTOOD}")
    if not rest or rest == ":memory:":
        raise Invalid(f"no path given for the SQLite database: {_UNDERSTOOD}")
    return Path(rest)
