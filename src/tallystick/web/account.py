"""One's own account: who one is here, the password, and the way to the second factor."""

from starlette.responses import Response

from tallystick.core.errors import Invalid, TallystickError
from tallystick.http.proving import claimed, prove_old
from tallystick.http.routes import Ask
from tallystick.web import forms, receipts, sudo
from tallystick.web.pages import done, page


async def show(ask: Ask) -> Response:
    """The page."""
    return await _page(ask)


async def change_password(ask: Ask) -> Response:
    """Take the new password, by the old one; with it, if asked for, all other tokens end."""
    form = await forms.read(ask)
    try:
        login, _ = claimed(ask)
        if not form.raw("new_password") or form.raw("new_password") != form.raw("repeated"):
            raise Invalid("Type the new password twice, the same both times")
        user, replacing = await prove_old(
            ask, login, by_basic=None, old_password=form.raw("old_password"), code=sudo.code_of(form)
        )
        await ask.wiring.accounts.change_password(
            user,
            form.raw("new_password"),
            replacing=replacing,
            end_tokens=form.has("end_tokens"),
            spared=ask.caller.token.id,
            by=ask.by(user),
        )
    except TallystickError as error:
        return await _page(ask, error)
    return done("/console/account")


async def _page(ask: Ask, error: TallystickError | None = None) -> Response:
    people, customer = ask.wiring.store.people, None
    customer = await people.customer(ask.caller.customer_id)
    return page(
        ask,
        "account.html",
        error=error,
        customer="" if customer is None else customer.name,
        codes=await people.recovery_codes_left(ask.caller.person().id),
        receipt=await receipts.shown(ask),
    )
