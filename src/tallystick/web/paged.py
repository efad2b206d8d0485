"""Long lists of what is kept in memory anyway, by pages, and by a part of what each is called."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from tallystick.http.paging import Numbered
from tallystick.http.queries import number, read_one
from tallystick.http.routes import Ask

T = TypeVar("T")
_SIZE: Final = 50
_PAGE: Final = number("page", "Which page, from 1.", most=1_000_000)


class Paged(NamedTuple, Generic[T]):
    """A page of what was sought.  `total`: how many there are of that; `at`, `pages`: from 1."""

    items: Sequence[T]
    total: int
    sought: str
    at: int
    pages: int


def paged(ask: Ask, everything: Sequence[T], called: Callable[[T], str]) -> Paged[T]:
    """As the address asks for it (`q`, `page`).  `called`: by which words each is found, its id among them.  Raises `Invalid`."""
    query = ask.request.query_params
    sought = query.get("q", "").strip()
    part = sought.casefold()
    found = [each for each in everything if part in called(each).casefold()]
    at = Numbered(read_one(_PAGE, query.get("page") or "1"), _SIZE)
    return Paged(found[at.skipped : at.skipped + at.size], len(found), sought, at.number, at.pages(len(found)))
