"""THE CONTRACT, continued: scopes of one's own, and what a look-up says of them.  Every test runs on every kind of store."""

import asyncio
from itertools import count

import pytest

from tallystick.core.changes import Change, Kind
from tallystick.core.errors import Invalid, Unauthenticated
from tallystick.core.events import Sought
from tallystick.core.outcome import Added, Outcome, Removal
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Store
from tallystick.core.scopes import Catalogue, Defined
from tallystick.core.secret import Digest
from tests.core.world import ACME, ANNA, DAY, NOW, OTHER, ROOT, STRANGER, at, machine, token

_NUMBERS = count()
READ = Defined(name="orders:read", description="Read orders", roles=(Role.USER,))
WRITE = Defined(name="orders:write", includes=("orders:read",))
DONE = Removal(Outcome.DONE)
STALE = Removal(Outcome.STALE)


def digest() -> Digest:
    return Digest(next(_NUMBERS).to_bytes(32, "big"))


async def put(store: Store, *scopes: Defined, replacing: int = 0, dropped: str | None = None) -> Removal:
    wanted = Catalogue(customer_id=ACME.id, scopes=scopes)
    return await store.catalogues.put(wanted, replacing=replacing, dropped=dropped, by=at(NOW))


async def own_of(store: Store, behind: Digest) -> tuple[str, ...]:
    seen = await store.tokens.look_up(behind)
    assert seen is not None
    return seen.token.scope.own


async def test_there_is_none_until_one_is_written_and_then_it_is_that_customers(store: Store) -> None:
    assert await store.catalogues.of(ACME.id) == Catalogue(customer_id=ACME.id)

    assert await put(store, READ, WRITE) == DONE

    assert await store.catalogues.of(ACME.id) == Catalogue(customer_id=ACME.id, scopes=(READ, WRITE), version=1)
    assert await store.catalogues.of(OTHER.id) == Catalogue(customer_id=OTHER.id)


async def test_of_two_who_change_the_same_at_once_one_has_to_look_again(store: Store) -> None:
    results = await asyncio.gather(put(store, READ), put(store, WRITE, READ), put(store, READ, replacing=7))

    assert sorted(each.outcome.name for each in results) == ["DONE", "STALE", "STALE"]
    assert (await store.catalogues.of(ACME.id)).version == 1
    assert await put(store, READ, WRITE, replacing=1) == DONE


async def test_who_may_not_any_more_changes_nothing(store: Store) -> None:
    with pytest.raises(Unauthenticated):
        await store.catalogues.put(
            Catalogue(customer_id=ACME.id, scopes=(READ,)), replacing=0, by=at(NOW, token_id="gone", user_id=ROOT.id)
        )
    with pytest.raises(Invalid):
        await put(store, Defined(name="a:b", description="a\0b"))

    assert (await store.catalogues.of(ACME.id)).version == 0


async def test_a_look_up_says_what_is_given_as_of_that_moment(store: Store) -> None:
    await put(store, READ, WRITE)
    anna, root, robot, plain = (digest() for _ in range(4))
    for one, behind in (
        (token(ANNA, "a", "purge_all orders:read"), anna),
        (token(ROOT, "r", "orders:write"), root),
        (machine("m", "orders:write"), robot),
        (token(ANNA, "p", "global:read purge_all"), plain),
    ):
        added = await store.tokens.add(one, behind, limit=100, parent_id=None, by=at(NOW))
        assert added is Added.DONE

    assert await own_of(store, anna) == ("orders:read",)
    assert await own_of(store, root) == await own_of(store, robot) == ("orders:write", "orders:read")
    assert await own_of(store, plain) == ()

    await put(store, READ, Defined(name="orders:write"), replacing=1)
    assert await own_of(store, root) == await own_of(store, robot) == ("orders:write",)

    await put(store, WRITE, Defined(name="orders:read"), replacing=2)
    assert await own_of(store, anna) == (), "it is not for users any more"

    await store.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(role=Role.SUPERUSER), by=at(NOW))
    assert await own_of(store, anna) == ("orders:read",)


async def test_of_another_customers_scopes_nothing_is_given(store: Store) -> None:
    await put(store, READ)

    added = await store.tokens.add(token(STRANGER, "s", "orders:read"), digest(), limit=9, parent_id=None, by=at(NOW))

    assert added is Added.SCOPE_GONE


