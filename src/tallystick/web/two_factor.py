"""The second factor: an authenticator app learns the secret from a QR code; recovery codes are for when the phone is gone."""

import base64
from io import BytesIO
from typing import Final

import msgspec
import segno
from markupsafe import Markup
from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.errors import Conflict, Invalid, TallystickError
from tallystick.http import cursors
from tallystick.http.routes import Ask
from tallystick.identity import totp
from tallystick.identity.accounts import CHANGED
from tallystick.web import forms, sudo
from tallystick.web.forms import Form
from tallystick.web.pages import done, page, see

_OFFER_MS: Final = 30 * 60 * 1000


class _Offer(msgspec.Struct, frozen=True, array_like=True):
    """The secret that the page shows, and its form sends back: nothing is kept until a code says that the app has it.

    `seen`: when the user was changed last, at that time; each offer is taken once.
    """

    user_id: str
    secret: str
    until: int
    seen: int


async def show(ask: Ask) -> Response:
    """How it stands, and what can be done about it."""
    rights.require_may_change(ask.caller)
    return await _page(ask, totp.new_secret())


async def enrol(ask: Ask) -> Response:
    """Turn it on, when the app shows a code that fits; and show recovery codes, once."""
    form = await forms.read(ask)
    secret = await _offered(ask, form)
    try:
        ask = await sudo.raised(ask, form)
        rights.require_may_change(ask.caller)
        user = ask.caller.person()
        if not form.has("new_code"):
            raise Invalid("Type the code that the app shows now")
        code = form.one("new_code").replace(" ", "")
        await ask.wiring.accounts.enrol_totp(user, secret, code=code, first=True, by=ask.by())
    except TallystickError as error:
        return await _page(ask, secret, error)
    try:
        codes = await ask.wiring.accounts.new_recovery_codes(user, by=ask.by())
    except TallystickError:
        # It is on all the same: that page says so, and that there are no codes left.
        return see("/console/account")
    return page(ask, "codes.html", codes=codes, begun=True)


async def renew_codes(ask: Ask) -> Response:
    """Ten new ones; those before are void."""
    form = await forms.read(ask)
    try:
        ask = await sudo.raised(ask, form)
        rights.require_may_change(ask.caller)
        codes = await ask.wiring.accounts.new_recovery_codes(
            ask.caller.person(), seen=form.number("seen") or 0, by=ask.by()
        )
    except TallystickError as error:
        return await _page(ask, totp.new_secret(), error)
    return page(ask, "codes.html", codes=codes, begun=False)


async def turn_off(ask: Ask) -> Response:
    """From now on the password is enough."""
    form = await forms.read(ask)
    try:
        ask = await sudo.raised(ask, form)
        rights.require_may_change(ask.caller)
        await ask.wiring.accounts.remove_totp(ask.caller.person(), by=ask.by())
    except TallystickError as error:
        return await _page(ask, totp.new_secret(), error)
    return done("/console/account")


async def _offered(ask: Ask, form: Form) -> bytes:
    offer = cursors.unseal(form.one("offer"), _Offer, ask.wiring.digest)
    if offer.seen != await _changed_at(ask):
        raise Conflict(CHANGED, detail="Open the page again, and scan the new code")
    if offer.user_id != ask.caller.person().id or ask.now >= offer.until:
        raise Invalid("That took too long: open the page again, and scan the new code")
    return base64.b32decode(offer.secret)


async def _changed_at(ask: Ask) -> int:
    """When the user was changed last: what was made for how they were before is over."""
    user = await ask.wiring.store.people.user(ask.caller.person().id)
    return 0 if user is None else user.updated_at


async def _page(ask: Ask, secret: bytes, error: TallystickError | None = None) -> Response:
    user, seen = ask.caller.person(), await _changed_at(ask)
    offer = _Offer(user.id, totp.base32(secret), ask.now + _OFFER_MS, seen)
    uri = totp.otpauth_uri(secret, login=user.login)
    return page(
        ask,
        "two_factor.html",
        error=error,
        seen=seen,
        offer=cursors.seal(offer, ask.wiring.digest),
        secret=totp.base32(secret),
        uri=uri,
        picture=_picture(uri),
        codes=await ask.wiring.store.people.recovery_codes_left(user.id),
    )


def _picture(uri: str) -> Markup:
    """The QR code as SVG within the page: nothing else is fetched, and nothing is kept."""
    drawn = BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=0)
    return Markup(drawn.getvalue().decode())  # noqa: S704 - made here, of squares
