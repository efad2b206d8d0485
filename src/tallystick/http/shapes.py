"""Fastly's shapes for people, customers and services.  Keys that we have nothing honest for are null, or left out."""

from typing import Final

import msgspec

from tallystick.core import people
from tallystick.core.errors import Invalid
from tallystick.http.times import stamp

_YES: Final = ("true", "1")
_NO: Final = ("false", "0")

# --- What clients send --------------------------------------------------------------------------------------------------


class Name(msgspec.Struct, kw_only=True):
    """`POST /service`, `PUT /service/{id}` and `PUT /customer/{id}`: of all that can be sent there, we keep the name."""

    name: str | None = None


class CreateUser(msgspec.Struct, kw_only=True):
    """`POST /user`.  Without `password` nobody knows one: an administrator sets it."""

    login: str | None = None
    name: str | None = None
    role: str | None = None
    password: str | None = None


class ChangeUser(msgspec.Struct, kw_only=True):
    """`PUT /user/{id}`.  What is not named stays."""

    login: str | None = None
    name: str | None = None
    role: str | None = None
    locked: bool | str | None = None


class ChangePassword(msgspec.Struct, kw_only=True):
    """`POST /current_user/password`.  `end_other_tokens`: end all tokens of this user but the one that asks."""

    old_password: str | None = None
    new_password: str | None = None
    end_other_tokens: bool | str | None = None


# --- What we answer -----------------------------------------------------------------------------------------------------


class Done(msgspec.Struct):
    """A user or a service is deleted (Fastly's answer to both)."""

    status: str = "ok"


class Customer(msgspec.Struct):
    """A customer."""

    id: str
    name: str
    created_at: str
    updated_at: str | None
    deleted_at: str | None
    force_2fa: bool
    force_sso: bool


class Service(msgspec.Struct):
    """A service.  `versions`: none, since nothing is configured here; clients expect the list."""

    id: str
    name: str
    customer_id: str
    created_at: str
    updated_at: str | None
    deleted_at: str | None
    comment: str | None
    versions: list[str]


class ServiceDetail(Service):
    """A service in full: `fastly service describe` reads this one.  `active_version`: none, for want of versions."""

    active_version: str | None


def customer(record: people.Customer) -> Customer:
    """A customer as it is read."""
    return Customer(
        record.id, record.name, stamp(record.created_at) or "", None, None, force_2fa=False, force_sso=False
    )


def service(record: people.Service) -> Service:
    """A service as it is read and listed."""
    return Service(
        record.id, record.name, record.customer_id, stamp(record.created_at) or "", None, None, None, versions=[]
    )


def service_detail(record: people.Service) -> ServiceDetail:
    """A service in full."""
    return ServiceDetail(**msgspec.structs.asdict(service(record)), active_version=None)


# --- From shapes to values ----------------------------------------------------------------------------------------------


def role(text: str | None) -> people.Role | None:
    """Raises `Invalid` for a word that is no role."""
    if text is None:
        return None
    try:
        return people.Role(text)
    except ValueError as error:
        known = ", ".join(people.Role)
        raise Invalid(f"role {text!r} is unknown: use one of {known}", code="invalid_request") from error


def flag(value: bool | str | None, field: str) -> bool | None:  # noqa: FBT001 - it is the value itself, not a switch
    """Yes or no, as JSON or a form says it.  Raises `Invalid` for anything else."""
    if value is None or isinstance(value, bool):
        return value
    if value.lower() not in (*_YES, *_NO):
        raise Invalid(f"{field} must be true or false", code="invalid_request")
    return value.lower() in _YES


def required(text: str | None, field: str) -> str:
    """Raises `Invalid` when it did not come."""
    if text is None:
        raise Invalid(f"{field} is missing", code="invalid_request")
    return text
