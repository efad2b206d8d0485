"""Tokens: of users, of machines, new ones with their secret, and who one speaks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from tallystick.client.models._read import Envelope, Meta, decode, known, time, unreadable, unwrap
from tallystick.client.models.limits import Limits, WireLimits, limits_of
from tallystick.client.models.receipts import Receipt
from tallystick.core.secret import Secret

K = TypeVar("K", bound="Token")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token's record, as the API shows it: everything but the secret.

    `scopes`, `services`: in the order that the server gives; no services means all of them.  Times are in UTC, None for
    never.  `name` is empty if it has none; `ip` and `user_agent` are those of its last use.  `limits`: its own, beyond all that;
    None if it has none.
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
    limits: Limits | None = None

    @property
    def scope(self) -> str:
        """The scopes in one string, as the wire has them."""
        return " ".join(self.scopes)


class AutomationToken(Token, frozen=True, kw_only=True):
    """The record of a token that belongs to a customer and to no person: `user_id` is None.

    `role`: what it may do, as a user's role does.  `creator_id`: the user who made it.  `role`, `creator_id` and
    `tls_access` are None where the answer does not say.
    """

    role: str | None
    tls_access: bool | None
    creator_id: str | None


class _Issued:
    """A record that came with its secret.  Two are equal if their records are: secrets are not compared."""

    __slots__ = ()

    @property
    def record(self) -> Token:
        """The same without the secret: for keeping, logging, comparing with what a list says."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Issued) and self.record == other.record

    def __hash__(self) -> int:
        return hash(self.record)


class IssuedToken(_Issued, Token, frozen=True, kw_only=True, eq=False):
    """A new token together with its secret, which is shown this once and cannot be had again."""

    secret: Secret

    @property
    def record(self) -> Token:
        """The same without the secret: for keeping, logging, comparing with what a list says."""
        return Token(**_fields(self, Token))


class IssuedAutomationToken(_Issued, AutomationToken, frozen=True, kw_only=True, eq=False):
    """A new automation token together with its secret, which is shown this once and cannot be had again."""

    secret: Secret

    @property
    def record(self) -> AutomationToken:
        """The same without the secret: for keeping, logging, comparing with what a list says."""
        return AutomationToken(**_fields(self, AutomationToken))


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
    limits: WireLimits | None = None


class _WireAutomationToken(_WireToken, gc=False):
    role: str | None = None
    tls_access: bool | None = None
    creator_id: str | None = None


class _WireId(msgspec.Struct):
    id: str


