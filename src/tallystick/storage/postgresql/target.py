"""Which database an URL names, and how it is to be used.  What follows the question mark is PostgreSQL's, but for ours:

pool_size                connections of each process for requests, 10
timeout                  seconds after which the server counts as lost, or busy, 5
notifications=off        behind a pooler that lends a connection for a transaction: changes are looked for every 20 ms
statement_cache_size     prepared statements that a connection keeps, 500; 0 behind such a pooler, unless it knows them
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import msgspec

from tallystick.core.errors import Invalid

# Without what was given: it may hold a password, where nobody would look for one.
_FORM: Final = "use postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A database.  `dsn`: what asyncpg takes; it may hold a password, so nothing but `where` is shown.

    `hosts`: whom to try, in order; empty = as `dsn` says, or PostgreSQL's own environment variables.  `cache_as_asked`: whether
    `statement_cache_size` was given, and not only its default.
    """

    dsn: str
    where: str
    hosts: tuple[tuple[str, int], ...]
    any_server: bool
    pool_size: int = 10
    timeout: float = 5.0
    notifications: bool = True
    statement_cache_size: int = 500
    cache_as_asked: bool = False

    def __repr__(self) -> str:
        return f"Target({self.where!r}, …)"


def parse(url: str) -> Target:
    """Raises `Invalid`, without a word of what was given."""
    try:
        parts = urlsplit(url)
        hosts = tuple(_hosts(parts.netloc.rpartition("@")[2]))
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise Invalid(f"not an URL of a PostgreSQL database: {_FORM}") from None
    if parts.fragment or (parts.netloc and not parts.path.startswith("/") and parts.path):
        raise Invalid(f"not an URL of a PostgreSQL database: {_FORM}")
    cache_as_asked = "statement_cache_size" in asked
    ours = {name: _OURS[name](name, asked.pop(name)) for name in _OURS.keys() & asked.keys()}
    return Target(
        dsn=parts._replace(query=urlencode(asked)).geturl(),
        where=_where(parts, asked),
        hosts=hosts,
        any_server="target_session_attrs" in asked,
        cache_as_asked=cache_as_asked,
        **ours,
    )


def _hosts(text: str) -> list[tuple[str, int]]:
    hosts = []
    for each in filter(None, text.split(",")):
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", each)
        if match is None:
            raise ValueError
        hosts.append((match[1] or match[2], int(match[3] or 5432)))
    return hosts


def _where(parts: SplitResult, asked: Mapping[str, str]) -> str:
    server = parts.netloc.rpartition("@")[2] or asked.get("host", "")
    return f"postgresql://{server}{parts.path}"


def _number(low: float, high: float, kind: type[int] | type[float]) -> Callable[[str, str], Any]:
    def number(name: str, text: str) -> float:
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) is None or not low <= float(text) <= high:
            raise Invalid(f"{name} in the database's URL must be a number from {low} to {high}")
        return kind(float(text))

    return number


def _switch(name: str, text: str) -> bool:
    if text not in ("on", "off"):
        raise Invalid(f"{name} in the database's URL must be on or off")
    return text == "on"


_OURS: Final[dict[str, Callable[[str, str], Any]]] = {
    "pool_size": _number(1, 1000, int),
    "timeout": _number(0.1, 600, float),
    "notifications": _switch,
    "statement_cache_size": _number(0, 10_000, int),
}
