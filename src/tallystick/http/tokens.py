"""The eight token operations, and `POST /sudo`."""

from starlette.responses import Response

from tallystick.core import issue, revoke, sudo
from tallystick.core.caller import Reach, require_superuser_of
from tallystick.core.errors import Invalid
from tallystick.core.scope import Scope, require_write
from tallystick.http import bodies, wire
from tallystick.http.limiting import wished
from tallystick.http.lists import listed
from tallystick.http.proving import prove_for_sudo, who_may_issue
from tallystick.http.routes import Ask, json_answer, no_content
from tallystick.http.scopes import asked_scope
from tallystick.http.times import asked_instant


async def create_token(ask: Ask) -> Response:
    """Create a token.

    With a token in sudo, or with `username` and `password` (in the body or by Basic), and `Fastly-OTP` where two-factor
    authentication is on.  The secret is in this answer and nowhere else.
    """
    form = await bodies.read(ask.request, wire.CreateToken)
    user, proof = await who_may_issue(ask, form)
    scope = await asked_scope(ask, form.scope, customer_id=user.customer_id, role=user.role)
    wish = _wish(form, scope)
    known = await ask.wiring.store.people.known_services(user.customer_id, wish.services)
    issue.check_wish(wish, by=user.role, caller=ask.who, known_services=known, now=ask.now)
    token, secret = await issue.issue(
        ask.wiring.store.tokens, wish, user=user, caller=ask.who, proof=proof, digest=ask.wiring.digest, by=ask.by(user)
    )
    return json_answer(wire.token_created(token, user, secret, wire.quirk_of(ask.user_agent)))


async def raise_sudo(ask: Ask) -> Response:
    """Raise the presented token to sudo for five minutes, by proving its user's password (and one-time code) again."""
    caller = ask.caller
    require_write(caller.token.scope)
    form = await bodies.read(ask.request, wire.Sudo)
    until = sudo.ends_at(asked_instant(form.expiry_time, "expiry_time"), now=ask.now)
    await prove_for_sudo(ask, caller, form)
    await sudo.raise_token(ask.wiring.store.tokens, caller, until=until, by=ask.by())
    return json_answer(wire.raised(until))


async def get_token_current(ask: Ask) -> Response:
    """Get the token that this request carries.  Works for every scope."""
    token = ask.wiring.uses.latest(ask.caller.token)
    return json_answer(wire.token_read(token, wire.quirk_of(ask.user_agent)))


async def get_token(ask: Ask) -> Response:
    """Get a token by its id: one's own, or, as a superuser, one of the customer's."""
    token = await revoke.find(ask.wiring.store.tokens, ask.caller, ask.param("token_id"))
    return json_answer(wire.token_read(ask.wiring.uses.latest(token), wire.quirk_of(ask.user_agent)))


async def list_tokens_user(ask: Ask) -> Response:
    """List the tokens of the user that this request's token belongs to."""
    caller = ask.caller
    return await listed(ask, Reach(caller.customer_id, caller.token.owner_id))


async def list_tokens_customer(ask: Ask) -> Response:
    """List the tokens of all users of a customer, as one of its superusers."""
    customer_id = ask.param("customer_id")
    require_superuser_of(ask.caller, customer_id)
    return await listed(ask, Reach(customer_id, None))


async def revoke_token_current(ask: Ask) -> Response:
    """Revoke the token that this request carries.  Works for every scope."""
    await revoke.revoke_self(ask.wiring.store.tokens, ask.caller, by=ask.by())
    return no_content()


async def revoke_token(ask: Ask) -> Response:
    """Revoke a token by its id: one's own, or, as a superuser, one of the customer's."""
    await revoke.revoke_one(ask.wiring.store.tokens, ask.caller, ask.param("token_id"), by=ask.by())
    return no_content()


async def bulk_revoke_tokens(ask: Ask) -> Response:
    """Revoke many tokens at once: all of them, or, when one is unknown or out of reach, none."""
    form = await bodies.read(ask.request, wire.BulkRevoke, forms=False)
    ids = [item.id for item in form.data if item.id]
    if len(ids) != len(form.data):
        raise Invalid("each item of data takes an id", code="invalid_request")
    await revoke.revoke_many(ask.wiring.store.tokens, ask.caller, ids, by=ask.by())
    return no_content()


def _wish(form: wire.CreateToken, scope: Scope) -> issue.Wish:
    services = [form.services] if isinstance(form.services, str) else form.services or []
    expires_at = asked_instant(form.expires_at, "expires_at")
    return issue.Wish(
        name=form.name,
        scope=scope,
        services=tuple(dict.fromkeys(services)),
        expires_at=expires_at,
        limits=wished(form.limits, expires_at=expires_at),
    )
