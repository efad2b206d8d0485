"""Somebody leaves: who may, and what a plan that has gone stale is called."""

import pytest

from tallystick.core.errors import Conflict, NotFound
from tallystick.core.events import Sought
from tallystick.core.people import Role
from tallystick.identity.offboard import Fate, OutOfDate, offboard, require_may_leave
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, ANNA, NOW, ROOT, add, at, populated, token, user

SECOND_ROOT = user("second", Role.SUPERUSER)
BY = at(NOW)


@pytest.fixture
async def store() -> MemoryStore:
    return await populated(MemoryStore())


async def test_asking_whether_somebody_may_leave_does_nothing(store: MemoryStore) -> None:
    laptop = await add(store, token(ANNA))

    await require_may_leave(store.people, ANNA, by=BY)

    assert await store.people.user(ANNA.id) == ANNA
    assert await store.tokens.get(laptop.id) == laptop
    assert await store.events.find(ACME.id, Sought(since=NOW), after=None, size=9) == []


async def test_the_last_superuser_may_not_leave_until_there_is_another(store: MemoryStore) -> None:
    with pytest.raises(Conflict, match="Last superuser"):
        await require_may_leave(store.people, ROOT, by=BY)

    await store.people.add_user(SECOND_ROOT, password_hash="", by=BY)

    await require_may_leave(store.people, ROOT, by=BY)


async def test_who_is_gone_cannot_leave(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        await require_may_leave(store.people, SECOND_ROOT, by=BY)


async def test_a_plan_that_misses_a_token_is_out_of_date_and_does_nothing(store: MemoryStore) -> None:
    laptop, new = [await add(store, token(ANNA, name)) for name in ("laptop", "new")]

    with pytest.raises(OutOfDate, match="The plan is out of date"):
        await offboard(store.people, ANNA, {laptop.id: Fate.REVOKE}, delete=False, by=BY)

    assert [await store.tokens.get(each.id) for each in (laptop, new)] == [laptop, new]
