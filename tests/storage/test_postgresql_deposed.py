"""A primary that was replaced and still runs, without its standby: whoever reaches it is told nothing that counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeVar

import pytest

from tallystick import storage
from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.events import Sought
from tallystick.core.find import Sort, SortBy, Wanted
from tallystick.core.outcome import OUTCOME_UNKNOWN
from tallystick.core.ports import Store
from tallystick.core.secret import Secret, digester
from tallystick.storage.postgresql.connection import Connector
from tallystick.storage.postgresql.store import PostgresStore
from tallystick.storage.postgresql.target import parse
from tests.cli.program import until
from tests.core.world import ACME, ANNA, NOW, SHOP, add, at, populated, token, user
from tests.postgres import USER, Cluster

T = TypeVar("T")

SECONDS = 0.5
ACMES = Reach(ACME.id, None)
STANDBY = "standby"


class Fork:
    """A primary with a synchronous standby, of which `take_over` makes another primary, while the first one runs on."""

    def __init__(self) -> None:
        self.old = Cluster()
        self.old.start()
        self.name = self.old.new_database()
        storage.prepare(self.old.dsn(self.name))
        self.new = self.old.standby(STANDBY)
        self.new.start()
        self.old.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
        self.old.sql("SELECT pg_reload_conf()")
        until(lambda: self.old.sql("SELECT sync_state FROM pg_stat_replication") == "sync", "the standby follows")

    def take_over(self) -> None:
        """From now on what is written to the old one waits for a standby that does not come."""
        self.new.promote()
        until(lambda: not self.old.sql("SELECT pid FROM pg_stat_replication"), "the standby is gone")

    @asynccontextmanager
    async def store(self, *clusters: Cluster) -> AsyncIterator[PostgresStore]:
        """Over these servers; default: both."""
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in clusters or (self.old, self.new))
        store = await PostgresStore.open(parse(f"postgresql://{USER}@{hosts}/{self.name}?timeout={SECONDS}"))
        try:
            yield store
        finally:
            await store.close()

    def close(self) -> None:
        for each in (self.old, self.new):
            each.close()


@pytest.fixture
def pair() -> Iterator[Fork]:
    """Before anything has happened."""
    fork = Fork()
    yield fork
    fork.close()


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    """Everybody is in it, and the standby has taken over."""
    fork = Fork()
    asyncio.run(_people(fork))
    fork.take_over()
    yield fork
    fork.close()


async def _people(fork: Fork) -> None:
    async with fork.store(fork.old) as store:
        await populated(store)
        for number in range(6):
            await add(store, token(id=f"t{number}"))


async def unanswered(asked: Awaitable[object]) -> bool:
    try:
        await asked
    except Unavailable:
        return True
    return False


# Changes that a deposed server has made, and could not keep


async def half_revoked(fork: Fork, token_id: str) -> None:
    """On the old one: nobody is told that it was done, but from its next start it is to be seen there."""
    async with fork.store(fork.old) as store:
        with pytest.raises(Unavailable) as caught:
            await store.tokens.revoke(token_id, reach=ACMES, by=at(NOW))
    assert caught.value.code == OUTCOME_UNKNOWN
    fork.old.kill()
    fork.old.start()
    assert fork.old.sql(f"SELECT revoked_at IS NOT NULL FROM token WHERE id = '{token_id}'", database=fork.name) == "t"


async def test_what_came_of_it_is_never_taken_for_a_change_of_the_new_one(fork: Fork) -> None:
    await half_revoked(fork, "t0")

    async with fork.store(fork.old) as deposed, fork.store(fork.new) as store:
        heard = (await deposed.changes.after(0)).upto
        await store.tokens.revoke("t1", reach=ACMES, by=at(NOW))
        news = await store.changes.after(heard)

    assert news.gap or "t1" in [change.key for change in news.changes]
    assert news.upto > heard


async def test_what_came_of_it_is_not_said_to_be_done_to_who_asks_again(fork: Fork) -> None:
    await half_revoked(fork, "t2")

    async with fork.store(fork.old) as store:
        assert await unanswered(store.tokens.revoke_all(["t2"], reach=ACMES, by=at(NOW)))
        assert await unanswered(store.tokens.revoke("t2", reach=ACMES, by=at(NOW)))


# What it still knows


async def test_who_holds_no_lease_is_told_nothing(fork: Fork) -> None:
    async with fork.store(fork.old) as store:
        asked = everything(store)
        told = [
            name
            for name, refused in zip(asked, await asyncio.gather(*map(unanswered, asked.values())), strict=True)
            if not refused
        ]

    assert told == []


def everything(store: Store) -> dict[str, Awaitable[object]]:
    """All that is asked of a store to let somebody in, or to show them something."""
    tokens, people = store.tokens, store.people
    return {
        "look_up": tokens.look_up(digester(bytes(32))(Secret.mint())),
        "get": tokens.get("t5"),
        "batches": anext(tokens.batches(ACMES, size=9)),
        "find": tokens.find(ACMES, Wanted(), sort=Sort(SortBy.NAME), size=9),
        "count": tokens.count(Reach(ACME.id, ANNA.id), Wanted()),
        "customers": people.customers(),
        "customer": people.customer(ACME.id),
        "users": people.users(ACME.id),
        "user": people.user(ANNA.id),
        "credentials": people.credentials(ANNA.login),
        "recovery_codes_left": people.recovery_codes_left(ANNA.id),
        "services": people.services(ACME.id),
        "service": people.service(SHOP.id),
        "known_services": people.known_services(ACME.id, [SHOP.id]),
        "failures": store.guesses.failures("somebody"),
        "usage": store.usage.of_token("t5", since=0, until=1),
        "events": store.events.find(ACME.id, Sought(), after=None, size=9),
    }


async def test_nor_who_holds_one_of_the_new_one_and_still_has_connections(pair: Fork) -> None:
    await _people(pair)
    async with pair.store() as store:
        await asyncio.gather(*(store.people.customers() for _ in range(8)))
        pair.take_over()
        async with pair.store(pair.new) as other:
            await other.people.add_user(user("eve"), password_hash="!", by=at(NOW))
        await store.changes.lease("me", acked=0, lasts_ms=60_000)
        await store.changes.after(0)

        found = [await answered(partial(store.people.user, user("eve").id)) for _ in range(8)]

    assert found == [user("eve")] * 8


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Again, until it is."""
    while True:
        with suppress(Unavailable):
            return await ask()


