"""Limiting a token that is in use.

Narrower: whoever may end it.  Wider: as for a new token, by one that is in sudo and is not limited more narrowly itself.
"""

from tallystick.core import sudo
from tallystick.core.admission import LimitStore
from tallystick.core.caller import Caller
from tallystick.core.errors import Conflict, Forbidden
from tallystick.core.events import Origin
from tallystick.core.issue import require_limits_within
from tallystick.core.limits import Limits, is_within
from tallystick.core.scope import require_write
from tallystick.core.token import Token


async def limit(store: LimitStore, caller: Caller, token: Token, wanted: Limits | None, *, by: Origin) -> None:
    """Raises `Forbidden` when it is not this caller's to do, `Conflict` when the token has changed since it was read."""
    require_write(caller.token.scope)
    if not is_within(wanted, token.limits):
        if token.user_id is None and not caller.is_superuser:
            raise Forbidden("Only a superuser may let an automation token do more")
        sudo.require(caller, now=by.at)
        require_limits_within(wanted, caller.token)
    if not await store.limit(token.id, wanted, instead_of=token.limits, reach=caller.reach, by=by):
        raise Conflict("The token has changed meanwhile", detail="Nothing was done: look at it, and ask again")
