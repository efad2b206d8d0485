"""How the service is, in numbers that move: of the whole where the store knows them, else of all workers of the server that answers."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import rights
from tallystick.core.changes import Follower
from tallystick.core.errors import Unavailable
from tallystick.http.routes import Ask
from tallystick.steady import steady
from tallystick.web.pages import page

_STORES: Final = {"SqliteStore": "SQLite", "MemoryStore": "Memory"}
_SINCE: Final = ("at", "seen", "written")  # when it was asked last, and what had been counted by then
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_Counted = Mapping[tuple[str, str | None], float]


class Rates(msgspec.Struct, frozen=True):
    """How many in a second since the page asked last; None when it is the first time, or another server answered then."""

    verifications: float | None = None
    writes: float | None = None


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows.  `followers`: with how many changes each has not heard of.

    `flush_lag_ms`: how long ago the slowest worker had written all uses.  `from_memory`: which part of look-ups.
    """

    ready: bool
    store: str
    head: int
    followers: tuple[tuple[Follower, int], ...]
    server: str
    at: int
    workers: int
    remote: int
    seen: int
    remembered: int
    from_memory: float | None
    flush_lag_ms: int
    waiting: int
    written: int
    throttled: int
    unavailable: int
    rates: Rates


async def show(ask: Ask) -> Response:
    """The page; a part of it asks for itself again, every two seconds."""
    rights.require_may_measure(ask.caller)
    return page(ask, "state.html", it=await _numbers(ask))


async def _numbers(ask: Ask) -> Numbers:
    measuring, at = ask.wiring.measuring, steady()
    counted = await measuring.all(ask.wiring)
    ready, head, followers = await _asked_of_store(ask)
    seen = int(_sum(counted, "verifications"))
    written = int(counted["writes", "allowed"])
    looked = _sum(counted, "lookups") - counted["lookups", "write"]
    return Numbers(
        ready=ready,
        store=_STORES.get(type(ask.wiring.store).__name__, type(ask.wiring.store).__name__),
        head=head,
        followers=followers,
        server=measuring.server,
        at=at,
        workers=int(counted["workers", None]),
        remote=int(counted["remote_verifiers", None]),
        seen=seen,
        remembered=int(counted["grants", None]),
        from_memory=counted["lookups", "memory"] / looked if looked else None,
        flush_lag_ms=round(counted["uses_flush_lag_seconds", None] * 1000),
        waiting=int(counted["uses_waiting", None]),
        written=written,
        throttled=int(counted["writes", "throttled"]),
        unavailable=int(counted["store_unavailable", None]),
        rates=_rates(ask, at, seen, written),
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


def _sum(counted: _Counted, name: str) -> float:
    return sum(value for (found, _), value in counted.items() if found == name)


def _rates(ask: Ask, at: int, seen: int, written: int) -> Rates:
    """Since what the address says, if that was of this server."""
    query = ask.request.query_params
    before = {name: int(query[name]) for name in _SINCE if _NUMBER.fullmatch(query.get(name, "")) is not None}
    if query.get("server") != ask.wiring.measuring.server or len(before) < len(_SINCE) or at <= before["at"]:
        return Rates()
    seconds = (at - before["at"]) / 1000
    return Rates(max(0, seen - before["seen"]) / seconds, max(0, written - before["written"]) / seconds)
