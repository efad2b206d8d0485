"""What the answers say, as values that hold nothing but valid data.

The wire is looser than the values: times may be null, `""`, year 1 or missing; scopes a string, an array, or both under two
names; services null or one `service_id`.  All of that is read here, once.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from tallystick.core.errors import TallystickError
from tallystick.core.secret import Secret

T = TypeVar("T")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token's record, as the API shows it: everything but the secret.

    `scopes`, `services`: in the order that the server gives; no services means all of them.  Times are in UTC, None for
    never.  `name` is empty if it has none; `ip` and `user_agent` are those of its last use.
    """

    id: str
    name: str
    user_id: str | None
    customer_id: str | None
    scopes: tuple[str, ...]
    services: tuple[str, ...]
    created_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    sudo_expires_at: datetime | None
    ip: str | None
    user_agent: str | None

    @property
    def scope(self) -> str:
        """The scopes in one string, as the wire has them."""
        return " ".join(self.scopes)


class IssuedToken(Token, frozen=True, kw_only=True, eq=False):
    """A new token together with its secret, which is shown this once and cannot be had again.

    Two are equal if their records are: secrets are not compared.
    """

    secret: Secret

    @property
    def record(self) -> Token:
        """The same without the secret: for keeping, logging, comparing with what a list says."""
        return Token(**{name: getattr(self, name) for name in Token.__struct_fields__})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IssuedToken) and self.record == other.record

    def __hash__(self) -> int:
        return hash(self.record)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a token speaks for.  `services`: id → name of what it may touch, empty where the server does not say."""

    user_id: str | None
    user_name: str | None
    login: str | None
    customer_id: str | None
    customer_name: str | None
    services: Mapping[str, str]
    token: Token


class _WireToken(msgspec.Struct, gc=False):
    id: str
    name: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    scope: str | list[str] | None = None
    scopes: str | list[str] | None = None
    services: list[str] | None = None
    service_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    expires_at: str | None = None
    last_used_at: str | None = None
    sudo_expires_at: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    access_token: str | None = None


class _WireList(msgspec.Struct):
    data: list[_WireToken]


class _WireNamed(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    login: str | None = None


class _WireIdentity(msgspec.Struct):
    token: _WireToken
    user: _WireNamed | None = None
    customer: _WireNamed | None = None
    services: dict[str, str | None] | None = None


_TOKEN: Final = msgspec.json.Decoder(_WireToken)
_TOKENS: Final = msgspec.json.Decoder(list[_WireToken] | _WireList)
_IDENTITY: Final = msgspec.json.Decoder(_WireIdentity)


def read_token(body: bytes) -> Token:
    """The answer of `GET /tokens/{id}`.  Raises `TallystickError` if it is not one, as do all below."""
    return _token(_decode(_TOKEN, body))


def read_tokens(body: bytes) -> list[Token]:
    """The answer of a list: a bare array, or one under `data`."""
    wire = _decode(_TOKENS, body)
    return [_token(each) for each in (wire.data if isinstance(wire, _WireList) else wire)]


def read_issued(body: bytes) -> IssuedToken:
    """The answer of `POST /tokens`: the only one that holds a secret."""
    wire = _decode(_TOKEN, body)
    if not wire.access_token:
        raise _unreadable("there is no secret in it")
    token = _token(wire)
    fields = {name: getattr(token, name) for name in Token.__struct_fields__}
    return IssuedToken(**fields, secret=Secret(wire.access_token))


def read_identity(body: bytes) -> Identity:
    """The answer of `GET /verify`."""
    wire = _decode(_IDENTITY, body)
    user, customer = wire.user or _WireNamed(), wire.customer or _WireNamed()
    wire.token.user_id = wire.token.user_id or user.id
    wire.token.customer_id = wire.token.customer_id or customer.id
    return Identity(
        user_id=user.id,
        user_name=user.name,
        login=user.login,
        customer_id=customer.id,
        customer_name=customer.name,
        services={key: name or "" for key, name in (wire.services or {}).items()},
        token=_token(wire.token),
    )


def _decode(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):  # msgspec raises three kinds of the first
        # Without a cause: its frames hold the body, and there may be a secret in it.
        raise _unreadable("it has another shape") from None


def _token(wire: _WireToken) -> Token:
    if not wire.id:
        raise _unreadable("there is a token without an id in it")
    return Token(
        id=wire.id,
        name=wire.name or "",
        user_id=wire.user_id or None,
        customer_id=wire.customer_id or None,
        scopes=_scopes(wire.scope) or _scopes(wire.scopes),
        # A mirror of the old days, when a token had one service or all: the last resort against showing it as unlimited.
        services=tuple(wire.services or ([wire.service_id] if wire.service_id else ())),
        created_at=_time(wire.created_at),
        updated_at=_time(wire.updated_at),
        expires_at=_time(wire.expires_at),
        last_used_at=_time(wire.last_used_at),
        sudo_expires_at=_time(wire.sudo_expires_at),
        ip=wire.ip or None,
        user_agent=wire.user_agent or None,
    )


def _scopes(wire: str | list[str] | None) -> tuple[str, ...]:
    return tuple(wire.split() if isinstance(wire, str) else wire or ())


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        # Ruby writes "2030-03-17 17:46:40 UTC", old servers leave the zone out: both mean UTC.
        time = datetime.fromisoformat(text.removesuffix(" UTC"))
        if time.tzinfo is not UTC:
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        # Never None: to show a token that ends as one that does not is worse than to fail.
        raise _unreadable("there is a time in it that is none") from None
    return time if time.year > 1 else None  # year 1 is how Go writes "never"


def _unreadable(reason: str) -> TallystickError:
    return TallystickError(f"The answer is not what the Tokens API sends: {reason}.", detail="Is the address right?")
