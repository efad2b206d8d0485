"""Customers, their users and their services: whom a token belongs to, and what it can be limited to."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a user may do within the customer.  Only a superuser reaches other people's tokens (Fastly's guide to roles)."""

    USER = "user"
    BILLING = "billing"
    ENGINEER = "engineer"
    SUPERUSER = "superuser"


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """An account: the boundary that nothing crosses.  `created_at`: instant, ms since the epoch, UTC."""

    id: str
    name: str
    created_at: int


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person.  What proves who they are is kept apart, in `Credentials`, so that it cannot be shown by accident.

    `two_factor`: a one-time code is asked for besides the password.  `locked`: neither they nor their tokens are let in.
    Instants are ms since the epoch, UTC.
    """

    id: str
    customer_id: str
    login: str
    name: str
    role: Role
    two_factor: bool
    created_at: int
    updated_at: int
    locked: bool = False

    @property
    def is_active_superuser(self) -> bool:
        """Whether they can look after the customer's people: each customer keeps at least one who can."""
        return self.role is Role.SUPERUSER and not self.locked


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different about a user.  None = as it is.  `seen`: only if they were changed last at that instant (ms)."""

    login: str | None = None
    name: str | None = None
    role: Role | None = None
    locked: bool | None = None
    seen: int | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the customer's that a token can be limited to."""

    id: str
    customer_id: str
    name: str
    created_at: int


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What proves a user.  `password_hash`: an Argon2id string; `totp_sealed`: the one-time secret, sealed under the key file."""

    user_id: str
    password_hash: str
    totp_sealed: bytes | None

    def __repr__(self) -> str:
        return f"Credentials(user_id={self.user_id!r}, …)"


def normal_login(login: str) -> str:
    """The form under which a login is unique and looked up: no case, no spaces around it."""
    return login.strip().casefold()
