"""Everything into another database: whole, once, from where it was interrupted, and never over something else."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from tallystick import storage
from tallystick.core.caller import Reach
from tallystick.core.changes import Heard
from tallystick.core.errors import Conflict, Invalid, NotFound, TallystickError, Unavailable
from tallystick.core.limits import Limit, Limits
from tallystick.core.ports import Store
from tallystick.core.receipt import LEASE_MS
from tallystick.core.scopes import Catalogue, Defined
from tallystick.core.shadow import Shadowed
from tallystick.core.token import LastUse
from tallystick.core.usage import Usage
from tallystick.storage.moving import STAYING, TABLES, Copied, House, Row, Table, move
from tests.core.world import ACME, ANNA, BERT, NOW, SHOP, add, at, populated, token
from tests.postgres import Cluster, emptied

KEY = "a fingerprint"


@contextmanager
def unseen(_total: int, _what: str) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


KINDS = ("sqlite", "postgresql")


class Places:
    """Where there is room: an empty and prepared database of a kind, again and again."""

    def __init__(self, folder: Path, cluster: Cluster, migrated: str, target: str) -> None:
        self._folder, self._cluster, self._migrated, self._target = folder, cluster, migrated, target
        self._numbers = count()

    def __call__(self, kind: str | None = None) -> str:
        """Its URL.  None = of the kind to which it goes in this test."""
        if (kind or self._target) == "postgresql":
            return self._cluster.dsn(self._cluster.new_database(template=self._migrated))
        url = f"sqlite:{self._folder}/{next(self._numbers)}.db"
        storage.prepare(url)
        return url


@pytest.fixture(params=[f"{one} to {other}" for one in KINDS for other in KINDS])
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    one, _, other = request.param.partition(" to ")
    return one, other


@pytest.fixture
def new(way: tuple[str, str], tmp_path: Path, cluster: Cluster, migrated: str) -> Places:
    return Places(tmp_path, cluster, migrated, way[1])


@pytest.fixture
async def source(way: tuple[str, str], new: Places) -> str:
    """With at least one row in every table."""
    url = new(way[0])
    storage.bind_key(url, KEY)
    store = await populated(await storage.open_store(url))
    await add(store, token(ANNA, id="kept", services=(SHOP.id,)))
    await add(store, token(BERT, id="gone"))
    await store.tokens.revoke("gone", reach=Reach(ACME.id, BERT.id), by=at(NOW))
    await store.tokens.touch([("kept", LastUse(NOW, "192.0.2.1", "curl"))], [Usage("kept", 0, allowed=1)])
    await store.limits.limit("kept", Limits(uses=2), instead_of=None, reach=Reach(ACME.id, None), by=at(NOW))
    await store.limits.spend("kept")
    await store.limits.report([Shadowed("kept", Limit.USES, "", 1, NOW, NOW, None, None)])
    await store.changes.note_heard([(await store.changes.head(), Heard(at=NOW, verifiers=1, waited_ms=2))])
    catalogue = Catalogue(customer_id=ACME.id, scopes=(Defined(name="orders:read"),))
    await store.catalogues.put(catalogue, replacing=0, by=at(NOW))
    await store.guesses.note_failure(["somebody"], now=NOW)
    await store.budgets.spend("anna", hour=0)
    await store.people.set_totp(ANNA.id, sealed=b"sealed", by=at(NOW))
    await store.close()
    return url


class Cut:
    """A house in which the power fails after so many writes."""

    def __init__(self, house: House, *, after: int) -> None:
        self.tables, self.servers, self.count = house.tables, house.servers, house.count
        self.read, self.last, self.aclose = house.read, house.last, house.aclose
        self._write = house.write
        self._left = after

    async def write(self, table: Table, rows: Sequence[Row], *, instead: bool = False) -> None:
        if not self._left:
            raise InterruptedError
        self._left -= 1
        await self._write(table, rows, instead=instead)


@asynccontextmanager
async def held(source: str, target: str) -> AsyncIterator[tuple[House, House]]:
    async with (
        aclosing(await storage.open_house(source, to_read=True)) as ours,
        aclosing(await storage.open_house(target, to_read=False)) as theirs,
    ):
        yield ours, theirs


async def moved(source: str, target: str) -> list[Copied]:
    async with held(source, target) as (ours, theirs):
        return await move(ours, theirs, unseen)


async def interrupted(source: str, target: str, *, after: int) -> bool:
    """Whether that was before its end: after so many writes."""
    async with held(source, target) as (ours, theirs):
        try:
            await move(ours, Cut(theirs, after=after), unseen, at_once=3)
        except InterruptedError:
            return True
        return False


async def contents(url: str) -> dict[str, Sequence[Row]]:
    async with aclosing(await storage.open_house(url, to_read=True)) as house:
        return {
            table.name: await house.read(table, after=None, size=10_000)
            for table in await house.tables()
            if table.name in TABLES
        }


async def test_every_row_of_every_table_is_there(source: str, new: Places) -> None:
    target = new()

    copied = await moved(source, target)

    there = await contents(target)
    assert there == await contents(source)
    assert [(each.table, each.rows) for each in copied] == [(name, len(there[name])) for name in TABLES]
    assert all(there.values())  # so that no table was compared without a row in it
    assert storage.fingerprint(target) == KEY


async def test_no_table_is_forgotten(source: str) -> None:
    async with aclosing(await storage.open_house(source, to_read=True)) as house:
        assert {table.name for table in await house.tables()} == {*TABLES, *STAYING}


async def test_numbers_go_on_where_they_were(source: str, new: Places) -> None:
    target = new()
    await moved(source, target)

    async with closed(await storage.open_store(target)) as store:
        head = await store.changes.head()
        await store.tokens.revoke("kept", reach=Reach(ACME.id, ANNA.id), by=at(NOW))

        assert head > 0
        assert await store.changes.head() == head + 1


@asynccontextmanager
async def closed(store: Store) -> AsyncIterator[Store]:
    """At the end."""
    try:
        yield store
    finally:
        await store.close()


async def test_wherever_it_was_interrupted_it_goes_on_and_until_then_nobody_serves_it(source: str, new: Places) -> None:
    whole = await contents(source)
    for after in count(1):
        target = new()
        if not await interrupted(source, target, after=after):
            assert after > len(TABLES)  # so it was interrupted within a table, too
            break
        for ask in (storage.fingerprint, partial(storage.bind_key, key_fingerprint=KEY)):
            with pytest.raises(Invalid, match="a part of a copy"):
                ask(target)
        await moved(source, target)
        assert await contents(target) == whole


async def test_what_is_there_is_not_copied_again(source: str, new: Places) -> None:
    target, told = new(), list[int]()

    @contextmanager
    def shown(total: int, what: str) -> Iterator[Callable[[int], None]]:
        yield told.append if what == "Copying" else lambda _: None
        assert what == "Comparing" or sum(told) == total - 1  # but for what is said last

    await interrupted(source, target, after=8)
    async with held(source, target) as (ours, theirs):
        await move(ours, theirs, shown)

    assert told[0] > 5


async def test_a_target_that_holds_something_is_left_as_it_is(source: str, new: Places) -> None:
    target = new()
    await moved(source, target)
    before = await contents(target)

    with pytest.raises(Conflict, match="not empty"):
        await moved(source, target)

    assert await contents(target) == before


async def test_the_wrong_way_round_nothing_happens(source: str, new: Places) -> None:
    empty, before = new(), await contents(source)

    with pytest.raises(NotFound, match="nothing to copy"):
        await moved(empty, source)

    assert await contents(source) == before


async def test_the_same_place_twice_is_refused(source: str) -> None:
    with pytest.raises(Conflict, match=r"open elsewhere|just being copied"):
        await moved(source, source)


async def test_half_a_copy_of_what_has_changed_since_is_not_gone_on_with(source: str, new: Places) -> None:
    target = new()
    await interrupted(source, target, after=5)
    store = await storage.open_store(source)
    await add(store, token(ANNA, id="another"))
    await store.close()

    with pytest.raises(Conflict, match="as it was"):
        await moved(source, target)


async def test_what_changed_in_place_is_found_when_all_is_compared(source: str, new: Places) -> None:
    target = new()
    await interrupted(source, target, after=7)
    store = await storage.open_store(source)
    await store.tokens.touch([("kept", LastUse(NOW + 1, "192.0.2.2", "curl"))])
    await store.close()

    with pytest.raises(TallystickError, match="table token has"):
        await moved(source, target)
    with pytest.raises(Invalid, match="a part of a copy"):
        storage.fingerprint(target)


async def test_half_a_copy_is_no_source(source: str, new: Places) -> None:
    target = new()
    await interrupted(source, target, after=5)

    with pytest.raises(Invalid, match="a part of a copy"):
        await moved(target, new())


async def test_while_somebody_writes_to_the_source_it_is_not_copied(source: str, new: Places) -> None:
    target = new()

    async with writing(source):
        with pytest.raises(Conflict, match="server"):
            await moved(source, target)

    await moved(source, target)


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[None]:
    """Somebody else, in the middle of a transaction."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:"))) as connection:
            connection.execute("UPDATE head SET seq = seq")
            yield
    else:
        server = await asyncpg.connect(url)
        await server.execute("BEGIN; UPDATE head SET seq = seq")
        yield
        await server.close()


