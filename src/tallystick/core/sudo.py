"""A token in sudo: raised for five minutes, after its user's password was proven again.  The raise is on that token only."""

from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden, Unauthenticated, Unprocessable
from tallystick.core.events import Origin
from tallystick.core.issue import NO_CREDENTIALS, SUDO_NEEDED
from tallystick.core.ports import TokenStore
from tallystick.core.token import SUDO_MS


def ends_at(wished: int | None, *, now: int) -> int:
    """When a raise that begins now ends: in five minutes, or sooner if that was wished for (both ms since the epoch).

    Raises `Unprocessable` when the wish lies in the past.
    """
    if wished is not None and wished <= now:
        raise Unprocessable("expiry_time must be in the future", code="invalid_request")
    # Whole seconds, rounded up: the wire has no fractions, and what it says must be what holds.
    longest = -(-(now + SUDO_MS) // 1000) * 1000
    return longest if wished is None else min(wished, longest)


def require(caller: Caller, *, now: int) -> None:
    """Raise `Forbidden` unless the token that asks is raised now."""
    if not caller.token.is_in_sudo(now):
        raise Forbidden(SUDO_NEEDED)


async def raise_token(tokens: TokenStore, caller: Caller, *, until: int, by: Origin) -> None:
    """Write it down, so that it outlasts a restart.  Raises `Unauthenticated` when the token was revoked meanwhile."""
    if not await tokens.raise_sudo(caller.token.id, until=until, by=by):
        raise Unauthenticated(NO_CREDENTIALS)
