"""Numbers that several get at once, each another one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")


def numbers(keys: Sequence[K], counts: Mapping[K, int]) -> list[int]:
    """A number for each, in order: those of one key are the last of `counts`, which is how many it has with all of these."""
    asked, number, given = Counter(keys), dict(counts), []
    for key in asked:
        number[key] -= asked[key]
    for key in keys:
        number[key] += 1
        given.append(number[key])
    return given
