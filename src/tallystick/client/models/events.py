"""Events: who did what, by which token, from where."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from tallystick.client.models._read import Envelope, Meta, decode, known, time, unreadable, unwrap


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One change.  No secret is in it.

    `action`: such as `token.create`.  `user_id`, `token_id`: who did it and by which token, None for the server's own
    command line.  `before`, `after`: what the change touched, as it was and as it became; None where there was nothing.
    """

    id: str
    created_at: datetime
    action: str
    customer_id: str | None
    user_id: str | None
    token_id: str | None
    target_kind: str
    target_id: str
    before: Mapping[str, Any] | None  # Any: JSON, whatever that kind of record holds
    after: Mapping[str, Any] | None
    reason: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None


class _WireEvent(msgspec.Struct):
    id: str
    created_at: str
    action: str
    target_kind: str
    target_id: str
    customer_id: str | None = None
    user_id: str | None = None
    token_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


_EVENTS: Final = msgspec.json.Decoder(list[_WireEvent] | Envelope[_WireEvent])


def read_page_of_events(body: bytes) -> tuple[list[Event], Meta]:
    """The answer of `GET /events`: one page.  Raises `TallystickError` if it is none."""
    rows, meta = unwrap(decode(_EVENTS, body))
    return [_event(each) for each in rows], meta


def _event(wire: _WireEvent) -> Event:
    created_at = time(wire.created_at)
    if created_at is None:
        raise unreadable("there is an event without a time in it")
    return Event(
        id=known(wire.id, "event"),
        created_at=created_at,
        action=wire.action,
        customer_id=wire.customer_id,
        user_id=wire.user_id,
        token_id=wire.token_id,
        target_kind=wire.target_kind,
        target_id=wire.target_id,
        before=wire.before,
        after=wire.after,
        reason=wire.reason,
        ip=wire.ip,
        user_agent=wire.user_agent,
        request_id=wire.request_id,
    )
