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
    names = _Names(ask)
    return page(
        ask,
        "events.html",
        lines=[await _line(each, names) for each in found[:_SIZE]],
        asked={name: query.get(name, "") for name in _ASKED},
        narrowed=any(name != "action" for name in given),
        actions=_ACTIONS,
        onward=None if onward is None else f"/console/events?{urlencode(onward)}",
    )


class _Names:
    """What those are called that are there, by their ids; each is looked up once."""

    def __init__(self, ask: Ask) -> None:
        self._store = ask.wiring.store
        self._known: dict[str, str] = {}

    async def user(self, user_id: str) -> str:
        """The login."""
        if user_id not in self._known:
            user = await self._store.people.user(user_id)
            self._known[user_id] = user_id if user is None else user.login
        return self._known[user_id]

    async def of(self, kind: str, target_id: str) -> str:
        """What an event is about."""
        if kind == "user":
            return await self.user(target_id)
        if kind == "token" and target_id not in self._known:
            token = await self._store.tokens.get(target_id)
            self._known[target_id] = target_id if token is None else token.name
        return self._known.get(target_id, target_id)


async def _line(event: events.Event, names: _Names) -> Line:
    told = shown(event)
    before, after = told.before or {}, told.after or {}
    changed = tuple((field, before.get(field), after.get(field)) for field in before | after)
    target = after.get("name") or before.get("name") or after.get("login") or before.get("login")
    target = target or await names.of(event.target_kind, event.target_id)
    return Line(event, await _who(event, names), target, changed)


async def _who(event: events.Event, names: _Names) -> str:
    if event.by.user_id is None:
        return "the command line" if event.by.token_id is None else "an automation token"
    return await names.user(event.by.user_id)
