"""Somebody leaves: what becomes of each of their tokens, and of them; all of it at once, or nothing."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.errors import Invalid, TallystickError
from tallystick.core.issue import is_session
from tallystick.core.token import Token
from tallystick.http.routes import Ask
from tallystick.identity import offboard
from tallystick.identity.offboard import Fate
from tallystick.web import forms, listing, people, sudo
from tallystick.web.charts import DAY_MS
from tallystick.web.forms import NOTHING, Form
from tallystick.web.pages import done, page

_LATELY_MS: Final = 30 * DAY_MS


async def show(ask: Ask) -> Response:
    """The plan: each token, with what uses it."""
    rights.require_may_manage_people(ask.caller)
    return await _page(ask, NOTHING)


async def carry_out(ask: Ask) -> Response:
    """Do what was decided."""
    form = await forms.read(ask)
    rights.require_may_manage_people(ask.caller)
    try:
        ask = await sudo.raised(ask, form)
        user = await people.found(ask)
        delete = form.one("then") == "delete"
        await offboard.offboard(ask.wiring.store.people, user, _fates(form), delete=delete, by=ask.by())
    except TallystickError as error:
        return await _page(ask, form, error)
    return done("/console/people" if delete else f"/console/people/{user.id}")


def _fates(form: Form) -> Mapping[str, Fate]:
    """What was decided about each token that the form showed."""
    decided = {token_id: form.one(f"fate-{token_id}") for token_id in form.all("id")}
    if open_ones := [token_id for token_id, fate in decided.items() if fate not in list(Fate)]:
        raise Invalid(f"Decide about each token: {len(open_ones)} are left")
    return {token_id: Fate(fate) for token_id, fate in decided.items()}


async def _page(ask: Ask, form: Form, error: TallystickError | None = None) -> Response:
    user = await people.found(ask)
    tokens = await offboard.held(ask.wiring.store.tokens, user, now=ask.now)
    services = await ask.wiring.store.people.services(user.customer_id)
    rows = await listing.rows(ask, tokens, services, owners=False)
    return page(
        ask,
        "leave.html",
        error=error,
        person=user,
        rows=rows,
        fates={row.token.id: form.one(f"fate-{row.token.id}") or _likely(row.token, ask.now) for row in rows},
        then=form.one("then") or "lock",
        role=offboard.role_of_moved(user).value,
    )


def _likely(token: Token, now: int) -> str:
    """What most would decide: sessions, and what nobody uses, end.  About what is in use, people have to think."""
    in_use = token.last_use is not None and now - token.last_use.at < _LATELY_MS
    return "" if in_use and not is_session(token) else Fate.REVOKE.value
