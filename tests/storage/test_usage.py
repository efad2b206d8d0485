"""What was counted of tokens: added up hour by hour, with their last use or not at all, and gone with them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.outcome import Outcome
from tallystick.core.ports import Store
from tallystick.core.token import LastUse
from tallystick.core.usage import Once, Usage
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, NOW, add, at, token

HOUR = hour_of(NOW)
ALWAYS = {"since": 0, "until": NOW + HOUR_MS}


async def test_what_is_counted_adds_up_hour_by_hour_and_token_by_token(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))

    await store.tokens.touch([], [Usage(one.id, HOUR, 1, 2, 3, 4, 5, 6), Usage(other.id, HOUR, allowed=7)])
    await store.tokens.touch([], [Usage(one.id, HOUR, 10, 10, 10, 10, 10, 10), Usage(one.id, HOUR - HOUR_MS, locked=1)])

    assert await store.usage.of_token(one.id, **ALWAYS) == [
        Usage(one.id, HOUR - HOUR_MS, locked=1),
        Usage(one.id, HOUR, 11, 12, 13, 14, 15, 16),
    ]
    assert await store.usage.of_token(other.id, **ALWAYS) == [Usage(other.id, HOUR, allowed=7)]


async def test_an_hour_that_comes_twice_in_one_batch_adds_up_too(store: Store) -> None:
    one = await add(store, token())

    await store.tokens.touch([], [Usage(one.id, HOUR, allowed=1), Usage(one.id, HOUR, allowed=2, scope=1)])

    assert await store.usage.of_token(one.id, **ALWAYS) == [Usage(one.id, HOUR, allowed=3, scope=1)]


async def test_a_batch_that_is_sent_again_is_counted_once(store: Store) -> None:
    one = await add(store, token())
    usage = [Usage(one.id, HOUR, allowed=1)]

    for number in (1, 1, 2, 1, 2, 3):
        await store.tokens.touch([], usage, once=Once("mine", number))
    await store.tokens.touch([], usage, once=Once("theirs", 1))
    await store.tokens.touch([], usage)

    assert await store.usage.of_token(one.id, **ALWAYS) == [Usage(one.id, HOUR, allowed=5)]


async def test_last_use_and_counts_come_in_one_batch(store: Store) -> None:
    one, use = await add(store, token()), LastUse(NOW, "192.0.2.1", "curl/8")

    await store.tokens.touch([(one.id, use)], [Usage(one.id, HOUR, allowed=1)])

    kept = await store.tokens.get(one.id)
    assert kept is not None
    assert kept.last_use == use
    assert await store.usage.of_token(one.id, **ALWAYS) == [Usage(one.id, HOUR, allowed=1)]


async def test_without_room_for_the_counts_no_use_is_noted_either(sqlite: SqliteStore, path: Path) -> None:
    one = await add(sqlite, token())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON usage BEGIN SELECT RAISE(FAIL, 'no room'); END")

    with pytest.raises(Unavailable):
        await sqlite.tokens.touch([(one.id, LastUse(NOW, None, None))], [Usage(one.id, HOUR, allowed=1)])

    kept = await sqlite.tokens.get(one.id)
    assert kept is not None
    assert kept.last_use is None


async def test_hours_are_found_from_an_instant_on_and_before_another(store: Store) -> None:
    one = await add(store, token())
    hours = [HOUR - 2 * HOUR_MS, HOUR - HOUR_MS, HOUR]
    await store.tokens.touch([], [Usage(one.id, hour, allowed=1) for hour in reversed(hours)])

    found = await store.usage.of_token(one.id, since=hours[0], until=hours[2])
    late = await store.usage.of_token(one.id, since=hours[0] + 1, until=hours[2] + 1)

    assert [each.hour for each in found] == hours[:2]
    assert [each.hour for each in late] == hours[1:]


async def test_what_is_unknown_is_passed_over_and_does_not_stop_the_others(store: Store) -> None:
    one = await add(store, token())
    ids = ["nothing", "\ud800", f"{one.id}\x00", one.id]

    await store.tokens.touch([], [Usage(each, HOUR, allowed=1) for each in ids])

    assert await store.usage.of_token(one.id, **ALWAYS) == [Usage(one.id, HOUR, allowed=1)]
    for each in ids[:3]:
        assert await store.usage.of_token(each, **ALWAYS) == []


async def test_a_revoked_token_is_counted_on_and_when_its_user_goes_the_counts_go_too(store: Store) -> None:
    gone, kept = await add(store, token(ANNA)), await add(store, token(name="kept", user_id=None, role=ANNA.role))
    await store.tokens.revoke(gone.id, reach=Reach(ACME.id, None), by=at(NOW))
    await store.tokens.touch([], [Usage(one.id, HOUR, revoked=1) for one in (gone, kept)])
    assert await store.usage.of_token(gone.id, **ALWAYS) == [Usage(gone.id, HOUR, revoked=1)]

    removal = await store.people.remove_user(ANNA.id, customer_id=ACME.id, by=at(NOW))

    assert removal.outcome is Outcome.DONE
    assert await store.usage.of_token(gone.id, **ALWAYS) == []
    assert await store.usage.of_token(kept.id, **ALWAYS) == [Usage(kept.id, HOUR, revoked=1)]


async def test_what_was_counted_is_gone_from_the_file_with_its_token(sqlite: SqliteStore, path: Path) -> None:
    one = await add(sqlite, token(expires_at=NOW))
    await sqlite.tokens.touch([], [Usage(one.id, HOUR, allowed=1)])

    await sqlite.people.remove_user(ANNA.id, customer_id=ACME.id, by=at(NOW))

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM usage").fetchall() == [(0,)]


async def test_hours_that_began_before_an_instant_are_forgotten(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))
    hours = [HOUR - 2 * HOUR_MS, HOUR - HOUR_MS, HOUR]
    await store.tokens.touch([], [Usage(each.id, hour, allowed=1) for each in (one, other) for hour in hours])

    await store.usage.forget_older(before=hours[1])

    for each in (one, other):
        assert [left.hour for left in await store.usage.of_token(each.id, **ALWAYS)] == hours[1:]
