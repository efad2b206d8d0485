"""Customers, users and services: how they are made, and what has to hold.  For the command line and the HTTP API alike.

Hashing and scoring a password is slow: `in_thread` says where that happens.
"""

import re
from typing import Any, Final

import msgspec

from tallystick.core.errors import Conflict, Invalid, NotFound
from tallystick.core.events import Origin
from tallystick.core.outcome import Outcome, Removal
from tallystick.core.people import Customer, Role, Service, User, UserChange
from tallystick.core.ports import Directory
from tallystick.core.secret import new_id, random_base62
from tallystick.identity import recovery, totp
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords, check_acceptable
from tallystick.identity.proof import InThread

CHARS_MAX: Final = 255
CHANGED: Final = "Something about you has changed since"
_NONE: Final = ""  # the id of no token: where all but one would end, all of them do


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user to be made.  It holds a password: it never prints.

    `password`: None = one that nobody knows, until `set_password`.
    """

    customer_id: str
    login: str
    name: str
    role: Role
    password: str | None

    def __repr__(self) -> str:
        return "NewUser(…)"


class Accounts:
    """What may be done to the directory, in the order in which a life needs it."""

    def __init__(self, people: Directory, *, keys: Keys, passwords: Passwords, in_thread: InThread) -> None:
        self._people = people
        self._keys = keys
        self._passwords = passwords
        self._in_thread = in_thread

    async def add_customer(self, name: str, *, by: Origin) -> Customer:
        """Raises `Invalid` for a name that cannot be used."""
        customer = Customer(id=new_id(), name=checked(name, "a name"), created_at=by.at)
        await self._people.add_customer(customer, by=by)
        return customer

    async def add_service(self, customer_id: str, name: str, *, by: Origin) -> Service:
        """Raises `NotFound` without its customer."""
        service = Service(id=new_id(), customer_id=customer_id, name=checked(name, "a name"), created_at=by.at)
        await self._people.add_service(service, by=by)
        return service

    async def add_user(self, new: NewUser, *, by: Origin) -> User:
        """Raises `Invalid` for a login, name or password that cannot be used, `Conflict` when the login is taken."""
        user = User(
            id=new_id(),
            customer_id=new.customer_id,
            login=checked(new.login, "a login"),
            name=checked(new.name, "a name"),
            role=new.role,
            two_factor=False,
            created_at=by.at,
            updated_at=by.at,
        )
        if await self._people.credentials(user.login) is not None:
            # Said before a second is spent on the hash; the store has the last word.
            raise Conflict(f"the login {user.login} is taken")
        # One that nobody knows is a real hash too: this login then looks and lasts like every other.
        password = random_base62(40) if new.password is None else new.password
        await self._people.add_user(user, password_hash=await self._hash(password, user), by=by)
        return user

    async def rename_customer(self, customer_id: str, name: str, *, by: Origin) -> None:
        """Raises `Invalid` for a name that cannot be used, `NotFound` for an unknown customer."""
        if not await self._people.rename_customer(customer_id, name=checked(name, "a name"), by=by):
            raise _no_such("customer", customer_id)

    async def rename_service(self, customer_id: str, service_id: str, name: str, *, by: Origin) -> None:
        """Raises `Invalid` for a name that cannot be used, `NotFound` when the customer has no such service."""
        named = checked(name, "a name")
        if not await self._people.rename_service(service_id, customer_id=customer_id, name=named, by=by):
            raise _no_such("service", service_id)

    async def remove_service(self, customer_id: str, service_id: str, *, by: Origin) -> None:
        """Raises `Conflict` while live tokens are limited to it (`token_ids`), `NotFound` when the customer has no such service."""
        removal = await self._people.remove_service(service_id, customer_id=customer_id, by=by)
        if removal.outcome is Outcome.UNKNOWN:
            raise _no_such("service", service_id)
        if removal.outcome is Outcome.IN_USE:
            number = len(removal.token_ids)
            tokens = "1 live token is" if number == 1 else f"{number} live tokens are"
            raise _in_the_way(removal, "Service in use", f"{tokens} limited to it: revoke them first")

    async def change_user(self, customer_id: str, user_id: str, change: UserChange, *, by: Origin) -> None:
        """Takes effect on the user's tokens at once.

        Raises `Invalid` for a login or name that cannot be used, `NotFound`, and `Conflict` when the login is taken, the
        customer would be left without a superuser who is not locked, or they are not as they were `seen`.
        """
        wanted = UserChange(
            login=None if change.login is None else checked(change.login, "a login"),
            name=None if change.name is None else checked(change.name, "a name"),
            role=change.role,
            locked=change.locked,
            seen=change.seen,
        )
        outcome = await self._people.change_user(user_id, customer_id=customer_id, change=wanted, by=by)
        if outcome is Outcome.STALE:
            raise Conflict(
                "They were changed meanwhile", detail="Nothing was done: look at them, and change them again"
            )
        require_done(outcome, user_id)

    async def remove_user(self, customer_id: str, user_id: str, *, by: Origin) -> None:
        """Raises `Conflict` while they have live tokens (`token_ids`) or are the last superuser, and `NotFound`."""
        removal = await self._people.remove_user(user_id, customer_id=customer_id, by=by)
        if removal.outcome is Outcome.IN_USE:
            number = len(removal.token_ids)
            stand = "1 live token stands" if number == 1 else f"{number} live tokens stand"
            ids = ", ".join(removal.token_ids)
            raise _in_the_way(removal, "User has live tokens", f"{stand} in the way, revoke first: {ids}")
        require_done(removal.outcome, user_id)

    async def change_password(
        self, user: User, password: str, *, replacing: str, end_tokens: bool, spared: str | None, by: Origin
    ) -> None:
        """After the old one was proven, which was kept as `replacing`.

        `end_tokens`: end all of their tokens with it; `spared`: but this one.
        Raises `Invalid` for a password that anybody would guess, `Conflict` when it was changed meanwhile.
        """
        password_hash = await self._hash(password, user)
        kept = (spared or _NONE) if end_tokens else None
        done = await self._people.set_password(
            user.id, password_hash=password_hash, replacing=replacing, by=by, kept=kept
        )
        if not done:
            raise Conflict("The password was changed meanwhile", detail="Nothing was done: try again")

    async def by_login(self, login: str) -> User:
        """The user with this login, in any case.  Raises `NotFound`."""
        found = await self._people.credentials(login)
        if found is None:
            raise NotFound(f"no user has the login {login}")
        return found[0]

    async def set_password(self, user: User, password: str, *, by: Origin, end_tokens: bool = False) -> None:
        """`end_tokens`: end all of their tokens with it.  Raises `Invalid` for a password that anybody would guess."""
        password_hash = await self._hash(password, user)
        kept = _NONE if end_tokens else None
        if not await self._people.set_password(user.id, password_hash=password_hash, replacing=None, by=by, kept=kept):
            raise NotFound(f"{user.login} is gone")

    async def enrol_totp(self, user: User, secret: bytes, *, code: str | None, first: bool = False, by: Origin) -> None:
        """From now on a one-time code of `secret` is asked for.

        `code`: one that was shown by the app, to see that the app has the secret; it is then used up.  None trusts that it
        has.  `first`: not in place of another.  Raises `Invalid` for a code that does not fit, `Conflict` where there is
        another, and then has changed nothing.
        """
        step = None if code is None else totp.matching_step(secret, code, by.at)
        if code is not None and step is None:
            raise Invalid("that code does not fit: look whether the clocks are right, and try the next one")
        sealed = self._keys.seal(secret, owner=user.id)
        if not await self._people.set_totp(user.id, sealed=sealed, first=first, by=by):
            raise Conflict("Two-factor authentication is on already") if first else NotFound(f"{user.login} is gone")
        if step is not None:
            await self._people.use_totp_step(user.id, step=step)

    async def new_recovery_codes(self, user: User, *, seen: int | None = None, by: Origin) -> tuple[str, ...]:
        """What stands in for one-time codes from now on, each once; those before are void.  They are kept nowhere.

        `seen`: only if the user was changed last at that instant: who asks twice would have the first ones and not know it.
        Raises `Conflict` then, and for who has no second factor.
        """
        codes = recovery.new_codes()
        digests = [recovery.digest_of(code, key=self._keys.recovery, user_id=user.id) or "" for code in codes]
        if not await self._people.set_recovery_codes(user.id, digests=digests, seen=seen, by=by):
            if seen is not None:
                raise Conflict(
                    CHANGED, detail="If this was sent before, its codes were shown once: make others if they are lost"
                )
            raise Conflict("Two-factor authentication is not on")
        return codes

    async def remove_totp(self, user: User, *, by: Origin) -> None:
        """From now on the password is enough."""
        if not await self._people.set_totp(user.id, sealed=None, by=by):
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


def require_done(outcome: Outcome, user_id: str) -> None:
    """Raise what an attempt to change or delete a user ended with, if that was nothing."""
    if outcome is Outcome.UNKNOWN:
        raise _no_such("user", user_id)
    if outcome is Outcome.LAST_SUPERUSER:
        raise Conflict(
            "Last superuser", detail="This customer has no other superuser who is not locked: make one first"
        )


def _in_the_way(removal: Removal, msg: str, detail: str) -> Conflict:
    error = Conflict(msg, detail=detail)
    error.token_ids = removal.token_ids
    return error


def _no_such(what: str, its_id: str) -> NotFound:
    return NotFound("Record not found", detail=f"Cannot find {what} {its_id!r}")


def known_words(login: str, name: str) -> list[str]:
    """What a password of this user must not be made of: login and name, whole and word by word."""
    return [login, name, *re.findall(r"\w+", f"{login} {name}")]


def _check_and_hash(passwords: Passwords, password: str, words: list[str]) -> Any:
    check_acceptable(password, known_words=words)
    return passwords.hash(password)
