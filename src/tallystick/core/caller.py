"""4 · Who is asking, and what follows from it.

Every operation takes its `Caller` as an argument: one that forgets to ask who is asking does not type-check.
"""

import msgspec

from tallystick.core.errors import Forbidden
from tallystick.core.people import Role, User
from tallystick.core.scope import require_read
from tallystick.core.token import Token


class Caller(msgspec.Struct, frozen=True):
    """A live token together with the user it acts for; None for an automation token, which acts for nobody.

    A token never gives more than this user has.
    """

    token: Token
    user: User | None

    @property
    def customer_id(self) -> str:
        """Whose account it is: nothing crosses its boundary."""
        return self.token.customer_id

    @property
    def role(self) -> Role:
        """The role of its user as it is now, or an automation token's own."""
        return self.token.role or Role.USER if self.user is None else self.user.role

    @property
    def is_superuser(self) -> bool:
        """Whether its user may reach the tokens of everybody in the customer.  No automation token does."""
        return self.user is not None and self.user.role is Role.SUPERUSER

    @property
    def reach(self) -> "Reach":
        """Whose tokens it may read and end: its owner's, or all of the customer's."""
        return Reach(self.customer_id, None if self.is_superuser else self.token.owner_id)

    def person(self) -> User:
        """Its user.  Raises `Forbidden` for an automation token: what is about a person is not for it."""
        if self.user is None:
            raise Forbidden("Automation tokens are not allowed to access this endpoint")
        return self.user


class Reach(msgspec.Struct, frozen=True):
    """The tokens of one owner, or of a whole customer (`owner_id` None).  The store asks for it in its WHERE."""

    customer_id: str
    owner_id: str | None

    def covers(self, token: Token) -> bool:
        """Whether `token` lies within."""
        return token.customer_id == self.customer_id and self.owner_id in (None, token.owner_id)


def require_superuser_of(caller: Caller, customer_id: str) -> None:
    """Raise `Forbidden` unless `caller` may read everybody's tokens of that customer.

    One sentence for a foreign customer and for one that does not exist: a stranger learns nothing from it.
    """
    require_read(caller.token.scope)
    if not caller.is_superuser or caller.customer_id != customer_id:
        raise Forbidden("Only a superuser of this customer may access this endpoint")


def require_unlimited(caller: Caller) -> None:
    """Raise `Forbidden` for a token limited to services: those are closed out of what describes people (Fastly, since 2026)."""
    if caller.token.services:
        raise Forbidden("Tokens limited to services are not allowed to access this endpoint")
