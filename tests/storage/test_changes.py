"""The numbered changes, and who has heard of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.changes import TOLD_MAX, Change, Heard, Hearing, Kind, Numbered
from tallystick.core.find import Wanted
from tallystick.core.outcome import HandOver
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Store
from tallystick.core.secret import Secret, digester
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, NOW, ROOT, SHOP, add, at, token, user

ACMES = Reach(ACME.id, None)
BY = at(NOW, request_id="request-1")
ONE, TWO = token(name="one"), token(name="two")

Write = Callable[[Store], Awaitable[Any]]
TAKES_AWAY: dict[str, tuple[Write, set[Change]]] = {
    "revoking one": (lambda s: s.tokens.revoke(ONE.id, reach=ACMES, by=BY), {Change(Kind.TOKEN, ONE.id)}),
    "revoking many": (
        lambda s: s.tokens.revoke_all([ONE.id, TWO.id], reach=ACMES, by=BY),
        {Change(Kind.TOKEN, ONE.id), Change(Kind.TOKEN, TWO.id)},
    ),
    "sudo": (lambda s: s.tokens.raise_sudo(ONE.id, until=NOW + 9, by=BY), {Change(Kind.TOKEN, ONE.id)}),
    "a role lowered, a user locked": (
        lambda s: s.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(locked=True), by=BY),
        {Change(Kind.USER, ANNA.id)},
    ),
    "a password that ends tokens": (
        lambda s: s.people.set_password(ANNA.id, password_hash="x", replacing=None, by=BY, kept=ONE.id),
        {Change(Kind.USER, ANNA.id), Change(Kind.TOKEN, TWO.id)},
    ),
    "somebody who leaves": (
        lambda s: s.people.hand_over(
            ANNA.id,
            customer_id=ACME.id,
            plan=HandOver(moved=(ONE.id,), ended=(TWO.id,), role=Role.USER, delete=False),
            by=BY,
        ),
        {Change(Kind.TOKEN, ONE.id), Change(Kind.TOKEN, TWO.id), Change(Kind.USER, ANNA.id)},
    ),
    "a user's end": (
        lambda s: s.people.remove_user(BERT.id, customer_id=ACME.id, by=BY),
        {Change(Kind.USER, BERT.id)},
    ),
    "a service's end": (
        lambda s: s.people.remove_service(BLOG.id, customer_id=ACME.id, by=BY),
        {Change(Kind.CUSTOMER, ACME.id)},
    ),
    "a customer's name": (
        lambda s: s.people.rename_customer(ACME.id, name="Apex", by=BY),
        {Change(Kind.CUSTOMER, ACME.id)},
    ),
}


@pytest.fixture
async def busy(store: Store) -> Store:
    for one in (ONE, TWO):
        await add(store, one)
    return store


@pytest.mark.parametrize("what", TAKES_AWAY)
async def test_whatever_changes_what_was_there_is_told_to_verifiers(busy: Store, what: str) -> None:
    write, expected = TAKES_AWAY[what]
    before = await busy.changes.head()

    await write(busy)

    news = await busy.changes.after(before)
    assert set(news.changes) == expected
    assert not news.gap
    assert news.upto == await busy.changes.head() > before
    assert news.upto == before + 1, "what happens at once is one change"
    assert await busy.changes.of_request("request-1", since=before) == news.upto
    assert await busy.changes.of_request("request-1", since=news.upto) is None
    assert await busy.changes.of_request("request-2", since=before) is None


async def test_what_a_rule_ends_is_told_to_verifiers(busy: Store) -> None:
    before = await busy.changes.head()

    assert await busy.tokens.revoke_matching(ACMES, Wanted(search="one"), reason="superseded", by=BY) == 1

    told = set((await busy.changes.after(before)).changes)
    assert told in ({Change(Kind.TOKEN, ONE.id)}, {Change(Kind.CUSTOMER, ACME.id)})
    assert await busy.tokens.revoke_matching(ACMES, Wanted(search="one"), reason="superseded", by=BY) == 0
    assert await busy.changes.head() == before + 1


async def test_changes_that_are_written_together_are_each_known_by_their_own_request(busy: Store) -> None:
    before, people = await busy.changes.head(), busy.people
    made = [(replace(SHOP, id=f"s{number}"), at(NOW, request_id=f"request-{number}")) for number in range(3)]

    await asyncio.gather(*(people.add_service(each, by=by) for each, by in made))

    found = [await busy.changes.of_request(f"request-{number}", since=before) for number in range(3)]
    assert sorted(seq or 0 for seq in found) == [before + 1, before + 2, before + 3]


async def test_what_is_new_needs_nobody_to_forget(busy: Store) -> None:
    before = await busy.changes.head()

    await busy.tokens.add(token(name="new"), digester(bytes(32))(Secret.mint()), limit=9, parent_id=None, by=BY)
    await busy.people.add_user(user("new"), password_hash="!", by=BY)

    assert await busy.changes.head() == before


async def test_what_did_not_happen_is_not_told(busy: Store) -> None:
    before = await busy.changes.head()

    assert not await busy.tokens.revoke("nothing", reach=ACMES, by=BY)
    assert await busy.tokens.revoke_all([ONE.id, "nothing"], reach=ACMES, by=BY)
    await busy.people.change_user(ROOT.id, customer_id=ACME.id, change=UserChange(role=Role.USER), by=BY)

    assert await busy.changes.head() == before


async def test_anything_written_stirs(busy: Store) -> None:
    busy.changes.stirred()

    assert not busy.changes.stirred()
    await busy.tokens.revoke(ONE.id, reach=ACMES, by=BY)
    assert busy.changes.stirred()
    assert not busy.changes.stirred()


async def test_who_has_heard_is_counted_among_those_who_hold_a_lease(store: Store) -> None:
    changes = store.changes
    assert await changes.hearing(5) == Hearing(0, 0)

    await changes.lease("one", acked=5, lasts_ms=60_000)
    await changes.lease("two", acked=4, lasts_ms=60_000)
    await changes.lease("over", acked=0, lasts_ms=0)
    assert await changes.hearing(5) == Hearing(2, 1)

    await changes.ack("two", 5)
    await changes.ack("nobody", 5)
    assert await changes.hearing(5) == Hearing(2, 0)
    await changes.ack("one", 3)
    assert await changes.hearing(5) == Hearing(2, 0)
    assert await changes.hearing(6) == Hearing(2, 2)

    held = await changes.followers()
    assert [(each.id, each.acked, 0 < each.lease_ms <= 60_000) for each in held] == [("one", 5, True), ("two", 5, True)]

    await changes.leave("one")
    assert await changes.hearing(6) == Hearing(1, 1)
    assert [each.id for each in await changes.followers()] == ["two"]


async def test_those_whom_it_speaks_for_are_counted_with_each_who_holds_a_lease(store: Store) -> None:
    changes = store.changes
    await changes.lease("one", acked=5, lasts_ms=60_000, speaks_for=3)
    await changes.lease("two", acked=4, lasts_ms=60_000)
    assert await changes.hearing(5) == Hearing(5, 1)

    await changes.ack("two", 5)
    await changes.lease("one", acked=5, lasts_ms=60_000, speaks_for=1)
    assert await changes.hearing(5) == Hearing(3, 0)

    await changes.lease("one", acked=5, lasts_ms=0, speaks_for=9)
    assert await changes.hearing(5) == Hearing(1, 0)


async def test_who_needs_what_was_trimmed_is_told_so(busy: Store) -> None:
    start = await busy.changes.head()
    await busy.tokens.revoke(ONE.id, reach=ACMES, by=at(NOW))
    await busy.tokens.revoke(TWO.id, reach=ACMES, by=at(NOW + DAY))
    await busy.changes.lease("over", acked=0, lasts_ms=0)

    await busy.changes.trim(before=NOW + 1)

    assert (await busy.changes.after(start)).gap
    last = await busy.changes.head()
    assert not (await busy.changes.after(last - 1)).gap
    assert (await busy.changes.after(last)).changes == ()
    await busy.changes.trim(before=NOW + 2 * DAY)
    assert not (await busy.changes.after(last - 1)).gap


# What is kept of a change for whoever asks for its receipt.


@pytest.mark.parametrize("what", TAKES_AWAY)
async def test_every_change_is_kept_with_what_it_is_about(busy: Store, what: str) -> None:
    write, expected = TAKES_AWAY[what]

    await write(busy)

    seq = await busy.changes.head()
    assert await busy.changes.numbered(seq) == Numbered(
        seq=seq,
        customer_id=ACME.id,
        at=NOW,
        user_id=None,
        token_id=None,
        request_id="request-1",
        count=len(expected),
        changes=tuple(sorted(expected, key=lambda change: (change.kind, change.key))),
    )


async def test_a_change_is_kept_with_who_made_it_and_by_which_token(busy: Store) -> None:
    await busy.tokens.revoke(ONE.id, reach=ACMES, by=at(NOW, user_id=ANNA.id, token_id=TWO.id))

    kept = await busy.changes.numbered(await busy.changes.head())
    assert kept is not None
    assert (kept.user_id, kept.token_id, kept.request_id) == (ANNA.id, TWO.id, None)


async def test_what_a_rule_ends_is_kept_too(busy: Store) -> None:
    await busy.tokens.revoke_matching(ACMES, Wanted(search="one"), reason="superseded", by=BY)

    kept = await busy.changes.numbered(await busy.changes.head())
    assert kept is not None
    assert (kept.customer_id, kept.at, kept.request_id, kept.count) == (ACME.id, NOW, "request-1", 1)


async def test_of_a_change_to_very_many_some_are_kept_and_their_number(busy: Store) -> None:
    many = [await add(busy, token(name=f"n{number:03}")) for number in range(TOLD_MAX + 1)]

    await busy.tokens.revoke_all([one.id for one in many], reach=ACMES, by=BY)

    kept = await busy.changes.numbered(await busy.changes.head())
    assert kept is not None
    assert kept.count == TOLD_MAX + 1
    assert kept.changes == tuple(Change(Kind.TOKEN, one.id) for one in many[:TOLD_MAX])


async def test_what_is_no_change_has_nothing_that_could_be_kept(busy: Store) -> None:
    head = await busy.changes.head()

    assert [await busy.changes.numbered(seq) for seq in (0, -1, head + 1)] == [None, None, None]


async def test_that_everybody_has_heard_is_noted_once(busy: Store) -> None:
    await busy.tokens.revoke(ONE.id, reach=ACMES, by=BY)
    await busy.tokens.revoke(TWO.id, reach=ACMES, by=BY)
    seq, changes = await busy.changes.head(), busy.changes
    before = await changes.numbered(seq)
    assert before is not None

    await changes.note_heard([(seq, Heard(NOW + 9, 2, 9)), (seq + 1, Heard(NOW, 1, 1))])
    await changes.note_heard([(seq, Heard(NOW + 10, 3, 10))])
    await changes.note_heard([])

    assert await changes.numbered(seq) == replace(before, heard=Heard(NOW + 9, 2, 9))
    assert await changes.numbered(seq + 1) is None
    other = await changes.numbered(seq - 1)
    assert other is not None
    assert other.heard is None


async def test_what_is_kept_of_changes_goes_by_its_own_age(busy: Store) -> None:
    changes = busy.changes
    await busy.tokens.revoke(ONE.id, reach=ACMES, by=at(NOW))
    await busy.tokens.revoke(TWO.id, reach=ACMES, by=at(NOW + DAY))
    newest = await changes.head()

    await changes.trim(before=NOW + 2 * DAY)
    both = [await changes.numbered(seq) for seq in (newest - 1, newest)]
    await changes.trim_numbered(before=NOW + DAY)
    newer = [await changes.numbered(seq) for seq in (newest - 1, newest)]

    assert None not in both
    assert newer == [None, both[1]]
