"""What can go wrong around a server: it is lost, frozen, busy, replaced, or another node is faster.  Nothing is done half."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from tallystick import storage
from tallystick.cli.chores import write_uses
from tallystick.core.errors import Unauthenticated, Unavailable
from tallystick.core.outcome import OUTCOME_UNKNOWN, Added, Outcome
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Store
from tallystick.core.secret import Digest, Secret, digester
from tallystick.core.use import Uses
from tallystick.storage.postgresql.statement import OWN, prepared
from tallystick.storage.postgresql.store import PostgresStore
from tallystick.storage.postgresql.target import parse
from tests.cli.program import until
from tests.core.world import ACME, ANNA, BERT, NOW, ROOT, SHOP, add, at, populated, token, user
from tests.postgres import Cluster, emptied
from tests.storage.test_store import ACMES, ANNAS, attempt, listed, numbered

SECONDS = 0.5


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """A server that tests may do harm to."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def fragile_database(fragile: Cluster) -> str:
    name = fragile.new_database()
    storage.prepare(fragile.dsn(name))
    return name


@pytest.fixture
async def store(fragile: Cluster, fragile_database: str) -> AsyncIterator[PostgresStore]:
    await emptied(fragile.dsn(fragile_database))
    store = await PostgresStore.open(parse(fragile.dsn(fragile_database, timeout=str(SECONDS))))
    yield await populated(store)
    await store.close()


@asynccontextmanager
async def another(url: str, **parameters: str) -> AsyncIterator[PostgresStore]:
    rest = "&".join(f"{name}={value}" for name, value in parameters.items())
    store = await PostgresStore.open(parse(f"{url}?{rest}" if rest else url))
    yield store
    await store.close()


@asynccontextmanager
async def by_hand(url: str, *, still: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's transaction, which begins as ours do: `still`, the customer that must stand still.  It commits."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            if still is not None:
                statement = prepared(OWN["stand_still"])
                values = {"customers": f'["{still}"]', "users": "[]", "tokens": "[]"}
                await connection.execute(statement.text, *statement.values(values))
            yield connection
    finally:
        connection.terminate()


async def until_waiting(connection: asyncpg.Connection, event: str) -> int:
    """Wait until a backend of the database waits for this; its pid."""
    sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = $1"
    for _ in range(2000):
        if (pid := await connection.fetchval(sql, event)) is not None:
            return int(pid)
    raise AssertionError(f"nobody waits for {event}")


async def refused(*asked: Awaitable[object]) -> list[str]:
    """What is said instead of an answer, in time."""
    began = time.monotonic()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert time.monotonic() - began < 10 * SECONDS
    assert [type(answer) for answer in answers] == [Unavailable] * len(answers)
    return [str(answer) for answer in answers]


# Lost, and found again


async def test_a_killed_server_is_unavailable_and_all_is_as_before_when_it_is_back(
    store: PostgresStore, fragile: Cluster
) -> None:
    one = await add(store, token())

    fragile.kill()
    said = await refused(
        attempt(store, token(name="late")), store.tokens.get(one.id), store.ready(), store.changes.head(),
        store.changes.lease("v", acked=0, lasts_ms=1), store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW)),
    )  # fmt: skip
    fragile.start()

    assert set(said) <= {"the store cannot be used now", "the store is busy"}
    assert await store.tokens.get(one.id) == one
    assert await attempt(store, token(name="late")) is Added.DONE
    await store.ready()


async def test_what_was_under_way_when_the_server_was_killed_is_done_or_unavailable(
    store: PostgresStore, fragile: Cluster
) -> None:
    tasks = [asyncio.create_task(attempt(store, one, limit=1000)) for one in numbered(range(300))]
    await asyncio.wait(tasks[:1])

    fragile.kill()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    fragile.start()

    assert {type(answer) for answer in answers} <= {Added, Unavailable}
    kept = set(await listed(store, ANNAS, size=1000))
    for task, answer in zip(numbered(range(300)), answers, strict=True):
        if answer is Added.DONE:
            assert task.id in kept
        elif isinstance(answer, Unavailable) and answer.code != OUTCOME_UNKNOWN:
            assert task.id not in kept


