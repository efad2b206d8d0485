"""The demo world: a customer, three people, two services and three tokens, made once and kept in a directory.

Its database is a file there, or another one, which is named.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tallystick import storage
from tallystick.cli.database import claim, fingerprint_in, opened
from tallystick.cli.keyfile import load_keys, make_key_file, reason, replace_private, sync_directory
from tallystick.cli.offline import desk
from tallystick.cli.settings import Hashing
from tallystick.core.errors import Conflict, Invalid
from tallystick.core.events import Origin
from tallystick.core.issue import Wish, issue
from tallystick.core.people import Role, User
from tallystick.core.ports import Store
from tallystick.core.scope import GLOBAL, Scope
from tallystick.core.secret import digester, random_base62
from tallystick.identity import totp
from tallystick.identity.accounts import NewUser
from tallystick.identity.keys import Keys

DATABASE: Final = "tallystick.db"
KEY_FILE: Final = "tallystick.key"
_WORLD: Final = "world.json"
# Says that what lies here is not finished, and that it was we who began it: only then is anything removed.
_UNFINISHED: Final = "unfinished"


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor gets to know.  The names are those of the environment file, in lower case."""

    customer_id: str
    service_1: str
    service_2: str
    superuser_login: str
    superuser_password: str
    superuser_token: str
    user_login: str
    user_password: str
    user_token: str
    otp_login: str
    otp_password: str
    otp_token: str
    otp_secret: str

    def __repr__(self) -> str:
        return "World(…)"


def database_in(directory: Path) -> str:
    """The address of the world's database, unless another one is named."""
    return f"sqlite:{directory / DATABASE}"


def world_in(directory: Path, *, database: str, hashing: Hashing) -> World:
    """The world that is kept in `directory`, made now if there is none.

    Whoever kills us meanwhile finds the same or another world afterwards, but always a whole one; a database elsewhere has to
    be a new one then.  Raises `Conflict` when the directory holds a database or a key file that is not ours to replace, or
    the database is somebody else's.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone_in(directory):
            # The world file is written last, and whole: where it is, everything is.
            if not (directory / _WORLD).exists():
                _make(directory, database, hashing)
            (directory / _UNFINISHED).unlink(missing_ok=True)
            return _kept(directory, database)
    except OSError as error:
        raise Invalid(f"the demo world in {directory} cannot be made or read: {reason(error)}") from error


def _make(directory: Path, database: str, hashing: Hashing) -> None:
    # What is in the directory may be cleared away, what is elsewhere is never ours to clear.
    if database != database_in(directory) and fingerprint_in(database) is not None:
        raise Conflict(
            f"{storage.shown(database)} is in use, or of a demo world that was not finished: name a new one with --database"
        )
    _begin(directory)
    make_key_file(directory / KEY_FILE)
    keys = load_keys(directory / KEY_FILE)
    claim(database, keys)
    world = opened(database, lambda store: _populate(store, keys, hashing))
    replace_private(directory / _WORLD, msgspec.json.format(msgspec.json.encode(world)).decode() + "\n")


def _begin(directory: Path) -> None:
    """Mark the directory as ours, or clear away what an interrupted start of ours has left."""
    made_by_us = [path for name in (DATABASE, KEY_FILE, _WORLD) for path in directory.glob(f"{name}*")]
    if (directory / _UNFINISHED).exists():
        for path in made_by_us:
            path.unlink()
    elif made_by_us:
        raise Conflict(f"{made_by_us[0]} is not of a demo world: choose another directory with --dir")
    (directory / _UNFINISHED).touch(mode=0o600)
    sync_directory(directory)


async def _populate(store: Store, keys: Keys, hashing: Hashing) -> World:
    made = desk(store, keys, hashing)
    accounts, by = made.accounts, made.by
    customer = await accounts.add_customer("Demo", by=by)
    services = [await accounts.add_service(customer.id, name, by=by) for name in ("shop", "blog")]
    passwords = [random_base62(20) for _ in range(3)]
    people = (("superuser", Role.SUPERUSER), ("user", Role.USER), ("otp", Role.ENGINEER))
    users = [
        await accounts.add_user(
            NewUser(
                customer_id=customer.id, login=f"{name}@example.com", name=f"Demo {name}", role=role, password=password
            ),
            by=by,
        )
        for (name, role), password in zip(people, passwords, strict=True)
    ]
    otp_secret = totp.new_secret()
    await accounts.enrol_totp(users[2], otp_secret, code=None, by=by)
    tokens = [await _token(store, keys, user, by) for user in users]
    return World(
        customer_id=customer.id,
        service_1=services[0].id,
        service_2=services[1].id,
        superuser_login=users[0].login,
        superuser_password=passwords[0],
        superuser_token=tokens[0],
        user_login=users[1].login,
        user_password=passwords[1],
        user_token=tokens[1],
        otp_login=users[2].login,
        otp_password=passwords[2],
        otp_token=tokens[2],
        otp_secret=totp.base32(otp_secret),
    )


async def _token(store: Store, keys: Keys, user: User, by: Origin) -> str:
    wish = Wish(name="demo", scope=Scope((GLOBAL,)), services=(), expires_at=None)
    _, secret = await issue(store.tokens, wish, user=user, caller=None, digest=digester(keys.digests), by=by)
    return secret.reveal()


def _kept(directory: Path, database: str) -> World:
    if not (directory / KEY_FILE).exists():
        raise _damaged(directory, "is damaged:")
    if not _is_of(directory, database):
        raise _damaged(directory, f"is not in {storage.shown(database)}: name its database with --database, or")
    try:
        return msgspec.json.decode((directory / _WORLD).read_bytes(), type=World)
    except msgspec.DecodeError as error:
        raise _damaged(directory, "is damaged:") from error


def _is_of(directory: Path, database: str) -> bool:
    """Whether the database is this world's."""
    if database == database_in(directory):
        return (directory / DATABASE).exists()
    return fingerprint_in(database) == load_keys(directory / KEY_FILE).fingerprint


def _damaged(directory: Path, how: str) -> Invalid:
    return Invalid(f"the demo world in {directory} {how} remove that directory to begin with a new one")


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Two demos that are started at once make one world: the second waits for the first."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
