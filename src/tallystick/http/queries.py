"""Query parameters: a table says what each is called, means and holds; reading it and describing it is made from that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from tallystick.core.errors import Invalid
from tallystick.http.times import read_instant

Json = dict[str, Any]  # a JSON object; its values are whatever OpenAPI wants there

_INSTANT: Final = "must be an RFC 3339 date and time, such as 2031-01-01T00:00:00Z (in an address, a + is written %2B)"


class Query(msgspec.Struct, frozen=True):
    """One parameter.  `schema`: what it holds, as OpenAPI says it.

    `read`: its text → its value; raises ValueError, with what must be of it.
    """

    name: str
    about: str
    schema: Json
    read: Callable[[str], Any]


def text(name: str, about: str) -> Query:
    """Any text but none: who sends an empty one has forgotten it, and would be told of everything."""
    return Query(name, about, {"type": "string", "minLength": 1}, _text)


def instant(name: str, about: str) -> Query:
    """An instant, in whole seconds; its value is in ms since the epoch."""
    return Query(name, about, {"type": "string", "format": "date-time"}, _instant)


def number(name: str, about: str, *, most: int) -> Query:
    """A number from 1 to `most`."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) <= len(str(most)) and 1 <= int(value) <= most):
            raise ValueError(f"must be a number from 1 to {most}")
        return int(value)

    return Query(name, about, {"type": "integer", "minimum": 1, "maximum": most}, read)


def choice(name: str, about: str, values: Mapping[str, Any]) -> Query:
    """One of a few words."""

    def read(value: str) -> Any:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return values[value]

    return Query(name, about, {"type": "string", "enum": list(values)}, read)


def require_known(request: Request, table: Iterable[Query]) -> None:
    """Raise `Invalid` for another parameter.

    One that is passed over gives something else than was meant, and looks as if it gave what was meant.
    """
    known = [query.name for query in table]
    for name in request.query_params:
        if name not in known:
            raise Invalid(f"{name} is not understood: this takes {', '.join(known)}", code="invalid_request")


def read(request: Request, table: Iterable[Query]) -> dict[str, Any]:
    """The values of the parameters that were given.  Names that are not in the table are passed over.

    Raises `Invalid` for a value that is not understood, and for a parameter given twice: which of the two is meant must
    never be a guess.
    """
    values: dict[str, Any] = {}
    for query in table:
        given = request.query_params.getlist(query.name)
        if len(given) > 1:
            raise Invalid(f"{query.name} was given more than once", code="invalid_request")
        for value in given:
            values[query.name] = read_one(query, value)
    return values


def read_one(query: Query, value: str) -> Any:
    """The value of one parameter.  Raises `Invalid` when it is not understood."""
    try:
        return query.read(value)
    except ValueError as error:
        raise Invalid(f"{query.name} {error}", code="invalid_request") from error


def link(request: Request, query: Sequence[tuple[str, str]], rel: str) -> str:
    """For a `Link` header: this address as it was asked for, with another query.

    A path alone (RFC 8288, 3.1): under which scheme and name we are reached, only the proxy in front knows, and http:// from
    us would send the next request, and its token, in the clear.
    """
    return f'<{request.url.path}?{urlencode(query)}>; rel="{rel}"'


def _text(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _instant(value: str) -> int:
    try:
        moment = read_instant(value)
    except ValueError as error:
        raise ValueError(f"{_INSTANT}: {error}") from error
    if moment is None:
        raise ValueError(_INSTANT)  # Go's zero time, which means that it was not set
    return moment