async def test_a_token_with_a_scope_that_is_not_there_is_not_made_and_others_beside_it_are(store: Store) -> None:
    await put(store, READ)
    words = ["orders:read", "orders:write", "global", "purge_all orders:sell"]

    added = await asyncio.gather(
        *(
            store.tokens.add(token(ROOT, f"t{n}", scope), digest(), limit=100, parent_id=None, by=at(NOW))
            for n, scope in enumerate(words)
        )
    )

    assert added == [Added.DONE, Added.SCOPE_GONE, Added.DONE, Added.SCOPE_GONE]


async def test_a_scope_stays_while_a_live_token_carries_it_and_these_are_named_oldest_first(store: Store) -> None:
    await put(store, READ, Defined(name="orders:reads"), Defined(name="orders_read:x"))
    for one in (
        token(ANNA, "late", "purge_all orders:read", created_at=NOW),
        token(ANNA, "early", "orders:read verify", created_at=NOW - DAY),
        token(ANNA, "over", "orders:read", expires_at=NOW),
        token(ANNA, "near", "orders:reads"),
        token(ANNA, "none", "global:read"),
    ):
        await store.tokens.add(one, digest(), limit=100, parent_id=None, by=at(NOW - DAY))

    early, late = token(ANNA, "early").id, token(ANNA, "late").id
    assert await put(store, replacing=1, dropped="orders:read") == Removal(Outcome.IN_USE, (early, late))
    assert await put(store, replacing=1, dropped="orders-read:x") == DONE


async def test_every_change_is_an_event_that_shows_what_differs_and_a_change_that_verifiers_hear_of(
    store: Store,
) -> None:
    before = await store.changes.head()

    await put(store, READ, WRITE)
    await put(store, READ, replacing=1)

    found = await store.events.find(ACME.id, Sought(action="catalogue"), after=None, size=9)
    assert [(each.action, each.target_kind, each.target_id) for each in found] == [
        ("catalogue.update", "catalogue", ACME.id)
    ] * 2
    added = {
        "orders:read": "Read orders; for user, superuser",
        "orders:write": "no description; includes orders:read; for superuser",
    }
    told = [
        (each.before, each.after)
        for each in sorted(found, key=lambda each: bool(each.before and any(each.before.values())))
    ]
    assert told == [
        (dict.fromkeys(added), added),
        ({"orders:write": added["orders:write"]}, {"orders:write": None}),
    ]
    news = await store.changes.after(before)
    assert news.changes == (Change(Kind.CUSTOMER, ACME.id),) * 2


# The operator's, for all


async def test_the_operators_counts_for_all_in_place_of_their_own_and_can_be_taken_away(store: Store) -> None:
    await put(store, READ)
    sell = Defined(name="orders:sell")

    assert await store.catalogues.put_for_all([sell], by=at(NOW))
    assert not await store.catalogues.put_for_all([sell], by=at(NOW))

    for customer in (ACME.id, OTHER.id, "a later one"):
        found = await store.catalogues.of(customer)
        assert (found.customer_id, found.scopes, found.by_file) == (customer, (sell,), True)
    assert await put(store, READ, replacing=1) == STALE

    assert await store.catalogues.put_for_all([], by=at(NOW))
    assert not await store.catalogues.put_for_all([], by=at(NOW))

    assert await store.catalogues.of(ACME.id) == Catalogue(customer_id=ACME.id, scopes=(READ,), version=1)
    assert (await store.catalogues.of(OTHER.id)).scopes == ()


async def test_of_a_change_for_all_everybody_hears_whom_it_is_about(store: Store) -> None:
    await put(store, READ)
    before = await store.changes.head()

    await store.catalogues.put_for_all([READ], by=at(NOW))

    assert (await store.changes.after(before)).changes == (Change(Kind.CUSTOMER, OTHER.id),)
    await store.catalogues.put_for_all([WRITE, READ], by=at(NOW))
    heard = (await store.changes.after(before + 1)).changes
    assert sorted(heard, key=lambda each: each.key) == [Change(Kind.CUSTOMER, each) for each in (ACME.id, OTHER.id)]
    assert len(await store.events.find(OTHER.id, Sought(action="catalogue"), after=None, size=9)) == 2


async def test_a_token_of_a_file_that_is_gone_carries_a_word_that_gives_nothing(store: Store) -> None:
    await store.catalogues.put_for_all([READ], by=at(NOW))
    behind = digest()
    await store.tokens.add(token(ANNA, "a", "orders:read"), behind, limit=9, parent_id=None, by=at(NOW))

    await store.catalogues.put_for_all([WRITE], by=at(NOW))

    assert await own_of(store, behind) == ()
