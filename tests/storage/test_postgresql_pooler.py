"""Behind a pooler that lends a connection for a transaction: nothing that is needed, or left behind, is the session's."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import asyncpg
import pytest

from tallystick import storage
from tallystick.core.errors import Conflict, Invalid
from tallystick.core.secret import Secret, digester
from tallystick.storage.postgresql.store import PostgresStore
from tallystick.storage.postgresql.target import parse
from tests.core.world import ACME, NOW, add, at, populated, token
from tests.pooler import Pooler
from tests.postgres import Cluster
from tests.storage.test_moving import moved
from tests.storage.test_postgresql import stirring
from tests.storage.test_store import ANNAS, listed

LEFT = """
SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
       (SELECT count(*) FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding'))
"""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(parse(url))
    yield store
    await store.close()


@pytest.mark.parametrize("notifications", ["off", "on"])
async def test_what_another_node_changes_stirs(postgres: str, pooler: Pooler, notifications: str) -> None:
    """Also for somebody who forgot to switch notifications off: the counter is what counts."""
    url = pooler.url(postgres.rpartition("/")[2], notifications=notifications)
    async with opened(url) as one, opened(url) as other:
        await populated(one)
        await stirring(other)

        await one.people.rename_customer(ACME.id, name="Apex", by=at(NOW))

        await stirring(other)


async def test_many_nodes_share_a_few_connections(postgres: str, pooler: Pooler) -> None:
    async with AsyncExitStack() as stack:
        url = pooler.url(postgres.rpartition("/")[2])
        nodes = [await stack.enter_async_context(opened(url)) for _ in range(5)]
        await populated(nodes[0])
        secrets = [Secret.mint() for _ in range(60)]

        async def life(number: int, secret: Secret) -> bool:
            first, second, third = (nodes[(number + n) % len(nodes)] for n in range(3))
            one = await add(first, token(name=f"n{number}"), secret)
            seen = await second.tokens.look_up(digester(bytes(32))(secret))
            revoked = await third.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))
            after = await first.tokens.get(one.id)
            return revoked and seen is not None and seen.token == one and after is not None and after.revoked_at == NOW

        lived = await asyncio.gather(*(life(number, secret) for number, secret in enumerate(secrets)))

        assert lived == [True] * len(secrets)
        assert await listed(nodes[0], ANNAS) == []


async def test_nothing_is_left_behind(cluster: Cluster, migrated: str) -> None:
    """Neither by a store nor by a copy: it would be in somebody else's way, or hold what nobody holds any more."""
    with Pooler(cluster, connections=2) as pooler:
        source, target = (pooler.url(cluster.new_database(template=migrated)) for _ in range(2))
        storage.bind_key(source, "key")
        async with opened(source) as store:
            await populated(store)
            one = await add(store, token())
            await store.changes.lease("v", acked=0, lasts_ms=1)
            await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))
        await moved(source, target)

        assert [await left(url) for url in (source, target)] == [{(0, 0, 0, 0)}] * 2


async def left(url: str) -> set[tuple[int, ...]]:
    """What each connection of the pooler to the server has kept: both are held by a transaction at once."""
    target = parse(url)
    connections = [await asyncpg.connect(target.dsn, statement_cache_size=0) for _ in range(2)]
    try:
        for each in connections:
            await each.execute("BEGIN")
        return {tuple(await each.fetchrow(LEFT)) for each in connections}
    finally:
        for each in connections:
            each.terminate()


async def test_of_two_copies_into_one_database_the_second_is_refused(
    cluster: Cluster, migrated: str, pooler: Pooler
) -> None:
    url = pooler.url(cluster.new_database(template=migrated))

    async with aclosing(await storage.open_house(url, to_read=False)):
        with pytest.raises(Conflict, match="just being copied"):
            await storage.open_house(url, to_read=False)

    await (await storage.open_house(url, to_read=False)).aclose()


async def test_who_says_nothing_of_prepared_statements_is_told_what_to_say(
    shared_database: str, pooler: Pooler
) -> None:
    """Else one process's statement could be answered by another's of the same name."""
    name = shared_database.rpartition("/")[2]

    with pytest.raises(Invalid, match=re.escape("add ?notifications=off&statement_cache_size=0")) as caught:
        storage.prepare(pooler.bare_url(name))

    assert "somebody" not in str(caught.value)
    storage.prepare(pooler.url(name))
