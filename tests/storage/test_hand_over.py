"""Somebody leaves: what was decided about their tokens is done whole, or not at all."""

from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.events import Sought
from tallystick.core.outcome import HandOver, Outcome, Removal
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Seen, Store
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse
from tests.core.world import ACME, ANNA, BERT, NOW, OTHER, ROOT, SECOND, SHOP, STRANGER, at, token

CI = token(name="ci", services=(SHOP.id,), expires_at=NOW + SECOND)
LAPTOP, OVER, EXPIRED, BERTS = (
    token(name="laptop"),
    token(name="over"),
    token(name="expired", expires_at=NOW),
    token(BERT),
)
BY = at(NOW, user_agent="console")


def digest(name: str) -> Digest:
    return Digest(name.encode().ljust(32))


@pytest.fixture
async def annas(store: Store) -> Store:
    """Anna has two live tokens, one that is revoked and one that has expired."""
    for one in (CI, LAPTOP, OVER, EXPIRED, BERTS):
        await store.tokens.add(one, digest(one.id), limit=100, parent_id=None, by=at(NOW - 2))
    await store.tokens.revoke(OVER.id, reach=Reach(ACME.id, None), by=at(NOW - 1))
    await store.tokens.raise_sudo(CI.id, until=NOW + SECOND, by=at(NOW - 1))
    await store.tokens.touch([(CI.id, LastUse(NOW - 1, "192.0.2.1", "make"))])
    return store


def plan(moved: tuple[str, ...] = (CI.id,), ended: tuple[str, ...] = (LAPTOP.id,), **fields: Any) -> HandOver:
    return HandOver(moved=moved, ended=ended, **{"role": Role.BILLING, "delete": False, **fields})


async def hand_over(store: Store, what: HandOver, customer_id: str = ACME.id) -> Removal:
    return await store.people.hand_over(ANNA.id, customer_id=customer_id, plan=what, by=BY)


async def test_a_moved_token_keeps_all_but_whom_it_belongs_to(annas: Store) -> None:
    assert await hand_over(annas, plan()) == Removal(Outcome.DONE)

    seen = await annas.tokens.look_up(digest(CI.id))
    expected = replace(CI, user_id=None, role=Role.BILLING, creator_id=ANNA.id)
    assert seen == Seen(replace(expected, last_use=LastUse(NOW - 1, "192.0.2.1", "make")), None)


async def test_the_other_tokens_are_over_and_their_user_is_locked(annas: Store) -> None:
    await hand_over(annas, plan())

    laptop = await annas.tokens.get(LAPTOP.id)
    assert laptop == replace(LAPTOP, revoked_at=NOW)
    assert await annas.people.user(ANNA.id) == replace(ANNA, locked=True, updated_at=NOW)
    assert await annas.tokens.get(BERTS.id) == BERTS


async def test_a_user_who_is_deleted_leaves_only_what_was_moved(annas: Store) -> None:
    assert await hand_over(annas, plan(delete=True)) == Removal(Outcome.DONE)

    assert await annas.people.user(ANNA.id) is None
    assert [await annas.tokens.get(one.id) for one in (LAPTOP, OVER, EXPIRED)] == [None] * 3
    moved = await annas.tokens.get(CI.id)
    assert moved is not None
    assert (moved.owner_id, moved.creator_id) == (CI.id, ANNA.id)


async def test_each_of_it_leaves_its_event(annas: Store) -> None:
    await hand_over(annas, plan())

    events = await annas.events.find(ACME.id, Sought(since=NOW), after=None, size=9)
    assert sorted((event.action, event.target_id, event.reason) for event in events) == [
        ("token.move", CI.id, None),
        ("token.revoke", LAPTOP.id, "affiliation_changed"),
        ("user.update", ANNA.id, None),
    ]
    (move,) = [event for event in events if event.action == "token.move"]
    assert move.before == {"user_id": ANNA.id, "role": None, "creator_id": None, "sudo_until": NOW + SECOND}
    assert move.after == {"user_id": None, "role": "billing", "creator_id": ANNA.id, "sudo_until": None}
    assert {event.by for event in events} == {BY}


@pytest.mark.parametrize(
    "what, stale",
    [
        (plan(ended=()), (LAPTOP.id,)),
        (plan(moved=()), (CI.id,)),
        (plan(ended=(LAPTOP.id, OVER.id)), (OVER.id,)),
        (plan(ended=(LAPTOP.id, EXPIRED.id)), (EXPIRED.id,)),
        (plan(moved=(CI.id, BERTS.id)), (BERTS.id,)),
        (plan(ended=(LAPTOP.id, "a\x00b")), ("a\x00b",)),
        (plan(ended=(LAPTOP.id, CI.id)), (CI.id,)),
        (plan(moved=(), ended=(), delete=True), tuple(sorted((CI.id, LAPTOP.id)))),
    ],
)
async def test_a_plan_that_does_not_name_exactly_their_live_tokens_does_nothing(
    annas: Store, what: HandOver, stale: tuple[str, ...]
) -> None:
    assert await hand_over(annas, what) == Removal(Outcome.STALE, stale)

    assert await annas.people.user(ANNA.id) == ANNA
    assert await annas.tokens.get(LAPTOP.id) == LAPTOP
    assert await annas.events.find(ACME.id, Sought(since=NOW), after=None, size=9) == []


async def test_nobody_leaves_who_is_not_there_or_is_needed(annas: Store) -> None:
    nothing = plan(moved=(), ended=())

    assert await hand_over(annas, plan(), OTHER.id) == Removal(Outcome.UNKNOWN)
    for user, outcome in ((ROOT, Outcome.LAST_SUPERUSER), (STRANGER, Outcome.UNKNOWN)):
        result = await annas.people.hand_over(user.id, customer_id=ACME.id, plan=nothing, by=BY)
        assert result == Removal(outcome)
    assert await annas.people.hand_over("a\x00b", customer_id=ACME.id, plan=nothing, by=BY) == Removal(Outcome.UNKNOWN)
    assert await annas.people.user(ROOT.id) == ROOT


async def test_who_is_locked_already_can_leave(annas: Store) -> None:
    await annas.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(locked=True), by=at(NOW - 1))

    assert await hand_over(annas, plan()) == Removal(Outcome.DONE)
