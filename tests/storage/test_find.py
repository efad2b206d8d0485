"""Finding tokens: every store finds what `core.find` says, page by page, each once."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.events import Sought
from tallystick.core.find import Kind, Place, Sort, SortBy, Wanted
from tallystick.core.people import Role
from tallystick.core.ports import Store
from tallystick.core.token import LastUse, Token
from tallystick.storage import finding
from tallystick.storage.finding import Question
from tallystick.storage.memory import MemoryStore
from tallystick.storage.sqlite.finder import Finder
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, BERT, BLOG, FOREIGN, NOW, OTHER, SHOP, STRANGER, add, at, populated, token
from tests.storage.conftest import Opened

ACMES = Reach(ACME.id, None)
ANNAS = Reach(ACME.id, ANNA.id)
LATER = at(NOW + 10, user_id=ANNA.id, ip="::1", request_id="r1")
SORTS = [Sort(by, descending) for by, descending in product(SortBy, [False, True])]


async def everything(store: Store, reach: Reach, wanted: Wanted, sort: Sort, *, size: int) -> list[Token]:
    """From the first page to the last."""
    found: list[Token] = []
    after: Place | None = None
    while True:
        one = await store.tokens.find(reach, wanted, sort=sort, size=size, after=after)
        found += one.tokens
        assert len(one.tokens) == size or one.last is None
        assert len(found) < 100, "it never ends"
        if one.last is None:
            return found
        after = one.last


# --- Whatever is asked ----------------------------------------------------------------------------------------------------

# Few values, so that ties, hits and near misses are the rule.
instants = st.sampled_from([NOW - 2, NOW - 1, NOW, NOW + 1, NOW + 2, -1, 0])
names = st.sampled_from(
    ["a", "A", "deploy", "DEPLOY", "Straße", "STRASSE", "straSSe", "İ", "%", "_", "a_b", "", "🗝", "\uffff", "'"]
)
limits = ["created_before", "created_after", "used_before", "used_after", "expires_before", "unused_since"]
everything_at_once = st.builds(
    Wanted,
    **dict.fromkeys(limits, st.none() | st.none() | instants),
    search=st.none() | st.none() | names | st.sampled_from(["id01", "ID01", "id0", "\x00", "a\x00", "\ud800"]),
    kind=st.none() | st.sampled_from(Kind),
    user_id=st.none() | st.none() | st.sampled_from([ANNA.id, BERT.id, STRANGER.id, "id01", "nobody"]),
    service_id=st.none() | st.none() | st.sampled_from([SHOP.id, BLOG.id, FOREIGN.id, SHOP.id[:-1], "nothing"]),
    other_than=st.none() | st.sampled_from(["id01", "id02", "ID01", "nothing", "\ud800"]),
)
# Who asks for all of it finds little, which is in order whatever the order is: so nothing, or one thing, is asked for as often.
one_limit = st.builds(lambda name, instant: Wanted(**{name: instant}), st.sampled_from(limits), instants)
wishes = st.just(Wanted()) | one_limit | everything_at_once
reaches = st.sampled_from(
    [
        ACMES,
        ACMES,
        ANNAS,
        Reach(ACME.id, BERT.id),
        Reach(ACME.id, "id01"),
        Reach(OTHER.id, None),
        Reach(OTHER.id, ANNA.id),
    ]
)


@st.composite
def tokens(draw: st.DrawFn) -> list[Token]:
    """Some of each customer, in no order."""
    numbers = draw(st.permutations(range(draw(st.integers(0, 14)))))
    return [draw(_token(f"id{number:02}")) for number in numbers]


@st.composite
def _token(draw: st.DrawFn, token_id: str) -> Token:
    owner = draw(st.sampled_from([ANNA, ANNA, BERT, STRANGER]))
    mine = [FOREIGN.id] if owner is STRANGER else [SHOP.id, BLOG.id]
    nobodys: dict[str, Any] = {"user_id": None, "role": Role.ENGINEER, "creator_id": owner.id, "tls_access": True}
    return replace(
        token(owner, **draw(st.sampled_from([{}, {}, nobodys]))),
        id=token_id,
        name=draw(names),
        created_at=draw(instants),
        expires_at=draw(st.none() | instants),
        services=tuple(draw(st.lists(st.sampled_from(mine), unique=True, max_size=2))),
        last_use=draw(st.none() | st.builds(LastUse, instants, st.none() | st.just("::1"), st.none() | names)),
        revoked_at=draw(st.sampled_from([None, None, None, NOW])),
    )


async def put(store: Store, some: Sequence[Token]) -> None:
    for one in some:
        await add(store, one)
        if one.last_use is not None:
            await store.tokens.touch([(one.id, one.last_use)])
        if one.revoked_at is not None:
            await store.tokens.revoke(one.id, reach=Reach(one.customer_id, None), by=at(one.revoked_at))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    some=tokens(),
    asked=st.lists(st.tuples(reaches, wishes, st.sampled_from(SORTS)), min_size=8, max_size=8),
    data=st.data(),
)
async def test_a_database_finds_what_the_specification_says_page_by_page(
    opened: Opened, some: list[Token], asked: Any, data: st.DataObject
) -> None:
    memory, database = await populated(MemoryStore()), await populated(await opened())
    try:
        for store in (memory, database):
            await put(store, some)
        for reach, wanted, sort in asked:
            expected = sorted(
                (one for one in some if one.revoked_at is None and reach.covers(one) and wanted.matches(one)),
                key=sort.place,
                reverse=sort.descending,
            )
            size, skip = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 4))

            for store in (memory, database):
                assert await everything(store, reach, wanted, sort, size=size) == expected
                assert await store.tokens.count(reach, wanted) == len(expected)
                assert await store.tokens.count(reach, wanted, most=size) == min(size, len(expected))
                skipped = await store.tokens.find(reach, wanted, sort=sort, size=size, skip=skip)
                assert list(skipped.tokens) == expected[skip : skip + size]
                assert (skipped.last is None) is (skip + size >= len(expected))
        await _require_same_ends(memory, database, asked[0])
    finally:
        await database.close()


async def _require_same_ends(memory: Store, database: Store, asked: tuple[Reach, Wanted, Sort]) -> None:
    """What was found ends, in both stores, and is told as the core tells it."""
    reach, wanted, sort = asked
    found = await everything(memory, reach, wanted, sort, size=50)
    told = sorted((replace(events.revoked(one, LATER, reason="superseded"), id="") for one in found), key=str)
    for store in (memory, database):
        assert await store.tokens.revoke_matching(reach, wanted, reason="superseded", by=LATER) == len(found)
        assert await everything(store, reach, wanted, sort, size=50) == []
        for one in found:
            assert await store.tokens.get(one.id) == replace(one, revoked_at=LATER.at)
        left = await store.events.find(reach.customer_id, Sought(since=LATER.at), after=None, size=50)
        assert sorted((replace(event, id="") for event in left), key=str) == told


@pytest.mark.parametrize("field", limits)
async def test_each_instant_is_a_boundary_to_the_millisecond(store: Store, field: str) -> None:
    uses = [None, *(LastUse(at, None, None) for at in (NOW - 1, NOW))]
    every = product((NOW - 1, NOW), (None, NOW - 1, NOW), uses)
    some = [
        replace(token(), id=f"id{number:02}", created_at=created_at, expires_at=expires_at, last_use=use)
        for number, (created_at, expires_at, use) in enumerate(every)
    ]
    await put(store, some)

    for instant in (NOW - 1, NOW, NOW + 1):
        wanted = Wanted(**{field: instant})  # type: ignore[arg-type]  # one of those that take an instant
        found = await everything(store, ANNAS, wanted, Sort(), size=50)

        assert {one.id for one in found} == {one.id for one in some if wanted.matches(one)}


# --- While the world moves on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", SORTS)
async def test_what_is_there_all_the_while_is_seen_once_whatever_comes_and_goes_between(
    store: Store, sort: Sort
) -> None:
    numbers, staying, going = count(), set(), []
    for _ in range(12):
        staying.add((await _one_more(store, next(numbers))).id)
        going.append(await _one_more(store, next(numbers)))
    seen: list[str] = []
    after: Place | None = None

    while True:
        found = await store.tokens.find(ACMES, Wanted(), sort=sort, size=3, after=after)
        seen += [one.id for one in found.tokens]
        if found.last is None:
            break
        assert len(seen) < 100, "it never ends"
        after = found.last
        # The one that the next page begins after goes, else another; and others come, on every side of it.
        for one in [each for each in going if each.id == found.last.token_id] or going[:1]:
            await store.tokens.revoke(one.id, reach=ACMES, by=at(NOW))
            going.remove(one)
        if next(numbers) < 60:
            await _one_more(store, next(numbers))

    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


async def _one_more(store: Store, number: int) -> Token:
    spread = (number * 7) % 5  # ties, and no order
    expires_at = None if spread == 0 else NOW + spread
    one = replace(token(ANNA, f"{spread}"), id=f"id{number:03}", created_at=NOW + spread, expires_at=expires_at)
    await add(store, one)
    if spread > 1:
        await store.tokens.touch([(one.id, LastUse(NOW + spread, None, None))])
    return one


async def test_it_goes_on_from_a_place_at_which_there_is_no_token(store: Store) -> None:
    for number in range(5):
        await add(store, replace(token(), id=f"id{number}", created_at=NOW + number))

    up = await store.tokens.find(ANNAS, Wanted(), sort=Sort(), size=9, after=Place(NOW + 2, "id1z"))
    down = await store.tokens.find(ANNAS, Wanted(), sort=Sort(descending=True), size=9, after=Place(NOW + 2, "id1z"))

    assert [one.id for one in up.tokens] == ["id2", "id3", "id4"]
    assert [one.id for one in down.tokens] == ["id1", "id0"]


# --- In SQLite ------------------------------------------------------------------------------------------------------------

STATEMENTS = {
    f"page {sort.by} {'down' if sort.descending else 'up'} {'on' if goes_on else 'first'} {'owner' if of_owner else 'customer'}": (
        finding.page("sqlite", Question(of_owner), sort=sort, goes_on=goes_on)
    )
    for sort, goes_on, of_owner in product(SORTS, (False, True), (False, True))
} | {
    f"{name} {'owner' if of_owner else 'customer'}": statement("sqlite", Question(of_owner))
    for of_owner in (False, True)
    for name, statement in {"count": finding.count, "tell_end": finding.tell_end, "end": finding.end}.items()
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_statement_walks_in_the_index_of_its_reach_and_sorts_only_where_none_is_sorted(
    template: Path, name: str
) -> None:
    sql = STATEMENTS[name]
    with closing(sqlite3.connect(template)) as database:
        database.create_function("redacted", 1, str)
        plan = _plan(database, sql)

    of = "owner" if name.endswith("owner") else "customer"
    order = name.split()[1] if name.startswith("page") else "created_at"
    # Of the few tokens of an owner there is one index; of a customer's there is none by last use, which changes all the time.
    index, is_sorted = ("token_of_owner", order == "created_at") if of == "owner" else INDEX[order]
    key = "ends_at" if order == "expires_at" else order
    from_there = rf" AND \({key},id\)[<>]\(\?,\?\)" if is_sorted and " on " in name else ""
    assert re.search(rf"SEARCH token USING (COVERING )?INDEX {index} \({of}_id=\?{from_there}\)", plan)
    assert ("ORDER BY" in plan) is not is_sorted


INDEX = {
    "created_at": ("token_of_customer", True),
    "last_used_at": ("token_of_customer", False),
    "expires_at": ("token_by_end", True),
    "name": ("token_by_name", True),
}


@pytest.mark.parametrize("sort", SORTS)
def test_a_name_is_looked_for_in_an_index_that_has_it(template: Path, sort: Sort) -> None:
    """Whatever the order: else 100,000 tokens are read to find three."""
    searched = Question(of_owner=False, given=("search",))
    page = finding.page("sqlite", searched, sort=sort, goes_on=False)
    with closing(sqlite3.connect(template)) as database:
        plans = [_plan(database, sql) for sql in (page, finding.count("sqlite", searched))]
        indexes = [re.findall(r"INDEX (\w+)", plan) for plan in plans]
        columns = [[row[2] for row in database.execute(f"PRAGMA index_info({name})")] for (name,) in indexes]

    assert indexes == [[INDEX[sort.by][0]], ["token_of_customer"]]
    assert all({"name", "id"} <= set(each) for each in columns)


def test_those_of_a_service_are_looked_for_among_the_limited_ones(template: Path) -> None:
    of_service = Question(of_owner=False, given=("service_id",))
    with closing(sqlite3.connect(template)) as database:
        plan = _plan(database, finding.page("sqlite", of_service, sort=Sort(), goes_on=False))

    assert "SEARCH limited USING INDEX token_limited (customer_id=?)" in plan


def _plan(database: sqlite3.Connection, sql: str) -> str:
    parameters = dict.fromkeys(re.findall(r"(?<!:):(\w+)", sql), 1)
    return " / ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", parameters))


def how_many(reader: Reader) -> object:
    row = reader.one("SELECT count(*) FROM token", {})
    return None if row is None else row[0]


async def test_it_looks_in_a_thread_of_its_own_while_the_loop_goes_on(sqlite: SqliteStore, path: Path) -> None:
    one, may_open = await add(sqlite, token()), threading.Event()

    def connect() -> sqlite3.Connection:
        assert may_open.wait(60), "the loop never went on"
        return sqlite3.connect(path)

    finder = Finder(connect)
    looking = asyncio.create_task(finder.look(how_many, of=ACME.id))
    await asyncio.wait([looking], timeout=0.01)
    assert await sqlite.tokens.get(one.id) == one
    may_open.set()

    assert await looking == 1
    await finder.stop()


async def test_who_asks_much_at_once_lets_others_in_between(sqlite: SqliteStore) -> None:
    """Else sixteen clients of one customer, who look for a name among 100,000, keep everybody else waiting for seconds."""
    order: list[str] = []
    asked = [ACME.id] * 20 + [OTHER.id] + [ACME.id] * 20

    def look(_: Reader, *, of: str) -> None:
        order.append(of)

    await asyncio.gather(*(sqlite._finder.look(partial(look, of=whose), of=whose) for whose in asked))

    assert order.index(OTHER.id) <= 1
    assert sorted(order) == sorted(asked)


async def test_a_closed_store_has_answered_what_was_asked_and_keeps_neither_thread_nor_file(path: Path) -> None:
    store = await populated(SqliteStore.open(path))
    await add(store, token())
    before = {thread.name for thread in threading.enumerate()}
    looking = [asyncio.ensure_future(store.tokens.count(ANNAS, Wanted())) for _ in range(20)]
    await asyncio.wait(looking, timeout=0)

    await store.close()
    await store.close()

    assert await asyncio.gather(*looking) == [1] * 20
    assert not [each for each in threading.enumerate() if each.name.startswith("tallystick-finder")]
    assert not path.with_name(path.name + "-wal").exists()
    with pytest.raises(Unavailable, match="the store is closed"):
        await store.tokens.find(ANNAS, Wanted(), sort=Sort(), size=1)
    assert "tallystick-writer" in before


async def test_a_file_that_cannot_be_read_is_unavailable_and_is_tried_again(sqlite: SqliteStore, path: Path) -> None:
    await add(sqlite, token())
    gone = [True]

    def connect() -> sqlite3.Connection:
        return sqlite3.connect("file:/nowhere/at/all?mode=ro" if gone.pop() else path, uri=True)

    finder = Finder(connect)
    with pytest.raises(Unavailable):
        await finder.look(how_many, of=ACME.id)
    gone.append(False)

    assert await finder.look(how_many, of=ACME.id) == 1
    await finder.stop()


async def test_what_looks_cannot_write(sqlite: SqliteStore) -> None:
    await sqlite.tokens.count(ANNAS, Wanted())

    def write(reader: Reader) -> None:
        reader.all("DELETE FROM token", {})

    with pytest.raises(Unavailable) as caught:
        await sqlite._finder.look(write, of=ACME.id)

    assert "readonly" in str(caught.value.__cause__)
