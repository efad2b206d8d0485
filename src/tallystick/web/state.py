"""How the service is, in numbers that move: of the whole where only the store knows them, else of the process that answers."""

import os
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.changes import Follower
from tallystick.core.errors import Unavailable
from tallystick.http.queries import number, read_one
from tallystick.http.routes import Ask
from tallystick.steady import steady
from tallystick.web.pages import page

_STORES: Final = {"SqliteStore": "SQLite", "MemoryStore": "Memory"}
_BIG: Final = 2**53
_WORKER: Final = number("worker", "Of which process the last numbers were.", most=_BIG)
_AT: Final = number("at", "When they were counted.", most=_BIG)
_SEEN: Final = number("seen", "How many verifications there had been.", most=_BIG)


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows.  `rate`: verifications in a second since it was asked for last; None when another process answered.

    `flush_lag_ms`: how long ago all uses had been written.  `followers`: with how many changes each has not heard of.
    """

    ready: bool
    store: str
    head: int
    followers: tuple[tuple[Follower, int], ...]
    remote: int
    worker: int
    at: int
    seen: int
    rate: float | None
    remembered: int
    from_memory: float | None
    flush_lag_ms: int
    waiting: int
    writes: int
    throttled: int
    unavailable: int


async def show(ask: Ask) -> Response:
    """The page; a part of it asks for itself again, every two seconds."""
    rights.require_may_measure(ask.caller)
    return page(ask, "state.html", it=await _numbers(ask))


async def _numbers(ask: Ask) -> Numbers:
    wiring, now = ask.wiring, steady()
    tally, memory, uses = wiring.tally, wiring.memory, wiring.uses
    ready, head, followers = await _asked_of_store(ask)
    seen = tally.answered + tally.allowed + tally.unknown + tally.malformed + tally.refused.total()
    recalled = tally.answered - tally.answered_late + memory.recalled
    looked = recalled + memory.looked_up + memory.shared + memory.without_lease
    return Numbers(
        ready=ready,
        store=_STORES.get(type(wiring.store).__name__, type(wiring.store).__name__),
        head=head,
        followers=followers,
        remote=len(memory.sponsor),
        worker=os.getpid(),
        at=now,
        seen=seen,
        rate=_rate(ask, now, seen),
        remembered=len(memory.verifier),
        from_memory=recalled / looked if looked else None,
        flush_lag_ms=0 if uses.flushed_at is None else now - uses.flushed_at,
        waiting=len(uses),
        writes=wiring.budget.allowed,
        throttled=wiring.budget.throttled,
        unavailable=tally.unavailable,
    )


async def _asked_of_store(ask: Ask) -> tuple[bool, int, tuple[tuple[Follower, int], ...]]:
    """Whether it can be read and written, its newest change, and who follows it, with how far behind."""
    wiring = ask.wiring
    try:
        await wiring.readiness.require(wiring.store, wiring.clock)
        head = await wiring.store.changes.head()
        followers = await wiring.store.changes.followers()
    except Unavailable:
        return False, 0, ()
    return True, head, tuple((each, max(0, head - each.acked)) for each in followers)


def _rate(ask: Ask, now: int, seen: int) -> float | None:
    query = ask.request.query_params
    if not all(query.get(each.name) for each in (_WORKER, _AT, _SEEN)):
        return None
    worker: int
    at: int
    before: int
    worker, at, before = (read_one(each, query[each.name]) for each in (_WORKER, _AT, _SEEN))
    if worker != os.getpid() or now <= at:
        return None
    return max(0, seen - before) * 1000 / (now - at)
