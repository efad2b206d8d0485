"""The worlds that the bench measures: users with a token in sudo each, one user with 1,000 tokens, a customer with 100,000.

And one with any number of tokens.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from tallystick.core.events import Origin
from tallystick.core.people import Customer, Role, User
from tallystick.core.ports import Store
from tallystick.core.scope import stored
from tallystick.core.secret import Digest, Secret, digester, new_id
from tallystick.core.token import SUDO_MS, Token
from tallystick.identity.keys import new_key_file, parse_key_file
from tallystick.storage import bind_key, open_store, prepare

CREATORS = 4_000  # each may have 100 live tokens: room for 396,000 creates
LONG_LIST = 100_000
STAFF = 1_000  # whose tokens the long list is, about 100 each
SHORT_LIST = 1_000
_UNLIMITED = 10**9

T = TypeVar("T")


class World(NamedTuple):
    """Where it is, and the secrets to use it with."""

    database: Path
    key_file: Path
    creators: list[str]
    reader: str
    superuser: str
    customer_id: str


def make(folder: Path) -> World:
    """Make it in an empty folder; takes some seconds."""
    key_file, _, digest = _begun(folder)
    return asyncio.run(_fill(folder, key_file, digest))


def _begun(folder: Path) -> tuple[Path, str, Callable[[Secret], Digest]]:
    """The key file, the database's URL, and from secret to digest."""
    key_file = folder / "bench.key"
    key_file.write_text(new_key_file())
    key_file.chmod(0o600)
    keys, url = parse_key_file(key_file.read_text()), f"sqlite:{folder / 'bench.db'}"
    prepare(url)
    bind_key(url, keys.fingerprint)
    return key_file, url, digester(keys.digests)


class Many(NamedTuple):
    """A database with so many tokens, the secrets of some of them, and that of one that may verify others."""

    database: Path
    key_file: Path
    secrets: list[str]
    verifier: str


def make_many(folder: Path, count: int, *, secrets: int) -> Many:
    """`count` tokens of a hundred users, and one to verify them with, in an empty folder."""
    key_file, url, digest = _begun(folder)
    known, verifier = asyncio.run(_fill_many(url, digest, secrets))
    database = folder / "bench.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        _multiply(connection, count - secrets)
    return Many(database, key_file, known, verifier)


async def _fill_many(url: str, digest: Callable[[Secret], Digest], count: int) -> tuple[list[str], str]:
    store, now = await open_store(url), time.time_ns() // 1_000_000
    by = Origin(at=now)
    customer = Customer(id=new_id(), name="many", created_at=now)
    await store.people.add_customer(customer, by=by)
    users = [_user(customer, f"many-{n}@example.com", Role.USER, now) for n in range(100)]
    await asyncio.gather(*(store.people.add_user(user, password_hash="", by=by) for user in users))
    secrets, verifier = [Secret.mint() for _ in range(count)], Secret.mint()
    rows = [(_token(users[n % len(users)], now), digest(secret)) for n, secret in enumerate(secrets)]
    boss = _user(customer, "superuser@example.com", Role.SUPERUSER, now)
    await store.people.add_user(boss, password_hash="", by=by)
    rows.append((_token(boss, now, scope="verify"), digest(verifier)))
    await _add(store, rows, by)
    await store.close()
    return [secret.reveal() for secret in secrets], verifier.reveal()


def _multiply(connection: sqlite3.Connection, missing: int) -> None:
    """So many more rows like those that are there, which nobody has the secret of."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(token)") if row[1] not in ("id", "digest")]
    rest = ", ".join(columns)
    while missing > 0:
        added = connection.execute(
            f"INSERT INTO token (id, digest, {rest})"
            f" SELECT hex(randomblob(11)), randomblob(32), {rest} FROM token LIMIT {missing}"
        )
        missing -= added.rowcount


async def _fill(folder: Path, key_file: Path, digest: Callable[[Secret], Digest]) -> World:
    store = await open_store(f"sqlite:{folder / 'bench.db'}")
    now = time.time_ns() // 1_000_000
    by = Origin(at=now)
    customers = [Customer(id=new_id(), name=name, created_at=now) for name in ("creators", "long list")]
    for customer in customers:
        await store.people.add_customer(customer, by=by)
    creators = [_user(customers[0], f"creator-{n}@example.com", Role.USER, now) for n in range(CREATORS)]
    reader = _user(customers[1], "reader@example.com", Role.USER, now)
    superuser = _user(customers[1], "superuser@example.com", Role.SUPERUSER, now)
    staff = [_user(customers[1], f"staff-{n}@example.com", Role.USER, now) for n in range(STAFF)]
    for batch in _chunks(iter([*creators, *staff, reader, superuser]), 500):
        await asyncio.gather(*(store.people.add_user(user, password_hash="", by=by) for user in batch))
    secrets = {user.id: Secret.mint() for user in [*creators, reader, superuser]}
    rows = [(_token(user, now, sudo=True), digest(secrets[user.id])) for user in [*creators, reader, superuser]]
    rows += [(_token(reader, now - n), digest(Secret.mint())) for n in range(1, SHORT_LIST)]
    rows += [(_token(staff[n % STAFF], now - n), digest(Secret.mint())) for n in range(1, LONG_LIST - SHORT_LIST)]
    await _add(store, rows, by)
    await _raise(store, rows)
    await store.close()
    revealed = {user_id: secret.reveal() for user_id, secret in secrets.items()}
    return World(
        folder / "bench.db",
        key_file,
        [revealed[user.id] for user in creators],
        revealed[reader.id],
        revealed[superuser.id],
        customers[1].id,
    )


async def _add(store: Store, rows: list[tuple[Token, Digest]], by: Origin) -> None:
    for batch in _chunks(iter(rows), 1_000):
        adding = (store.tokens.add(token, digest, limit=_UNLIMITED, parent_id=None, by=by) for token, digest in batch)
        await asyncio.gather(*adding)


async def _raise(store: Store, rows: list[tuple[Token, Digest]]) -> None:
    """Last of all: a raise lasts five minutes, and is none if it says that it lasts longer."""
    by = Origin(at=time.time_ns() // 1_000_000)
    raising = [token for token, _ in rows if token.sudo_until is not None]
    await asyncio.gather(*(store.tokens.raise_sudo(token.id, until=by.at + SUDO_MS, by=by) for token in raising))


def _user(customer: Customer, login: str, role: Role, now: int) -> User:
    return User(
        id=new_id(),
        customer_id=customer.id,
        login=login,
        name=login,
        role=role,
        two_factor=False,
        created_at=now,
        updated_at=now,
    )


def _token(user: User, created_at: int, *, sudo: bool = False, scope: str = "global") -> Token:
    return Token(
        id=new_id(),
        user_id=user.id,
        customer_id=user.customer_id,
        name="bench",
        scope=stored(scope),
        services=(),
        created_at=created_at,
        sudo_until=created_at + SUDO_MS if sudo else None,
    )


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(islice(items, size)):
        yield batch
