"""THE CONTRACT, continued: how people and services change and go.  Every test runs on every kind of store."""

import asyncio
from itertools import count

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict, Invalid
from tallystick.core.outcome import Added, Outcome, Removal
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Store
from tallystick.core.secret import Digest
from tallystick.core.token import Token
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
    SHOP,
    STRANGER,
    add,
    at,
    token,
    user,
)

_NUMBERS = count()
ACMES = Reach(ACME.id, None)
DONE = Removal(Outcome.DONE)
UNKNOWN = Removal(Outcome.UNKNOWN)


def digest() -> Digest:
    return Digest(next(_NUMBERS).to_bytes(32, "big"))


async def attempt(store: Store, one: Token) -> Added:
    return await store.tokens.add(one, digest(), limit=100, parent_id=None, by=at(NOW))


async def change(store: Store, user_id: str, **wanted: object) -> Outcome:
    # The fields are UserChange's, by name.
    asked = UserChange(**wanted)  # type: ignore[arg-type]
    return await store.people.change_user(user_id, customer_id=ACME.id, change=asked, by=at(NOW))


async def remove_service(store: Store, service_id: str) -> Removal:
    return await store.people.remove_service(service_id, customer_id=ACME.id, by=at(NOW))


async def remove_user(store: Store, user_id: str) -> Removal:
    return await store.people.remove_user(user_id, customer_id=ACME.id, by=at(NOW))


# Services


async def test_a_service_is_found_and_renamed_within_its_customer(store: Store) -> None:
    people = store.people

    assert await people.rename_service(SHOP.id, customer_id=ACME.id, name="Store", by=at(NOW))
    assert not await people.rename_service(FOREIGN.id, customer_id=ACME.id, name="mine", by=at(NOW))
    assert not await people.rename_service("nothing", customer_id=ACME.id, name="mine", by=at(NOW))
    assert not await people.rename_service("\ud800", customer_id=ACME.id, name="mine", by=at(NOW))
    with pytest.raises(Invalid):
        await people.rename_service(SHOP.id, customer_id=ACME.id, name="a\x00b", by=at(NOW))

    assert await people.service(SHOP.id) == replace(SHOP, name="Store")
    assert await people.service(FOREIGN.id) == FOREIGN
    for unknown in ("nothing", "", "\ud800"):
        assert await people.service(unknown) is None


async def test_a_service_that_live_tokens_are_limited_to_stays_and_they_are_named_oldest_first(store: Store) -> None:
    new = await add(store, token(BERT, "new", services=(SHOP.id,), created_at=NOW))
    old = await add(store, token(ANNA, "old", services=(BLOG.id, SHOP.id), created_at=NOW - 1, expires_at=NOW + 1))
    await add(store, token(ANNA, "unlimited"))
    await add(store, token(ANNA, "elsewhere", services=(BLOG.id,)))

    assert await remove_service(store, SHOP.id) == Removal(Outcome.IN_USE, (old.id, new.id))

    assert await store.people.service(SHOP.id) == SHOP


async def test_revoked_and_expired_tokens_do_not_keep_a_service(store: Store) -> None:
    revoked = await add(store, token(ANNA, "revoked", services=(SHOP.id,)))
    await add(store, token(ANNA, "expired", services=(SHOP.id,), expires_at=NOW))
    await store.tokens.revoke(revoked.id, reach=ACMES, by=at(NOW))

    assert await remove_service(store, SHOP.id) == DONE

    assert await store.people.services(ACME.id) == [BLOG]
    assert await store.people.service(SHOP.id) is None
    assert await remove_service(store, SHOP.id) == UNKNOWN


async def test_a_foreign_service_is_like_none(store: Store) -> None:
    for service_id in (FOREIGN.id, "nothing", "", "\ud800", f"{SHOP.id}\x00"):
        assert await remove_service(store, service_id) == UNKNOWN

    assert await store.people.service(FOREIGN.id) == FOREIGN


async def test_a_token_is_not_limited_to_what_is_not_there(store: Store) -> None:
    for services in (("nothing",), (FOREIGN.id,), (SHOP.id, "nothing")):
        assert await attempt(store, token(ANNA, "t", services=services)) is Added.SERVICE_GONE

    assert await store.tokens.get(token(ANNA, "t").id) is None
    assert await attempt(store, token(ANNA, "t", services=(SHOP.id, BLOG.id))) is Added.DONE


async def test_a_token_and_the_end_of_its_service_at_once_never_both_happen(store: Store) -> None:
    kinds = set()
    for number in range(30):
        service = replace(SHOP, id=f"s{number}")
        await store.people.add_service(service, by=at(NOW))
        one = token(ANNA, f"n{number}", services=(service.id,))
        racers = [attempt(store, one), remove_service(store, service.id)]

        answers = await asyncio.gather(*(racers if number % 2 else reversed(racers)))

        added, removal = answers if number % 2 else reversed(answers)
        kinds.add(added)
        assert (added, removal) in [
            (Added.DONE, Removal(Outcome.IN_USE, (one.id,))),
            (Added.SERVICE_GONE, DONE),
        ]
        assert (await store.people.service(service.id) is not None) is (added is Added.DONE)
    assert kinds == {Added.DONE, Added.SERVICE_GONE}


