"""Events and changes, row ↔ record: as `rows.py`, which has what they are about."""

from typing import Any, Final

import msgspec

from tallystick.core import changes
from tallystick.core.changes import Change, Heard, Numbered
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.ports import Position
from tallystick.storage.rows import BEFORE_ALL, Row, json
from tallystick.storage.text import readable

AFTER_ALL: Final = 2**63 - 1
"""An instant after every other: where a list begins that has the newest first."""

_KINDS: Final = {kind.value: kind for kind in changes.Kind}
_FIELDS: Final = msgspec.json.Decoder(dict[str, Any])
_ROWS: Final = msgspec.json.Decoder(list[list[Any]])


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
