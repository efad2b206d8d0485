"""Lists of tokens as pages: what is looked for is in the address, each row says what a token is and what becomes of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from tallystick.core.caller import Reach
from tallystick.core.find import Kind, Page, Sort, SortBy, Wanted
from tallystick.core.hour import HOUR_MS
from tallystick.core.issue import is_session
from tallystick.core.people import Service
from tallystick.core.token import Token
from tallystick.http.find import SORTS, cursor_of, place_of
from tallystick.http.queries import choice, read_one, text
from tallystick.http.routes import Ask
from tallystick.web import receipts
from tallystick.web.charts import DAY_MS, Chart, of_day
from tallystick.web.pages import page

SIZE: Final = 25
_COUNTED: Final = 10_000  # beyond that nobody wants to know the number, and everybody would wait for it
SERVICES_SHOWN: Final = 100  # in the filter; who has more writes the id into the address
_DAYS: Final = {f"{days}d": days for days in (7, 30, 90)}
_NEWEST: Final = Sort(SortBy.CREATED_AT, descending=True)
_QUERIES: Final = (
    text("q", "A part of the name, or the whole id."),
    text("service", "Limited to this service by name."),
    text("owner", "Of this user."),
    choice("kind", "Of people, or for automation.", {kind.value: kind for kind in Kind}),
    choice("expires", "Over, or over within so many days.", _DAYS),
    choice("unused", "Neither used nor created for so many days.", _DAYS),
    choice("sort", "In which order.", SORTS),
    text("cursor", "Where to go on."),
)


class Row(msgspec.Struct, frozen=True):
    """A token as it is listed.  `owner`: its user's login, where others' are shown; `mine`: the session that asks."""

    token: Token
    services: tuple[str, ...]
    owner: str | None
    mine: bool
    session: bool
    chart: Chart | None


async def listed(ask: Ask, reach: Reach, *, template: str = "tokens.html", kind: Kind | None = None) -> Response:
    """The page of tokens within reach, as the address asks for them.  Raises `Invalid`.  `kind`: only these."""
    given = _asked(ask)
    sort: Sort = given.get("sort", _NEWEST)
    cursor = given.get("cursor")
    after = None if cursor is None else place_of(ask, cursor, sort)
    wanted = _wanted(given, ask.now)
    wanted = wanted if kind is None else replace(wanted, kind=kind)
    found = await ask.wiring.store.tokens.find(reach, wanted, sort=sort, size=SIZE, after=after)
    services = await ask.wiring.store.people.services(reach.customer_id)
    return page(
        ask,
        template,
        rows=await rows(ask, found.tokens, services, owners=reach.owner_id is None),
        total=await _total(ask, reach, wanted, found if after is None else None),
        most=_COUNTED,
        services=services[:SERVICES_SHOWN],
        asked={each.name: ask.request.query_params.get(each.name, "") for each in _QUERIES},
        filtered=bool(given.keys() - {"sort", "cursor"}),
        sorts=[(word, _address(ask, sort=key, cursor=None), SORTS[key] == sort) for key, word in _SORTED.items()],
        here=_address(ask, cursor=None),
        first=None if after is None else _address(ask, cursor=None),
        onward=_onward(ask, found, sort),
        receipt=await receipts.shown(ask),
    )


async def rows(ask: Ask, tokens: Iterable[Token], services: Iterable[Service], *, owners: bool) -> list[Row]:
    """Tokens as they are listed.  `owners`: say whose they are."""
    names = {each.id: each.name for each in services}
    people: dict[str | None, str] = {}
    listed = []
    for token in map(ask.wiring.uses.latest, tokens):
        if owners and token.user_id not in people:
            people[token.user_id] = await _login(ask, token.user_id)
        listed.append(
            Row(
                token,
                tuple(names.get(each, each) for each in token.services),
                people.get(token.user_id),
                ask.caller.token.id == token.id,
                is_session(token),
                await _recent(ask, token),
            )
        )
    return listed


_SORTED: Final = {"-created_at": "Newest", "-last_used_at": "Last used", "expires_at": "Expires first", "name": "Name"}


def _asked(ask: Ask) -> dict[str, Any]:  # what each holds, its query says
    """What the address asks for.  A field that was left empty asks for nothing."""
    query = ask.request.query_params
    return {each.name: read_one(each, value) for each in _QUERIES if (value := query.get(each.name))}


def _wanted(given: Mapping[str, Any], now: int) -> Wanted:
    expires, unused = given.get("expires"), given.get("unused")
    return Wanted(
        search=given.get("q"),
        service_id=given.get("service"),
        user_id=given.get("owner"),
        kind=given.get("kind"),
        expires_before=None if expires is None else now + expires * DAY_MS,
        unused_since=None if unused is None else now - unused * DAY_MS,
    )


async def _total(ask: Ask, reach: Reach, wanted: Wanted, first: Page | None) -> int:
    """How many there are, or one more than are counted.  `first`: the first page; when it is the only one, it says so itself."""
    if first is not None and first.last is None:
        return len(first.tokens)
    return await ask.wiring.store.tokens.count(reach, wanted, most=_COUNTED + 1)


def _onward(ask: Ask, found: Page, sort: Sort) -> str | None:
    return None if found.last is None else _address(ask, cursor=cursor_of(ask, found.last, sort))


def _address(ask: Ask, **changed: str | None) -> str:
    """This page, asked for otherwise."""
    known = {query.name for query in _QUERIES}
    query = {name: value for name, value in ask.request.query_params.items() if value and name in known} | changed
    return f"{ask.request.url.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


async def _login(ask: Ask, user_id: str | None) -> str:
    user = None if user_id is None else await ask.wiring.store.people.user(user_id)
    return "automation" if user is None else user.login


async def _recent(ask: Ask, token: Token) -> Chart | None:
    """The last 24 hours, if there was anything."""
    last = token.last_use
    return None if last is None or ask.now - last.at > 25 * HOUR_MS else await of_day(ask, token)
