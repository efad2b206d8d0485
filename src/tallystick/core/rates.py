"""How many requests a token has made within this second, this minute and this day.

The windows are the clock's (UTC): each begins with nothing for everybody, and a request that is refused does not count.  So
within one of them there are never more than the limit; around the end of one there may be as many again.
"""

from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias

WINDOWS_MS: Final = (1_000, 60_000, 86_400_000)
NO_LIMIT: Final = 2**32 - 1
REMEMBERED_MAX: Final = 100_000
Counts: TypeAlias = tuple[int, int, int]
"""Of this second, minute and day."""


class Rates(Protocol):
    """The counts of all tokens, of this process or of all processes of one server."""

    def take(self, token_id: str, *, at: int, most: Counts) -> Counts:
        """How many there were before this one, which is added to all three unless one of them has reached its `most`.

        `at`: ms since the epoch.  `most`: NO_LIMIT where there is none.
        """


def numbers(at: int) -> Counts:
    """Which second, minute and day of the epoch it is."""
    second, minute, day = (at // window for window in WINDOWS_MS)
    return second, minute, day


def advance(state: Sequence[int], at: int, most: Counts) -> tuple[list[int], Counts]:
    """What becomes of a state (window, count, window, count, …) by one more request, and the counts before it.

    A clock that was set back by a moment goes on in the window where it had been.
    """
    now = numbers(at)
    windows = [was if was - is_ == 1 else is_ for was, is_ in zip(state[::2], now, strict=True)]
    first, second, third = (
        count if was == window else 0 for was, count, window in zip(state[::2], state[1::2], windows, strict=True)
    )
    before = (first, second, third)
    more = 0 if any(count >= limit for count, limit in zip(before, most, strict=True)) else 1
    after = [
        part for window, count in zip(windows, before, strict=True) for part in (window, min(count + more, NO_LIMIT))
    ]
    return after, before


class LocalRates:
    """The counts of one process, of the tokens that were used last."""

    def __init__(self, *, most: int = REMEMBERED_MAX) -> None:
        self._most = most
        self._states: dict[str, list[int]] = {}

    def take(self, token_id: str, *, at: int, most: Counts) -> Counts:
        state, before = advance(self._states.pop(token_id, [0] * 6), at, most)
        if len(self._states) >= self._most:
            del self._states[next(iter(self._states))]
        self._states[token_id] = state
        return before


def ends_in(window: int, at: int) -> int:
    """How many ms are left of a window (its place in `WINDOWS_MS`)."""
    length = WINDOWS_MS[window]
    return length - at % length
