"""Bring a database up to date, and keep what is said once about it.  For the command line: no event loop needed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg

from tallystick.core.errors import Invalid, Unavailable
from tallystick.storage.migrate import Migration, migrations, require_known
from tallystick.storage.postgresql.connection import ANY, LOST, Connector, require_version
from tallystick.storage.postgresql.statement import DIALECT, STATEMENTS, prepared
from tallystick.storage.postgresql.target import Target

R = TypeVar("R")

_ONE_AT_A_TIME: Final = 0x544C536B  # "TLSk": the advisory lock of those who migrate

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migration (
    number     integer NOT NULL PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    applied_at bigint NOT NULL
)"""


def prepare(target: Target, *, steps: tuple[Migration, ...] | None = None) -> None:
    """Apply what is missing of `steps` (default: all there are).  Safe to call from several processes at once, and again.

    Raises `Invalid` for a database that is not there, not ours or too new, `Unavailable` for a server that cannot be used now.
    """
    steps = migrations(DIALECT) if steps is None else steps
    _run(target, lambda connection: _bring_up_to_date(connection, steps, where=target.where))


def fingerprint(target: Target) -> str | None:
    """Which key file belongs to this database, if that was said."""

    async def found(connection: asyncpg.Connection) -> str | None:
        await require_prepared(connection, where=target.where)
        return await _meta(connection, "key_fingerprint")

    return _run(target, found)


def bind_key(target: Target, key_fingerprint: str) -> None:
    """Say, once and for all, which key file belongs to this database.  Raises `Invalid` when it is another one."""

    async def bound(connection: asyncpg.Connection) -> str | None:
        await require_prepared(connection, where=target.where)
        keep = prepared(STATEMENTS.keep_meta)
        await connection.execute(keep.text, *keep.values({"name": "key_fingerprint", "value": key_fingerprint}))
        return await _meta(connection, "key_fingerprint")

    if _run(target, bound) != key_fingerprint:
        raise Invalid(
            f"the key file does not belong to {target.where}: with it no token and no one-time code would be recognised;"
            " use the key file that was made together with this database"
        )


async def require_prepared(connection: asyncpg.Connection, *, where: str) -> None:
    """Raise `Invalid` unless it is exactly as this program expects."""
    require_version(connection, where=where)
    steps = migrations(DIALECT)
    found = await version(connection, where=where)
    require_known(found, steps, where=where)
    if found < len(steps):
        raise Invalid(f"{where} is not set up for this version of Tallystick: prepare it first")


async def _require_no_surprise(connection: asyncpg.Connection, target: Target) -> None:
    """Raise `Invalid` where a pooler lends us connections, and nobody has said whether it knows prepared statements.

    Else a statement could meet one of another process that has its name, and be answered by that.  The connection's number is
    the pooler's own then, not that of the process that works for us.  Asked without a prepared statement.
    """
    said = await connection.execute(f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid()}")
    if said != "SELECT 1" and not target.cache_as_asked:
        raise Invalid(
            f"there is a pooler before {target.where}: add ?notifications=off&statement_cache_size=0 to its URL (docs/postgresql.md)"
        )


async def version(connection: asyncpg.Connection, *, where: str) -> int:
    """The number of the last migration that was applied, 0 = none.  Raises `Invalid` for another program's database."""
    ours, theirs = await connection.fetchrow(
        "SELECT to_regclass('migration') IS NOT NULL,"
        " EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migration')"
    )
    if not ours:
        if theirs:
            raise Invalid(f"{where} is a database of another program")
        return 0
    number: int = await connection.fetchval("SELECT coalesce(max(number), 0) FROM migration")
    return number


@asynccontextmanager
async def clear_errors(target: Target) -> AsyncIterator[None]:
    """One sentence for whoever started the program, in place of what PostgreSQL or the network say."""
    try:
        yield
    except asyncpg.InvalidCatalogNameError as error:
        raise Invalid(f"there is no database {target.where}: create it first") from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise Invalid(f"{target.where} does not let this user in: look at the name and the password") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise Invalid(
            f"this user may not set up {target.where}: it must own the database, or may create in its schema"
        ) from error
    except (asyncpg.InterfaceError, asyncpg.ClientConfigurationError, ValueError):
        # Without its cause: what is wrong with an URL is said there together with the URL.
        raise Invalid(f"the URL of {target.where} is not understood: look at what follows its question mark") from None
    except LOST as error:
        raise Unavailable(f"cannot reach {target.where}: does it run, and may this machine reach it?") from error
    except ANY as error:
        raise Unavailable(f"cannot use {target.where} now") from error


def _run(target: Target, call: Callable[[asyncpg.Connection], Awaitable[R]]) -> R:
    """In a thread of its own, because there may be an event loop in this one."""

    async def connected() -> R:
        async with clear_errors(target):
            connection = await Connector(target)()
            try:
                await _require_no_surprise(connection, target)
                return await call(connection)
            finally:
                connection.terminate()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, connected()).result()


async def _bring_up_to_date(connection: asyncpg.Connection, steps: tuple[Migration, ...], *, where: str) -> None:
    """Whole or again: each step is one transaction, and is passed over once it has been applied."""
    require_version(connection, where=where)
    require_known(await version(connection, where=where), steps, where=where)
    for step in steps:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
            await _apply(connection, step, where=where)


async def _apply(connection: asyncpg.Connection, step: Migration, *, where: str) -> None:
    if await version(connection, where=where) >= step.number:  # under the lock: somebody may have been faster
        return
    await connection.execute(_TABLE)
    for statement in step.statements:
        await connection.execute(statement)
    row = (step.number, step.name, time.time_ns() // 1_000_000)
    await connection.execute("INSERT INTO migration (number, name, applied_at) VALUES ($1, $2, $3)", *row)


async def _meta(connection: asyncpg.Connection, name: str) -> str | None:
    meta = prepared(STATEMENTS.meta)
    value: Any = await connection.fetchval(meta.text, *meta.values({"name": name}))
    return None if value is None else str(value)
