"""What limits that only report would have refused: counted in memory, added up in the store, as uses are (`use.py`)."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.limits import Asked, Limit
from tallystick.core.secret import redacted
from tallystick.core.use import kept_agent

KINDS_MAX: Final = 100  # of one token: a report that nobody can read is none
OTHERS: Final = "…"
"""Stands for all that came when a token had `KINDS_MAX` already."""
WAITING_MAX: Final = 10_000  # kinds that wait to be written; reached only while the store is away
_DETAIL_CHARS: Final = 200


class Shadowed(msgspec.Struct, frozen=True):
    """One kind of request that one limit would have refused, and how often.

    `detail`: the address for networks, method and path for rules, else empty.  `ip`, `user_agent`: who asked, of late.
    Instants are ms since the epoch.
    """

    token_id: str
    limit: Limit
    detail: str
    count: int
    first_at: int
    last_at: int
    ip: str | None
    user_agent: str | None


class Shadows:
    """What is not written yet.  Owned by one thread; nothing here waits."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, Limit, str], Shadowed] = {}
        self._being_written: dict[tuple[str, Limit, str], Shadowed] = {}

    def note(self, token_id: str, limit: Limit, asked: Asked, *, at: int, user_agent: str | None) -> None:
        """One request that was let in, and would not have been."""
        detail = detail_of(limit, asked)
        agent = None if user_agent is None else kept_agent(user_agent)
        self._add(Shadowed(token_id, limit, detail, 1, at, at, asked.ip, agent))

    def take(self) -> Sequence[Shadowed]:
        """What is to be added in the store now.  Call `written` or `failed` before the next `take`."""
        self._being_written, self._pending = self._pending, {}
        return list(self._being_written.values())

    def written(self) -> None:
        """All of it is in the store."""
        self._being_written = {}

    def failed(self) -> None:
        """None of it is: keep it, with what came since."""
        newer, self._pending, self._being_written = self._pending, self._being_written, {}
        for each in newer.values():
            self._add(each)

    def _add(self, one: Shadowed) -> None:
        key = one.token_id, one.limit, one.detail
        known = self._pending.get(key)
        if known is None and len(self._pending) >= WAITING_MAX:
            del self._pending[next(iter(self._pending))]
        self._pending[key] = one if known is None else together(known, one)


def together(older: Shadowed, newer: Shadowed) -> Shadowed:
    """Two of a kind, as one."""
    return replace(
        newer,
        count=older.count + newer.count,
        first_at=min(older.first_at, newer.first_at),
        last_at=max(older.last_at, newer.last_at),
    )


def by_count(found: Iterable[Shadowed]) -> list[Shadowed]:
    """The most frequent first."""
    return sorted(found, key=lambda each: (-each.count, each.limit, each.detail))


def detail_of(limit: Limit, asked: Asked) -> str:
    """What it was about a request that a limit is against."""
    match limit:
        case Limit.NETWORKS:
            return asked.ip or "no address"
        case Limit.RULES if asked.uri is None:
            return "no request"
        case Limit.RULES:
            path = (asked.uri or "").partition("?")[0]
            return redacted(f"{asked.method or '?'} {path}")[:_DETAIL_CHARS]
        case _:
            return ""
