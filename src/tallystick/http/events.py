"""Who did what: the events of a customer, for its superusers.  Not Fastly's: a path and a shape of our own."""

import re
from typing import Any, Final, Literal

import msgspec
from starlette.responses import Response

from tallystick.core import events, rights
from tallystick.core.errors import Invalid
from tallystick.core.events import Fields, Sought
from tallystick.core.ports import Position
from tallystick.http import cursors
from tallystick.http.queries import Query, link, number, read, require_known, text
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import exact_stamp, read_instant, stamp

_SIZE: Final = 100
_SIZE_MAX: Final = 1000
_ACTION: Final = r"[a-z_]+(\.[a-z_]+)?"


class Event(msgspec.Struct):
    """One change.  `user_id`: who did it, `token_id`: by which token; both null for the command line.

    `before`, `after`: the fields that it is about, null where there was or is nothing; a change names what differs only.
    """

    id: str
    created_at: str
    action: str
    customer_id: str
    user_id: str | None
    token_id: str | None
    target_kind: str
    target_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None


class EventsMeta(msgspec.Struct):
    """Where the list goes on: `next_cursor` is null at its end."""

    limit: int
    next_cursor: str | None


class Events(msgspec.Struct):
    """A page of events, the newest first."""

    data: list[Event]
    meta: EventsMeta


def _action(value: str) -> str:
    if re.fullmatch(_ACTION, value) is None:
        raise ValueError("must be an action such as token.create, or its first word, such as token")
    return value


def _instant(value: str) -> int:
    try:
        moment = read_instant(value, exact=True)
    except ValueError as error:
        raise ValueError(f"{_NO_INSTANT}: {error}") from error
    if moment is None:
        raise ValueError(_NO_INSTANT)  # Go's zero time, which means that it was not set
    return moment


_NO_INSTANT: Final = "must be an RFC 3339 date and time, such as 2031-01-01T00:00:00Z (a + is written %2B)"
_DATE_TIME: Final = {"type": "string", "format": "date-time"}
QUERIES: Final = (
    text("user_id", "Done by this user."),
    text("token_id", "Done by this token."),
    text("target_id", "Done to this token, user, service or customer."),
    Query(
        "action",
        "This action, or all that begin with this word.",
        {"type": "string", "pattern": f"^{_ACTION}$"},
        _action,
    ),
    Query("since", "At this instant or later.", _DATE_TIME, _instant),
    Query("until", "Before this instant.", _DATE_TIME, _instant),
    text("request_id", "Within this request."),
    number("limit", f"How many on a page; {_SIZE} if not said.", most=_SIZE_MAX),
    text("cursor", "Where to go on: from the page before."),
)


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The customer is in it so that a foreign one is refused; whose events are read, the caller's token alone says."""

    of: Literal["events"]
    customer_id: str
    at: int
    id: str


async def list_events(ask: Ask) -> Response:
    """List what was done in this customer, the newest first, as one of its superusers.

    Closed to tokens that are limited to services, and to automation tokens.
    """
    rights.require_may_read_events(ask.caller)
    require_known(ask.request, QUERIES)
    given = read(ask.request, QUERIES)
    size, after = given.pop("limit", _SIZE), position_of(ask, given.pop("cursor", None))
    customer_id = ask.caller.customer_id
    found = await ask.wiring.store.events.find(customer_id, Sought(**given), after=after, size=size + 1)
    page = found[:size]
    cursor = cursor_of(ask, page[-1]) if len(found) > size else None
    answer = json_answer(Events([shown(each) for each in page], EventsMeta(size, cursor)))
    if cursor is not None:
        query = [(name, value) for name, value in ask.request.query_params.multi_items() if name != "cursor"]
        answer.headers["link"] = link(ask.request, [*query, ("cursor", cursor)], "next")
    return answer


def shown(event: events.Event) -> Event:
    """An event as it is read."""
    by = event.by
    return Event(
        id=event.id,
        created_at=exact_stamp(by.at),
        action=event.action,
        customer_id=event.customer_id,
        user_id=by.user_id,
        token_id=by.token_id,
        target_kind=event.target_kind,
        target_id=event.target_id,
        before=_told(event.before),
        after=_told(event.after),
        reason=event.reason,
        ip=by.ip,
        user_agent=by.user_agent,
        request_id=by.request_id,
    )


# As the rest of the wire calls them.
_NAMES: Final = {"sudo_until": "sudo_expires_at", "two_factor": "two_factor_auth_enabled"}


def _told(fields: Fields | None) -> Fields | None:
    """The fields of a record as the rest of the wire has them: names, and instants as text."""
    if fields is None:
        return None
    named = {_NAMES.get(name, name): value for name, value in fields.items()}
    return {name: stamp(value) if name.endswith("_at") else value for name, value in named.items()}


def cursor_of(ask: Ask, last: events.Event) -> str:
    """Where the list goes on after this one, as a text."""
    return cursors.seal(_Cursor("events", last.customer_id, last.by.at, last.id), ask.wiring.digest)


def position_of(ask: Ask, cursor: str | None) -> Position | None:
    """The place again.  Raises `Invalid`."""
    if cursor is None:
        return None
    found = cursors.unseal(cursor, _Cursor, ask.wiring.digest)
    if found.customer_id != ask.caller.customer_id:
        raise Invalid("cursor is not one of this list", code="invalid_request")
    return found.at, found.id
