"""Ending tokens: first what that will break, then the receipt."""

from typing import Final

from starlette.responses import Response

from tallystick.core import revoke
from tallystick.core.errors import Invalid
from tallystick.http.routes import Ask
from tallystick.web import forms, listing
from tallystick.web.pages import done, next_of, page

_SHOWN: Final = 100


async def ask_again(ask: Ask) -> Response:
    """What would end, and who used it when."""
    ids = list(dict.fromkeys(ask.request.query_params.getlist("id")))
    back = next_of(ask.request.query_params.get("back", ""))
    if not ids:
        return page(ask, "revoke.html", rows=[], back=back, self_too=False)
    if len(ids) > _SHOWN:
        raise Invalid(f"At most {_SHOWN} tokens can be looked at together")
    store = ask.wiring.store
    tokens = [await revoke.find(store.tokens, ask.caller, token_id) for token_id in ids]
    services = await store.people.services(ask.caller.customer_id)
    rows = await listing.rows(ask, tokens, services, owners=ask.caller.is_superuser)
    return page(ask, "revoke.html", rows=rows, back=back, self_too=any(row.mine for row in rows))


async def revoke_them(ask: Ask) -> Response:
    """End them, all or none."""
    form = await forms.read(ask)
    ids, tokens = form.all("id"), ask.wiring.store.tokens
    if len(ids) == 1:
        await revoke.revoke_one(tokens, ask.caller, ids[0], by=ask.by())
    else:
        await revoke.revoke_many(tokens, ask.caller, ids, by=ask.by())
    return done(next_of(form.one("back")))
