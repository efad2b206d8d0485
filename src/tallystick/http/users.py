"""People and the customer that they belong to."""

from starlette.responses import Response

from tallystick.core import rights, sudo
from tallystick.core.errors import NotFound
from tallystick.core.people import Role, User, UserChange
from tallystick.http import bodies, shapes, wire
from tallystick.http.proving import claimed, given_code, prove_old
from tallystick.http.routes import Ask, json_answer
from tallystick.identity.accounts import NewUser


async def get_user(ask: Ask) -> Response:
    """Get a user by id: oneself, or, as a superuser, one of the customer's.  Closed to tokens that are limited to services."""
    rights.require_may_see_user(ask.caller, ask.param("user_id"))
    return await _answer_user(ask, ask.param("user_id"))


async def list_users(ask: Ask) -> Response:
    """List the users of a customer, oldest first, as one of its superusers."""
    customer_id = ask.param("customer_id")
    rights.require_may_see_users(ask.caller, customer_id)
    return json_answer([wire.current_user(each) for each in await ask.wiring.store.people.users(customer_id)])


async def create_user(ask: Ask) -> Response:
    """Create a user, as a superuser.

    With a `password` this takes a token in sudo: whoever found a token must not make a login with it.  Without, nobody can
    log in as this user until an administrator sets one.
    """
    form = await bodies.read(ask.request, shapes.CreateUser)
    return json_answer(wire.current_user(await add(ask, form)))


async def add(ask: Ask, form: shapes.CreateUser) -> User:
    """Make the user that is asked for, if it is the caller's to do."""
    rights.require_may_manage_people(ask.caller)
    if form.password is not None:
        sudo.require(ask.caller, now=ask.now)
    login = shapes.required(form.login, "login")
    new = NewUser(
        customer_id=ask.caller.customer_id,
        login=login,
        name=form.name or login,
        role=shapes.role(form.role) or Role.USER,
        password=form.password,
    )
    return await ask.wiring.accounts.add_user(new, by=ask.by())


async def update_user(ask: Ask) -> Response:
    """Change a user: one's own name and login, or, as a superuser, also role and lock, and those of others.

    Another login takes a token in sudo.  All of it takes effect on the user's tokens at once.  The last superuser of a
    customer can be neither lowered nor locked.
    """
    form = await bodies.read(ask.request, shapes.ChangeUser)
    wanted = UserChange(
        login=form.login, name=form.name, role=shapes.role(form.role), locked=shapes.flag(form.locked, "locked")
    )
    await change(ask, ask.param("user_id"), wanted)
    return await _answer_user(ask, ask.param("user_id"))


async def change(ask: Ask, user_id: str, change: UserChange) -> None:
    """Change a user, if it is the caller's to do."""
    permitted = rights.permitted(change, ask.caller, user_id)
    before = rights.require_found(await ask.wiring.store.people.user(user_id), ask.caller, user_id)
    rights.require_may_rename(ask.caller, before, permitted, now=ask.now)
    await ask.wiring.accounts.change_user(ask.caller.customer_id, user_id, permitted, by=ask.by())


async def delete_user(ask: Ask) -> Response:
    """Delete a user, as a superuser, unless live tokens of theirs are left, which are then named."""
    rights.require_may_manage_people(ask.caller)
    await ask.wiring.accounts.remove_user(ask.caller.customer_id, ask.param("user_id"), by=ask.by())
    return json_answer(shapes.Done())


async def update_user_password(ask: Ask) -> Response:
    """Change one's own password, by the old one (and a one-time code); with `end_other_tokens`, end one's other tokens too.

    With a token, or without one by Basic: login and old password.
    """
    login, by_basic = claimed(ask)
    form = await bodies.read(ask.request, shapes.ChangePassword)
    new = shapes.required(form.new_password, "new_password")
    ends = shapes.flag(form.end_other_tokens, "end_other_tokens") or False
    user, replacing = await prove_old(
        ask, login, by_basic=by_basic, old_password=form.old_password, code=given_code(ask)
    )
    spared = None if ask.who is None else ask.who.token.id
    await ask.wiring.accounts.change_password(
        user, new, replacing=replacing, end_tokens=ends, spared=spared, by=ask.by(user)
    )
    changed = await ask.wiring.store.people.user(user.id)
    return json_answer(wire.current_user(user if changed is None else changed))


async def get_logged_in_customer(ask: Ask) -> Response:
    """Get the customer that this request's token belongs to."""
    return await _answer_customer(ask, ask.caller.customer_id)


async def get_customer(ask: Ask) -> Response:
    """Get a customer by id: one's own."""
    return await _answer_customer(ask, ask.param("customer_id"))


async def update_customer(ask: Ask) -> Response:
    """Rename a customer, as one of its superusers."""
    form = await bodies.read(ask.request, shapes.Name)
    customer_id = ask.param("customer_id")
    rights.require_may_change_customer(ask.caller, customer_id)
    if form.name is not None:
        await ask.wiring.accounts.rename_customer(customer_id, form.name, by=ask.by())
    return await _answer_customer(ask, customer_id)


async def _answer_user(ask: Ask, user_id: str) -> Response:
    user: User | None = await ask.wiring.store.people.user(user_id)
    return json_answer(wire.current_user(rights.require_found(user, ask.caller, user_id)))


async def _answer_customer(ask: Ask, customer_id: str) -> Response:
    rights.require_may_see_customer(ask.caller, customer_id)
    customer = await ask.wiring.store.people.customer(customer_id)
    if customer is None:
        raise NotFound("Record not found", detail="Cannot find the customer of this token")
    return json_answer(shapes.customer(customer))
