"""Users and the customer: what each operation sends, and how its answer is read.  No I/O."""

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._given import checked_id, one_time_code
from tallystick.client._line import Line, form
from tallystick.client._sudo import in_sudo
from tallystick.client.models import Customer, User


def create_user(
    line: Line,
    *,
    login: str,
    name: str | None,
    role: str | None,
    new_password: str | None,
    password: str | None,
    otp: str | None,
) -> Flow[User]:
    if new_password is not None:
        line.require_tallystick("passwords of new users")
    given = _given(login=login, name=name, role=role, password=new_password)
    body = form(given, hidden=() if new_password is None else (new_password,))
    answer = yield from in_sudo(line, "POST", "/user", body, password=password, otp=otp)
    return models.read_user(answer.body)


def delete_user(line: Line, user_id: str) -> Flow[None]:
    yield from line.ask("DELETE", _user(user_id), gone=frozenset({404}))


def get_current_user(line: Line) -> Flow[User]:
    answer = yield from line.ask("GET", "/current_user")
    return models.read_user(answer.body)


def get_customer(line: Line, customer_id: str) -> Flow[Customer]:
    answer = yield from line.ask("GET", _customer(customer_id))
    return models.read_customer(answer.body)


def get_logged_in_customer(line: Line) -> Flow[Customer]:
    answer = yield from line.ask("GET", "/current_customer")
    return models.read_customer(answer.body)


def get_user(line: Line, user_id: str) -> Flow[User]:
    answer = yield from line.ask("GET", _user(user_id))
    return models.read_user(answer.body)


def list_users(line: Line, customer_id: str) -> Flow[list[User]]:
    answer = yield from line.ask("GET", f"{_customer(customer_id)}/users")
    return models.read_users(answer.body)


def update_customer(line: Line, customer_id: str, *, name: str) -> Flow[Customer]:
    answer = yield from line.ask("PUT", _customer(customer_id), form([("name", name)]))
    return models.read_customer(answer.body)


def update_user(
    line: Line, user_id: str, *, name: str | None, login: str | None, role: str | None, locked: bool | None
) -> Flow[User]:
    change = form(_given(name=name, login=login, role=role, locked=None if locked is None else _word(locked)))
    answer = yield from line.ask("PUT", _user(user_id), change)
    return models.read_user(answer.body)


def update_user_password(line: Line, old: str, new: str, *, otp: str | None, end_other_tokens: bool) -> Flow[User]:
    if end_other_tokens:
        line.require_tallystick("ending other tokens with a new password")
    given = _given(
        old_password=old, new_password=new, end_other_tokens=_word(end_other_tokens) if end_other_tokens else None
    )
    body = form(given, hidden=(old, new))
    answer = yield from line.ask("POST", "/current_user/password", body, code=one_time_code(otp))
    return models.read_user(answer.body)


def _given(**fields: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in fields.items() if value is not None]


def _word(flag: bool) -> str:  # noqa: FBT001  (the value itself, not a switch)
    return "true" if flag else "false"


def _user(user_id: str) -> str:
    return f"/user/{checked_id(user_id, 'user id')}"


def _customer(customer_id: str) -> str:
    return f"/customer/{checked_id(customer_id, 'customer id')}"