async def test_while_it_is_copied_nobody_else_writes_to_the_source(source: str, new: Places) -> None:
    impatient = source if source.startswith("sqlite:") else f"{source}?timeout=0.2"

    async with held(source, new()):
        with pytest.raises(Unavailable):
            async with closed(await storage.open_store(impatient)) as store:
                await store.ready()


async def test_a_lease_that_lasts_is_waited_for(source: str, new: Places) -> None:
    """Its server was killed; a verifier far away may still answer by it."""
    store = await storage.open_store(source)
    await store.changes.lease("killed", acked=0, lasts_ms=60_000)
    await store.close()

    with pytest.raises(Conflict, match="a server is at work"):
        await moved(source, new())


async def test_two_that_differ_in_a_column_are_not_of_one_version(source: str, new: Places) -> None:
    target = new()
    await change(target, "ALTER TABLE event ADD COLUMN color TEXT")

    with pytest.raises(Invalid, match=r"not of one version.*event"):
        await moved(source, target)


async def change(url: str, sql: str) -> None:
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:"))) as connection, connection:
            connection.execute(sql)
    else:
        server = await asyncpg.connect(url)
        await server.execute(sql)
        await server.close()


async def test_what_was_leased_by_the_clock_of_a_server_that_is_gone_is_over_after_a_lease(
    shared_database: str, tmp_path: Path
) -> None:
    """Nobody can tell when it ends, and nobody would take the row away."""
    await emptied(shared_database)
    storage.bind_key(shared_database, KEY)
    await change(shared_database, "INSERT INTO verifier VALUES ('gone', 'another', 0, 9000000000000000)")
    target = f"sqlite:{tmp_path}/target.db"
    storage.prepare(target)

    began = time.monotonic()
    await moved(shared_database, target)

    assert time.monotonic() - began > LEASE_MS / 1000
