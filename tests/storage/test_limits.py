"""What every store does about the limits of tokens: keeps them, counts uses exactly, adds up what would have been refused."""

import asyncio

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.changes import Change, Kind
from tallystick.core.events import Sought
from tallystick.core.find import Sort, Wanted
from tallystick.core.limits import Limit, Limits
from tallystick.core.ports import Seen, Store
from tallystick.core.secret import Secret, digester
from tallystick.core.shadow import KINDS_MAX, OTHERS, Shadowed
from tests.core.world import ACME, ANNA, BERT, NOW, add, at, token

ALL = Limits(
    networks=("192.0.2.0/24", "2001:db8::/32"),
    not_before=NOW,
    rules=("GET /orders/{id}", "* /caf\u00e9/**"),
    per_second=1,
    per_minute=2,
    per_day=3,
    uses=4,
    shadow=(Limit.RULES, Limit.USES),
)
SECRET = Secret.mint()
OURS = Reach(ACME.id, ANNA.id)


def refused(
    token_id: str, detail: str = "192.0.2.1", count: int = 1, when: int = NOW, limit: Limit = Limit.NETWORKS
) -> Shadowed:
    return Shadowed(token_id, limit, detail, count, when, when, "192.0.2.1", "curl/8")


async def test_they_are_kept_and_found_wherever_the_token_is(store: Store) -> None:
    one = await add(store, token(limits=ALL), SECRET)

    seen = await store.tokens.look_up(digester(bytes(32))(SECRET))
    assert seen == Seen(one, ANNA)
    assert await store.tokens.get(one.id) == one
    assert [found async for batch in store.tokens.batches(OURS, size=9) for found in batch if found.id == one.id] == [
        one
    ]
    page = await store.tokens.find(OURS, Wanted(search=one.id), sort=Sort(), size=9)
    assert [each.limits for each in page.tokens] == [ALL]


async def test_the_event_of_a_new_token_tells_of_them_and_so_does_that_of_its_end(store: Store) -> None:
    one = await add(store, token(limits=ALL))
    await store.tokens.revoke_matching(OURS, Wanted(search=one.id), reason="unspecified", by=at(NOW))

    events = await store.events.find(ACME.id, Sought(target_id=one.id), after=None, size=9)
    told = {event.action: (event.after or event.before or {})["limits"] for event in events}
    assert told["token.create"] == told["token.revoke"]
    assert told["token.create"]["rules"] == list(ALL.rules)


async def test_they_are_changed_with_an_event_and_a_number_and_the_report_begins_anew(store: Store) -> None:
    one = await add(store, token(limits=ALL))
    await store.limits.report([refused(one.id)])
    before = await store.changes.head()

    assert await store.limits.limit(one.id, Limits(uses=1), instead_of=ALL, reach=OURS, by=at(NOW))

    assert await store.tokens.get(one.id) == replace(one, limits=Limits(uses=1))
    (event,) = await store.events.find(ACME.id, Sought(action="token.limit"), after=None, size=9)
    assert event.before is not None
    assert event.after == {"limits": {"uses": 1}}
    news = await store.changes.after(before)
    assert news.changes == (Change(Kind.TOKEN, one.id),)
    assert await store.limits.reported(one.id) == []


async def test_they_can_be_taken_away(store: Store) -> None:
    one = await add(store, token(limits=ALL))

    assert await store.limits.limit(one.id, None, instead_of=ALL, reach=OURS, by=at(NOW))

    assert await store.tokens.get(one.id) == replace(one, limits=None)


@pytest.mark.parametrize("why", ["unknown", "foreign", "revoked", "changed", "unstorable"])
async def test_nothing_is_changed_of_what_is_not_there_as_it_was(store: Store, why: str) -> None:
    one = await add(store, token(limits=ALL))
    reach = Reach(ACME.id, BERT.id) if why == "foreign" else OURS
    if why == "revoked":
        await store.tokens.revoke(one.id, reach=OURS, by=at(NOW))
    token_id = {"unknown": "unknown", "unstorable": "a\0"}.get(why, one.id)
    instead_of = Limits(uses=9) if why == "changed" else ALL

    assert not await store.limits.limit(token_id, None, instead_of=instead_of, reach=reach, by=at(NOW))

    found = await store.tokens.get(one.id)
    assert found is not None
    assert found.limits == ALL
    assert await store.events.find(ACME.id, Sought(action="token.limit"), after=None, size=9) == []


async def test_no_two_uses_get_the_same_number_and_none_is_left_out(store: Store) -> None:
    one, other = await add(store, token()), await add(store, token(name="other"))

    numbers = await asyncio.gather(*[store.limits.spend(each.id) for _ in range(50) for each in (one, other)])

    assert sorted(numbers[::2]) == sorted(numbers[1::2]) == list(range(1, 51))
    assert await store.limits.spent(one.id) == 50
    assert await store.limits.spent("unknown") == 0


async def test_what_would_have_been_refused_adds_up(store: Store) -> None:
    one = await add(store, token())
    await store.limits.report([refused(one.id, count=2), refused("unknown"), refused("a\0")])
    await store.limits.report([refused(one.id, when=NOW + 5), refused(one.id, "GET /x", 9, limit=Limit.RULES)])

    assert await store.limits.reported(one.id) == [
        replace(refused(one.id, "GET /x", 9), limit=Limit.RULES),
        replace(refused(one.id, count=3), last_at=NOW + 5),
    ]
    assert await store.limits.reported("unknown") == []


async def test_a_report_keeps_so_many_kinds_and_counts_the_others_together(store: Store) -> None:
    one = await add(store, token())
    await store.limits.report([refused(one.id, f"{n:03}", 2) for n in range(KINDS_MAX)])
    await store.limits.report([refused(one.id, "new 1"), refused(one.id, "new 2"), refused(one.id, "000")])

    found = {each.detail: each.count for each in await store.limits.reported(one.id)}
    assert len(found) == KINDS_MAX + 1
    assert (found[OTHERS], found["000"], found["001"]) == (2, 3, 2)


async def test_text_that_no_database_can_hold_is_kept_as_far_as_it_can_be_read(store: Store) -> None:
    one = await add(store, token())
    odd = replace(refused(one.id, "GET /a\0b\ud800"), user_agent="x\0", ip=None)

    await store.limits.report([odd])

    (found,) = await store.limits.reported(one.id)
    assert (found.detail, found.user_agent) == ("GET /a\N{REPLACEMENT CHARACTER}b?", "x\N{REPLACEMENT CHARACTER}")


async def test_what_is_counted_of_a_user_goes_with_them(store: Store) -> None:
    one = await add(store, token())
    await store.limits.spend(one.id)
    await store.limits.report([refused(one.id)])
    await store.tokens.revoke_all([one.id], reach=OURS, by=at(NOW))

    await store.people.remove_user(ANNA.id, customer_id=ACME.id, by=at(NOW))

    assert await store.limits.reported(one.id) == []
    assert await store.limits.spent(one.id) == 0