# Customers


async def test_a_customer_is_renamed(store: Store) -> None:
    assert await store.people.rename_customer(ACME.id, name="Acme & Co", by=at(NOW))
    assert not await store.people.rename_customer("nothing", name="x", by=at(NOW))
    assert not await store.people.rename_customer("\ud800", name="x", by=at(NOW))
    with pytest.raises(Invalid):
        await store.people.rename_customer(ACME.id, name="\ud800", by=at(NOW))

    assert await store.people.customer(ACME.id) == replace(ACME, name="Acme & Co")
    assert await store.people.customer(OTHER.id) == OTHER


# Users: change


async def test_what_is_named_changes_and_the_rest_stays(store: Store) -> None:
    behind = digest()
    await store.tokens.add(token(), behind, limit=9, parent_id=None, by=at(NOW))

    assert await change(store, ANNA.id, name="Änne") is Outcome.DONE
    assert await change(store, ANNA.id, login="New@Example.com", role=Role.ENGINEER, locked=True) is Outcome.DONE

    expected = replace(ANNA, name="Änne", login="New@Example.com", role=Role.ENGINEER, locked=True, updated_at=NOW)
    assert await store.people.user(ANNA.id) == expected
    assert expected in await store.people.users(ACME.id)
    seen = await store.tokens.look_up(behind)
    assert seen is not None
    assert seen.user == expected
    found = await store.people.credentials("new@example.com")
    assert found is not None
    assert found[0] == expected
    assert await store.people.credentials(ANNA.login) is None
    assert await change(store, ANNA.id, locked=False) is Outcome.DONE
    assert await store.people.user(ANNA.id) == replace(expected, locked=False)


async def test_nobody_begins_locked(store: Store) -> None:
    await store.people.add_user(replace(user("eve"), locked=True), password_hash="!", by=at(NOW))

    assert await store.people.user(user("eve").id) == user("eve")


async def test_a_login_that_another_has_is_a_conflict_and_ones_own_is_not(store: Store) -> None:
    for taken in (BERT.login, BERT.login.upper(), STRANGER.login):
        with pytest.raises(Conflict):
            await change(store, ANNA.id, login=taken, name="changed")

    assert await store.people.user(ANNA.id) == ANNA
    assert await change(store, ANNA.id, login=ANNA.login.upper()) is Outcome.DONE


async def test_one_of_many_who_change_to_a_login_at_once_gets_it(store: Store) -> None:
    answers = await asyncio.gather(
        *(change(store, each.id, login="wanted@example.com") for each in (ANNA, BERT, ROOT)), return_exceptions=True
    )

    assert answers.count(Outcome.DONE) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2


async def test_a_foreign_user_is_like_none(store: Store) -> None:
    for user_id in (STRANGER.id, "nothing", "", "\ud800"):
        assert await change(store, user_id, name="x") is Outcome.UNKNOWN
        assert await remove_user(store, user_id) == UNKNOWN

    assert await store.people.user(STRANGER.id) == STRANGER


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_text_that_no_database_can_hold_changes_nothing(store: Store, text: str) -> None:
    with pytest.raises(Invalid):
        await change(store, ANNA.id, name=text)
    with pytest.raises(Invalid):
        await change(store, ANNA.id, login=text)

    assert await store.people.user(ANNA.id) == ANNA


# Users: what happens to them reaches a token that is being made


async def test_a_locked_user_gets_no_token(store: Store) -> None:
    await change(store, ANNA.id, locked=True)

    assert await attempt(store, token(ANNA)) is Added.PROOF_GONE
    assert await attempt(store, token(BERT)) is Added.DONE

    assert await store.tokens.get(token(ANNA).id) is None
    await change(store, ANNA.id, locked=False)
    assert await attempt(store, token(ANNA)) is Added.DONE


async def test_a_password_that_was_changed_meanwhile_proves_nobody_any_more(store: Store) -> None:
    async def proven_by(proof: str | None) -> Added:
        one = token(ANNA, f"by {proof}")
        return await store.tokens.add(one, digest(), limit=100, parent_id=None, by=at(NOW), proof=proof)

    assert await proven_by("!") is Added.DONE
    await store.people.set_password(ANNA.id, password_hash="new", replacing="!", by=at(NOW))

    assert await proven_by("?") is Added.PROOF_GONE
    assert await proven_by("new") is Added.DONE
    assert await proven_by(None) is Added.DONE


# Users: the last superuser


async def test_the_last_superuser_is_neither_lowered_nor_locked_nor_removed(store: Store) -> None:
    assert await change(store, ROOT.id, role=Role.ENGINEER) is Outcome.LAST_SUPERUSER
    assert await change(store, ROOT.id, locked=True, name="x") is Outcome.LAST_SUPERUSER
    assert await remove_user(store, ROOT.id) == Removal(Outcome.LAST_SUPERUSER)

    assert await store.people.user(ROOT.id) == ROOT
    assert await change(store, ROOT.id, name="Chief", locked=False, role=Role.SUPERUSER) is Outcome.DONE


