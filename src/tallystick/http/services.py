"""Services: what tokens can be limited to."""

from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.errors import NotFound
from tallystick.core.people import Service
from tallystick.http import bodies, shapes
from tallystick.http.paging import link_pages, numbered
from tallystick.http.routes import Ask, json_answer


async def list_services(ask: Ask) -> Response:
    """List the services of the customer that this token reaches, oldest first: all of them, or a page."""
    everything = await ask.wiring.store.people.services(ask.caller.customer_id)
    seen = rights.visible(everything, ask.caller)
    page = numbered(ask.request, per_page=len(seen))
    answer = json_answer([shapes.service(one) for one in seen[page.skipped : page.skipped + page.size]])
    return link_pages(answer, ask.request, page, total=len(seen))


async def create_service(ask: Ask) -> Response:
    """Create a service, as an engineer or a superuser."""
    form = await bodies.read(ask.request, shapes.Name)
    rights.require_may_change_services(ask.caller)
    name = shapes.required(form.name, "name")
    return json_answer(shapes.service(await ask.wiring.accounts.add_service(ask.caller.customer_id, name, by=ask.by())))


async def get_service(ask: Ask) -> Response:
    """Get a service by its id."""
    return json_answer(shapes.service(await _the_service(ask)))


async def get_service_detail(ask: Ask) -> Response:
    """Get a service in full.  There is no more to it here than `GET /service/{service_id}` says."""
    return json_answer(shapes.service_detail(await _the_service(ask)))


async def search_service(ask: Ask) -> Response:
    """Find a service by its exact name; of several the oldest."""
    name = shapes.required(ask.request.query_params.get("name"), "name")
    everything = await ask.wiring.store.people.services(ask.caller.customer_id)
    found = next((one for one in rights.visible(everything, ask.caller) if one.name == name), None)
    if found is None:
        raise NotFound("Record not found", detail=f"Cannot find a service with the name {name!r}")
    return json_answer(shapes.service(found))


async def update_service(ask: Ask) -> Response:
    """Rename a service, as an engineer or a superuser."""
    form = await bodies.read(ask.request, shapes.Name)
    rights.require_may_change_services(ask.caller)
    if form.name is not None:
        await ask.wiring.accounts.rename_service(
            ask.caller.customer_id, ask.param("service_id"), form.name, by=ask.by()
        )
    return json_answer(shapes.service(await _the_service(ask)))


async def delete_service(ask: Ask) -> Response:
    """Delete a service, as an engineer or a superuser, unless live tokens are limited to it."""
    rights.require_may_change_services(ask.caller)
    await ask.wiring.accounts.remove_service(ask.caller.customer_id, ask.param("service_id"), by=ask.by())
    return json_answer(shapes.Done())


async def _the_service(ask: Ask) -> Service:
    service_id = ask.param("service_id")
    return rights.require_visible(await ask.wiring.store.people.service(service_id), ask.caller, service_id)