async def test_who_changed_something_is_not_told_by_it_that_nobody_has_to_hear(pair: Fork) -> None:
    await _people(pair)
    async with pair.store() as one, pair.store() as two:
        for store in (one, two):
            await asyncio.gather(store.changes.head(), store.changes.head())
        pair.take_over()
        async with pair.store(pair.new) as theirs:
            await theirs.changes.lease("theirs", acked=0, lasts_ms=60_000)
        for store, name in ((one, "one"), (two, "two")):
            by = at(NOW, request_id=name)
            await answered(partial(store.people.rename_customer, ACME.id, name=name, by=by))

        seq = await answered(partial(one.changes.of_request, "one", since=0))
        hearing = await answered(partial(two.changes.hearing, seq or 0))

    assert seq is not None
    assert hearing.missing == 1


async def test_who_listens_to_it_turns_to_the_new_one(pair: Fork) -> None:
    await _people(pair)
    async with pair.store() as store:
        async with pair.store(pair.old) as other:
            for name in ("at first", "then"):  # it listens from its start on, or a moment later
                await stirring(store)
                await other.people.rename_customer(ACME.id, name=name, by=at(NOW))
            await stirring(store)
        pair.take_over()
        await answered(partial(store.people.rename_customer, ACME.id, name="mine", by=at(NOW)))
        store.changes.stirred()

        async with pair.store(pair.new) as other:
            await other.people.rename_customer(ACME.id, name="theirs", by=at(NOW))

        await stirring(store)


async def stirring(store: Store) -> None:
    async with asyncio.timeout(30):
        while not store.changes.stirred():
            await answered(store.changes.head)


async def test_of_two_that_let_us_write_the_new_one_is_taken(fork: Fork) -> None:
    hosts = f"127.0.0.1:{fork.old.port},127.0.0.1:{fork.new.port}"
    connect = Connector(parse(f"postgresql://{USER}@{hosts}/{fork.name}"))

    for _ in range(5):
        connection = await connect()
        assert await connection.fetchval("SELECT inet_server_port()") == fork.new.port
        connection.terminate()


async def test_nobody_moves_house_out_of_it(fork: Fork) -> None:
    with pytest.raises(Unavailable):
        await storage.open_house(fork.old.dsn(fork.name, timeout=str(SECONDS)), to_read=True)
