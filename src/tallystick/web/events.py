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
from tallystick.web.names import Names
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
    names = Names(ask.wiring.store)
    return page(
        ask,
        "events.html",
        lines=[await _line(each, names) for each in found[:_SIZE]],
        asked={name: query.get(name, "") for name in _ASKED},
        narrowed=any(name != "action" for name in given),
        actions=_ACTIONS,
        onward=None if onward is None else f"/console/events?{urlencode(onward)}",
    )


async def _line(event: events.Event, names: Names) -> Line:
    told = shown(event)
    before, after = told.before or {}, told.after or {}
    changed = tuple((field, before.get(field), after.get(field)) for field in before | after)
    return Line(event, await _who(event, names), await names.target(event), changed)


async def _who(event: events.Event, names: Names) -> str:
    if event.by.user_id is None:
        return "the command line" if event.by.token_id is None else "an automation token"
    return await names.user(event.by.user_id)