class _WireNamed(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    login: str | None = None


class _WireIdentity(msgspec.Struct):
    token: _WireToken
    user: _WireNamed | None = None
    customer: _WireNamed | None = None
    services: dict[str, str | None] | None = None


class RevocationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a revocation by rule met: how many tokens, and the first of them.  With `dry_run` all of them still live.

    `receipt`: that everybody has heard of their end; None when none ended.
    """

    count: int
    dry_run: bool
    reason: str
    sample: tuple[Token, ...]
    receipt: Receipt | None = None


class _WirePlan(msgspec.Struct):
    count: int
    dry_run: bool
    reason: str
    sample: list[_WireToken]


_TOKEN: Final = msgspec.json.Decoder(_WireToken)
_TOKENS: Final = msgspec.json.Decoder(list[_WireToken] | Envelope[_WireToken])
_IDENTITY: Final = msgspec.json.Decoder(_WireIdentity)
_PLAN: Final = msgspec.json.Decoder(_WirePlan)
_AUTOMATION_TOKEN: Final = msgspec.json.Decoder(_WireAutomationToken)
_AUTOMATION_TOKENS: Final = msgspec.json.Decoder(list[_WireAutomationToken] | Envelope[_WireAutomationToken])
_IDS: Final = msgspec.json.Decoder(list[str | _WireId] | Envelope[str | _WireId])


def read_token(body: bytes) -> Token:
    """The answer of `GET /tokens/{id}`.  Raises `TallystickError` if it is not one, as do all below."""
    return _token(decode(_TOKEN, body))


def read_tokens(body: bytes) -> list[Token]:
    """The answer of a list: a bare array, or one under `data`."""
    return read_page_of_tokens(body)[0]


def read_page_of_tokens(body: bytes) -> tuple[list[Token], Meta]:
    """The same, and where in a longer list it stands."""
    rows, meta = unwrap(decode(_TOKENS, body))
    return [_token(each) for each in rows], meta


def read_issued(body: bytes) -> IssuedToken:
    """The answer of `POST /tokens`: a secret is in it."""
    wire = decode(_TOKEN, body)
    return IssuedToken(**_fields(_token(wire), Token), secret=_secret(wire))


def read_plan(body: bytes) -> RevocationPlan:
    """The answer of `POST /revocations`."""
    wire = decode(_PLAN, body)
    sample = tuple(_token(each) for each in wire.sample)
    return RevocationPlan(count=wire.count, dry_run=wire.dry_run, reason=wire.reason, sample=sample)


def read_automation_token(body: bytes) -> AutomationToken:
    """The answer of `GET /automation-tokens/{id}`."""
    return _automation_token(decode(_AUTOMATION_TOKEN, body))


def read_page_of_automation_tokens(body: bytes) -> tuple[list[AutomationToken], Meta]:
    """The answer of `GET /automation-tokens`: one page."""
    rows, meta = unwrap(decode(_AUTOMATION_TOKENS, body))
    return [_automation_token(each) for each in rows], meta


def read_issued_automation_token(body: bytes) -> IssuedAutomationToken:
    """The answer of `POST /automation-tokens`: a secret is in it."""
    wire = decode(_AUTOMATION_TOKEN, body)
    return IssuedAutomationToken(**_fields(_automation_token(wire), AutomationToken), secret=_secret(wire))


def read_page_of_ids(body: bytes) -> tuple[list[str], Meta]:
    """The answer of `GET /automation-tokens/{id}/services`: ids, or records with ids."""
    rows, meta = unwrap(decode(_IDS, body))
    return [known(each if isinstance(each, str) else each.id, "service") for each in rows], meta


def read_identity(body: bytes) -> Identity:
    """The answer of `GET /verify`."""
    wire = decode(_IDENTITY, body)
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


def _token(wire: _WireToken) -> Token:
    return Token(
        id=known(wire.id, "token"),
        name=wire.name or "",
        user_id=wire.user_id or None,
        customer_id=wire.customer_id or None,
        scopes=_scopes(wire.scope) or _scopes(wire.scopes),
        # A mirror of the old days, when a token had one service or all: the last resort against showing it as unlimited.
        services=tuple(wire.services or ([wire.service_id] if wire.service_id else ())),
        created_at=time(wire.created_at),
        updated_at=time(wire.updated_at),
        expires_at=time(wire.expires_at),
        last_used_at=time(wire.last_used_at),
        sudo_expires_at=time(wire.sudo_expires_at),
        ip=wire.ip or None,
        user_agent=wire.user_agent or None,
        limits=limits_of(wire.limits),
    )


def _automation_token(wire: _WireAutomationToken) -> AutomationToken:
    return AutomationToken(
        **_fields(_token(wire), Token),
        role=wire.role or None,
        tls_access=wire.tls_access,
        creator_id=wire.creator_id or None,
    )


def _secret(wire: _WireToken) -> Secret:
    if not wire.access_token:
        raise unreadable("there is no secret in it")
    return Secret(wire.access_token)


def _fields(token: Token, kind: type[K]) -> dict[str, Any]:  # Any: a type for each
    return {name: getattr(token, name) for name in kind.__struct_fields__}


def _scopes(wire: str | list[str] | None) -> tuple[str, ...]:
    return tuple(wire.split() if isinstance(wire, str) else wire or ())
