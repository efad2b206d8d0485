"""Lists that come page by page.  No I/O.

Only what a server says about *what* to ask next is taken from its answer, never where: the token goes to the address that
this client was made for, and nowhere else.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from tallystick.client._flow import Answer, Flow
from tallystick.client._line import Line, elsewhere
from tallystick.client.errors import clean
from tallystick.client.models import Meta
from tallystick.core.errors import TallystickError

T = TypeVar("T")

_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT: Final = re.compile(r";\s*rel\s*=\s*(\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443}

Query: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of a list, and the flow that gets what follows, None at its end."""

    items: list[T]
    then: Callable[[], Flow["Page[T]"]] | None


def first_page(
    line: Line, path: str, read: Callable[[bytes], tuple[list[T], Meta]], query: Iterable[tuple[str, str]] = ()
) -> Flow[Page[T]]:
    """A page of the list at `path`.  Raises `TallystickError` for a server that points elsewhere or in a circle."""
    asked = tuple(query)
    answer = yield from line.ask("GET", path, query=asked)
    items, meta = read(answer.body)
    following = _following(line, asked, answer, meta)
    if following is None:
        return Page(items=items, then=None)
    if following == asked:
        raise TallystickError(f"The list at {line.target.origin} has no end: its next page is the one before.")
    return Page(items=items, then=lambda: first_page(line, path, read, following))


def numbered(per_page: int = 100) -> Query:
    """What a list that goes by the number of its pages is asked for first."""
    return (("page", "1"), ("per_page", str(per_page)))


def whole(flow: Flow[Page[T]]) -> Flow[list[T]]:
    """All of a list at once."""
    page = yield from flow
    items = [*page.items]
    while page.then is not None:
        page = yield from page.then()
        items += page.items
    return items


def _following(line: Line, asked: Query, answer: Answer, meta: Meta) -> Query | None:
    """What to ask next: by cursor, by `Link` (RFC 8288), or by the number of the page, where only that is told."""
    if meta.next_cursor:
        return (*(pair for pair in asked if pair[0] != "cursor"), ("cursor", meta.next_cursor))
    link = _link_to_next(answer.headers.get("link", ""))
    if link is not None:
        return _query_of(line, link)
    if meta.current_page is not None and meta.total_pages is not None and meta.current_page < meta.total_pages:
        return (*(pair for pair in asked if pair[0] != "page"), ("page", str(meta.current_page + 1)))
    return None


def _link_to_next(header: str) -> str | None:
    return next((url for url, parameters in _LINK.findall(header) if _NEXT.search(parameters)), None)


def _query_of(line: Line, link: str) -> Query:
    """Raises `TallystickError` for another host.  The scheme may differ: a server need not know of the TLS in front of it."""
    try:
        parts = urlsplit(link)
        there = _place(parts) if parts.scheme or parts.netloc else None
        query = tuple(parse_qsl(parts.query, keep_blank_values=True, errors="strict"))
    except ValueError:
        raise elsewhere(line.target.origin, None) from None
    if there is not None and there != _place(urlsplit(line.target.url)):
        secret = line.target.secret
        raise elsewhere(line.target.origin, clean(link, () if secret is None else (secret.reveal(),)))
    return query


def _place(url: SplitResult) -> tuple[str | None, int | None]:
    """Host and port; None for the port that the scheme has anyway."""
    return url.hostname, None if url.port == _PORTS.get(url.scheme) else url.port
