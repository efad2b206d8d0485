"""Fastly's shapes, and the quirks of its clients: nothing else in the program knows that a secret is an `access_token`.

Answers have their keys in the order of the recorded wire.  Create and read are two shapes, neither a part of the other.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.core.people import Customer, Service, User
from tallystick.core.secret import Secret
from tallystick.core.token import Token
from tallystick.http.limiting import LimitsForm, LimitsShown, shown_if_any
from tallystick.http.times import offset_stamp, stamp

# --- What clients send --------------------------------------------------------------------------------------------------


class CreateToken(msgspec.Struct, kw_only=True):
    """`POST /tokens`.  All is optional here: what is missing, and whether that matters, is the core's to say."""

    username: str | None = None
    password: str | None = None
    name: str | None = None
    scope: str | None = None
    services: list[str] | str | None = None
    expires_at: str | None = None
    limits: LimitsForm | str | None = None


class Sudo(msgspec.Struct, kw_only=True):
    """`POST /sudo`.  `expiry_time`: when the raise ends, if sooner than in five minutes."""

    username: str | None = None
    password: str | None = None
    expiry_time: str | None = None


class BulkItem(msgspec.Struct):
    """One token to revoke.  `id` may be missing: `fastly auth-token delete --file` sends that for a blank line."""

    id: str | None = None
    type: str | None = None


class BulkRevoke(msgspec.Struct):
    """`DELETE /tokens`: JSON:API's bulk form."""

    data: list[BulkItem]


# --- What we answer -----------------------------------------------------------------------------------------------------


class TokenCreated(msgspec.Struct):
    """The only answer that holds a secret (Fastly wire, recorded: 11 keys)."""

    id: str
    name: str
    user_id: str
    customer_id: str
    service_id: str | None
    expires_at: str | None | UnsetType
    created_at: str
    updated_at: str
    scope: str
    services: list[str]
    access_token: str
    limits: LimitsShown | UnsetType = UNSET


class TokenRead(msgspec.Struct):
    """A token, read or listed (Fastly wire, recorded: 14 keys).  The five that may be unset are so for clients in `QUIRKS`.

    `user_id`: null for an automation token.  `limits`: only of a token that has some; not Fastly's.
    """

    id: str
    user_id: str | None | UnsetType
    customer_id: str
    name: str
    last_used_at: str | None | UnsetType
    created_at: str
    expires_at: str | None | UnsetType
    ip: str | None | UnsetType
    user_agent: str | None | UnsetType
    sudo_expires_at: str | None
    scopes: list[str]
    scope: str
    services: list[str]
    service_id: str | None
    limits: LimitsShown | UnsetType = UNSET


class Raised(msgspec.Struct):
    """`POST /sudo`, done (Fastly wire, recorded)."""

    expiry_time: str


class CurrentUser(msgspec.Struct):
    """`GET /current_user` (Fastly wire, recorded: 13 keys)."""

    id: str
    created_at: str
    updated_at: str
    name: str
    customer_id: str
    require_new_password: bool
    role: str
    login: str
    deleted_at: str | None
    locked: bool
    two_factor_auth_enabled: bool
    limit_services: bool
    last_active_at: str | None


class VerifiedCustomer(msgspec.Struct):
    """The customer within `Verified`."""

    id: str
    name: str


class VerifiedUser(msgspec.Struct):
    """The user within `Verified`."""

    id: str
    name: str
    login: str


class VerifiedToken(msgspec.Struct):
    """The token within `Verified`."""

    id: str
    name: str
    created_at: str
    expires_at: str | None
    scope: str


class Verified(msgspec.Struct):
    """`GET /verify`, as `fastly whoami` reads it: `services` is an object from id to name, or null."""

    customer: VerifiedCustomer
    user: VerifiedUser
    services: dict[str, str] | None
    token: VerifiedToken


# --- Quirks -------------------------------------------------------------------------------------------------------------


class Quirk(msgspec.Struct, frozen=True):
    """What one client needs to be told differently."""

    user_agent_prefix: str
    leave_out_nulls: bool = False
    bare_lists: bool = False  # of automation tokens, in place of the recorded envelope
    done_is_object: bool = False  # after an automation token was revoked, in place of nothing
    why: str = ""


