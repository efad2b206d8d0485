"""The console's pages: every one, in one place, with who may pass."""

from typing import Final

from starlette.types import ASGIApp

from tallystick.http.routes import Route, Wiring, router
from tallystick.web import (
    account,
    creating,
    customer,
    events,
    limiting,
    offboarding,
    people,
    revoking,
    rule,
    services,
    signin,
    state,
    static,
    tokens,
    two_factor,
)
from tallystick.web.forms import Form
from tallystick.web.guards import anyone, leaving, session, visitor
from tallystick.web.manner import InPages, elsewhere

# fmt: off
PAGES: Final = (
    Route("GET",  "/console",                anyone,  signin.front),
    Route("GET",  "/console/",               anyone,  signin.front),
    Route("GET",  "/console/static/{name}",  anyone,  static.file),
    Route("GET",  "/console/sign-in",        visitor, signin.ask_password),
    Route("POST", "/console/sign-in",        visitor, signin.sign_in,        Form),
    Route("POST", "/console/sign-out",       leaving, signin.sign_out,       Form, free=True),
    Route("GET",  "/console/tokens",         session, tokens.mine),
    Route("GET",  "/console/tokens/new",     session, creating.ask),
    Route("POST", "/console/tokens/new",     session, creating.create,       Form),
    Route("GET",  "/console/tokens/revoke",  session, revoking.ask_again),
    Route("POST", "/console/tokens/revoke",  session, revoking.revoke_them,  Form),
    Route("GET",  "/console/account",        session, account.show),
    Route("POST", "/console/account/password", session, account.change_password, Form),
    Route("GET",  "/console/account/two-factor", session, two_factor.show),
    Route("POST", "/console/account/two-factor", session, two_factor.enrol,  Form),
    Route("POST", "/console/account/two-factor/codes", session, two_factor.renew_codes, Form),
    Route("POST", "/console/account/two-factor/off", session, two_factor.turn_off, Form),
    Route("GET",  "/console/tokens/{token_id}", session, tokens.one),
    Route("GET",  "/console/tokens/{token_id}/limits", session, limiting.show),
    Route("POST", "/console/tokens/{token_id}/limits", session, limiting.change, Form),
    Route("GET",  "/console/customer/tokens", session, customer.all_tokens),
    Route("GET",  "/console/people",         session, people.everybody),
    Route("POST", "/console/people",         session, people.add,            Form),
    Route("GET",  "/console/people/{user_id}", session, people.one),
    Route("POST", "/console/people/{user_id}", session, people.change,       Form),
    Route("POST", "/console/people/{user_id}/delete", session, people.delete, Form),
    Route("GET",  "/console/people/{user_id}/leave", session, offboarding.show),
    Route("POST", "/console/people/{user_id}/leave", session, offboarding.carry_out, Form),
    Route("GET",  "/console/automation",     session, customer.machines),
    Route("GET",  "/console/automation/new", session, customer.ask_for_machine),
    Route("POST", "/console/automation/new", session, customer.create_machine, Form),
    Route("GET",  "/console/services",       session, services.everything),
    Route("POST", "/console/services",       session, services.add,          Form),
    Route("POST", "/console/services/{service_id}", session, services.change, Form),
    Route("POST", "/console/services/{service_id}/delete", session, services.delete, Form),
    Route("GET",  "/console/events",         session, events.newest),
    Route("GET",  "/console/rule",           session, rule.show),
    Route("POST", "/console/rule/look",      session, rule.look,             Form),
    Route("POST", "/console/rule",           session, rule.carry_out,        Form),
    Route("GET",  "/console/state",          session, state.show),
    # Whoever loads the address of a form that was sent finds the page that it stood on.
    *(Route("GET", f"/console/{path}", session, signin.up) for path in (
        "sign-out", "account/password", "account/two-factor/codes", "account/two-factor/off", "people/{user_id}/delete",
        "services/{service_id}", "services/{service_id}/delete", "rule/look",
    )),
)
# fmt: on


def console(wiring: Wiring) -> ASGIApp:
    """The console as an ASGI application, which answers for every other path as the API does."""
    return router(PAGES, wiring, manner=InPages(), otherwise=elsewhere)
