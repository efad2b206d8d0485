"""Services: what tokens can be limited to."""

from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.errors import TallystickError
from tallystick.core.people import Role
from tallystick.http.routes import Ask
from tallystick.web import forms, receipts
from tallystick.web.paged import paged
from tallystick.web.pages import done, page


async def everything(ask: Ask) -> Response:
    """All of them, a page at a time, by a part of the name if asked for."""
    return await _page(ask)


async def add(ask: Ask) -> Response:
    """One more."""
    form = await forms.read(ask)
    try:
        rights.require_may_change_services(ask.caller)
        await ask.wiring.accounts.add_service(ask.caller.customer_id, form.one("name"), by=ask.by())
    except TallystickError as error:
        return await _page(ask, error)
    return done("/console/services")


async def change(ask: Ask) -> Response:
    """Another name."""
    form = await forms.read(ask)
    accounts, service_id = ask.wiring.accounts, ask.param("service_id")
    try:
        rights.require_may_change_services(ask.caller)
        await accounts.rename_service(ask.caller.customer_id, service_id, form.one("name"), by=ask.by())
    except TallystickError as error:
        return await _page(ask, error)
    return done("/console/services")


async def delete(ask: Ask) -> Response:
    """Delete one to which no live token is limited."""
    await forms.read(ask)
    try:
        rights.require_may_change_services(ask.caller)
        await ask.wiring.accounts.remove_service(ask.caller.customer_id, ask.param("service_id"), by=ask.by())
    except TallystickError as error:
        return await _page(ask, error)
    return done("/console/services")


async def _page(ask: Ask, error: TallystickError | None = None) -> Response:
    everything = await ask.wiring.store.people.services(ask.caller.customer_id)
    return page(
        ask,
        "services.html",
        error=error,
        it=paged(ask, rights.visible(everything, ask.caller), lambda service: f"{service.name} {service.id}"),
        may_change=ask.caller.role in (Role.ENGINEER, Role.SUPERUSER),
        receipt=await receipts.shown(ask),
    )
