"""Statements as they stand in the files, in the form that PostgreSQL takes: $1 in place of `:name`."""

import re
from functools import cache
from typing import Any, Final, NamedTuple

from tallystick.storage.statements import SQL, load, read
from tallystick.storage.text import is_storable
from tallystick.storage.transaction import Parameters

DIALECT: Final = "postgresql"
STATEMENTS: Final = load(DIALECT)
OWN: Final = read([SQL / DIALECT / "transaction.sql"])
"""What only this store's driver needs."""

# A text or a cast is passed over.
_NAMES: Final = re.compile(r"'(?:[^']|'')*'|::|:(\w+)")


class Prepared(NamedTuple):
    """The text, and the names of its values in order."""

    text: str
    names: tuple[str, ...]

    # Any: values of all kinds, as the statement takes them.
    def values(self, parameters: Parameters) -> list[Any]:
        """What stands for $1, $2 …"""
        return [parameters[name] for name in self.names]


@cache
def prepared(sql: str) -> Prepared:
    """There are some hundred; none is made of what somebody sent."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return match[0] if match[1] is None else f"${names.setdefault(match[1], len(names) + 1)}"

    return Prepared(_NAMES.sub(number, sql), tuple(names))


def finds_nothing(values: list[Any]) -> bool:
    """Whether there is text among them that no database can hold: nothing was ever kept under it."""
    return not all(is_storable(value) for value in values if isinstance(value, str))
