"""Verifiers inside other programs, for which a server process answers: the store sees only the latter.

A sponsored verifier asks again and again what has changed (`POST /verifiers/{id}/sync`), says with it what it has heard, and
gets a lease each time, which ends before its sponsor's own.  The sponsor says that it has heard of a change when all of those
have that hold a lease.  So whoever waits for the sponsor waits for them, and they cost the store nothing.  No I/O.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from tallystick.core.changes import Change
from tallystick.core.errors import Throttled

SPONSORED_MAX: Final = 1_000
POLL_MS: Final = 500
"""How long an answer is held back while there is nothing to tell."""
_KEPT: Final = 1_000


class News(msgspec.Struct, frozen=True):
    """What one who had heard up to `since` or later is told."""

    since: int
    upto: int
    changes: tuple[Change, ...]


class Sponsored(msgspec.Struct):
    """A verifier inside another program: up to which change it has heard, and until when (steady ms) it may hold a lease."""

    acked: int
    until: int


class Sponsor:
    """Those whom one process speaks for.  Instants are ms on its steady clock."""

    def __init__(self, *, most: int = SPONSORED_MAX) -> None:
        self._most = most
        self._those: dict[str, Sponsored] = {}
        self._news: deque[News] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        return len(self._those)

    def hear(self, changes: Iterable[Change], *, since: int, upto: int) -> None:
        """The process itself has heard of these, which came after `since`."""
        self._news.append(News(since, upto, tuple(veiled(each) for each in changes)))

    def begin(self) -> None:
        """What came before is not known any more."""
        self._news.clear()

    def confirm(self, name: str, acked: int, *, steady: int) -> None:
        """This one has heard of everything up to there."""
        known = self._those.get(name)
        if known is not None and known.until > steady:
            known.acked = max(known.acked, acked)

    def grant(self, name: str, *, upto: int, until: int, steady: int) -> None:
        """It gets a lease until then, together with all that came up to `upto`; to be called before it is told.

        One that still holds a lease answers by what it has confirmed until it confirms more.  One that holds none uses this
        lease only when it has applied what comes with it, so it counts as having heard that.  Raises `Throttled`.
        """
        known = self._those.get(name)
        if known is not None and known.until > steady:
            known.until = max(known.until, until)
            return
        if known is None and len(self._those) >= self._most:
            self._let_go_of_lapsed(steady)
            if len(self._those) >= self._most:
                raise Throttled(f"this server speaks for {self._most} verifiers already", retry_after=1)
        self._those[name] = Sponsored(upto, until)

    def leave(self, name: str) -> None:
        """It answers from memory no more."""
        self._those.pop(name, None)

    def count(self, *, steady: int) -> int:
        """How many of them may hold a lease."""
        self._let_go_of_lapsed(steady)
        return len(self._those)

    def heard(self, applied: int, *, steady: int) -> int:
        """Up to which change all have heard: the process itself, which has `applied` so much, and those who hold a lease."""
        self._let_go_of_lapsed(steady)
        return min([applied, *(each.acked for each in self._those.values())])

    def after(self, acked: int, *, applied: int) -> tuple[Change, ...] | None:
        """What came after that, up to `applied`.  None when some of it is not kept here."""
        if acked >= applied:
            return ()
        if not self._news or self._news[0].since > acked:
            return None
        return tuple(change for news in self._news if news.upto > acked for change in news.changes)

    def _let_go_of_lapsed(self, steady: int) -> None:
        for name in [name for name, each in self._those.items() if each.until <= steady]:
            del self._those[name]


def veiled(change: Change) -> Change:
    """What those far away are told: who knows the id recognises it, and nobody learns an id from it."""
    return Change(change.kind, veil(change.key))


def veil(key: str) -> str:
    """An id, so that only who knows it knows which it is."""
    return blake2b(key.encode(), digest_size=8).hexdigest()
