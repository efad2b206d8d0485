"""Automation tokens: they belong to nobody, and outlive whoever made them."""

from typing import Final

from starlette.responses import Response

from tallystick.core import issue, revoke
from tallystick.core.caller import Reach, require_superuser_of
from tallystick.core.find import Kind, Sort, Wanted
from tallystick.core.token import Token
from tallystick.http import automation_shapes as shapes
from tallystick.http import bodies, wire
from tallystick.http.limiting import wished
from tallystick.http.paging import link_pages, numbered
from tallystick.http.queries import read
from tallystick.http.routes import Ask, json_answer, no_content
from tallystick.http.scopes import asked_scope
from tallystick.http.times import asked_instant

_PER_PAGE: Final = 100


async def create_automation_token(ask: Ask) -> Response:
    """Create an automation token, as a superuser, with a token in sudo.  The secret is in this answer and nowhere else."""
    form = await bodies.read(ask.request, shapes.CreateAutomation, forms=False)
    caller = ask.caller
    issue.require_may_automate(caller, now=ask.now)
    fields = shapes.asked(form)
    role = shapes.automation_role(fields)
    expires_at = asked_instant(fields.expires_at, "expires_at")
    wish = issue.Wish(
        name=shapes.named(fields.name),
        scope=await asked_scope(ask, fields.scope, customer_id=caller.customer_id, role=caller.role),
        services=tuple(dict.fromkeys(fields.services or ())),
        expires_at=expires_at,
        limits=wished(fields.limits, expires_at=expires_at),
    )
    store = ask.wiring.store
    known = await store.people.known_services(caller.customer_id, wish.services)
    issue.check_wish(wish, by=caller.role, caller=caller, known_services=known, now=ask.now)
    token, secret = await issue.issue_automation(
        store.tokens,
        wish,
        role=role,
        tls_access=fields.tls_access or False,
        caller=caller,
        digest=ask.wiring.digest,
        by=ask.by(),
    )
    return json_answer(shapes.automation_created(token, secret))


async def list_automation_tokens(ask: Ask) -> Response:
    """List the automation tokens of one's customer, oldest first, as a superuser: a page of them."""
    caller = ask.caller
    require_superuser_of(caller, caller.customer_id)
    page = numbered(ask.request, per_page=_PER_PAGE)
    tokens, reach, machines = ask.wiring.store.tokens, Reach(caller.customer_id, None), Wanted(kind=Kind.AUTOMATION)
    total = await tokens.count(reach, machines)
    found = await tokens.find(reach, machines, sort=Sort(), size=page.size, skip=page.skipped)
    listed = [shapes.automation_listed(ask.wiring.uses.latest(token)) for token in found.tokens]
    bare = wire.quirk_of(ask.user_agent).bare_lists
    answer = json_answer(listed if bare else shapes.AutomationPage(listed, shapes.meta(page, total=total)))
    return link_pages(answer, ask.request, page, total=total)


async def get_automation_token(ask: Ask) -> Response:
    """Get an automation token by its id, as a superuser, or as that token itself."""
    return json_answer(shapes.automation_read(ask.wiring.uses.latest(await _the_token(ask))))


async def get_automation_token_services(ask: Ask) -> Response:
    """List the ids of the services that an automation token is limited to; none means all."""
    services = (await _the_token(ask)).services
    page = numbered(ask.request, per_page=_PER_PAGE)
    some = list(services[page.skipped : page.skipped + page.size])
    total = len(services)
    answer = json_answer(shapes.ServiceIds(some, shapes.meta(page, total=total)))
    return link_pages(answer, ask.request, page, total=total)


async def get_automation_token_workspaces(ask: Ask) -> Response:
    """List the workspaces that an automation token is limited to: there are none here."""
    await _the_token(ask)
    asked = read(ask.request, shapes.WORKSPACES)
    return json_answer(shapes.Workspaces([], shapes.WorkspacesMeta(**asked)))


async def revoke_automation_token(ask: Ask) -> Response:
    """Revoke an automation token by its id, as a superuser, or as that token itself."""
    token = await _the_token(ask)
    await revoke.revoke_one(ask.wiring.store.tokens, ask.caller, token.id, by=ask.by())
    # Two clients make a model of whatever comes back, and nothing is none.
    return json_answer({}) if wire.quirk_of(ask.user_agent).done_is_object else no_content()


async def _the_token(ask: Ask) -> Token:
    return await revoke.find_automation(ask.wiring.store.tokens, ask.caller, ask.param("token_id"))
