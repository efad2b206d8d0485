"""One's own tokens: all of them, and each by itself."""

from starlette.responses import Response

from tallystick.core import revoke
from tallystick.core.caller import Reach
from tallystick.http.routes import Ask
from tallystick.web import charts, limits, listing, receipts
from tallystick.web.pages import page


async def mine(ask: Ask) -> Response:
    """The tokens of who asks."""
    return await listing.listed(ask, Reach(ask.caller.customer_id, ask.caller.token.owner_id))


async def one(ask: Ask) -> Response:
    """A token by itself: one's own, or, as a superuser, one of the customer's."""
    token = await revoke.find(ask.wiring.store.tokens, ask.caller, ask.param("token_id"))
    services = await ask.wiring.store.people.services(token.customer_id)
    (row,) = await listing.rows(ask, [token], services, owners=True)
    day, month = await charts.of_day(ask, token), await charts.of_month(ask, token)
    store = ask.wiring.store.limits
    counted = token.limits is not None and token.limits.uses is not None
    return page(
        ask,
        "token.html",
        row=row,
        day=day,
        month=month,
        limits=limits.told(token.limits),
        spent=await store.spent(token.id) if counted else None,
        reported=await store.reported(token.id),
        labels=limits.FIELDS,
        receipt=await receipts.shown(ask),
    )
