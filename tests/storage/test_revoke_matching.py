"""Revoking by rule: every store ends what it finds, all of it or nothing, and each end is an event that says why."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.errors import Unavailable
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.find import Kind, Sort, Wanted
from tallystick.core.ports import Store
from tallystick.core.secret import Secret
from tallystick.core.token import LastUse, Token
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, BERT, DAY, NOW, ROOT, SECOND, SHOP, STRANGER, add, at, machine, token

ACMES = Reach(ACME.id, None)
BY = Origin(at=NOW + SECOND, user_id=ROOT.id, ip="::1", user_agent="curl/8", request_id="r1")


async def live(store: Store) -> set[str]:
    return {one.id async for batch in store.tokens.batches(ACMES, size=1000) for one in batch}


async def ends(store: Store) -> bytes:
    """What was told of it, without the ids of the events; as text, since to Python 1 is True."""
    found = await store.events.find(ACME.id, Sought(since=BY.at), after=None, size=1000)
    return _text(found)


def told(*tokens: Token, reason: str = "superseded") -> bytes:
    """What the core tells of their end."""
    return _text([events.revoked(one, BY, reason=reason) for one in tokens])


def _text(some: Sequence[Event]) -> bytes:
    nameless = sorted((replace(event, id="") for event in some), key=lambda event: event.target_id)
    return msgspec.json.encode(nameless, order="deterministic")


async def test_all_that_is_found_ends_together_and_nothing_else(store: Store) -> None:
    first, second, expired = (
        await add(store, token(ANNA, "deploy 1")),
        await add(store, token(BERT, "DEPLOY 2", services=(SHOP.id,))),
        await add(store, token(ANNA, "deploy 3", expires_at=NOW - 1)),
    )
    kept = await add(store, token(ANNA, "other"))
    foreign = await add(store, token(STRANGER, "deploy 4"))

    ended = await store.tokens.revoke_matching(ACMES, Wanted(search="deploy"), reason="superseded", by=BY)

    assert ended == 3
    assert await live(store) == {kept.id}
    assert await store.tokens.get(first.id) == replace(first, revoked_at=BY.at)
    assert await store.tokens.get(foreign.id) == foreign
    assert await ends(store) == told(first, second, expired)


async def test_what_had_ended_before_keeps_its_time_and_is_not_told_again(store: Store) -> None:
    before = await add(store, token(ANNA, "before"))
    await store.tokens.revoke(before.id, reach=ACMES, by=at(NOW))

    assert await store.tokens.revoke_matching(ACMES, Wanted(user_id=ANNA.id), reason="superseded", by=BY) == 0

    assert await store.tokens.get(before.id) == replace(before, revoked_at=NOW)
    assert await ends(store) == told()


async def test_one_can_be_spared_whatever_is_true_of_it(store: Store) -> None:
    asking, other = await add(store, token(ROOT, "asking")), await add(store, token(ROOT, "other"))
    wanted = Wanted(user_id=ROOT.id, other_than=asking.id)

    assert await store.tokens.count(ACMES, wanted) == 1
    assert await store.tokens.revoke_matching(ACMES, wanted, reason="superseded", by=BY) == 1

    assert await live(store) == {asking.id}
    assert await ends(store) == told(other)


async def test_to_spare_what_cannot_be_there_spares_nothing(store: Store) -> None:
    one = await add(store, token())

    found = await store.tokens.find(ACMES, Wanted(other_than="\ud800"), sort=Sort(), size=2)

    assert found.tokens == (one,)
    assert await store.tokens.revoke_matching(ACMES, Wanted(other_than="\ud800"), reason="superseded", by=BY) == 1


async def test_within_an_owners_reach_only_theirs_end(store: Store) -> None:
    mine, theirs = await add(store, token(ANNA)), await add(store, token(BERT))

    ended = await store.tokens.revoke_matching(
        Reach(ACME.id, ANNA.id), Wanted(created_before=NOW), reason="superseded", by=BY
    )

    assert ended == 1
    assert await live(store) == {theirs.id}
    assert await ends(store) == told(mine)


async def test_what_ends_is_told_as_the_core_tells_it(store: Store) -> None:
    secret = Secret.mint().reveal()
    some = [
        await add(store, token(ANNA, 'quotes " \\ and \n lines')),
        await add(store, token(ANNA, f"is it {secret}?", "global:read purge_all", id="t", expires_at=NOW + DAY)),
        await add(store, token(BERT, "tly_ is no secret", services=(SHOP.id,))),
        await add(store, machine("🗝", tls_access=True)),
    ]
    await store.tokens.raise_sudo(some[0].id, until=NOW + DAY, by=at(NOW))
    await store.tokens.touch([(some[1].id, LastUse(NOW, "::1", "curl"))])
    records = [one for each in some if (one := await store.tokens.get(each.id)) is not None]

    assert await store.tokens.revoke_matching(ACMES, Wanted(created_before=NOW), reason="key_compromise", by=BY) == 4

    assert await ends(store) == told(*records, reason="key_compromise")
    assert secret.encode() not in await ends(store)


@pytest.mark.parametrize(
    "wanted", [Wanted(search="\ud800"), Wanted(user_id="\ud800"), Wanted(service_id="\x00"), Wanted(search="a\x00")]
)
async def test_what_no_database_can_hold_ends_nothing(store: Store, wanted: Wanted) -> None:
    one = await add(store, token(name="a"))

    assert await store.tokens.revoke_matching(ACMES, wanted, reason="superseded", by=BY) == 0

    assert await live(store) == {one.id}


async def test_a_name_that_cannot_be_kept_does_not_stop_it(store: Store) -> None:
    await add(store, token())

    by = replace(BY, user_agent="half \ud800", request_id="a\x00b")
    assert await store.tokens.revoke_matching(ACMES, Wanted(kind=Kind.USER), reason="superseded", by=by) == 1

    (event,) = await store.events.find(ACME.id, Sought(since=BY.at), after=None, size=9)
    assert event.by.request_id in ("a\x00b", "a\N{REPLACEMENT CHARACTER}b")


async def test_when_one_of_the_events_cannot_be_written_nothing_has_ended(sqlite: SqliteStore, path: Path) -> None:
    some = {(await add(sqlite, token(name=f"n{number}"))).id for number in range(5)}
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TRIGGER picky BEFORE INSERT ON event"
            f" WHEN new.target_id = '{max(some)}' BEGIN SELECT raise(ABORT, 'no'); END"
        )

    with pytest.raises(Unavailable):
        await sqlite.tokens.revoke_matching(ACMES, Wanted(user_id=ANNA.id), reason="superseded", by=BY)

    assert await live(sqlite) == some
    assert await ends(sqlite) == told()
