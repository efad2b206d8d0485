"""Where tokens, people and failed guesses are kept.

    memory       the executable specification of the ports
    parts        the parts of the port over any SQL database
    sqlite       one file, one machine
    postgresql   a server, any number of nodes
    transaction  what the parts ask of a database
    statements   every SQL statement by name, from sql/*.sql
    finding      the statements that find tokens, from pieces
    rows         row ↔ record
    text         which text a database can hold
    migrate      numbered changes of the schema
    moving       all of it into another one

A store is named by a URL: `sqlite:PATH`, `postgresql://USER:PASSWORD@HOST/DATABASE`, or `memory:`, which is gone with its
process.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tallystick.core.errors import Invalid
from tallystick.core.ports import Store
from tallystick.storage.moving import House, require_whole

if TYPE_CHECKING:
    from tallystick.storage.postgresql.target import Target

_UNDERSTOOD: Final = (
    "use sqlite:PATH, sqlite:///ABSOLUTE/PATH, postgresql://USER:PASSWORD@HOST:PORT/DATABASE or memory:"
)


# What only one kind of store needs is imported when that kind is asked for: `tallystick --help` needs none.


async def open_store(url: str, *, replica: str | None = None) -> Store:
    """Open the store that `url` names, for the running event loop.  `prepare` has been called before.

    `replica`: a copy of a PostgreSQL database, in which tokens are looked up first.  Raises `Invalid` for an unknown kind of
    URL and for a database that is not as this program expects, `Unavailable` for one that cannot be read and written.
    """
    target, copy = _target(url), None if replica is None else _target(replica)
    if (target is None and replica is not None) or (replica is not None and copy is None):
        raise Invalid("a replica is a copy of a PostgreSQL database: both are URLs that begin with postgresql:")
    if target is not None:
        from tallystick.storage.postgresql.store import PostgresStore

        return await PostgresStore.open(target, copy)
    path = _path(url)
    if path is None:
        from tallystick.storage.memory import MemoryStore

        return MemoryStore()
    from tallystick.storage.sqlite.store import SqliteStore

    return SqliteStore.open(path)


def prepare(url: str) -> None:
    """Create what is not there yet, and bring what is there up to date.  Several processes may do it at once.

    A PostgreSQL database must be there; its tables need not.  Raises like `open_store`.
    """
    if (target := _target(url)) is not None:
        from tallystick.storage.postgresql import setup as server

        return server.prepare(target)
    if (path := _path(url)) is not None:
        from tallystick.storage.sqlite import setup

        setup.prepare(path)
    return None


def fingerprint(url: str) -> str | None:
    """Which key file belongs to this database, if that was said.

    Raises like `open_store`, and `Invalid` for one that holds a part of a copy only.
    """
    found = _fingerprint(url)
    require_whole(found)
    return found


def bind_key(url: str, key_fingerprint: str) -> None:
    """Say once which key file belongs to this database.  Raises `Invalid` when it is another one; else like `fingerprint`."""
    fingerprint(url)
    if (target := _target(url)) is not None:
        from tallystick.storage.postgresql import setup as server

        return server.bind_key(target, key_fingerprint)
    if (path := _path(url)) is not None:
        from tallystick.storage.sqlite import setup

        setup.bind_key(path, key_fingerprint)
    return None


async def open_house(url: str, *, to_read: bool) -> House:
    """All of a database, to be moved (`to_read`) or to be filled, and held against everybody else.

    Raises like `open_store`, and `Conflict` while others have it.
    """
    if (target := _target(url)) is not None:
        from tallystick.storage.postgresql.house import PostgresHouse

        return await PostgresHouse.open(target, to_read=to_read)
    path = _path(url)
    if path is None:
        raise Invalid("what is in memory cannot be copied")
    from tallystick.storage.sqlite.house import SqliteHouse

    return SqliteHouse.open(path)


def _fingerprint(url: str) -> str | None:
    if (target := _target(url)) is not None:
        from tallystick.storage.postgresql import setup as server

        return server.fingerprint(target)
    path = _path(url)
    if path is None:
        return None
    from tallystick.storage.sqlite import setup

    return setup.fingerprint(path)


def shown(url: str) -> str:
    """The URL as it may be shown to anybody: without a password."""
    target = _target(url)
    return url if target is None else target.where


def is_on_server(url: str) -> bool:
    """Whether an URL is one of a PostgreSQL database."""
    return url.partition(":")[0] in ("postgresql", "postgres")


def _target(url: str) -> "Target | None":
    """The server's database that an URL names; None = it names none."""
    if not is_on_server(url):
        return None
    from tallystick.storage.postgresql.target import parse

    return parse(url)


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
