"""Row ↔ record: the only place that knows in which order a statement names its columns."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tallystick.core.find import Kind, Wanted, folded
from tallystick.core.guesses import Failures
from tallystick.core.limits import Limit, Limits
from tallystick.core.people import Credentials, Customer, Role, Service, User, UserChange, normal_login
from tallystick.core.ports import Seen
from tallystick.core.scope import Scope, stored
from tallystick.core.scopes import FOR_ALL, Catalogue, Defined, resolved
from tallystick.core.shadow import Shadowed
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Usage
from tallystick.storage.text import readable

# Any: a driver's row has whatever the statement selects; what comes out of this module is typed.
Row = Sequence[Any]

BEFORE_ALL: Final = -(2**63)
"""An instant before every other: where the first batch of a list begins."""

_ROLES: Final = {role.value: role for role in Role}
_ROWS: Final = msgspec.json.Decoder(list[list[Any]])
_LIMITS: Final = msgspec.json.Decoder(Limits)
_IDS: Final = msgspec.json.Decoder(tuple[str, ...])
_SCOPES: Final = msgspec.json.Decoder(tuple[Defined, ...])


def token(row: Row) -> Token:
    """A row of `token`, and of every list of tokens."""
    (
        id_,
        user_id,
        customer_id,
        name,
        scope,
        services,
        created_at,
        expires_at,
        sudo_until,
        used_at,
        used_ip,
        used_agent,
        revoked_at,
        role,
        creator_id,
        tls_access,
        limited_to,
    ) = row
    return Token(
        id=id_,
        user_id=user_id,
        customer_id=customer_id,
        name=name,
        scope=stored(scope),
        services=() if services == "[]" else ids(services),  # most are not limited
        created_at=created_at,
        expires_at=expires_at,
        sudo_until=sudo_until,
        last_use=None if used_at is None else LastUse(used_at, used_ip, used_agent),
        revoked_at=revoked_at,
        role=None if role is None else _ROLES[role],
        creator_id=creator_id,
        tls_access=bool(tls_access),
        limits=None if limited_to is None else _limits(limited_to),
    )


def tokens(row: Row) -> list[Token]:
    """The row of `find.page`: rows like those of `token`, as one JSON array."""
    return [token(each) for each in _ROWS.decode(row[0])]


def seen(row: Row) -> Seen:
    """A row of `look_up`: a token, then what its user has beyond the ids that the token has too, then its catalogue."""
    found = token(row[:17])
    login, name, role, two_factor, created_at, updated_at, locked, scopes = row[17:]
    if scopes is not None:
        found = replace(found, scope=_resolved(found.scope, scopes, None if role is None else _ROLES[role]))
    if found.user_id is None:
        return Seen(found, None)
    return Seen(
        found,
        User(
            id=found.user_id,
            customer_id=found.customer_id,
            login=login,
            name=name,
            role=_ROLES[role],
            two_factor=bool(two_factor),
            created_at=created_at,
            updated_at=updated_at,
            locked=bool(locked),
        ),
    )


# Cached: tokens are many, and what they carry is not.
@lru_cache(maxsize=4096)
def _resolved(scope: Scope, scopes: str, role: Role | None) -> Scope:
    return resolved(scope, _scopes(scopes), role)


@lru_cache(maxsize=64)
def _scopes(text: str) -> tuple[Defined, ...]:
    return _SCOPES.decode(text)


def catalogue(row: Row, customer_id: str) -> Catalogue:
    """A row of `catalogue` or `catalogues`, for this customer."""
    of, version, scopes = row
    return Catalogue(customer_id=customer_id, scopes=_scopes(scopes), version=version, by_file=of == FOR_ALL)


def of_catalogue(catalogue: Catalogue) -> dict[str, Any]:
    """What `put_catalogue` takes."""
    return {
        "customer_id": catalogue.customer_id,
        "version": catalogue.version,
        "scopes": json(catalogue.scopes),
    }


def customer(row: Row) -> Customer:
    """A row of `customer` or `customers`."""
    id_, name, created_at = row
    return Customer(id=id_, name=name, created_at=created_at)


def user(row: Row) -> User:
    """A row of `user`, `users` or `users_of_customer`."""
    id_, customer_id, login, name, role, two_factor, created_at, updated_at, locked = row
    return User(
        id=id_,
        customer_id=customer_id,
        login=login,
        name=name,
        role=_ROLES[role],
        two_factor=bool(two_factor),
        created_at=created_at,
        updated_at=updated_at,
        locked=bool(locked),
    )


def proof(row: Row) -> tuple[User, Credentials]:
    """A row of `credentials`: a user, then what proves them."""
    found = user(row[:9])
    password_hash, totp_sealed = row[9:]
    return found, Credentials(user_id=found.id, password_hash=password_hash, totp_sealed=totp_sealed)


def service(row: Row) -> Service:
    """A row of `service`, `services` or `services_of_customer`."""
    id_, customer_id, name, created_at = row
    return Service(id=id_, customer_id=customer_id, name=name, created_at=created_at)


def of_customer(customer: Customer) -> dict[str, Any]:
    """What `add_customer` takes."""
    return msgspec.structs.asdict(customer)


def of_user(user: User, *, password_hash: str) -> dict[str, Any]:
    """What `add_user` takes.  Whether there is a second factor follows from the one-time secret, which is set later.

    Nobody begins locked.
    """
    wanted = msgspec.structs.asdict(user)
    del wanted["two_factor"], wanted["locked"]
    return wanted | {"role": user.role.value, "login_key": normal_login(user.login), "password_hash": password_hash}


def of_change(change: UserChange) -> dict[str, Any]:
    """What `change_user` takes for what is to be different."""
    wanted = msgspec.structs.asdict(change)
    return wanted | {
        "login_key": None if change.login is None else normal_login(change.login),
        "role": None if change.role is None else change.role.value,
    }


def of_service(service: Service) -> dict[str, Any]:
    """What `add_service` takes."""
    return msgspec.structs.asdict(service)


def of_wanted(wanted: Wanted) -> dict[str, Any]:
    """What the conditions of find.sql take; None where nothing is asked."""
    asked = msgspec.structs.asdict(wanted)
    del asked["kind"], asked["user_id"]
    return asked | {
        "folded": None if wanted.search is None else folded(wanted.search).decode("utf-8", "surrogatepass"),
        "is_of_person": None if wanted.kind is None else wanted.kind is Kind.USER,
        "of_person": wanted.user_id,
        "other_than": readable(
            wanted.other_than
        ),  # no id, if not readable as it is: then there is nothing to leave out
    }


def failures(row: Row) -> Failures:
    """A row of `failures`."""
    count, last_at = row
    return Failures(count, last_at)


def shadowed(row: Row) -> Shadowed:
    """A row of `shadow_of_token`."""
    token_id, kind, *rest = row
    return Shadowed(token_id, Limit(kind), *rest)


def of_shadowed(each: Shadowed) -> Row:
    """What `add_shadow` takes for one."""
    token_id, limit, detail, count, first_at, last_at, ip, agent = msgspec.structs.astuple(each)
    return token_id, limit, readable(detail), count, first_at, last_at, readable(ip), readable(agent)


def usage(row: Row) -> Usage:
    """A row of `usage_of_token`."""
    return Usage(*row)


def of_usage(usage: Usage) -> Row:
    """What `add_usage` takes for one."""
    return msgspec.structs.astuple(usage)


def asked(token: Token, *, limit: int, parent_id: str | None, now: int, proof: str | None) -> Row:
    """What `add_all` takes for one token, apart from its digest."""
    return (
        token.id,
        token.user_id,
        token.customer_id,
        token.name,
        str(token.scope),
        json(token.services) if token.services else "[]",
        token.created_at,
        token.expires_at,
        token.role,
        token.creator_id,
        token.tls_access,
        limit,
        parent_id,
        now,
        proof,
        of_limits(token.limits),
    )


@lru_cache(maxsize=10_000)
def _limits(text: str) -> Limits:
    return _LIMITS.decode(text)


def of_limits(limits: Limits | None) -> str | None:
    """A token's own limits as they are kept."""
    return None if limits is None else json(limits)


def ids(text: str) -> tuple[str, ...]:
    """A list of ids in its text form."""
    return _IDS.decode(text)


def json(value: object) -> str:
    """The text form in which lists are kept and handed to statements."""
    return msgspec.json.encode(value).decode()
