"""Somebody leaves: what becomes of each of their tokens, and of their login.

A token that a machine holds is *moved*: it becomes an automation token with the same secret, scope, services and end, so that
whatever uses it never notices.  The others are revoked.  All of it is one transaction: whoever is interrupted has done nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict
from tallystick.core.events import Origin
from tallystick.core.issue import AUTOMATION_ROLES
from tallystick.core.outcome import HandOver, Outcome
from tallystick.core.people import Role, User
from tallystick.core.ports import Directory, TokenStore
from tallystick.core.token import Token
from tallystick.identity.accounts import require_done

_BATCH: Final = 1000
_NO_TOKEN: Final = ""  # the id of none


class Fate(StrEnum):
    """What becomes of a token."""

    REVOKE = "revoke"
    MOVE = "move"


class OutOfDate(Conflict):
    """What was decided about is not what is there now: tokens came or went meanwhile."""


async def require_may_leave(people: Directory, user: User, *, by: Origin) -> None:
    """Raise `Conflict` when nobody would be left who can look after the customer's people, `NotFound` when they are gone.

    For those who want to know before they decide: `offboard` refuses it, too.
    """
    # The store has the rule, and looks at it before the plan.  This one fits nobody: nothing is ever done.
    nobodys = HandOver(moved=(), ended=(_NO_TOKEN,), role=role_of_moved(user), delete=False)
    result = await people.hand_over(user.id, customer_id=user.customer_id, plan=nobodys, by=by)
    require_done(result.outcome, user.id)


async def held(tokens: TokenStore, user: User, *, now: int) -> list[Token]:
    """Their live tokens, oldest first: what has to be decided about."""
    reach = Reach(user.customer_id, user.id)
    return [token async for batch in tokens.batches(reach, size=_BATCH) for token in batch if token.is_live(now)]


def role_of_moved(user: User) -> Role:
    """The role of a token that is moved: its user's, but no automation token is a superuser."""
    return user.role if user.role in AUTOMATION_ROLES else Role.ENGINEER


async def offboard(people: Directory, user: User, fates: Mapping[str, Fate], *, delete: bool, by: Origin) -> None:
    """Carry out what was decided, by token id; then lock the user, or `delete` them.

    Raises `OutOfDate` when the fates are not those of exactly their live tokens, `Conflict` when nobody would be left who can
    look after the customer's people, `NotFound` when they are gone.  Then nothing was done.
    """
    plan = HandOver(
        moved=_with(fates, Fate.MOVE), ended=_with(fates, Fate.REVOKE), role=role_of_moved(user), delete=delete
    )
    result = await people.hand_over(user.id, customer_id=user.customer_id, plan=plan, by=by)
    if result.outcome is Outcome.STALE:
        ids = ", ".join(result.token_ids)
        raise OutOfDate("The plan is out of date", detail=f"Nothing was done: look again at {ids}")
    require_done(result.outcome, user.id)


def _with(fates: Mapping[str, Fate], wanted: Fate) -> tuple[str, ...]:
    return tuple(token_id for token_id, fate in fates.items() if fate is wanted)
