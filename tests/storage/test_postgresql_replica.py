"""Look-ups in a replica: used when it knows enough, and never when it does not."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from tallystick import storage
from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.secret import Digest, Secret, digester
from tallystick.core.token import Token
from tallystick.storage.postgresql.store import PostgresStore
from tallystick.storage.postgresql.target import parse
from tests.cli.program import until
from tests.core.world import ACME, NOW, add, at, populated, token
from tests.postgres import Cluster, emptied

ACMES = Reach(ACME.id, None)
DIGEST = digester(bytes(32))


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    with Cluster() as primary:
        yield primary


@pytest.fixture(scope="module")
def name(primary: Cluster) -> str:
    name = primary.new_database()
    storage.prepare(primary.dsn(name))
    return name


@pytest.fixture(scope="module")
def replica(primary: Cluster, name: str) -> Iterator[Cluster]:
    with primary.standby("copy") as replica:
        yield replica


@pytest.fixture
async def store(primary: Cluster, replica: Cluster, name: str) -> AsyncIterator[PostgresStore]:
    await emptied(primary.dsn(name))
    store = await PostgresStore.open(parse(primary.dsn(name, timeout="0.5")), parse(replica.dsn(name)))
    yield await populated(store)
    await store.close()


async def holds_lease(store: PostgresStore) -> None:
    await store.changes.lease("me", acked=0, lasts_ms=60_000)
    await store.changes.after(0)


async def made(store: PostgresStore) -> tuple[Token, Digest]:
    secret = Secret.mint()
    return await add(store, token(), secret), DIGEST(secret)


def replayed(primary: Cluster, replica: Cluster) -> None:
    position = primary.sql("SELECT pg_current_wal_flush_lsn()")
    until(lambda: replica.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t", "the replica has followed")


@contextmanager
def paused(replica: Cluster) -> Iterator[None]:
    """It shows what was, and nothing that comes."""
    replica.sql("SELECT pg_wal_replay_pause()")
    until(lambda: replica.sql("SELECT pg_get_wal_replay_pause_state()") == "paused", "the replica stands still")
    try:
        yield
    finally:
        replica.sql("SELECT pg_wal_replay_resume()")


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    pids = [cluster.pid, *cluster.backends()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_replica_that_has_followed_answers_alone(
    store: PostgresStore, primary: Cluster, replica: Cluster
) -> None:
    one, digest = await made(store)
    await holds_lease(store)
    replayed(primary, replica)

    with frozen(primary):
        seen = await store.tokens.look_up(digest)

    assert seen is not None
    assert seen.token == one


async def test_without_a_lease_it_is_not_asked(store: PostgresStore, primary: Cluster, replica: Cluster) -> None:
    _, digest = await made(store)
    replayed(primary, replica)

    with frozen(primary), pytest.raises(Unavailable):
        await store.tokens.look_up(digest)


async def test_one_that_lags_never_lets_in_what_was_revoked(
    store: PostgresStore, primary: Cluster, replica: Cluster, name: str
) -> None:
    one, digest = await made(store)
    await holds_lease(store)
    replayed(primary, replica)

    with paused(replica):
        await store.tokens.revoke(one.id, reach=ACMES, by=at(NOW))
        await store.changes.after(0)  # what a worker does before it says that it has heard
        seen = await store.tokens.look_up(digest)
        theirs = replica.sql(f"SELECT revoked_at IS NULL FROM token WHERE id = '{one.id}'", database=name)

    assert theirs == "t", "the replica does not know it yet"
    assert seen is not None
    assert seen.token.revoked_at == NOW


async def test_what_it_does_not_know_yet_is_found_in_the_primary(
    store: PostgresStore, primary: Cluster, replica: Cluster
) -> None:
    await holds_lease(store)
    replayed(primary, replica)

    with paused(replica):
        one, digest = await made(store)
        seen = await store.tokens.look_up(digest)

    assert seen is not None
    assert seen.token == one


async def test_one_that_is_lost_is_done_without(store: PostgresStore, primary: Cluster, replica: Cluster) -> None:
    one, digest = await made(store)
    await holds_lease(store)

    replica.kill()
    found = [await store.tokens.look_up(digest) for _ in range(3)]
    replica.start()

    assert [None if seen is None else seen.token for seen in found] == [one] * 3