_BARE: Final = "its AutomationTokensApi makes a list of nothing but a bare array"
QUIRKS: Final = (
    Quirk(
        "fastly-py/",
        leave_out_nulls=True,
        bare_lists=True,
        done_is_object=True,
        why="its models refuse null for last_used_at, expires_at, ip and user_agent; left out, all is well (fastly-py#94);"
        f" {_BARE}, and a model of an empty answer",
    ),
    Quirk("fastly-ruby/", bare_lists=True, why=_BARE),
    Quirk("fastly-js/", bare_lists=True, why=_BARE),
    Quirk("fastly-php/", bare_lists=True, why=_BARE),
    Quirk("fastly-rust/", bare_lists=True, done_is_object=True, why=f"{_BARE}, and a model of an empty answer"),
)
_PLAIN: Final = Quirk("")
_PREFIXES: Final = tuple(quirk.user_agent_prefix for quirk in QUIRKS)


def quirk_of(user_agent: str) -> Quirk:
    """What to do differently for this client."""
    if not user_agent.startswith(_PREFIXES):
        return _PLAIN
    return next(quirk for quirk in QUIRKS if user_agent.startswith(quirk.user_agent_prefix))


# --- From records to shapes ---------------------------------------------------------------------------------------------


def token_created(token: Token, user: User, secret: Secret, quirk: Quirk) -> TokenCreated:
    """The answer to a create: here the secret of a user's token leaves, once."""
    created_at = stamp(token.created_at) or ""
    return TokenCreated(
        id=token.id,
        name=token.name,
        user_id=user.id,
        customer_id=token.customer_id,
        service_id=_last_service(token),
        expires_at=_nullable(stamp(token.expires_at), quirk),
        created_at=created_at,
        updated_at=created_at,
        scope=str(token.scope),
        services=list(token.services),
        access_token=secret.reveal(),
        limits=shown_if_any(token.limits),
    )


def token_read(token: Token, quirk: Quirk) -> TokenRead:
    """A token as it is read and listed."""
    use = token.last_use
    return TokenRead(
        token.id,
        _nullable(token.user_id, quirk),
        token.customer_id,
        token.name,
        _nullable(stamp(use.at) if use else None, quirk),
        stamp(token.created_at) or "",
        _nullable(stamp(token.expires_at), quirk),
        _nullable(use.ip if use else None, quirk),
        _nullable(use.user_agent if use else None, quirk),
        stamp(token.sudo_until),
        list(token.scope.words),
        str(token.scope),
        list(token.services),
        _last_service(token),
        shown_if_any(token.limits),
    )


def raised(until: int) -> Raised:
    """A token in sudo."""
    return Raised(offset_stamp(until))


def current_user(user: User) -> CurrentUser:
    """The person behind a token."""
    return CurrentUser(
        id=user.id,
        created_at=stamp(user.created_at) or "",
        updated_at=stamp(user.updated_at) or "",
        name=user.name,
        customer_id=user.customer_id,
        require_new_password=False,
        role=user.role.value,
        login=user.login,
        deleted_at=None,
        locked=user.locked,
        two_factor_auth_enabled=user.two_factor,
        limit_services=False,
        last_active_at=None,
    )


def verified(customer: Customer, user: User | None, services: list[Service] | None, token: Token) -> Verified:
    """Who a token is, at a glance.  `services`: those it reaches, or None when they were not asked for.

    An automation token has no user.  Clients read three strings all the same, and show them: its name stands for one.
    """
    who = VerifiedUser("", token.name, "") if user is None else VerifiedUser(user.id, user.name, user.login)
    return Verified(
        VerifiedCustomer(customer.id, customer.name),
        who,
        None if services is None else {service.id: service.name for service in services},
        VerifiedToken(token.id, token.name, stamp(token.created_at) or "", stamp(token.expires_at), str(token.scope)),
    )


def _nullable(value: str | None, quirk: Quirk) -> str | None | UnsetType:
    return UNSET if value is None and quirk.leave_out_nulls else value


def _last_service(token: Token) -> str | None:
    # The legacy mirror of `services`: with two of them it was the last one asked for (Fastly wire, two recordings).
    return token.services[-1] if token.services else None
