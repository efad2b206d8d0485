"""Who is behind a token: `GET /current_user` and `GET /verify`."""

from starlette.responses import Response

from tallystick.core.caller import require_unlimited
from tallystick.core.errors import NotFound
from tallystick.core.scope import require_read
from tallystick.http import wire
from tallystick.http.routes import Ask, json_answer


async def get_current_user(ask: Ask) -> Response:
    """Get the user that this request's token belongs to.  Closed to tokens that are limited to services."""
    require_read(ask.caller.token.scope)
    require_unlimited(ask.caller)
    return json_answer(wire.current_user(ask.caller.person()))


async def verify(ask: Ask) -> Response:
    """Say whose the token is and what it reaches: customer, user, services, token.  `services=false` leaves these out."""
    token, user = ask.caller.token, ask.caller.user
    people = ask.wiring.store.people
    customer = await people.customer(ask.caller.customer_id)
    if customer is None:
        raise NotFound("Record not found", detail="Cannot find the customer of this token")
    services = None
    if ask.request.query_params.get("services") != "false":
        everything = await people.services(customer.id)
        services = [service for service in everything if not token.services or service.id in token.services]
    return json_answer(wire.verified(customer, user, services, token))
