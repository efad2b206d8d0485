"""Who did what, in this customer, the newest first."""

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from tallystick.core import events, rights
from tallystick.core.events import Sought
from tallystick.http.events import QUERIES, cursor_of, position_of, shown
from tallystick.http.queries import read_one
from tallystick.http.routes import Ask
from tallystick.web.pages import page

_SIZE: Final = 50
_ASKED: Final = ("action", "user_id", "token_id", "target_id", "request_id", "cursor")
_ACTIONS: Final = {"token": "Tokens", "user": "People", "service": "Services", "customer": "The customer"}


class Line(msgspec.Struct, frozen=True):
    """An event as it is read.  `who`: the login, or how else it was done; `changed`: field, before, after."""

    event: events.Event
    who: str
    target: str
    changed: tuple[tuple[str, Any, Any], ...]


async def newest(ask: Ask) -> Response:
    """The page, as the address asks for it."""
    rights.require_may_read_events(ask.caller)
    query = ask.request.query_params
    given = {
        each.name: read_one(each, value) for each in QUERIES if each.name in _ASKED and (value := query.get(each.name))
    }
    after = position_of(ask, given.pop("cursor", None))
    log, customer_id = ask.wiring.store.events, ask.caller.customer_id
    found = await log.find(customer_id, Sought(**given), after=after, size=_SIZE + 1)
    kept = {name: query[name] for name in given}
    onward = {**kept, "cursor": cursor_of(ask, found[_SIZE - 1])} if len(found) > _SIZE else None
    names: dict[str | None, str] = {}
    return page(
        ask,
        "events.html",
        lines=[await _line(ask, each, names) for each in found[:_SIZE]],
        asked={name: query.get(name, "") for name in _ASKED},
        narrowed=any(name != "action" for name in given),
        actions=_ACTIONS,
        onward=None if onward is None else f"/console/events?{urlencode(onward)}",
    )


async def _line(ask: Ask, event: events.Event, names: dict[str | None, str]) -> Line:
    told = shown(event)
    before, after = told.before or {}, told.after or {}
    changed = tuple((field, before.get(field), after.get(field)) for field in before | after)
    target = after.get("name") or before.get("name") or after.get("login") or before.get("login")
    return Line(event, await _who(ask, event, names), target or event.target_id, changed)


async def _who(ask: Ask, event: events.Event, names: dict[str | None, str]) -> str:
    by = event.by.user_id
    if by is None:
        return "the command line" if event.by.token_id is None else "an automation token"
    if by not in names:
        user = await ask.wiring.store.people.user(by)
        names[by] = by if user is None else user.login
    return names[by]
