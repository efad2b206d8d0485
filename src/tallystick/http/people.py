"""Who is behind a token: `GET /current_user` and `GET /verify`."""

from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.errors import NotFound
from tallystick.http import wire
from tallystick.http.routes import Ask, json_answer


async def get_current_user(ask: Ask) -> Response:
    """Get the user that this request's token belongs to.  Closed to tokens that are limited to services."""
    user = ask.caller.person()
    rights.require_may_see_user(ask.caller, user.id)
    return json_answer(wire.current_user(user))


async def verify(ask: Ask) -> Response:
    """Say whose the token is and what it reaches: customer, user, services, token.  `services=false` leaves these out."""
    token, user = ask.caller.token, ask.caller.user
    people, memory = ask.wiring.store.people, ask.wiring.memory
    as_of = memory.verifier.applied
    customer = await people.customer(ask.caller.customer_id)
    if customer is None:
        raise NotFound("Record not found", detail="Cannot find the customer of this token")
    services = None
    if ask.request.query_params.get("services") != "false":
        services = await people.services(customer.id)
    memory.customers.learn(customer.id, as_of=as_of, customer=customer, services=services)
    reached = None if services is None else rights.reached(services, ask.caller)
    return json_answer(wire.verified(customer, user, reached, token))
