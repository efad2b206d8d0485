"""What is shown after a change: that it is done, and that nobody answers by what was before any more."""

import re
from typing import Final

import msgspec

from tallystick.core import receipts
from tallystick.core.changes import Kind, Numbered
from tallystick.core.errors import NotFound
from tallystick.http.routes import Ask

_SEQ: Final = re.compile(r"[1-9][0-9]{0,17}")
_NAMED: Final = 3


class Told(msgspec.Struct, frozen=True):
    """A receipt in words.  `revoked`: whether tokens ended; `names`: of some of them; `count`: how many tokens
    changed, or, of very many, things.

    `waited_ms`, `verifiers`: None until it is noted who has heard, although everybody has.
    """

    seq: int
    revoked: bool
    names: tuple[str, ...]
    count: int
    waited_ms: int | None
    verifiers: int | None


async def shown(ask: Ask) -> Told | None:
    """The receipt that the address names, if it concerns who asks."""
    asked = ask.request.query_params.get("receipt", "")
    if _SEQ.fullmatch(asked) is None:
        return None
    store = ask.wiring.store
    try:
        found = await receipts.find(store.changes, store.tokens, ask.caller, int(asked))
    except NotFound:
        return None
    return await _told(ask, ask.wiring.receipts.latest(found))


async def _told(ask: Ask, change: Numbered) -> Told:
    ids = [each.key for each in change.changes if each.kind is Kind.TOKEN]
    tokens = [await ask.wiring.store.tokens.get(token_id) for token_id in ids[:_NAMED]]
    ended = [token.name for token in tokens if token is not None and token.revoked_at == change.at]
    heard = change.heard
    return Told(
        change.seq,
        bool(ended),
        tuple(ended),
        len(ids) if change.count == len(change.changes) else change.count,
        None if heard is None else heard.waited_ms,
        None if heard is None else heard.verifiers,
    )
