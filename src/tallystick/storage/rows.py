"""Row ↔ record: the only place that knows in which order a statement names its columns."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from tallystick.core import changes
from tallystick.core.changes import Change, Heard, Numbered
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.find import Kind, Wanted, folded
from tallystick.core.people import Credentials, Customer, Role, Service, User, UserChange, normal_login
from tallystick.core.ports import Failures, Position, Seen
from tallystick.core.scope import stored
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Usage
from tallystick.storage.text import readable

# Any: a driver's row has whatever the statement selects; what comes out of this module is typed.
Row = Sequence[Any]

AFTER_ALL: Final = 2**63 - 1
"""An instant after every other: where a list begins that has the newest first."""

BEFORE_ALL: Final = -(2**63)
"""An instant before every other: where the first batch of a list begins."""

_KINDS: Final = {kind.value: kind for kind in changes.Kind}
_ROLES: Final = {role.value: role for role in Role}
_FIELDS: Final = msgspec.json.Decoder(dict[str, Any])
_ROWS: Final = msgspec.json.Decoder(list[list[Any]])
_IDS: Final = msgspec.json.Decoder(tuple[str, ...])


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
    )


def tokens(row: Row) -> list[Token]:
    """The row of `find.page`: rows like those of `token`, as one JSON array."""
    return [token(each) for each in _ROWS.decode(row[0])]


def seen(row: Row) -> Seen:
    """A row of `look_up`: a token, then what its user has beyond the ids that the token has too."""
    found = token(row[:16])
    if found.user_id is None:
        return Seen(found, None)
    login, name, role, two_factor, created_at, updated_at, locked = row[16:]
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
    """What the piece `wanted` of find.sql takes."""
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
    )


def events(row: Row | None) -> list[Event]:
    """The row of `events_of_customer` or `events_of_target`: a JSON array of all that were found."""
    return [] if row is None else [_event(each) for each in _ROWS.decode(row[0])]


def _event(row: Row) -> Event:
    customer_id, at, id_, action, target_kind, target_id, before, after, reason = row[:9]
    user_id, token_id, ip, user_agent, request_id = row[9:]
    return Event(
        id=id_,
        customer_id=customer_id,
        action=action,
        target_kind=target_kind,
        target_id=target_id,
        before=None if before is None else _FIELDS.decode(before),
        after=None if after is None else _FIELDS.decode(after),
        reason=reason,
        by=Origin(at=at, user_id=user_id, token_id=token_id, ip=ip, user_agent=user_agent, request_id=request_id),
    )


def of_event(event: Event) -> Row:
    """What `add_events` takes for one."""
    by = event.by
    return (
        event.customer_id,
        by.at,
        event.id,
        event.action,
        event.target_kind,
        event.target_id,
        None if event.before is None else json(event.before),
        None if event.after is None else json(event.after),
        event.reason,
        by.user_id,
        by.token_id,
        readable(by.ip),
        readable(by.user_agent),
        readable(by.request_id),
    )


def of_origin(by: Origin) -> dict[str, Any]:
    """What the piece `tell_end` of rule.sql takes of who is behind it."""
    return {
        "now": by.at,
        "by_user_id": by.user_id,
        "by_token_id": by.token_id,
        "ip": readable(by.ip),
        "user_agent": readable(by.user_agent),
        "request_id": readable(by.request_id),
    }


def change(row: Row) -> Change:
    """A row of `changes_after`."""
    _, kind, key = row
    return Change(_KINDS[kind], key)


def numbered(row: Row) -> Numbered:
    """A row of `numbered`."""
    seq, customer_id, at, user_id, token_id, request_id, count, told, heard_at, verifiers, waited_ms = row
    return Numbered(
        seq=seq,
        customer_id=customer_id,
        at=at,
        user_id=user_id,
        token_id=token_id,
        request_id=request_id,
        count=count,
        changes=tuple(Change(_KINDS[kind], key) for kind, key in _ROWS.decode(told)),
        heard=None if heard_at is None else Heard(heard_at, verifiers, waited_ms),
    )


def of_sought(sought: Sought, *, after: Position | None) -> dict[str, Any]:
    """What `events_of_customer` and `events_of_target` take, apart from customer and size."""
    wanted = msgspec.structs.asdict(sought)
    until = wanted.pop("until")
    # "Before an instant" is a position too: after all that happened then or later.
    at, id_ = min(after or (AFTER_ALL, ""), (AFTER_ALL if until is None else until, ""))
    return wanted | {"since": BEFORE_ALL if sought.since is None else sought.since, "at": at, "after_id": id_}


def ids(text: str) -> tuple[str, ...]:
    """A list of ids in its text form."""
    return _IDS.decode(text)


def json(value: object) -> str:
    """The text form in which lists are kept and handed to statements."""
    return msgspec.json.encode(value).decode()