async def test_frozen_connections_are_replaced(store: PostgresStore, fragile: Cluster) -> None:
    one = await add(store, token())
    await asyncio.gather(*(store.tokens.get(one.id) for _ in range(8)))
    frozen = fragile.backends()
    assert len(frozen) > 5
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)

    try:
        assert await refused(store.tokens.get(one.id)) == ["the store is busy"]
        assert await store.tokens.get(one.id) == one
        assert await attempt(store, token(name="more")) is Added.DONE
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def test_a_frozen_server_is_unavailable_in_time(store: PostgresStore, fragile: Cluster) -> None:
    one = await add(store, token())
    frozen = [fragile.pid, *fragile.backends()]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)

    try:
        for _ in range(2):
            said = await refused(
                store.tokens.get(one.id), attempt(store, token(name="more")), store.tokens.look_up(digester(bytes(32))(Secret.mint()))
            )  # fmt: skip
            assert set(said) <= {"the store is busy", "the store cannot be used now"}
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert await store.tokens.get(one.id) == one


async def test_a_host_that_says_nothing_holds_nobody_up(postgres: str, cluster: Cluster) -> None:
    """As one that is cut off from everybody: it is there, and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        one, other = (f"127.0.0.1:{port}" for port in (silent.getsockname()[1], cluster.port))

        began = time.monotonic()
        async with another(postgres.replace(other, f"{one},{other}")) as store:
            await populated(store)

            assert time.monotonic() - began < parse(postgres).timeout / 2


# Busy


async def test_without_a_free_connection_requests_are_refused_in_time_and_leases_go_on(postgres: str) -> None:
    async with another(postgres, pool_size="1", timeout=str(SECONDS)) as store:
        async with store._pool.connection():
            said = await refused(store.tokens.get("one"), store.people.customers())
            await store.changes.lease("v", acked=0, lasts_ms=1000)

        assert said == ["the store is busy"] * 2
        assert await store.tokens.get("one") is None


async def test_who_waits_for_a_customer_in_vain_is_told_and_the_others_go_on(postgres: str) -> None:
    async with another(postgres, timeout=str(SECONDS)) as store:
        await populated(store)
        one = await add(store, token())

        async with by_hand(postgres, still=ACME.id):
            said = await refused(store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW)))
            assert await store.people.rename_customer("cOther000000000000000B", name="Other one", by=at(NOW))

        assert said == ["the store is busy"]
        assert await store.tokens.get(one.id) == one
        assert await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))


# Several nodes


async def test_two_nodes_share_the_limit(server: PostgresStore, postgres: str) -> None:
    async with another(postgres) as other:
        answers = await asyncio.gather(
            *(attempt((server, other)[n % 2], each, limit=100) for n, each in enumerate(numbered(range(200))))
        )

        assert answers.count(Added.DONE) == 100
        assert answers.count(Added.TOO_MANY) == 100
        assert await listed(server, ANNAS) == await listed(other, ANNAS)


async def test_of_two_superusers_who_lock_each_other_one_stays(server: PostgresStore, postgres: str) -> None:
    two = user("two", Role.SUPERUSER)
    await server.people.add_user(two, password_hash="!", by=at(NOW))
    locked, unlocked = UserChange(locked=True), UserChange(locked=False)

    async with another(postgres) as other:
        for _ in range(10):
            outcomes = await asyncio.gather(
                server.people.change_user(two.id, customer_id=ACME.id, change=locked, by=at(NOW)),
                other.people.change_user(ROOT.id, customer_id=ACME.id, change=locked, by=at(NOW)),
            )

            assert sorted(outcomes, key=str) == [Outcome.DONE, Outcome.LAST_SUPERUSER]
            for each in (two, ROOT):
                await server.people.change_user(each.id, customer_id=ACME.id, change=unlocked, by=at(NOW))


async def test_a_code_works_once_whichever_node_is_asked(server: PostgresStore, postgres: str) -> None:
    await server.people.set_totp(ANNA.id, sealed=b"x", by=at(NOW))

    async with another(postgres) as other:
        for step in range(10):
            used = await asyncio.gather(
                *(each.people.use_totp_step(ANNA.id, step=step) for each in (server, other) * 4)
            )

            assert used.count(True) == 1


async def test_an_addition_waits_for_another_to_the_same_user(server: PostgresStore, postgres: str) -> None:
    room = prepared(OWN["make_room"])
    async with by_hand(postgres) as other:
        await other.execute(room.text, *room.values({"customers": f'["{ACME.id}"]', "owners": f'["{ANNA.id}"]'}))
        await other.execute(
            "INSERT INTO token (id, digest, user_id, customer_id, name, scope, services, created_at)"
            " VALUES ('theirs', sha256('x'), $1, $2, 'theirs', 'global', '[]', 0)",
            ANNA.id,
            ACME.id,
        )
        adding = asyncio.create_task(attempt(server, token(), limit=1))
        await until_waiting(other, "advisory")
        assert await attempt(server, token(BERT), limit=1) is Added.DONE, "others add theirs meanwhile"
        assert not adding.done()

    assert await adding is Added.TOO_MANY


END = f"UPDATE token SET revoked_at = {NOW} WHERE id = $1"


async def test_an_addition_waits_for_whoever_ends_its_parent(server: PostgresStore, postgres: str) -> None:
    parent = await add(server, token(name="parent"))
    async with by_hand(postgres, still=ACME.id) as other:
        adding = asyncio.create_task(
            server.tokens.add(token(name="child"), Digest(bytes(32)), limit=9, parent_id=parent.id, by=at(NOW))
        )
        await until_waiting(other, "advisory")
        await other.execute(END, parent.id)
        assert not adding.done()

    assert await adding is Added.PARENT_GONE


async def test_a_change_waits_for_whoever_ends_the_token_behind_it(server: PostgresStore, postgres: str) -> None:
    mine = await add(server, token(ROOT, "mine"))
    by = at(NOW, user_id=ROOT.id, token_id=mine.id)
    async with by_hand(postgres, still=ACME.id) as other:
        changing = asyncio.create_task(server.people.rename_service(SHOP.id, customer_id=ACME.id, name="x", by=by))
        await until_waiting(other, "advisory")
        await other.execute(END, mine.id)

    with pytest.raises(Unauthenticated):
        await changing
    assert await server.people.service(SHOP.id) == SHOP


async def test_numbers_are_in_the_order_of_commits(server: PostgresStore, postgres: str) -> None:
    """Who took 1 and is slow holds up who would take 2: a reader who has seen 2 has seen 1.  An identity column would not."""
    one, before = await add(server, token(BERT)), await server.changes.head()
    async with by_hand(postgres) as slow:
        await slow.execute("UPDATE head SET seq = seq + 1")
        await slow.execute(f"INSERT INTO change VALUES ({before + 1}, 'token', 'slow', 0, NULL)")
        revoking = asyncio.create_task(server.tokens.revoke(one.id, reach=ACMES, by=at(NOW)))
        await until_waiting(slow, "transactionid")
        assert await server.changes.head() == before
        assert (await server.changes.after(before)).upto == before

    assert await revoking
    news = await server.changes.after(before)
    assert (news.upto, [change.key for change in news.changes]) == (before + 2, ["slow", one.id])


async def test_what_deadlocks_is_tried_again(server: PostgresStore, postgres: str) -> None:
    some = [await add(server, token(name=f"n{number}")) for number in range(2)]
    first, second = sorted(each.id for each in some)
    async with by_hand(postgres) as other:
        await other.execute("SELECT FROM token WHERE id = $1 FOR UPDATE", second)
        ending = asyncio.create_task(server.tokens.revoke_all([first, second], reach=ACMES, by=at(NOW)))
        await until_waiting(other, "transactionid")
        with suppress(asyncpg.DeadlockDetectedError):  # one of the two is told
            await other.execute("SELECT FROM token WHERE id = $1 FOR UPDATE", first)
        with suppress(asyncpg.InFailedSQLTransactionError):
            await other.execute("ROLLBACK")

    assert await ending == ()
    assert await listed(server, ACMES) == []


# Lost at the commit


@asynccontextmanager
async def without_its_standby(fragile: Cluster, url: str) -> AsyncIterator[asyncpg.Connection]:
    """Commits wait for a standby that is not there."""
    connection = await asyncpg.connect(url)
    await connection.execute("SET synchronous_commit = local")
    await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await connection.execute("SELECT pg_reload_conf()")
    until(lambda: fragile.sql("SHOW synchronous_standby_names") == "nobody", "reloaded")
    try:
        yield connection
    finally:
        await with_its_standby(connection)
        connection.terminate()


async def with_its_standby(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await connection.execute("SELECT pg_reload_conf()")


async def test_a_commit_whose_answer_was_lost_is_looked_for(
    store: PostgresStore, fragile: Cluster, fragile_database: str
) -> None:
    one = await add(store, token())
    async with without_its_standby(fragile, fragile.dsn(fragile_database)) as other:
        revoking = asyncio.create_task(store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW)))
        first = await until_waiting(other, "SyncRep")
        await other.execute("SELECT pg_terminate_backend($1)", first)
        while await until_waiting(other, "SyncRep") == first:
            pass
        assert not revoking.done(), "what is found counts only when the standby has it"
        await with_its_standby(other)

        assert await revoking


async def test_a_commit_of_which_nobody_knows_is_not_said_to_have_done_nothing(
    store: PostgresStore, fragile: Cluster, fragile_database: str
) -> None:
    one = await add(store, token())
    async with without_its_standby(fragile, fragile.dsn(fragile_database)):
        with pytest.raises(Unavailable, match="whether it was done is not known") as caught:
            await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))

    assert caught.value.code == OUTCOME_UNKNOWN


async def test_uses_whose_commit_was_lost_are_counted_once(
    store: PostgresStore, fragile: Cluster, fragile_database: str
) -> None:
    one, uses = await add(store, token()), Uses()
    uses.touch(one.id, at=NOW, ip=None, user_agent=None)
    async with without_its_standby(fragile, fragile.dsn(fragile_database)):
        with pytest.raises(Unavailable) as caught:
            await write_uses(store, uses)

    await written(store, uses)

    assert caught.value.code == OUTCOME_UNKNOWN
    assert [each.allowed for each in await store.usage.of_token(one.id, since=0, until=NOW + 1)] == [1]


async def written(store: PostgresStore, uses: Uses) -> None:
    """Again, until nothing waits."""
    async with asyncio.timeout(30):
        while uses.flushed_at is None:
            with suppress(Unavailable):
                await write_uses(store, uses)


async def test_a_commit_that_was_lost_before_it_was_done_has_done_nothing(
    store: PostgresStore, fragile: Cluster, fragile_database: str
) -> None:
    one = await add(store, token())
    other = await asyncpg.connect(fragile.dsn(fragile_database))
    await other.execute(AT_COMMIT)
    try:
        with pytest.raises(Unavailable, match="cannot be used now") as caught:
            await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))
    finally:
        await other.execute("DROP TRIGGER broken ON event; DROP FUNCTION breaks()")
        other.terminate()

    assert caught.value.code is None
    assert await store.tokens.get(one.id) == one


# At the end of a transaction its own backend ends.
AT_COMMIT = """
CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER broken AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION breaks();
"""


async def test_without_a_lease_a_server_that_cannot_commit_does_not_answer(
    store: PostgresStore, fragile: Cluster, fragile_database: str
) -> None:
    """It may have been replaced, and not know what was revoked since."""
    secret = Secret.mint()
    await add(store, token(), secret)
    seen = await store.tokens.look_up(digester(bytes(32))(secret))
    async with without_its_standby(fragile, fragile.dsn(fragile_database)):
        said = await refused(store.tokens.look_up(digester(bytes(32))(secret)))

    assert seen is not None
    assert said == ["the store is busy"]


# Hearing, leases


@pytest.mark.parametrize("notifications", ["on", "off"])
async def test_what_another_node_changes_stirs(server: PostgresStore, postgres: str, notifications: str) -> None:
    async with another(postgres, notifications=notifications) as other:
        await stirring(other)
        other.changes.stirred()

        await server.people.rename_customer(ACME.id, name="Apex", by=at(NOW))

        await stirring(other)


async def test_a_listener_that_lost_its_connection_finds_another(server: PostgresStore, postgres: str) -> None:
    async with another(postgres) as other:
        await stirring(other)
        connection = await asyncpg.connect(postgres)
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
        await connection.execute(sql, connection.get_server_pid())
        connection.terminate()
        while other.changes.stirred():
            pass

        with suppress(Unavailable):  # its own connections are gone, too
            await server.people.rename_customer(ACME.id, name="Apex", by=at(NOW))
        await server.people.rename_customer(ACME.id, name="Apex again", by=at(NOW))

        await stirring(other)


async def stirring(store: Store) -> None:
    async with asyncio.timeout(30):
        while not store.changes.stirred():
            await store.changes.head()


async def test_a_lease_by_another_servers_clock_counts_as_held_until_it_must_have_ended(
    server: PostgresStore, postgres: str
) -> None:
    async with by_hand(postgres) as other:
        await other.execute("INSERT INTO verifier VALUES ('theirs', 'another server', 0, 0)")

    await server.changes.lease("ours", acked=5, lasts_ms=2000)
    before = await server.changes.hearing(5)
    async with asyncio.timeout(30):
        while (after := await server.changes.hearing(5)).missing:
            await server.changes.lease("ours", acked=5, lasts_ms=2000)

    assert (before.verifiers, before.missing) == (2, 1)
    assert (after.verifiers, after.missing) == (1, 0)


async def test_many_who_ask_who_has_heard_share_one_question(server: PostgresStore) -> None:
    await server.changes.lease("one", acked=5, lasts_ms=60_000)

    heard = await asyncio.gather(*(server.changes.hearing(seq) for seq in range(10)))

    assert [each.missing for each in heard] == [0] * 6 + [1] * 4


# Behind a pooler


async def test_nothing_is_left_behind_on_a_connection(server: PostgresStore, postgres: str) -> None:
    async with another(postgres, notifications="off", statement_cache_size="0", pool_size="1") as store:
        one = await add(store, token(name="one"))
        await store.tokens.get(one.id)
        await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))

        async with store._pool.connection() as connection:
            left = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM pg_prepared_statements),"
                " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),"
                " (SELECT count(*) FROM pg_settings WHERE source = 'session'), (SELECT count(*) FROM pg_listening_channels())"
            )

        assert tuple(left) == (0, 0, 0, 0)


async def test_a_closed_store_says_so_and_keeps_no_connection(cluster: Cluster, migrated: str) -> None:
    # Of its own: a pooler that other tests go through keeps its connections to theirs.
    name = cluster.new_database(template=migrated)
    async with another(cluster.dsn(name)) as store:
        await populated(store)

    for asked in (store.tokens.get("one"), attempt(store, token()), store.ready()):
        with pytest.raises(Unavailable, match="the store is closed"):
            await asked
    until(lambda: not cluster.backends(name), "no connection is left")
