"""The customer's people: who they are, what they may, and how they come and go."""

from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.caller import Reach
from tallystick.core.errors import TallystickError
from tallystick.core.find import Wanted
from tallystick.core.people import Role, User, UserChange
from tallystick.http import shapes, users
from tallystick.http.routes import Ask
from tallystick.web import forms, receipts, sudo
from tallystick.web.forms import NOTHING, Form
from tallystick.web.paged import paged
from tallystick.web.pages import done, page


async def everybody(ask: Ask) -> Response:
    """All of them, a page at a time, by a part of name or login if asked for."""
    return await _list(ask, NOTHING)


async def add(ask: Ask) -> Response:
    """Somebody new."""
    form = await forms.read(ask)
    wanted = shapes.CreateUser(
        login=form.one("login") or None,
        name=form.one("name") or None,
        role=form.one("role") or None,
        password=form.raw("new_password") or None,
    )
    try:
        if wanted.password is not None:
            ask = await sudo.raised(ask, form)
        added = await users.add(ask, wanted)
    except TallystickError as error:
        return await _list(ask, form, error)
    return done(f"/console/people/{added.id}")


async def one(ask: Ask) -> Response:
    """Somebody."""
    return await _person(ask)


async def change(ask: Ask) -> Response:
    """Another name or role; locked, or not any more."""
    form = await forms.read(ask)
    wanted = UserChange(
        name=form.one("name") or None,
        role=shapes.role(form.one("role") or None),
        locked=shapes.flag(form.one("locked") or None, "locked"),
        # With what a page of before says, it would undo what others changed meanwhile.
        seen=form.number("seen"),
    )
    try:
        await users.change(ask, ask.param("user_id"), wanted)
    except TallystickError as error:
        return await _person(ask, error)
    return done(f"/console/people/{ask.param('user_id')}")


async def delete(ask: Ask) -> Response:
    """Delete somebody who has no live tokens."""
    await forms.read(ask)
    try:
        rights.require_may_manage_people(ask.caller)
        await ask.wiring.accounts.remove_user(ask.caller.customer_id, ask.param("user_id"), by=ask.by())
    except TallystickError as error:
        return await _person(ask, error)
    return done("/console/people")


async def found(ask: Ask) -> User:
    """Whom the address names.  Raises `Forbidden`, and `NotFound` alike for unknown and foreign ones."""
    user_id = ask.param("user_id")
    rights.require_may_see_user(ask.caller, user_id)
    return rights.require_found(await ask.wiring.store.people.user(user_id), ask.caller, user_id)


async def _list(ask: Ask, form: Form, error: TallystickError | None = None) -> Response:
    rights.require_may_see_users(ask.caller, ask.caller.customer_id)
    everybody = await ask.wiring.store.people.users(ask.caller.customer_id)
    return page(
        ask,
        "people.html",
        error=error,
        form=form,
        roles=list(Role),
        it=paged(ask, everybody, lambda user: f"{user.name} {user.login} {user.id}"),
        receipt=await receipts.shown(ask),
    )


async def _person(ask: Ask, error: TallystickError | None = None) -> Response:
    user = await found(ask)
    reach = Reach(user.customer_id, user.id)
    return page(
        ask,
        "person.html",
        error=error,
        person=user,
        roles=list(Role),
        tokens=await ask.wiring.store.tokens.count(reach, Wanted()),
        receipt=await receipts.shown(ask),
    )
