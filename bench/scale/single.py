"""What one operation costs at one size: one at a time, over the store, without HTTP.  Medians, in ms."""

import asyncio
import os
import random
import re
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final, NamedTuple

import asyncpg

from bench.scale.fill import Database, Team
from tallystick import storage
from tallystick.core.caller import Reach
from tallystick.core.events import Origin
from tallystick.core.find import Place, Sort, SortBy, Wanted
from tallystick.core.outcome import Added
from tallystick.core.ports import Store
from tallystick.core.scope import stored
from tallystick.core.secret import Digest, new_id
from tallystick.core.token import Token
from tallystick.storage import finding
from tallystick.storage.finding import Question
from tallystick.storage.postgresql.statement import STATEMENTS, prepared

TIMES: Final = 300
BULK: Final = 10_000
_PAGE: Final = 100


class Cost(NamedTuple):
    """One operation: ms, one of each time it was done; and which indexes or tables its statement goes through."""

    ms: list[float]
    plan: str

    @property
    def median(self) -> float:
        """In ms."""
        return statistics.median(self.ms)


def measure(database: Database) -> dict[str, Cost]:
    """All operations, by name."""
    return asyncio.run(_measure(database))


def bulk(database: Database) -> list[float]:
    """Seconds for ten thousand ids in one transaction, each time that there are so many."""
    return asyncio.run(_bulk(database))


async def _measure(database: Database) -> dict[str, Cost]:
    store = await storage.open_store(database.url)
    connection = await asyncpg.connect(database.url)
    try:
        costs = {"SELECT 1": Cost([await _timed(lambda: connection.fetchval("SELECT 1")) for _ in range(TIMES)], "")}
        for name, (call, times) in _operations(store, database).items():
            for _ in range(min(times // 10, 20)):
                await call()
            ms = [await _timed(call) for _ in range(times)]
            costs[name] = Cost(ms, await _plan(connection, _STATEMENTS[name]))
        return costs
    finally:
        await connection.close()
        await store.close()


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


Operations = dict[str, tuple[Callable[[], Awaitable[object]], int]]


def _operations(store: Store, database: Database) -> Operations:
    tokens, made = store.tokens, list[Token]()
    listed, ended, changed, *_ = database.teams
    own, by_created = Reach(listed.customer_id, None), Sort(SortBy.CREATED_AT)

    async def create() -> None:
        token = _token(changed)
        added = await tokens.add(token, Digest(os.urandom(32)), limit=10**9, parent_id=None, by=_by())
        assert added is Added.DONE, "nobody is in the way"
        made.append(token)

    async def revoke() -> None:
        token = made.pop()
        assert await tokens.revoke(token.id, reach=Reach(changed.customer_id, None), by=_by())

    async def whole() -> None:
        async for _ in tokens.batches(own, size=250):
            pass

    async def by_rule() -> None:
        wanted = Wanted(user_id=next(database.rules))
        assert await tokens.revoke_matching(Reach(ended.customer_id, None), wanted, reason="bench", by=_by())

    late = Place(_now() - 30 * 86_400_000, "")  # a twelfth of them comes after that
    known = [each.digest for each in database.known]
    return {
        "look-up, hit": (lambda: tokens.look_up(random.choice(known)), TIMES),
        "look-up, miss": (lambda: tokens.look_up(Digest(os.urandom(32))), TIMES),
        "create": (create, TIMES),
        "revoke": (revoke, TIMES),
        "first page of 100": (lambda: tokens.find(own, Wanted(), sort=by_created, size=_PAGE), TIMES),
        "last page": (lambda: tokens.find(own, Wanted(), sort=by_created, size=_PAGE, after=late), TIMES),
        "a customer's 1,000": (whole, TIMES // 10),
        # Once for each size: it ends what it finds.
        "revoke by rule, 100 tokens": (by_rule, 3),
    }


_PAGED: Final = Sort(SortBy.CREATED_AT)
_STATEMENTS: Final = {
    "look-up, hit": STATEMENTS.look_up,
    "look-up, miss": STATEMENTS.look_up,
    "create": STATEMENTS.add_all,
    "revoke": STATEMENTS.revoke,
    "first page of 100": finding.page("postgresql", Question(of_owner=False), sort=_PAGED, goes_on=False),
    "last page": finding.page("postgresql", Question(of_owner=False), sort=_PAGED, goes_on=True),
    "a customer's 1,000": STATEMENTS.tokens_of_customer,
    "revoke by rule, 100 tokens": STATEMENTS.revoke_all,
}


async def _plan(connection: asyncpg.Connection, sql: str) -> str:
    """What the plan for whatever values goes through, in short: indexes, and tables that are read whole."""
    statement = prepared(sql)
    await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE asked AS {statement.text}")
    nothing = ", ".join("NULL" for _ in statement.names)
    lines = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE asked ({nothing})")]
    await connection.execute("DEALLOCATE asked")
    through = [
        match[0]
        for line in lines
        for match in re.finditer(r"(?<=using )\S+|Seq Scan on \S+|(?<=Scan on )\w+_\w+", line)
    ]
    return ", ".join(dict.fromkeys(through))


async def _bulk(database: Database) -> list[float]:
    store, seconds = await storage.open_store(database.url), []
    reach = Reach(database.teams[-1].customer_id, None)
    try:
        for first in range(0, len(database.bulk), BULK):
            ids = database.bulk[first : first + BULK]
            seconds.append(await _timed(lambda ids=ids: store.tokens.revoke_all(ids, reach=reach, by=_by())) / 1000)  # type: ignore[misc]
    finally:
        await store.close()
    return seconds


def revocations(database: Database, *, at_once: int, total: int = 3_000) -> float:
    """Revocations a second, so many at a time, by one process."""
    return asyncio.run(_revocations(database, at_once, total))


async def _revocations(database: Database, at_once: int, total: int) -> float:
    store, team, numbers = await storage.open_store(database.url), database.teams[2], count()
    tokens = [_token(team) for _ in range(total)]
    for first in range(0, total, 500):
        some = ((token, Digest(os.urandom(32))) for token in tokens[first : first + 500])
        adding = (store.tokens.add(*each, limit=10**9, parent_id=None, by=_by()) for each in some)
        await asyncio.gather(*adding)

    async def revoke() -> None:
        while (number := next(numbers)) < total:
            await store.tokens.revoke(tokens[number].id, reach=Reach(team.customer_id, None), by=_by())

    began = time.perf_counter()
    await asyncio.gather(*(revoke() for _ in range(at_once)))
    rate = total / (time.perf_counter() - began)
    await store.close()
    return rate


def _token(team: Team) -> Token:
    return Token(
        id=new_id(),
        user_id=random.choice(team.user_ids),
        customer_id=team.customer_id,
        name="scale",
        scope=stored("global"),
        services=(),
        created_at=_now(),
    )


def _by() -> Origin:
    return Origin(at=_now(), request_id=new_id())


def _now() -> int:
    return time.time_ns() // 1_000_000
