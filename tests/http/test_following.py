"""A process's memory over its store: what it asks the store, and how often."""

import asyncio
from typing import Any

import pytest

from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.ports import Seen, Store
from tallystick.core.secret import Digest, Secret, digester
from tallystick.http.following import Memory
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, NOW, add, at, populated, token

SECRET = Secret.mint()
DIGEST = digester(bytes(32))(SECRET)
ONE = token()
MANY = 10_000
REACH = Reach(ACME.id, None)


class Slow:
    """The tokens of a store that answers when it is told to, by what was there when it was asked."""

    def __init__(self, store: Store) -> None:
        self._tokens = store.tokens
        self.asked: list[asyncio.Future[None]] = []

    async def look_up(self, digest: Digest) -> Seen | None:
        seen = await self._tokens.look_up(digest)
        self.asked.append(asyncio.get_running_loop().create_future())
        await self.asked[-1]
        return seen


@pytest.fixture
async def store() -> Store:
    store = await populated(MemoryStore())
    await add(store, ONE, SECRET)
    return store


@pytest.fixture
async def memory(store: Store) -> Any:
    memory = Memory(Slow(store), store.changes)  # type: ignore[arg-type]  # it is only ever asked to look up
    await memory.start()
    yield memory
    await memory.finish()


async def asked(memory: Memory, times: int) -> "list[asyncio.Task[Seen | None]]":
    tasks = [asyncio.create_task(memory.look_up(DIGEST)) for _ in range(times)]
    await let_all_go_on()
    return tasks


async def let_all_go_on() -> None:
    for _ in range(5):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future


def looked_up(memory: Memory) -> list[asyncio.Future[None]]:
    slow: Any = memory._tokens
    return slow.asked  # type: ignore[no-any-return]


async def test_all_who_ask_for_one_token_at_once_cost_one_look_up(memory: Memory) -> None:
    tasks = await asked(memory, MANY)
    looked_up(memory)[0].set_result(None)

    seen = await asyncio.gather(*tasks)

    assert len(looked_up(memory)) == 1
    assert all(each is not None and each.token.id == ONE.id for each in seen)


async def test_who_asks_after_a_revocation_gets_nothing_that_was_read_before_it(memory: Memory, store: Store) -> None:
    (first,) = await asked(memory, 1)
    await store.tokens.revoke(ONE.id, reach=REACH, by=at(NOW, request_id="r"))
    await memory.settle("r", since=0)

    late = await asked(memory, 3)
    looked_up(memory)[0].set_result(None)
    await let_all_go_on()
    looked_up(memory)[1].set_result(None)

    # The first began before it, and may be told so; the others share the next look-up.
    assert (await first) is not None
    assert [seen.token.revoked_at for seen in await asyncio.gather(*late) if seen] == [NOW] * 3
    assert len(looked_up(memory)) == 2


async def test_without_a_lease_nothing_is_shared(memory: Memory) -> None:
    tasks = await asked(memory, 2)
    memory.verifier.let_go()
    looked_up(memory)[0].set_result(None)
    await let_all_go_on()
    looked_up(memory)[1].set_result(None)

    await asyncio.gather(*tasks)

    assert len(looked_up(memory)) == 2


async def test_when_the_store_is_away_all_who_wait_are_told_at_once(memory: Memory) -> None:
    tasks = await asked(memory, MANY)
    looked_up(memory)[0].set_exception(Unavailable("away"))

    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert len(looked_up(memory)) == 1
    assert all(isinstance(each, Unavailable) for each in told)


async def test_who_waits_goes_on_when_whoever_asked_first_has_gone(memory: Memory) -> None:
    first, second = await asked(memory, 2)
    first.cancel()
    await let_all_go_on()
    looked_up(memory)[1].set_result(None)

    assert (await second) is not None


async def test_where_look_ups_are_answered_is_counted(memory: Memory) -> None:
    tasks = await asked(memory, 3)
    looked_up(memory)[0].set_result(None)
    await asyncio.gather(*tasks)
    await memory.look_up(DIGEST)
    memory.verifier.let_go()
    (task,) = await asked(memory, 1)
    looked_up(memory)[1].set_result(None)
    await task

    assert (memory.looked_up, memory.shared, memory.recalled, memory.without_lease) == (1, 2, 1, 1)


async def test_a_lease_that_had_ended_before_it_is_renewed_is_counted_once_it_is_held_again(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await memory._renew()
    assert memory.lapses == 0

    memory.verifier.let_go()
    with monkeypatch.context() as patched:
        patched.setattr(memory._changes, "lease", away)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await memory._renew()
    assert memory.lapses == 0

    await memory._renew()
    await memory._renew()
    assert memory.lapses == 1


async def away(*_: Any, **__: Any) -> None:
    raise Unavailable("away")
