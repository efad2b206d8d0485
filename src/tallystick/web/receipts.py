"""What is shown after a change: what was done, and that nobody answers by what was before any more."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from tallystick.core import receipts
from tallystick.core.changes import Numbered
from tallystick.core.errors import NotFound
from tallystick.core.events import Event, Sought
from tallystick.http.routes import Ask
from tallystick.web.names import Names

_SEQ: Final = re.compile(r"[1-9][0-9]{0,17}")
_NAMED: Final = 3
_COUNTED: Final = 1000  # beyond that nobody wants to know the number here: the receipt itself has it
_REVOKED: Final = "token.revoke"
# By the action of the event: `{}` stands for what it is called.
_DONE: Final = {
    "token.limit": "The limits of “{}” are saved",
    "token.move": "“{}” is an automation token now",
    "user.update": "{} is changed",
    "user.delete": "{} is deleted",
    "user.password": "The password is changed",
    "user.recovery_codes": "There are new recovery codes",
    "service.update": "“{}” has its new name",
    "service.delete": "“{}” is deleted",
    "customer.update": "The customer is changed",
    "catalogue.update": "The scopes are changed",
}


class Told(msgspec.Struct, frozen=True):
    """A receipt in words.  `names`: of some of the tokens that were revoked; `count`: how many those are, at most `_COUNTED` and one.

    `done`: what else there is to say.  `waited_ms`, `verifiers`: None until it is noted who has heard, although everybody has.
    """

    seq: int
    names: tuple[str, ...]
    count: int
    done: tuple[str, ...]
    waited_ms: int | None
    verifiers: int | None

    @property
    def more(self) -> str:
        """How many were revoked beside those that are named."""
        return f"more than {_COUNTED:,}" if self.count > _COUNTED else f"{self.count - len(self.names):,}"


async def shown(ask: Ask) -> Told | None:
    """The receipt that the address names, if it is of something that who asks has done: it names all that was done with it."""
    asked = ask.request.query_params.get("receipt", "")
    if _SEQ.fullmatch(asked) is None:
        return None
    store = ask.wiring.store
    try:
        found = await receipts.find(store.changes, store.tokens, ask.caller, int(asked))
    except NotFound:
        return None
    if found.user_id != ask.caller.person().id:
        return None
    return await _told(ask, ask.wiring.receipts.latest(found))


async def _told(ask: Ask, change: Numbered) -> Told:
    names, heard = Names(ask.wiring.store), change.heard
    left = await _events(ask, change)
    revoked = [event for event in left if event.action == _REVOKED]
    others = sorted(
        (event for event in left if event.action != _REVOKED), key=lambda event: event.target_kind != "user"
    )
    return Told(
        change.seq,
        tuple([await names.target(event) for event in revoked[:_NAMED]]),
        len(revoked),
        (
            *[_said(event, await names.target(event)) for event in others[:_NAMED]],
            *([f"And {len(others) - _NAMED:,} more"] if len(others) > _NAMED else []),
        ),
        None if heard is None else heard.waited_ms,
        None if heard is None else heard.verifiers,
    )


async def _events(ask: Ask, change: Numbered) -> Sequence[Event]:
    """What the change left: of the same request, by the same token, at the same moment."""
    sought = Sought(
        user_id=change.user_id,
        token_id=change.token_id,
        request_id=change.request_id,
        since=change.at,
        until=change.at + 1,
    )
    found = await ask.wiring.store.events.find(change.customer_id, sought, after=None, size=_COUNTED + 1)
    # Sought of none is of any.
    by = (change.user_id, change.token_id, change.request_id)
    return [event for event in found if (event.by.user_id, event.by.token_id, event.by.request_id) == by]


def _said(event: Event, name: str) -> str:
    after = event.after or {}
    if "locked" in after:
        return f"{name} is {'locked' if after['locked'] else 'let in again'}"
    if "two_factor" in after:
        return f"Two-factor authentication is {'on' if after['two_factor'] else 'off'}"
    return _DONE.get(event.action, "Done").format(name)
