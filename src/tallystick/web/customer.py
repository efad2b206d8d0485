"""All of the customer's tokens, and those that belong to nobody, for its superusers."""

from starlette.responses import Response

from tallystick.core import issue
from tallystick.core.caller import Reach, require_superuser_of
from tallystick.core.errors import Invalid, TallystickError
from tallystick.core.find import Kind
from tallystick.core.people import Role
from tallystick.core.secret import new_id
from tallystick.http import shapes
from tallystick.http.routes import Ask
from tallystick.web import creating, forms, listing, sudo, wishes
from tallystick.web.forms import NOTHING, Form


async def all_tokens(ask: Ask) -> Response:
    """The tokens of everybody."""
    require_superuser_of(ask.caller, ask.caller.customer_id)
    return await listing.listed(ask, Reach(ask.caller.customer_id, None))


async def machines(ask: Ask) -> Response:
    """The automation tokens."""
    require_superuser_of(ask.caller, ask.caller.customer_id)
    return await listing.listed(ask, Reach(ask.caller.customer_id, None), kind=Kind.AUTOMATION)


async def ask_for_machine(ask: Ask) -> Response:
    """The form for a new one."""
    require_superuser_of(ask.caller, ask.caller.customer_id)
    return await creating.form_page(ask, NOTHING, new_id(), template="new_automation.html")


async def create_machine(ask: Ask) -> Response:
    """Make it, and show its secret, once."""
    require_superuser_of(ask.caller, ask.caller.customer_id)
    form = await forms.read(ask)
    token_id = creating.once(ask, form)
    try:
        ask = await sudo.raised(ask, form)
        caller = ask.caller
        issue.require_may_automate(caller, now=ask.now)
        role, scopes = _role(form), await creating.catalogue_of(ask)
        wish = wishes.wish(form, scopes, by=caller.role, now=ask.now)
        known = await ask.wiring.store.people.known_services(caller.customer_id, wish.services)
        issue.check_wish(wish, by=caller.role, caller=caller, known_services=known, now=ask.now)
        token, secret = await issue.issue_automation(
            ask.wiring.store.tokens,
            wish,
            role=role,
            tls_access=False,
            caller=caller,
            token_id=token_id,
            digest=ask.wiring.digest,
            by=ask.by(),
        )
    except TallystickError as error:
        creating.refuse_twice(error)
        return await creating.form_page(ask, form, token_id, error=error, template="new_automation.html")
    return await creating.secret_page(ask, token, secret)


def _role(form: Form) -> Role:
    role = shapes.role(form.one("role") or None)
    if role is None:
        raise Invalid("Choose a role")
    issue.require_automation_role(role)
    return role
