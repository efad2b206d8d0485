"""8 · Who may end what: itself, one, many, or all of which something is true.

Any token may end itself.  Ending another takes `global`; an ordinary user reaches their own tokens, a superuser the
customer's.  What lies outside looks exactly like what does not exist.  By rule only a superuser ends tokens, in sudo, and
never the one that asks.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core import sudo
from tallystick.core.caller import Caller, Reach, require_unlimited
from tallystick.core.errors import Forbidden, Invalid, NotFound, TooLarge, Unauthenticated
from tallystick.core.events import Origin
from tallystick.core.find import Sort, Wanted
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.ports import TokenStore
from tallystick.core.scope import require_write
from tallystick.core.token import Token

BULK_IDS_MAX: Final = 10_000
SAMPLE: Final = 10  # tokens that are shown of those that a rule meets: enough to see that it is the wrong rule


class Reason(StrEnum):
    """Why tokens end before their time: the reasons of RFC 5280, 5.3.1, that fit a token."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key_compromise"
    AFFILIATION_CHANGED = "affiliation_changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation_of_operation"
    PRIVILEGE_WITHDRAWN = "privilege_withdrawn"


class Met(msgspec.Struct, frozen=True):
    """What a rule met: how many tokens, and the oldest of them."""

    count: int
    sample: tuple[Token, ...]


async def find(tokens: TokenStore, caller: Caller, token_id: str) -> Token:
    """The token with this id, if `caller` may see it.  Raises `NotFound` alike for unknown, revoked and foreign ids."""
    token = await find_ever(tokens, caller, token_id)
    if token.revoked_at is not None:
        raise _no_such(token_id)
    return token


async def find_ever(tokens: TokenStore, caller: Caller, token_id: str) -> Token:
    """The same, also one that was revoked: for what is asked of its past."""
    token = await tokens.get(token_id)
    if token is None or not _may_see(caller, token):
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


def require_may_revoke_by_rule(caller: Caller, *, now: int) -> None:
    """Raise `Forbidden` unless a superuser asks, in sudo, with a token for everything.

    Sudo also to look what would end: whoever may not do it needs no list of what could be done.
    """
    require_write(caller.token.scope)
    require_unlimited(caller)
    if not caller.is_superuser:
        raise Forbidden("Only a superuser may revoke tokens by rule")
    sudo.require(caller, now=now)


async def would_revoke(tokens: TokenStore, caller: Caller, wanted: Wanted) -> Met:
    """What `revoke_matching` would end now.  Raises `Invalid` as that does."""
    others, reach = _others(wanted, caller), Reach(caller.customer_id, None)
    found = await tokens.find(reach, others, sort=Sort(), size=SAMPLE)
    return Met(await tokens.count(reach, others), found.tokens)


async def revoke_matching(tokens: TokenStore, caller: Caller, wanted: Wanted, *, reason: Reason, by: Origin) -> Met:
    """End all of the customer's tokens that are wanted, in one transaction, but for the one that asks.

    Raises `Invalid` for what asks for nothing: it would be all of them.  Permission has been checked.
    """
    others, reach = _others(wanted, caller), Reach(caller.customer_id, None)
    found = await tokens.find(reach, others, sort=Sort(), size=SAMPLE)
    count = await tokens.revoke_matching(reach, others, reason=reason, by=by)
    # What somebody else ended in between is not shown as ended here.
    after = [await tokens.get(token.id) for token in found.tokens]
    return Met(count, tuple(token for token in after if token is not None and token.revoked_at == by.at))


def _others(wanted: Wanted, caller: Caller) -> Wanted:
    if wanted == Wanted():
        raise Invalid("say which tokens: at least one filter is needed", code="invalid_request")
    return replace(wanted, other_than=caller.token.id)


def _may_see(caller: Caller, token: Token) -> bool:
    own = token.owner_id == caller.token.owner_id
    return own or (caller.token.scope.reads and caller.reach.covers(token))


def _no_such(token_id: str) -> NotFound:
    return NotFound("Record not found", detail=f"Cannot find token {token_id!r}")
