"""8 · Who may end what: itself, one, many.

Any token may end itself.  Ending another takes `global`; an ordinary user reaches their own tokens, a superuser the
customer's.  What lies outside looks exactly like what does not exist.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, NotFound, TooLarge, Unauthenticated
from tallystick.core.events import Origin
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.ports import TokenStore
from tallystick.core.scope import require_write
from tallystick.core.token import Token

BULK_IDS_MAX: Final = 10_000


class Reason(StrEnum):
    """Why tokens end before their time: the reasons of RFC 5280, 5.3.1, that fit a token."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"


async def find(tokens: TokenStore, caller: Caller, token_id: str) -> Token:
    """The token with this id, if `caller` may see it.  Raises `NotFound` alike for unknown, revoked and foreign ids."""
    token = await tokens.get(token_id)
    if token is None or token.revoked_at is not None or not _may_see(caller, token):
        raise _no_such(token_id)
    return token


async def find_automation(tokens: TokenStore, caller: Caller, token_id: str) -> Token:
    """The automation token with this id.  A user's token is none: `NotFound`, as for an id that is not there."""
    token = await find(tokens, caller, token_id)
    if token.user_id is not None:
        raise _no_such(token_id)
    return token


async def revoke_self(tokens: TokenStore, caller: Caller, *, by: Origin) -> None:
    """End the token that asks.  Raises `Unauthenticated` when somebody else ended it first."""
    if not await tokens.revoke(caller.token.id, reach=caller.reach, by=by):
        raise Unauthenticated(NO_CREDENTIALS)


async def revoke_one(tokens: TokenStore, caller: Caller, token_id: str, *, by: Origin) -> None:
    """End one token.  Raises `Forbidden` by scope, before anything is looked at, and `NotFound` alike for the rest."""
    if token_id == caller.token.id:
        return await revoke_self(tokens, caller, by=by)
    require_write(caller.token.scope)
    if not await tokens.revoke(token_id, reach=caller.reach, by=by):
        raise _no_such(token_id)
    return None


async def revoke_many(tokens: TokenStore, caller: Caller, token_ids: Sequence[str], *, by: Origin) -> None:
    """End all of them, or none.  Raises `Invalid` for an empty list, `TooLarge`, `Forbidden` by scope, `NotFound` naming ids."""
    if not token_ids:
        raise Invalid("name at least one token to revoke")
    if len(token_ids) > BULK_IDS_MAX:
        raise TooLarge(f"at most {BULK_IDS_MAX} tokens can be revoked at once: send several requests")
    if set(token_ids) != {caller.token.id}:
        require_write(caller.token.scope)
    unknown = await tokens.revoke_all(token_ids, reach=caller.reach, by=by)
    if unknown:
        raise NotFound("Record not found", detail=f"Cannot find tokens {', '.join(unknown)}; none was revoked")


def _may_see(caller: Caller, token: Token) -> bool:
    own = token.owner_id == caller.token.owner_id
    return own or (caller.token.scope.reads and caller.reach.covers(token))


def _no_such(token_id: str) -> NotFound:
    return NotFound("Record not found", detail=f"Cannot find token {token_id!r}")
