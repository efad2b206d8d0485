"""What a list of tokens can be asked for: filters, an order, a page."""

import re
from difflib import get_close_matches
from itertools import product
from typing import Final

import msgspec
from starlette.requests import Request

from tallystick.core.errors import Invalid
from tallystick.core.find import Kind, Place, Sort, SortBy, Wanted
from tallystick.http import cursors
from tallystick.http.queries import choice, instant, link, number, read, text
from tallystick.http.routes import Ask

_SIZE: Final = 100
_SIZE_MAX: Final = 1000
SORTS: Final = {f"{'-' * turned}{by}": Sort(by, turned) for by, turned in product(SortBy, (False, True))}

FILTERS: Final = (
    instant("created_before", "Created before this instant."),
    instant("created_after", "Created at this instant or later."),
    instant("used_before", "Used, and last before this instant."),
    instant("used_after", "Last used at this instant or later."),
    instant("expires_before", "With an end, and that before this instant."),
    instant("unused_since", "Neither used nor created at this instant or later."),
    text("search", "A part of the name, whatever the case of its ASCII letters, or the whole id."),
    choice("kind", "Of people, or of nobody: made for automation.", {kind.value: kind for kind in Kind}),
    text("user_id", "Of this user."),
    text("service_id", "Limited to this service by name: not those for all services."),
)
QUERIES: Final = (
    *FILTERS,
    choice("sort", "By what it is sorted; `-` turns it round.  Never used comes first, never expiring last.", SORTS),
    number("limit", f"How many on a page; {_SIZE} when anything is asked for, else all in one answer.", most=_SIZE_MAX),
    text("cursor", "Where to go on, with the same `sort`: from the `Link` of the page before."),
)
_GIVEN_MAX: Final = 100  # each name is compared with all of ours: thousands of them took seconds, on the event loop
_NAMES: Final = {query.name.replace("_", ""): query.name for query in QUERIES}


class Search(msgspec.Struct, frozen=True):
    """What is asked for."""

    wanted: Wanted
    sort: Sort
    size: int
    after: Place | None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    sort: str
    value: int | str
    token_id: str


def asked(ask: Ask) -> Search | None:
    """What this request asks for beyond the whole list; None for that.

    Raises `Invalid` for a value that is not understood, and for a name that is not but may be meant for one of ours.
    """
    _require_understood(ask.request)
    given = read(ask.request, QUERIES)
    if not given:
        return None
    sort, size, cursor = given.pop("sort", Sort()), given.pop("limit", _SIZE), given.pop("cursor", None)
    return Search(Wanted(**given), sort, size, None if cursor is None else place_of(ask, cursor, sort))


def next_page(ask: Ask, search: Search, last: Place) -> str:
    """The `Link` to what comes after `last`."""
    cursor = cursor_of(ask, last, search.sort)
    query = [(name, value) for name, value in ask.request.query_params.multi_items() if name != "cursor"]
    return link(ask.request, [*query, ("cursor", cursor)], "next")


def cursor_of(ask: Ask, place: Place, sort: Sort) -> str:
    """Where a list in this order goes on, as a text."""
    return cursors.seal(_Cursor(_word(sort), place.value, place.token_id), ask.wiring.digest)


def place_of(ask: Ask, text: str, sort: Sort) -> Place:
    """The place again.  Raises `Invalid`, also when it belongs to another order."""
    cursor = cursors.unseal(text, _Cursor, ask.wiring.digest)
    if cursor.sort != _word(sort):
        raise Invalid(f"cursor belongs to sort={cursor.sort}: send both", code="invalid_request")
    return Place(cursor.value, cursor.token_id)


def _word(sort: Sort) -> str:
    return f"{'-' * sort.descending}{sort.by}"


def _require_understood(request: Request) -> None:
    """A filter that is passed over gives more than was meant, and looks as if it gave what was meant.

    Beside one of our parameters every name must be ours.  Alone, another name changes nothing, as it never did, unless it
    looks like one of ours.
    """
    given = request.query_params.keys()
    if len(given) > _GIVEN_MAX:
        raise Invalid(f"the query has more than {_GIVEN_MAX} parameters", code="invalid_request")
    known = set(_NAMES.values())
    for name in given:
        if name in known:
            continue
        meant = get_close_matches(re.sub(r"[^a-z]", "", name.lower()), _NAMES, 1, 0.8)
        if meant:
            raise Invalid(f"{name} is not understood: did you mean {_NAMES[meant[0]]}?", code="invalid_request")
        if not known.isdisjoint(given):
            understood = ", ".join(_NAMES.values())
            raise Invalid(f"{name} is not understood: this list takes {understood}", code="invalid_request")
