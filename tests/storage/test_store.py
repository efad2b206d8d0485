"""THE CONTRACT of ports.py: every test here takes `store`, and runs on every kind of store."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import count

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict, Invalid, NotFound
from tallystick.core.guesses import Failures
from tallystick.core.outcome import Added
from tallystick.core.people import Credentials, Customer
from tallystick.core.ports import Seen, Store
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tests.core.world import (
    ACME,
    ANNA,
    BERT,
    BLOG,
    DAY,
    FOREIGN,
    NOW,
    OTHER,
    ROOT,
    SECOND,
    SHOP,
    STRANGER,
    add,
    at,
    token,
    user,
)

_NUMBERS = count()
ANNAS = Reach(ACME.id, ANNA.id)
ACMES = Reach(ACME.id, None)
HOUR = 60 * 60 * SECOND


def digest() -> Digest:
    return Digest(next(_NUMBERS).to_bytes(32, "big"))


async def attempt(store: Store, one: Token, *, limit: int = 100, parent_id: str | None = None, now: int = NOW) -> Added:
    return await store.tokens.add(one, digest(), limit=limit, parent_id=parent_id, by=at(now))


async def listed(store: Store, reach: Reach, *, size: int = 100) -> list[str]:
    return [one.id async for batch in store.tokens.batches(reach, size=size) for one in batch]


async def fields(store: Store, token_id: str) -> Token:
    found = await store.tokens.get(token_id)
    assert found is not None
    return found


def numbered(numbers: Iterable[int]) -> list[Token]:
    return [token(ANNA, f"n{number:05}") for number in numbers]


# Tokens: add, look up, get


async def test_a_token_comes_back_as_it_was_added(store: Store) -> None:
    one = token(
        ANNA, "ci", "purge_select global:read", services=(SHOP.id, BLOG.id), created_at=NOW, expires_at=NOW + DAY
    )
    behind = digest()

    added = await store.tokens.add(one, behind, limit=1, parent_id=None, by=at(NOW))

    assert added is Added.DONE
    assert await store.tokens.get(one.id) == one
    assert await store.tokens.look_up(behind) == Seen(one, ANNA)


@pytest.mark.parametrize("name", ["", "naïve ☂ 🗝", '"\\ \n\t\x7f', "x" * 255, "'; DROP TABLE token; --", "[1]", "null"])
async def test_any_text_comes_back_as_it_was(store: Store, name: str) -> None:
    one = token(name="text")

    await attempt(store, replace(one, name=name))

    assert (await fields(store, one.id)).name == name


@pytest.mark.parametrize("name", ["a\x00b", "half \ud800 pair"])
async def test_a_name_that_no_database_can_hold_is_refused(store: Store, name: str) -> None:
    with pytest.raises(Invalid):
        await attempt(store, replace(token(), name=name))

    assert await listed(store, ANNAS) == []


async def test_a_token_is_new_whatever_its_record_says(store: Store) -> None:
    one = token()

    await attempt(store, replace(one, sudo_until=NOW, last_use=LastUse(NOW, None, None), revoked_at=NOW))

    assert await store.tokens.get(one.id) == one


async def test_nothing_is_behind_an_unknown_digest_or_id(store: Store) -> None:
    await attempt(store, token())

    assert await store.tokens.look_up(digest()) is None
    assert await store.tokens.look_up(Digest(b"")) is None
    for unknown in ("nothing", "", "a\x00b", "\ud800"):
        assert await store.tokens.get(unknown) is None


async def test_revoked_and_expired_tokens_are_still_looked_up(store: Store) -> None:
    one, behind = token(expires_at=NOW), digest()
    await store.tokens.add(one, behind, limit=1, parent_id=None, by=at(NOW - DAY))
    await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW + 1))

    seen = await store.tokens.look_up(behind)

    assert seen == Seen(replace(one, revoked_at=NOW + 1), ANNA)
    assert await store.tokens.get(one.id) == replace(one, revoked_at=NOW + 1)


@pytest.mark.parametrize("same", ["id", "digest"])
async def test_an_id_or_digest_that_is_taken_is_a_conflict(store: Store, same: str) -> None:
    one, behind = token(name="one"), digest()
    await store.tokens.add(one, behind, limit=100, parent_id=None, by=at(NOW))
    other = one if same == "id" else token(name="other")

    with pytest.raises(Conflict):
        await store.tokens.add(other, behind if same == "digest" else digest(), limit=100, parent_id=None, by=at(NOW))

    assert await listed(store, ANNAS) == [one.id]
    assert await store.tokens.look_up(behind) == Seen(one, ANNA)


@pytest.mark.parametrize("owner", [user("nobody"), replace(ANNA, customer_id=OTHER.id)])
async def test_a_token_needs_its_user_in_its_customer(store: Store, owner: object) -> None:
    with pytest.raises(NotFound):
        await attempt(store, token(owner))  # type: ignore[arg-type]  # users, as the line above says

    assert await listed(store, Reach(OTHER.id, None)) == []


# Tokens: the limit


async def test_a_user_at_the_limit_gets_no_more_and_others_do(store: Store) -> None:
    for one in numbered(range(3)):
        assert await attempt(store, one, limit=3) is Added.DONE

    assert await attempt(store, token(name="more"), limit=3) is Added.TOO_MANY
    assert await store.tokens.get(token(name="more").id) is None
    assert await attempt(store, token(BERT), limit=3) is Added.DONE


async def test_revoked_and_expired_tokens_do_not_count(store: Store) -> None:
    revoked, expired, lasting = token(name="r"), token(name="e", expires_at=NOW), token(name="l", expires_at=NOW + 1)
    for one in (revoked, expired, lasting):
        await attempt(store, one, now=NOW - DAY)
    await store.tokens.revoke(revoked.id, reach=ANNAS, by=at(NOW))

    assert await attempt(store, token(name="more"), limit=1, now=NOW) is Added.TOO_MANY
    assert await attempt(store, token(name="more"), limit=2, now=NOW) is Added.DONE
    assert await attempt(store, token(name="last"), limit=2, now=NOW) is Added.TOO_MANY
    assert await attempt(store, token(name="last"), limit=2, now=NOW + 1) is Added.DONE


async def test_200_at_once_reach_the_limit_and_never_pass_it(store: Store) -> None:
    await add(store, token(name="before"))

    answers = await asyncio.gather(*(attempt(store, one, limit=100) for one in numbered(range(200))))

    assert answers.count(Added.DONE) == 99
    assert answers.count(Added.TOO_MANY) == 101
    assert len(await listed(store, ANNAS)) == 100


async def test_who_is_refused_at_once_with_others_does_not_stop_them(store: Store) -> None:
    taken = await add(store, token(ROOT, "taken"))
    attempts = [
        attempt(store, token(ANNA, "fine")),
        attempt(store, token(ANNA, "at the limit"), limit=0),
        attempt(store, token(ANNA, "orphan"), parent_id="nothing"),
        attempt(store, taken),
        attempt(store, token(user("nobody"))),
        attempt(store, token(BERT, "fine too")),
    ]

    answers = await asyncio.gather(*attempts, return_exceptions=True)

    assert answers[:3] == [Added.DONE, Added.TOO_MANY, Added.PARENT_GONE]
    assert [type(answer) for answer in answers[3:5]] == [Conflict, NotFound]
    assert answers[5] is Added.DONE
    assert set(await listed(store, ACMES)) == {taken.id, token(ANNA, "fine").id, token(BERT, "fine too").id}


async def test_a_stricter_limit_beside_a_looser_one_is_each_asked_by_its_own(store: Store) -> None:
    limits = [1, 5, 1, 2, 3]

    answers = await asyncio.gather(
        *(attempt(store, one, limit=limit) for one, limit in zip(numbered(range(5)), limits, strict=True))
    )

    assert answers == [Added.DONE, Added.DONE, Added.TOO_MANY, Added.TOO_MANY, Added.DONE]


# Tokens: the parent


async def test_a_revoked_or_unknown_parent_mints_nothing(store: Store) -> None:
    parent = await add(store, token(ROOT, "parent"))
    assert await attempt(store, token(name="first"), parent_id=parent.id) is Added.DONE
    await store.tokens.revoke(parent.id, reach=ACMES, by=at(NOW))

    assert await attempt(store, token(name="second"), parent_id=parent.id) is Added.PARENT_GONE
    assert await attempt(store, token(name="second"), parent_id="nothing") is Added.PARENT_GONE
    # Who has no right to ask is not told about the limit either.
    assert await attempt(store, token(name="second"), parent_id=parent.id, limit=0) is Added.PARENT_GONE
    assert await listed(store, ANNAS) == [token(name="first").id]


async def test_an_expired_parent_is_the_callers_to_judge(store: Store) -> None:
    parent = await add(store, token(ROOT, "parent", expires_at=NOW))

    assert await attempt(store, token(), parent_id=parent.id, now=NOW + DAY) is Added.DONE


async def test_after_the_parents_revocation_is_acknowledged_it_mints_no_more(store: Store) -> None:
    for number in range(20):
        parent = await add(store, token(ROOT, f"parent{number}"))
        one, acknowledged = token(name=f"child{number}"), asyncio.Event()

        async def revoke(parent: Token = parent, acknowledged: asyncio.Event = acknowledged) -> None:
            assert await store.tokens.revoke(parent.id, reach=ACMES, by=at(NOW))
            acknowledged.set()

        async def mint_late(one: Token = one, parent: Token = parent, done: asyncio.Event = acknowledged) -> Added:
            await done.wait()
            return await attempt(store, one, parent_id=parent.id)

        racing = token(name=f"racing{number}")
        _, raced, late = await asyncio.gather(revoke(), attempt(store, racing, parent_id=parent.id), mint_late())

        assert late is Added.PARENT_GONE
        assert raced in (Added.DONE, Added.PARENT_GONE)
        assert (await store.tokens.get(racing.id) is not None) is (raced is Added.DONE)


# Tokens: sudo


async def test_sudo_is_raised_on_that_token_only_and_not_on_a_revoked_one(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))

    assert await store.tokens.raise_sudo(one.id, until=NOW + 300 * SECOND, by=at(NOW))

    assert (await fields(store, one.id)).sudo_until == NOW + 300 * SECOND
    assert await fields(store, other.id) == other
    await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))
    assert not await store.tokens.raise_sudo(one.id, until=NOW + DAY, by=at(NOW))
    assert not await store.tokens.raise_sudo("nothing", until=NOW + DAY, by=at(NOW))
    assert (await fields(store, one.id)).sudo_until == NOW + 300 * SECOND


# Tokens: lists


async def test_a_list_is_oldest_first_and_ties_are_by_id(store: Store) -> None:
    new, b, a, old = (
        token(name="new", created_at=NOW),
        token(name="b", created_at=NOW - 1),
        token(name="a", created_at=NOW - 1),
        token(name="old", created_at=0),
    )
    for one in (new, b, a, old):
        await attempt(store, one)

    assert await listed(store, ANNAS) == [old.id, a.id, b.id, new.id]
    assert await listed(store, ANNAS, size=1) == [old.id, a.id, b.id, new.id]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
async def test_batches_are_full_and_miss_and_repeat_nothing(store: Store, size: int) -> None:
    everything = [await add(store, replace(one, created_at=NOW + n // 3)) for n, one in enumerate(numbered(range(8)))]

    batches = [batch async for batch in store.tokens.batches(ANNAS, size=size)]

    assert [one for batch in batches for one in batch] == everything
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)


async def test_an_empty_list_has_no_batches(store: Store) -> None:
    assert [batch async for batch in store.tokens.batches(ANNAS, size=10)] == []


async def test_a_list_holds_what_is_in_reach_and_not_revoked(store: Store) -> None:
    own, expired, colleagues = (
        await add(store, token(name="own")),
        await add(store, token(name="expired", expires_at=NOW - 1)),
        await add(store, token(BERT)),
    )
    await add(store, token(STRANGER))
    revoked = await add(store, token(name="revoked"))
    await store.tokens.revoke(revoked.id, reach=ANNAS, by=at(NOW))

    assert set(await listed(store, ANNAS)) == {own.id, expired.id}
    assert set(await listed(store, ACMES)) == {own.id, expired.id, colleagues.id}
    assert await listed(store, Reach(OTHER.id, ANNA.id)) == []
    assert await listed(store, Reach("nothing", None)) == []


async def test_each_batch_is_read_when_it_is_asked_for(store: Store) -> None:
    first, second, third = [await add(store, one) for one in numbered([1, 2, 3])]
    seen = []

    async for batch in store.tokens.batches(ANNAS, size=1):
        seen += batch
        if batch == [first]:
            await store.tokens.revoke(second.id, reach=ANNAS, by=at(NOW))
            await add(store, numbered([0])[0])  # before what was read: too late to be seen
            await add(store, numbered([4])[0])  # after it: in time
            await store.tokens.revoke(first.id, reach=ANNAS, by=at(NOW))

    assert [one.id for one in seen] == [first.id, third.id, numbered([4])[0].id]


async def test_two_lists_at_once_do_not_disturb_each_other(store: Store) -> None:
    everything = [(await add(store, one)).id for one in numbered(range(6))]

    one, other = await asyncio.gather(listed(store, ANNAS, size=1), listed(store, ACMES, size=4))

    assert one == other == everything


# Tokens: revoke


async def test_a_revocation_happens_once_and_keeps_its_time(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))

    assert await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))
    assert not await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW + 1))

    assert await fields(store, one.id) == replace(one, revoked_at=NOW)
    assert await fields(store, other.id) == other


async def test_one_of_many_who_revoke_at_once_is_told_that_it_was_them(store: Store) -> None:
    one = await add(store, token())

    answers = await asyncio.gather(*(store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW + n)) for n in range(50)))

    assert answers.count(True) == 1
    assert (await fields(store, one.id)).revoked_at == NOW + answers.index(True)


async def test_an_expired_token_can_be_revoked(store: Store) -> None:
    one = await add(store, token(expires_at=NOW - 1))

    assert await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))


@pytest.mark.parametrize(
    "reach, reached",
    [
        (Reach(ACME.id, ANNA.id), True),
        (Reach(ACME.id, None), True),
        (Reach(ACME.id, BERT.id), False),
        (Reach(OTHER.id, ANNA.id), False),
        (Reach(OTHER.id, None), False),
        (Reach("", None), False),
        (Reach(ACME.id, ""), False),
    ],
)
async def test_only_what_is_within_reach_ends(store: Store, reach: Reach, reached: bool) -> None:
    one, two = await add(store, token(name="one")), await add(store, token(name="two"))

    assert await store.tokens.revoke(one.id, reach=reach, by=at(NOW)) is reached
    assert await store.tokens.revoke_all([two.id], reach=reach, by=at(NOW)) == (() if reached else (two.id,))

    for kept in (one, two):
        assert ((await fields(store, kept.id)).revoked_at == NOW) is reached


@pytest.mark.parametrize("token_id", ["nothing", "", "\ud800"])
async def test_what_is_not_there_does_not_end(store: Store, token_id: str) -> None:
    await add(store, token())

    assert not await store.tokens.revoke(token_id, reach=ACMES, by=at(NOW))
    assert await store.tokens.revoke_all([token_id], reach=ACMES, by=at(NOW)) == (token_id,)


async def test_an_id_that_only_begins_like_a_token_is_not_that_token(store: Store) -> None:
    one = await add(store, token())

    for longer in (f"{one.id}\x00", f"{one.id}\x00more", f"{one.id} "):
        assert not await store.tokens.revoke(longer, reach=ACMES, by=at(NOW))
        assert await store.tokens.revoke_all([longer], reach=ACMES, by=at(NOW)) == (longer,)

    assert await fields(store, one.id) == one


# Tokens: revoke all


async def test_all_end_together_and_those_that_had_ended_count_as_done(store: Store) -> None:
    ended, expired, live, kept = (
        await add(store, token(name="ended")),
        await add(store, token(name="expired", expires_at=NOW - DAY)),
        await add(store, token(BERT, "live")),
        await add(store, token(BERT, "kept")),
    )
    await store.tokens.revoke(ended.id, reach=ANNAS, by=at(NOW))

    foreign = await store.tokens.revoke_all(
        [live.id, ended.id, live.id, expired.id, live.id], reach=ACMES, by=at(NOW + 5)
    )

    assert foreign == ()
    assert (await fields(store, ended.id)).revoked_at == NOW
    assert (await fields(store, expired.id)).revoked_at == NOW + 5
    assert (await fields(store, live.id)).revoked_at == NOW + 5
    assert await listed(store, ACMES) == [kept.id]


async def test_one_foreign_id_and_nothing_ends(store: Store) -> None:
    own, colleagues, theirs = (
        await add(store, token()),
        await add(store, token(BERT)),
        await add(store, token(STRANGER)),
    )

    asked = [theirs.id, own.id, "nothing", theirs.id, "half \ud800", colleagues.id, "nothing"]
    foreign = await store.tokens.revoke_all(asked, reach=ANNAS, by=at(NOW))

    assert foreign == (theirs.id, "nothing", "half \ud800", colleagues.id)
    for one in (own, colleagues, theirs):
        assert await fields(store, one.id) == one


async def test_no_ids_is_nothing_to_do(store: Store) -> None:
    assert await store.tokens.revoke_all([], reach=ANNAS, by=at(NOW)) == ()


async def test_10_000_ids_end_together_or_not_at_all(store: Store) -> None:
    tokens = numbered(range(2500))  # each is named four times
    await asyncio.gather(*(attempt(store, one, limit=10**6) for one in tokens))
    ids = [one.id for one in tokens] * 4

    assert await store.tokens.revoke_all([*ids, "nothing"], reach=ANNAS, by=at(NOW)) == ("nothing",)
    assert len(await listed(store, ANNAS, size=1000)) == 2500
    assert await store.tokens.revoke_all(ids, reach=ANNAS, by=at(NOW)) == ()

    assert await listed(store, ANNAS) == []


# Tokens: touch


async def test_a_use_is_noted_and_replaces_the_whole_of_an_older_one(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))

    await store.tokens.touch([(one.id, LastUse(NOW, "192.0.2.1", "curl/8"))])
    assert (await fields(store, one.id)).last_use == LastUse(NOW, "192.0.2.1", "curl/8")
    await store.tokens.touch([(one.id, LastUse(NOW + 1, None, None))])

    assert await fields(store, one.id) == replace(one, last_use=LastUse(NOW + 1, None, None))
    assert await fields(store, other.id) == other


async def test_an_older_use_never_replaces_a_newer_one(store: Store) -> None:
    one = await add(store, token())
    await store.tokens.touch([(one.id, LastUse(NOW, "newest", None))])

    await store.tokens.touch([(one.id, LastUse(NOW - 1, "older", None))])

    assert (await fields(store, one.id)).last_use == LastUse(NOW, "newest", None)


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
async def test_of_several_uses_in_one_batch_the_newest_stays(store: Store, order: Sequence[int]) -> None:
    one = await add(store, token())

    await store.tokens.touch([(one.id, LastUse(NOW + n, f"n{n}", None)) for n in order])

    assert (await fields(store, one.id)).last_use == LastUse(NOW + 3, "n3", None)


async def test_a_use_of_what_is_unknown_does_not_stop_the_others(store: Store) -> None:
    one = await add(store, token())
    use = LastUse(NOW, None, None)

    await store.tokens.touch([("nothing", use), ("\ud800", use), (f"{one.id}\x00", LastUse(NOW + 1, None, None))])
    await store.tokens.touch([("nothing", use), (one.id, use), ("\ud800", use)])
    await store.tokens.touch([])

    assert (await fields(store, one.id)).last_use == use


async def test_a_name_of_a_program_that_no_database_can_hold_is_noted_as_well_as_can_be(store: Store) -> None:
    one, other = await add(store, token(name="one")), await add(store, token(name="other"))

    await store.tokens.touch(
        [(one.id, LastUse(NOW, "::1", "a\x00b\ud800c")), (other.id, LastUse(NOW, "::1", "naïve ☂"))]
    )

    assert (await fields(store, one.id)).last_use == LastUse(NOW, "::1", "a\N{REPLACEMENT CHARACTER}b?c")
    assert (await fields(store, other.id)).last_use == LastUse(NOW, "::1", "naïve ☂")


async def test_a_use_noted_late_does_not_wake_a_revoked_token(store: Store) -> None:
    one = await add(store, token())
    await store.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))

    await store.tokens.touch([(one.id, LastUse(NOW + 1, None, None))])

    assert (await fields(store, one.id)).revoked_at == NOW
    assert await listed(store, ANNAS) == []


# People


async def test_people_come_back_as_they_were_added_oldest_first(store: Store) -> None:
    newer, older = user("newer"), replace(user("older"), created_at=0)
    for person in (newer, older):
        await store.people.add_user(person, password_hash="!", by=at(NOW))
    oldest = Customer(id="oldest", name="Ümlaut & Söhne", created_at=0)
    await store.people.add_customer(oldest, by=at(NOW))

    assert await store.people.customers() == [oldest, ACME, OTHER]
    assert await store.people.users() == [older, ANNA, BERT, newer, ROOT, STRANGER]
    assert await store.people.users(ACME.id) == [older, ANNA, BERT, newer, ROOT]
    assert await store.people.users("nothing") == []
    assert await store.people.services() == [BLOG, FOREIGN, SHOP]
    assert await store.people.services(ACME.id) == [BLOG, SHOP]
    assert await store.people.services("nothing") == []


async def test_customers_and_users_are_found_by_id(store: Store) -> None:
    assert await store.people.customer(ACME.id) == ACME
    assert await store.people.user(STRANGER.id) == STRANGER
    for unknown in ("nothing", "", "\ud800"):
        assert await store.people.customer(unknown) is None
        assert await store.people.user(unknown) is None


async def test_an_id_that_is_taken_is_a_conflict_and_changes_nothing(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.people.add_customer(replace(ACME, name="again"), by=at(NOW))
    with pytest.raises(Conflict):
        await store.people.add_user(replace(ANNA, login="again@example.com"), password_hash="again", by=at(NOW))
    with pytest.raises(Conflict):
        await store.people.add_service(replace(SHOP, name="again"), by=at(NOW))

    assert await store.people.customers() == [ACME, OTHER]
    assert await store.people.user(ANNA.id) == ANNA
    assert await store.people.services(ACME.id) == [BLOG, SHOP]


@pytest.mark.parametrize("login", [ANNA.login, ANNA.login.upper(), f" {ANNA.login} "])
async def test_logins_differ_in_more_than_case(store: Store, login: str) -> None:
    with pytest.raises(Conflict):
        await store.people.add_user(replace(user("again"), login=login), password_hash="!", by=at(NOW))

    assert await store.people.user(user("again").id) is None


async def test_one_of_many_who_want_a_login_at_once_gets_it(store: Store) -> None:
    people = [replace(user(f"wants{n}"), login="Wanted@example.com") for n in range(20)]

    answers = await asyncio.gather(
        *(store.people.add_user(person, password_hash="!", by=at(NOW)) for person in people), return_exceptions=True
    )

    assert answers.count(None) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 19
    found = await store.people.credentials("wanted@example.com")
    assert found is not None
    assert found[0] == people[answers.index(None)]


async def test_users_and_services_need_their_customer(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.people.add_user(replace(user("lost"), customer_id="nothing"), password_hash="!", by=at(NOW))
    with pytest.raises(NotFound):
        await store.people.add_service(replace(SHOP, id="lost", customer_id="nothing"), by=at(NOW))

    assert await store.people.user(user("lost").id) is None
    assert await store.people.services("nothing") == []


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_people_whose_names_no_database_can_hold_are_refused(store: Store, text: str) -> None:
    with pytest.raises(Invalid):
        await store.people.add_customer(replace(ACME, id="new", name=text), by=at(NOW))
    with pytest.raises(Invalid):
        await store.people.add_user(replace(user("new"), name=text), password_hash="!", by=at(NOW))
    with pytest.raises(Invalid):
        await store.people.add_user(replace(user("new"), login=text), password_hash="!", by=at(NOW))
    with pytest.raises(Invalid):
        await store.people.add_service(replace(SHOP, id="new", name=text), by=at(NOW))

    assert await store.people.customer("new") is None
    assert await store.people.user(user("new").id) is None


async def test_known_services_are_the_customers_own(store: Store) -> None:
    asked = [SHOP.id, FOREIGN.id, "nothing", SHOP.id, f"{BLOG.id}\x00", "\ud800"]

    assert await store.people.known_services(ACME.id, asked) == frozenset({SHOP.id})
    assert await store.people.known_services(OTHER.id, asked) == frozenset({FOREIGN.id})
    assert await store.people.known_services("nothing", asked) == frozenset()
    assert await store.people.known_services(ACME.id, []) == frozenset()


# What proves people


@pytest.mark.parametrize("login", [ANNA.login, ANNA.login.upper(), f"  {ANNA.login} "])
async def test_credentials_are_found_by_login_in_any_case(store: Store, login: str) -> None:
    expected = Credentials(user_id=ANNA.id, password_hash="!", totp_sealed=None)

    assert await store.people.credentials(login) == (ANNA, expected)


@pytest.mark.parametrize("login", ["", "nobody", "anna", "anna@example.com\x00", "\ud800"])
async def test_there_are_no_credentials_for_an_unknown_login(store: Store, login: str) -> None:
    assert await store.people.credentials(login) is None


async def test_a_login_is_shown_as_it_was_given(store: Store) -> None:
    await store.people.add_user(replace(user("straße"), login="Straße@Example.com"), password_hash="!", by=at(NOW))

    found = await store.people.credentials("STRASSE@example.COM")

    assert found is not None
    assert found[0].login == "Straße@Example.com"


async def test_a_password_is_replaced_only_if_it_is_still_the_one_named(store: Store) -> None:
    people = store.people

    assert await people.set_password(ANNA.id, password_hash="one", replacing=None, by=at(NOW))
    assert not await people.set_password(ANNA.id, password_hash="two", replacing="!", by=at(NOW + 1))
    assert await people.set_password(ANNA.id, password_hash="three", replacing="one", by=at(NOW + 2))
    assert not await people.set_password("nothing", password_hash="four", replacing=None, by=at(NOW + 3))

    expected = Credentials(user_id=ANNA.id, password_hash="three", totp_sealed=None)
    assert await people.credentials(ANNA.login) == (replace(ANNA, updated_at=NOW + 2), expected)
    assert await people.credentials(BERT.login) == (BERT, replace(expected, user_id=BERT.id, password_hash="!"))


async def test_a_user_begins_with_one_factor_and_has_two_while_there_is_a_one_time_secret(store: Store) -> None:
    people, eve = store.people, user("eve", two_factor=True)
    await people.add_user(eve, password_hash="!", by=at(NOW))
    assert await people.user(eve.id) == replace(eve, two_factor=False)

    assert await people.set_totp(eve.id, sealed=b"\x00sealed\xff", by=at(NOW))
    found = await people.credentials(eve.login)
    assert found is not None
    assert found == (
        replace(eve, updated_at=NOW),
        Credentials(user_id=eve.id, password_hash="!", totp_sealed=b"\x00sealed\xff"),
    )
    assert await people.user(eve.id) == replace(eve, updated_at=NOW)
    assert replace(eve, updated_at=NOW) in await people.users(ACME.id)

    assert not await people.set_totp(eve.id, sealed=b"another", first=True, by=at(NOW + 1))
    assert await people.credentials(eve.login) == found

    assert await people.set_totp(eve.id, sealed=None, by=at(NOW + 1))
    assert await people.user(eve.id) == replace(eve, two_factor=False, updated_at=NOW + 1)
    assert await people.set_totp(eve.id, sealed=b"another", first=True, by=at(NOW + 2))
    assert not await people.set_totp("nothing", sealed=b"x", by=at(NOW))
    assert not await people.set_totp("nothing", sealed=b"x", first=True, by=at(NOW))


async def test_a_token_is_seen_with_its_user_as_they_are_now(store: Store) -> None:
    behind = digest()
    await store.tokens.add(token(), behind, limit=1, parent_id=None, by=at(NOW))
    await store.people.set_totp(ANNA.id, sealed=b"x", by=at(NOW))

    seen = await store.tokens.look_up(behind)

    assert seen == Seen(token(), replace(ANNA, two_factor=True, updated_at=NOW))


async def test_a_time_step_works_once_and_only_forwards(store: Store) -> None:
    people = store.people
    await people.set_totp(ANNA.id, sealed=b"x", by=at(NOW))
    await people.set_totp(BERT.id, sealed=b"y", by=at(NOW))

    assert await people.use_totp_step(ANNA.id, step=100)
    assert not await people.use_totp_step(ANNA.id, step=100)
    assert not await people.use_totp_step(ANNA.id, step=99)
    assert await people.use_totp_step(ANNA.id, step=101)
    assert await people.use_totp_step(BERT.id, step=100)
    assert not await people.use_totp_step("nothing", step=1)


async def test_a_recovery_code_works_once_for_its_user_while_there_is_a_second_factor(store: Store) -> None:
    people, codes = store.people, [f"{number:032x}" for number in range(3)]
    assert not await people.set_recovery_codes(ANNA.id, digests=codes, by=at(NOW))
    for who in (ANNA, BERT):
        await people.set_totp(who.id, sealed=b"x", by=at(NOW))

    assert await people.set_recovery_codes(ANNA.id, digests=codes, by=at(NOW + 1))
    assert await people.user(ANNA.id) == replace(ANNA, two_factor=True, updated_at=NOW + 1)
    assert await people.recovery_codes_left(ANNA.id) == 3
    assert not await people.use_recovery_code(BERT.id, digest=codes[0])
    assert await people.use_recovery_code(ANNA.id, digest=codes[1])
    assert not await people.use_recovery_code(ANNA.id, digest=codes[1])
    assert not await people.use_recovery_code(ANNA.id, digest="f" * 32)
    assert await people.recovery_codes_left(ANNA.id) == 2

    assert not await people.set_recovery_codes(ANNA.id, digests=codes[:1], seen=NOW, by=at(NOW + 2))
    assert await people.recovery_codes_left(ANNA.id) == 2
    assert await people.set_recovery_codes(ANNA.id, digests=codes[:1], seen=NOW + 1, by=at(NOW + 2))
    assert not await people.set_recovery_codes("nothing", digests=codes, seen=NOW, by=at(NOW))
    assert not await people.use_recovery_code(ANNA.id, digest=codes[2])
    await people.set_totp(ANNA.id, sealed=b"another", by=at(NOW))
    assert await people.recovery_codes_left(ANNA.id) == 0
    assert not await people.use_recovery_code(ANNA.id, digest=codes[0])
    assert not await people.set_recovery_codes("nothing", digests=codes, by=at(NOW))
    assert await people.recovery_codes_left("nothing") == 0


async def test_one_of_many_who_use_a_recovery_code_at_once_may(store: Store) -> None:
    await store.people.set_totp(ANNA.id, sealed=b"x", by=at(NOW))
    await store.people.set_recovery_codes(ANNA.id, digests=["a" * 32], by=at(NOW))

    answers = await asyncio.gather(*(store.people.use_recovery_code(ANNA.id, digest="a" * 32) for _ in range(50)))

    assert answers.count(True) == 1


async def test_one_of_many_who_use_a_step_at_once_may(store: Store) -> None:
    answers = await asyncio.gather(*(store.people.use_totp_step(ANNA.id, step=7) for _ in range(50)))

    assert answers.count(True) == 1


async def test_a_new_one_time_secret_forgets_which_step_was_used(store: Store) -> None:
    await store.people.use_totp_step(ANNA.id, step=100)

    await store.people.set_totp(ANNA.id, sealed=b"new", by=at(NOW))

    assert await store.people.use_totp_step(ANNA.id, step=1)


# Guesses


async def test_failures_add_up_per_key_until_it_goes_well(store: Store) -> None:
    guesses = store.guesses
    assert await guesses.failures("a") is None

    await guesses.note_failure(["a", "b"], now=NOW)
    await guesses.note_failure(["a", "c"], now=NOW + 1)

    assert await guesses.failures("a") == Failures(2, NOW + 1)
    assert await guesses.failures("b") == Failures(1, NOW)
    await guesses.forget(["a", "nothing"])
    assert await guesses.failures("a") is None
    assert await guesses.failures("c") == Failures(1, NOW + 1)
    await guesses.note_failure(["a"], now=NOW + 2)
    assert await guesses.failures("a") == Failures(1, NOW + 2)


async def test_a_key_named_twice_counts_once_and_time_never_goes_back(store: Store) -> None:
    await store.guesses.note_failure(["a", "a"], now=NOW)
    await store.guesses.note_failure(["a"], now=NOW - 1)

    assert await store.guesses.failures("a") == Failures(2, NOW)


async def test_no_failure_is_lost_when_many_fail_at_once(store: Store) -> None:
    await asyncio.gather(*(store.guesses.note_failure(["a", f"own{n}"], now=NOW + n) for n in range(100)))

    assert await store.guesses.failures("a") == Failures(100, NOW + 99)
    assert await store.guesses.failures("own42") == Failures(1, NOW + 42)


async def test_what_nobody_has_added_to_since_is_dropped(store: Store) -> None:
    await store.guesses.note_failure(["old"], now=NOW - 1)
    await store.guesses.note_failure(["kept"], now=NOW)

    await store.guesses.forget_older(before=NOW)

    assert await store.guesses.failures("old") is None
    assert await store.guesses.failures("kept") == Failures(1, NOW)


# Write budgets


async def test_each_write_has_a_number_of_its_own_in_its_hour_and_for_its_key(store: Store) -> None:
    budgets = store.budgets

    assert [await budgets.spend("a", hour=0), await budgets.spend("a", hour=0)] == [1, 2]
    assert await budgets.spend("b", hour=0) == 1
    assert await budgets.spend("a", hour=HOUR) == 1
    assert await budgets.spend("a", hour=0) == 3


async def test_of_many_who_write_at_once_no_two_get_the_same_number(store: Store) -> None:
    numbers = await asyncio.gather(*(store.budgets.spend("ab"[n % 2], hour=0) for n in range(200)))

    assert numbers[::2] == numbers[1::2] == list(range(1, 101))


async def test_hours_that_are_over_are_dropped(store: Store) -> None:
    for hour in (0, HOUR):
        await store.budgets.spend("a", hour=hour)

    await store.budgets.forget_older(before=HOUR)

    assert await store.budgets.spend("a", hour=0) == 1
    assert await store.budgets.spend("a", hour=HOUR) == 2


# The whole


async def test_a_store_that_is_open_is_ready(store: Store) -> None:
    await store.ready()


async def test_who_stops_waiting_stops_nobody_else(store: Store) -> None:
    tasks = [asyncio.create_task(attempt(store, one)) for one in numbered(range(10))]
    await asyncio.wait(tasks, timeout=0)  # each has begun

    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert answers[1::2] == [Added.DONE] * 5
    assert all(answer is Added.DONE or isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert set(await listed(store, ANNAS)) >= {one.id for one in numbered(range(1, 10, 2))}
    assert await attempt(store, token(name="after")) is Added.DONE
