"""Users, the customer that they belong to, and the services that tokens can be limited to."""

from datetime import datetime
from typing import Final

import msgspec

from tallystick.client.models._read import Envelope, Meta, decode, known, time, unwrap


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person.  `role`: `user`, `billing`, `engineer`, `superuser`, or another of Fastly's.  Times are in UTC."""

    id: str
    login: str
    name: str
    role: str
    customer_id: str | None
    locked: bool
    two_factor_auth_enabled: bool
    created_at: datetime | None
    updated_at: datetime | None
    last_active_at: datetime | None


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom users, services and tokens belong to."""

    id: str
    name: str
    created_at: datetime | None
    updated_at: datetime | None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What tokens can be limited to."""

    id: str
    name: str
    customer_id: str | None
    created_at: datetime | None
    updated_at: datetime | None


class _WireUser(msgspec.Struct, gc=False):
    id: str
    login: str | None = None
    name: str | None = None
    role: str | None = None
    customer_id: str | None = None
    # Null for users who never had it otherwise (Fastly wire, recorded).
    locked: bool | None = None
    two_factor_auth_enabled: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    last_active_at: str | None = None


class _WireNamed(msgspec.Struct, gc=False):
    id: str
    name: str | None = None
    customer_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


_USER: Final = msgspec.json.Decoder(_WireUser)
_USERS: Final = msgspec.json.Decoder(list[_WireUser] | Envelope[_WireUser])
_NAMED: Final = msgspec.json.Decoder(_WireNamed)
_SERVICES: Final = msgspec.json.Decoder(list[_WireNamed] | Envelope[_WireNamed])


def read_user(body: bytes) -> User:
    """The answer of `GET /user/{id}`.  Raises `TallystickError` if it is not one, as do all below."""
    return _user(decode(_USER, body))


def read_users(body: bytes) -> list[User]:
    """The answer of `GET /customer/{id}/users`."""
    rows, _ = unwrap(decode(_USERS, body))
    return [_user(each) for each in rows]


def read_customer(body: bytes) -> Customer:
    """The answer of `GET /customer/{id}`."""
    wire = decode(_NAMED, body)
    return Customer(
        id=known(wire.id, "customer"),
        name=wire.name or "",
        created_at=time(wire.created_at),
        updated_at=time(wire.updated_at),
    )


def read_service(body: bytes) -> Service:
    """The answer of `GET /service/{id}`."""
    return _service(decode(_NAMED, body))


def read_page_of_services(body: bytes) -> tuple[list[Service], Meta]:
    """The answer of `GET /service`: all of them, or a page."""
    rows, meta = unwrap(decode(_SERVICES, body))
    return [_service(each) for each in rows], meta


def _user(wire: _WireUser) -> User:
    return User(
        id=known(wire.id, "user"),
        login=wire.login or "",
        name=wire.name or "",
        role=wire.role or "",
        customer_id=wire.customer_id or None,
        locked=bool(wire.locked),
        two_factor_auth_enabled=bool(wire.two_factor_auth_enabled),
        created_at=time(wire.created_at),
        updated_at=time(wire.updated_at),
        last_active_at=time(wire.last_active_at),
    )


def _service(wire: _WireNamed) -> Service:
    return Service(
        id=known(wire.id, "service"),
        name=wire.name or "",
        customer_id=wire.customer_id or None,
        created_at=time(wire.created_at),
        updated_at=time(wire.updated_at),
    )
