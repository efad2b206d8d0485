"""Customers, users and services: how they are made, and what has to hold.  For the command line and the HTTP API alike.

Hashing and scoring a password is slow: `in_thread` says where that happens.
"""

import re
from typing import Any, Final

import msgspec

from tallystick.core.errors import Conflict, Invalid, NotFound
from tallystick.core.people import Customer, Role, Service, User
from tallystick.core.ports import Clock, Directory
from tallystick.core.secret import new_id
from tallystick.identity import totp
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords, check_acceptable
from tallystick.identity.proof import InThread

CHARS_MAX: Final = 255


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user to be made.  It holds a password: it never prints."""

    customer_id: str
    login: str
    name: str
    role: Role
    password: str

    def __repr__(self) -> str:
        return "NewUser(…)"


class Accounts:
    """What may be done to the directory, in the order in which a life needs it."""

    def __init__(
        self, people: Directory, *, clock: Clock, keys: Keys, passwords: Passwords, in_thread: InThread
    ) -> None:
        self._people = people
        self._clock = clock
        self._keys = keys
        self._passwords = passwords
        self._in_thread = in_thread

    async def add_customer(self, name: str) -> Customer:
        """Raises `Invalid` for a name that cannot be used."""
        customer = Customer(id=new_id(), name=checked(name, "a name"), created_at=self._clock.now())
        await self._people.add_customer(customer)
        return customer

    async def add_service(self, customer_id: str, name: str) -> Service:
        """Raises `NotFound` without its customer."""
        now = self._clock.now()
        service = Service(id=new_id(), customer_id=customer_id, name=checked(name, "a name"), created_at=now)
        await self._people.add_service(service)
        return service

    async def add_user(self, new: NewUser) -> User:
        """Raises `Invalid` for a login, name or password that cannot be used, `Conflict` when the login is taken."""
        now = self._clock.now()
        user = User(
            id=new_id(),
            customer_id=new.customer_id,
            login=checked(new.login, "a login"),
            name=checked(new.name, "a name"),
            role=new.role,
            two_factor=False,
            created_at=now,
            updated_at=now,
        )
        if await self._people.credentials(user.login) is not None:
            # Said before a second is spent on the hash; the store has the last word.
            raise Conflict(f"the login {user.login} is taken")
        await self._people.add_user(user, password_hash=await self._hash(new.password, user))
        return user

    async def by_login(self, login: str) -> User:
        """The user with this login, in any case.  Raises `NotFound`."""
        found = await self._people.credentials(login)
        if found is None:
            raise NotFound(f"no user has the login {login}")
        return found[0]

    async def set_password(self, user: User, password: str) -> None:
        """Raises `Invalid` for a password that anybody would guess."""
        password_hash = await self._hash(password, user)
        now = self._clock.now()
        if not await self._people.set_password(user.id, password_hash=password_hash, replacing=None, now=now):
            raise NotFound(f"{user.login} is gone")

    async def enrol_totp(self, user: User, secret: bytes, *, code: str | None) -> None:
        """From now on a one-time code of `secret` is asked for.

        `code`: one that was shown by the app, to see that the app has the secret; it is then used up.  None trusts that it
        has.  Raises `Invalid` for a code that does not fit, and then has changed nothing.
        """
        now = self._clock.now()
        step = None if code is None else totp.matching_step(secret, code, now)
        if code is not None and step is None:
            raise Invalid("that code does not fit: look whether the clocks are right, and try the next one")
        if not await self._people.set_totp(user.id, sealed=self._keys.seal(secret, owner=user.id), now=now):
            raise NotFound(f"{user.login} is gone")
        if step is not None:
            await self._people.use_totp_step(user.id, step=step)

    async def remove_totp(self, user: User) -> None:
        """From now on the password is enough."""
        if not await self._people.set_totp(user.id, sealed=None, now=self._clock.now()):
            raise NotFound(f"{user.login} is gone")

    async def _hash(self, password: str, user: User) -> str:
        password_hash: str = await self._in_thread(
            _check_and_hash, self._passwords, password, known_words(user.login, user.name)
        )
        return password_hash


def checked(text: str, what: str) -> str:
    """Without spaces around it.  Raises `Invalid` when it is empty, too long, or holds what cannot be seen."""
    plain = text.strip()
    if not 1 <= len(plain) <= CHARS_MAX or not plain.isprintable():
        raise Invalid(f"{what} has 1 to {CHARS_MAX} characters, none of them invisible", code="invalid_request")
    return plain


def known_words(login: str, name: str) -> list[str]:
    """What a password of this user must not be made of: login and name, whole and word by word."""
    return [login, name, *re.findall(r"\w+", f"{login} {name}")]


def _check_and_hash(passwords: Passwords, password: str, words: list[str]) -> Any:
    check_acceptable(password, known_words=words)
    return passwords.hash(password)
