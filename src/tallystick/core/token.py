"""2 · The record of a token: whose it is, what it allows, and what may be said of it at an instant.

There are two kinds.  A user's token acts for its user, and never gives more than they have.  An automation token belongs to
nobody: it has a role of its own, and outlives whoever made it.

It never holds the secret, nor its digest: those who have a `Token` can show it, list it and end it, but not use it.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.limits import Limits
from tallystick.core.people import Role
from tallystick.core.scope import Scope

SUDO_MS: Final = 5 * 60 * 1000
_ROUNDING_MS: Final = 1000  # a raise ends with a whole second


class LastUse(msgspec.Struct, frozen=True):
    """When a token was last used (ms since the epoch), from which address and by which program."""

    at: int
    ip: str | None
    user_agent: str | None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as we keep it.  Instants are ms since the epoch, UTC.

    `services`: ids in the order asked for, empty = all of the customer's.  `expires_at`: None = never.
    `limits`: what else limits it, None = nothing.  `sudo_until`: raised until then; it stays after it has passed.  `revoked_at`: None while it is in force.
    Automation tokens only (`user_id` None): `role`, `creator_id` (who made it, may be gone), `tls_access` (as on the wire).
    """

    id: str
    user_id: str | None
    customer_id: str
    name: str
    scope: Scope
    services: tuple[str, ...]
    created_at: int
    expires_at: int | None = None
    sudo_until: int | None = None
    last_use: LastUse | None = None
    revoked_at: int | None = None
    role: Role | None = None
    creator_id: str | None = None
    tls_access: bool = False
    limits: Limits | None = None

    @property
    def owner_id(self) -> str:
        """Whose it is: its user's; an automation token is its own."""
        return self.user_id or self.id

    def is_expired(self, now: int) -> bool:
        """Whether its time is over.  It ends at `expires_at`, not after it."""
        return self.expires_at is not None and self.expires_at <= now

    def is_live(self, now: int) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and not self.is_expired(now)

    def is_in_sudo(self, now: int) -> bool:
        """Whether its holder has proven the password within the last minutes.

        A raise that ends later than one that begins now was made while the clock was ahead, who knows how long ago.
        """
        return self.sudo_until is not None and 0 < self.sudo_until - now <= SUDO_MS + _ROUNDING_MS


def moved(token: Token, role: Role) -> Token:
    """A user's token as an automation token, which keeps all that it allows.  Nobody's password keeps it in sudo."""
    return replace(token, user_id=None, role=role, creator_id=token.user_id, sudo_until=None)


def default_name(token_id: str) -> str:
    """What a token is called when nobody named it."""
    return f"token {token_id[:6]}"
