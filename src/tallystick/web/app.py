"""The console's pages: every one, in one place, with who may pass."""

from typing import Final

from starlette.types import ASGIApp

from tallystick.http.routes import Route, Wiring, router
from tallystick.web import account, creating, revoking, signin, static, tokens, two_factor
from tallystick.web.forms import Form
from tallystick.web.guards import anyone, session, visitor
from tallystick.web.manner import InPages, elsewhere

_HTML: Final = "text/html"

# fmt: off
PAGES: Final = (
    Route("GET",  "/console",                anyone,  signin.front,          media=_HTML),
    Route("GET",  "/console/static/{name}",  anyone,  static.file,           media=_HTML),
    Route("GET",  "/console/sign-in",        visitor, signin.ask_password,   media=_HTML),
    Route("POST", "/console/sign-in",        visitor, signin.sign_in,        Form, media=_HTML),
    Route("POST", "/console/sign-out",       session, signin.sign_out,       Form, media=_HTML),
    Route("GET",  "/console/tokens",         session, tokens.mine,           media=_HTML),
    Route("GET",  "/console/tokens/new",     session, creating.ask,          media=_HTML),
    Route("POST", "/console/tokens/new",     session, creating.create,       Form, media=_HTML),
    Route("GET",  "/console/tokens/revoke",  session, revoking.ask_again,    media=_HTML),
    Route("POST", "/console/tokens/revoke",  session, revoking.revoke_them,  Form, media=_HTML),
    Route("GET",  "/console/account",        session, account.show,          media=_HTML),
    Route("POST", "/console/account/password", session, account.change_password, Form, media=_HTML),
    Route("GET",  "/console/account/two-factor", session, two_factor.show,   media=_HTML),
    Route("POST", "/console/account/two-factor", session, two_factor.enrol,  Form, media=_HTML),
    Route("POST", "/console/account/two-factor/codes", session, two_factor.renew_codes, Form, media=_HTML),
    Route("POST", "/console/account/two-factor/off", session, two_factor.turn_off, Form, media=_HTML),
    Route("GET",  "/console/tokens/{token_id}", session, tokens.one,         media=_HTML),
)
# fmt: on


def console(wiring: Wiring) -> ASGIApp:
    """The console as an ASGI application, which answers for every other path as the API does."""
    return router(PAGES, wiring, manner=InPages(), otherwise=elsewhere)
