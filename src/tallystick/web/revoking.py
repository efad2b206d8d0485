"""Ending tokens: first what that will break, then the receipt."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from tallystick.core import revoke
from tallystick.core.errors import Conflict, Invalid, NotFound, TallystickError
from tallystick.core.token import Token
from tallystick.http.routes import Ask
from tallystick.web import forms, listing, session
from tallystick.web.pages import done, next_of, page, see

_SHOWN: Final = 100
_TOO_MANY: Final = f"At most {_SHOWN} tokens can be looked at together"


async def ask_again(ask: Ask) -> Response:
    """What would end, and who used it when."""
    ids = list(dict.fromkeys(ask.request.query_params.getlist("id")))
    if len(ids) > _SHOWN:
        raise Invalid(_TOO_MANY)
    back = next_of(ask.request.query_params.get("back", ""))
    return await _page(ask, [], back) if not ids else await _about(ask, ids, back)


async def revoke_them(ask: Ask) -> Response:
    """End them, all or none."""
    form = await forms.read(ask)
    ids, tokens, back = form.all("id"), ask.wiring.store.tokens, next_of(form.one("back"))
    if len(ids) > _SHOWN:
        raise Invalid(_TOO_MANY)
    try:
        if len(ids) == 1:
            await revoke.revoke_one(tokens, ask.caller, ids[0], by=ask.by())
        else:
            await revoke.revoke_many(tokens, ask.caller, ids, by=ask.by())
    except NotFound:
        return await _about(ask, ids, back)
    if ask.caller.token.id in ids:
        return session.end(see("/console/sign-in", ended="revoked"))
    return done(back)


async def _about(ask: Ask, ids: Sequence[str], back: str) -> Response:
    """The question about those that are there; where some are not (any more), it says so.  Raises `NotFound` when none is."""
    there, gone = [], None
    for token_id in ids:
        try:
            there.append(await revoke.find(ask.wiring.store.tokens, ask.caller, token_id))
        except NotFound as error:
            gone = error
    if gone is None:
        return await _page(ask, there, back)
    if not there:
        raise gone
    over = len(ids) - len(there)
    said = f"{over} of them {'is' if over == 1 else 'are'} not there any more"
    return await _page(ask, there, back, Conflict(said, detail="Nothing was done yet: this is the rest"))


async def _page(ask: Ask, tokens: Sequence[Token], back: str, error: TallystickError | None = None) -> Response:
    services = await ask.wiring.store.people.services(ask.caller.customer_id)
    rows = await listing.rows(ask, tokens, services, owners=ask.caller.is_superuser)
    return page(ask, "revoke.html", error=error, rows=rows, back=back, self_too=any(row.mine for row in rows))