async def test_a_superuser_of_elsewhere_or_a_locked_one_is_no_other(store: Store) -> None:
    await change(store, ANNA.id, role=Role.SUPERUSER, locked=True)

    assert await change(store, ROOT.id, role=Role.USER) is Outcome.LAST_SUPERUSER
    assert await remove_user(store, ANNA.id) == DONE


async def test_of_two_superusers_one_may_go(store: Store) -> None:
    await change(store, ANNA.id, role=Role.SUPERUSER)

    assert await change(store, ROOT.id, role=Role.USER) is Outcome.DONE
    assert await change(store, ANNA.id, role=Role.USER) is Outcome.LAST_SUPERUSER
    assert await remove_user(store, ROOT.id) == DONE


async def test_of_two_superusers_who_go_at_once_one_stays(store: Store) -> None:
    await change(store, ANNA.id, role=Role.SUPERUSER)

    lowered, removal, locked = await asyncio.gather(
        change(store, ROOT.id, role=Role.USER), remove_user(store, ANNA.id), change(store, ANNA.id, locked=True)
    )

    assert lowered is Outcome.DONE or locked is Outcome.DONE or removal == DONE
    left = [each for each in await store.people.users(ACME.id) if each.is_active_superuser]
    assert len(left) == 1


# Users: remove


async def test_a_user_with_live_tokens_stays_and_they_are_named_oldest_first(store: Store) -> None:
    new = await add(store, token(ANNA, "new", created_at=NOW))
    old = await add(store, token(ANNA, "old", created_at=NOW - 1, expires_at=NOW + 1))
    await add(store, token(BERT))

    assert await remove_user(store, ANNA.id) == Removal(Outcome.IN_USE, (old.id, new.id))

    assert await store.people.user(ANNA.id) == ANNA


async def test_a_user_goes_with_what_is_left_of_their_tokens_and_the_login_is_free(store: Store) -> None:
    expired, behind = token(ANNA, "expired", expires_at=NOW), digest()
    await store.tokens.add(expired, behind, limit=9, parent_id=None, by=at(NOW - DAY))
    revoked = await add(store, token(ANNA, "revoked"))
    await store.tokens.revoke(revoked.id, reach=ACMES, by=at(NOW))
    berts = await add(store, token(BERT))
    await store.people.use_totp_step(ANNA.id, step=7)

    assert await remove_user(store, ANNA.id) == DONE

    assert await store.people.user(ANNA.id) is None
    assert await store.people.credentials(ANNA.login) is None
    assert await store.tokens.look_up(behind) is None
    assert await store.tokens.get(revoked.id) is None
    assert await store.tokens.get(berts.id) == berts
    assert await remove_user(store, ANNA.id) == UNKNOWN
    await store.people.add_user(ANNA, password_hash="new", by=at(NOW))
    assert await store.people.use_totp_step(ANNA.id, step=1)
    assert await store.tokens.add(expired, behind, limit=9, parent_id=None, by=at(NOW - DAY)) is Added.DONE


# Passwords that end tokens


async def test_a_new_password_ends_the_other_tokens_when_it_is_asked_to(store: Store) -> None:
    kept, other = await add(store, token(ANNA, "kept")), await add(store, token(ANNA, "other"))
    before = await add(store, token(ANNA, "before"))
    await store.tokens.revoke(before.id, reach=ACMES, by=at(NOW - 1))
    berts = await add(store, token(BERT))
    people = store.people

    assert await people.set_password(ANNA.id, password_hash="one", replacing="!", by=at(NOW))
    assert await store.tokens.get(other.id) == other
    assert not await people.set_password(ANNA.id, password_hash="two", replacing="!", by=at(NOW), kept=kept.id)
    assert await store.tokens.get(other.id) == other
    assert await people.set_password(ANNA.id, password_hash="two", replacing="one", by=at(NOW), kept=kept.id)

    assert await store.tokens.get(kept.id) == kept
    assert await store.tokens.get(other.id) == replace(other, revoked_at=NOW)
    assert await store.tokens.get(before.id) == replace(before, revoked_at=NOW - 1)
    assert await store.tokens.get(berts.id) == berts


async def test_a_user_is_changed_only_as_they_were_seen_where_that_is_said(store: Store) -> None:
    assert await change(store, ANNA.id, name="Anne", seen=ANNA.updated_at + 1) is Outcome.STALE
    assert await store.people.user(ANNA.id) == ANNA
    assert await change(store, ANNA.id, name="Anne", seen=ANNA.updated_at) is Outcome.DONE
    assert await store.people.user(ANNA.id) == replace(ANNA, name="Anne", updated_at=NOW)
    assert await change(store, ROOT.id, locked=True, seen=ROOT.updated_at + 1) is Outcome.STALE
    assert await change(store, ROOT.id, locked=True, seen=ROOT.updated_at) is Outcome.LAST_SUPERUSER
    assert await change(store, "nothing", name="x", seen=1) is Outcome.UNKNOWN
