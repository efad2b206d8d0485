"""4 · Who is asking, and what follows from it.

Every operation takes its `Caller` as an argument: one that forgets to ask who is asking does not type-check.
"""

import msgspec

from tallystick.core.errors import Forbidden
from tallystick.core.people import Role, User
from tallystick.core.scope import require_read
from tallystick.core.token import Token


class Caller(msgspec.Struct, frozen=True):
    """A live token together with the user it acts for.  A token never gives more than this user has."""

    token: Token
    user: User

    @property
    def is_superuser(self) -> bool:
        """Whether its user may reach the tokens of everybody in the customer."""
        return self.user.role is Role.SUPERUSER

    @property
    def reach(self) -> "Reach":
        """Whose tokens it may read and end: its user's, or all of the customer's."""
        return Reach(self.user.customer_id, None if self.is_superuser else self.user.id)


class Reach(msgspec.Struct, frozen=True):
    """The tokens of one user, or of a whole customer (`user_id` None).  The store asks for it in its WHERE."""

    customer_id: str
    user_id: str | None

    def covers(self, token: Token) -> bool:
        """Whether `token` lies within."""
        return token.customer_id == self.customer_id and self.user_id in (None, token.user_id)


def require_superuser_of(caller: Caller, customer_id: str) -> None:
    """Raise `Forbidden` unless `caller` may read everybody's tokens of that customer.

    One sentence for a foreign customer and for one that does not exist: a stranger learns nothing from it.
    """
    require_read(caller.token.scope)
    if not caller.is_superuser or caller.user.customer_id != customer_id:
        raise Forbidden("Only a superuser of this customer may access this endpoint")


def require_unlimited(caller: Caller) -> None:
    """Raise `Forbidden` for a token limited to services: those are closed out of what describes people (Fastly, since 2026)."""
    if caller.token.services:
        raise Forbidden("Tokens limited to services are not allowed to access this endpoint")
