"""Proving again who one is: in the same form as what it is for, so that nothing has to be filled in twice."""

from msgspec.structs import replace

from tallystick.core import sudo
from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden
from tallystick.http.proving import prove_again
from tallystick.http.routes import Ask
from tallystick.web.forms import Form


async def raised(ask: Ask, form: Form) -> Ask:
    """The same request by a session in sudo: it is, or becomes it by the password (and code) in the form.

    Raises `Forbidden` when that is missing or wrong, `Invalid` for the code, `Throttled`.
    """
    caller = ask.caller
    if caller.token.is_in_sudo(ask.now):
        return ask
    if not form.raw("password"):
        raise Forbidden("Confirm with your password that it is you")
    await prove_again(ask, caller, form.raw("password"), code=code_of(form))
    until = sudo.ends_at(None, now=ask.now)
    await sudo.raise_token(ask.wiring.store.tokens, caller, until=until, by=ask.by())
    return replace(ask, who=Caller(replace(caller.token, sudo_until=until), caller.user))


def code_of(form: Form) -> str | None:
    """The one-time code, however it was grouped."""
    return form.one("code").replace(" ", "") or None
