"""Limiting a token that is in use: what is narrower at once, what is wider as for a new one."""

import hashlib

import msgspec
from starlette.responses import Response

from tallystick.core import narrow, revoke
from tallystick.core.errors import Conflict, TallystickError
from tallystick.core.issue import SUDO_NEEDED
from tallystick.core.limits import Limits
from tallystick.core.token import Token
from tallystick.http.routes import Ask
from tallystick.web import forms, limits, sudo
from tallystick.web.forms import Form
from tallystick.web.pages import done, page


async def show(ask: Ask) -> Response:
    """Those of a token, to be changed."""
    token = await _token(ask)
    return _page(ask, token, limits.filled_in(token.limits))


async def change(ask: Ask) -> Response:
    """Limit it otherwise."""
    form = await forms.read(ask)
    token = await _token(ask)
    try:
        if form.one("seen") != _seen(token.limits):
            raise Conflict("These limits were changed meanwhile", detail="What you filled in is not saved")
        wanted = limits.wished(form, expires_at=token.expires_at)
        if form.raw("password"):
            ask = await sudo.raised(ask, form)
        await narrow.limit(ask.wiring.store.limits, ask.caller, token, wanted, by=ask.by())
    except TallystickError as error:
        return _page(ask, token, form, error)
    return done(f"/console/tokens/{token.id}")


async def _token(ask: Ask) -> Token:
    return await revoke.find(ask.wiring.store.tokens, ask.caller, ask.param("token_id"))


def _page(ask: Ask, token: Token, form: Form, error: TallystickError | None = None) -> Response:
    return page(
        ask,
        "limits.html",
        error=error,
        token=token,
        kept=isinstance(error, Conflict),
        form=form,
        fields=limits.FIELDS,
        seen=form.one("seen") or _seen(token.limits),
        confirming=form.has("password") or (error is not None and error.msg == SUDO_NEEDED),
    )


def _seen(of: Limits | None) -> str:
    """By which it is known whether they are still those that were shown."""
    return hashlib.sha256(msgspec.json.encode(of)).hexdigest()[:16]
