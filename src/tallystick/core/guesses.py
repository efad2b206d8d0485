"""Failed guesses at what people know: how the store keeps them.  What follows from them is `identity/guess.py`."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tallystick.core.events import Origin
from tallystick.core.people import User


class Failures(msgspec.Struct, frozen=True):
    """How often in a row guessing has failed for one key, and when last (ms since the epoch)."""

    count: int
    last_at: int


class GuessLog(Protocol):
    """Failed guesses, by an opaque key: kept across restarts, so that a restart is no fresh start for a guesser."""

    async def failures(self, key: str) -> Failures | None:
        """What is noted for this key."""

    async def note_failure(self, keys: Sequence[str], *, now: int) -> None:
        """One more for each key, in one transaction.  A key named twice counts once; `last_at` never goes back."""

    async def forget(self, keys: Sequence[str]) -> None:
        """It went well: the row of failures ends."""

    async def unlock(self, keys: Sequence[str], *, user: User, by: Origin) -> None:
        """The same, because an administrator says so."""

    async def forget_older(self, *, before: int) -> None:
        """Drop what nobody has added to since that instant."""
