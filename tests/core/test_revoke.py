"""Who may end what; and what lies outside looks exactly like what does not exist."""

import pytest

from tallystick.core import revoke
from tallystick.core.caller import Caller, Reach
from tallystick.core.errors import Forbidden, Invalid, NotFound, TooLarge, Unauthenticated
from tallystick.core.events import Origin
from tallystick.core.find import Wanted
from tallystick.core.people import User
from tallystick.core.revoke import BULK_IDS_MAX, Reason
from tallystick.storage.memory import MemoryStore, MemoryTokens
from tests.core.world import ANNA, BERT, MINUTE, NOW, ROOT, SHOP, STRANGER, add, at, caller, machine, populated, token


async def world() -> tuple[MemoryStore, dict[str, Caller]]:
    """A store in which everybody has the token `asking` and another one, `spare`."""
    store = await populated(MemoryStore())
    callers = {}
    for owner in (ANNA, BERT, ROOT, STRANGER):
        await add(store, token(owner, "spare"))
        callers[owner.name] = Caller(await add(store, token(owner, "asking")), owner)
    return store, callers


def id_of(owner: User, name: str = "spare") -> str:
    return token(owner, name).id


async def is_live(store: MemoryStore, token_id: str) -> bool:
    found = await store.tokens.get(token_id)
    return found is not None and found.is_live(NOW)


@pytest.mark.parametrize(
    "who, whose",
    [("Anna", ANNA), ("Root", ROOT), ("Root", ANNA), ("Root", BERT)],
    ids=["own", "superuser's own", "superuser, another's", "superuser, a third's"],
)
async def test_what_is_within_reach_can_be_seen_and_ended(who: str, whose: User) -> None:
    store, callers = await world()

    found = await revoke.find(store.tokens, callers[who], id_of(whose))
    await revoke.revoke_one(store.tokens, callers[who], id_of(whose), by=at(NOW))

    assert found.id == id_of(whose)
    assert not await is_live(store, id_of(whose))


@pytest.mark.parametrize(
    "who, whose", [("Anna", BERT), ("Anna", ROOT), ("Anna", STRANGER), ("Root", STRANGER), ("Stranger", ANNA)]
)
async def test_what_is_out_of_reach_looks_like_what_does_not_exist(who: str, whose: User) -> None:
    store, callers = await world()
    said = []
    for token_id in (id_of(whose), "nothing"):
        with pytest.raises(NotFound) as seen:
            await revoke.find(store.tokens, callers[who], token_id)
        with pytest.raises(NotFound) as ended:
            await revoke.revoke_one(store.tokens, callers[who], token_id, by=at(NOW))
        said.append([(e.value.msg, (e.value.detail or "").replace(token_id, "…")) for e in (seen, ended)])

    assert said[0] == said[1]
    assert said[0] == [("Record not found", "Cannot find token '…'")] * 2
    assert await is_live(store, id_of(whose))


async def test_a_revoked_token_is_not_found_by_its_owner() -> None:
    store, callers = await world()
    await revoke.revoke_one(store.tokens, callers["Anna"], id_of(ANNA), by=at(NOW))

    with pytest.raises(NotFound):
        await revoke.find(store.tokens, callers["Anna"], id_of(ANNA))
    with pytest.raises(NotFound):
        await revoke.revoke_one(store.tokens, callers["Anna"], id_of(ANNA), by=at(NOW))


@pytest.mark.parametrize("scope", ["global:read", "purge_all", "purge_select"])
async def test_a_narrow_token_ends_itself_and_nothing_else(scope: str) -> None:
    store = await populated(MemoryStore())
    narrow = Caller(await add(store, token(ROOT, "narrow", scope)), ROOT)
    await add(store, token(ROOT, "spare"))

    for token_id in (id_of(ROOT), id_of(STRANGER), "nothing"):
        with pytest.raises(Forbidden):
            await revoke.revoke_one(store.tokens, narrow, token_id, by=at(NOW))
    with pytest.raises(Forbidden):
        await revoke.revoke_many(store.tokens, narrow, [narrow.token.id, id_of(ROOT)], by=at(NOW))
    assert await is_live(store, id_of(ROOT))
    await revoke.revoke_one(store.tokens, narrow, narrow.token.id, by=at(NOW))
    assert not await is_live(store, narrow.token.id)


async def test_a_narrow_token_ends_itself_in_bulk_too() -> None:
    store = await populated(MemoryStore())
    narrow = Caller(await add(store, token(ROOT, "narrow", "purge_all")), ROOT)

    await revoke.revoke_many(store.tokens, narrow, [narrow.token.id] * 2, by=at(NOW))

    assert not await is_live(store, narrow.token.id)


@pytest.mark.parametrize("scope, seen", [("purge_all", False), ("global:read", True), ("global", True)])
async def test_a_superusers_token_sees_others_only_when_its_scope_reads(scope: str, seen: bool) -> None:
    store, _ = await world()
    asking = Caller(await add(store, token(ROOT, "narrow", scope)), ROOT)

    assert (await revoke.find(store.tokens, asking, id_of(ROOT))).id == id_of(ROOT)
    if seen:
        assert (await revoke.find(store.tokens, asking, id_of(ANNA))).id == id_of(ANNA)
    else:
        with pytest.raises(NotFound):
            await revoke.find(store.tokens, asking, id_of(ANNA))


async def test_a_token_that_somebody_else_ended_first_is_unauthenticated_not_done() -> None:
    store, callers = await world()
    await revoke.revoke_self(store.tokens, callers["Anna"], by=at(NOW))

    with pytest.raises(Unauthenticated, match="missing or invalid"):
        await revoke.revoke_self(store.tokens, callers["Anna"], by=at(NOW))
    with pytest.raises(Unauthenticated):
        await revoke.revoke_one(store.tokens, callers["Anna"], callers["Anna"].token.id, by=at(NOW))


async def test_bulk_is_all_or_nothing_and_names_what_is_not_there() -> None:
    store, callers = await world()
    asked = [id_of(ANNA), id_of(BERT), "nothing"]

    with pytest.raises(NotFound) as caught:
        await revoke.revoke_many(store.tokens, callers["Anna"], asked, by=at(NOW))

    assert caught.value.detail == f"Cannot find tokens {id_of(BERT)}, nothing; none was revoked"
    assert await is_live(store, id_of(ANNA))


async def test_in_bulk_what_is_named_twice_or_ended_before_counts_as_done() -> None:
    store, callers = await world()
    await revoke.revoke_one(store.tokens, callers["Anna"], id_of(ANNA), by=at(NOW))

    await revoke.revoke_many(
        store.tokens, callers["Root"], [id_of(ANNA), id_of(BERT), id_of(BERT), id_of(ANNA)], by=at(NOW)
    )

    assert not await is_live(store, id_of(BERT))


async def test_bulk_takes_between_one_and_ten_thousand() -> None:
    store, callers = await world()

    with pytest.raises(Invalid, match="at least one"):
        await revoke.revoke_many(store.tokens, callers["Anna"], [], by=at(NOW))
    with pytest.raises(TooLarge, match="at most 10000"):
        await revoke.revoke_many(store.tokens, callers["Anna"], [id_of(ANNA)] * (BULK_IDS_MAX + 1), by=at(NOW))
    assert await is_live(store, id_of(ANNA))
    await revoke.revoke_many(store.tokens, callers["Anna"], [id_of(ANNA)] * BULK_IDS_MAX, by=at(NOW))
    assert not await is_live(store, id_of(ANNA))


@pytest.mark.parametrize(
    "asking",
    [
        caller(ROOT),
        caller(ROOT, sudo_until=NOW),
        caller(ANNA, sudo_until=NOW + MINUTE),
        caller(ROOT, "global:read", sudo_until=NOW + MINUTE),
        caller(ROOT, services=(SHOP.id,), sudo_until=NOW + MINUTE),
        Caller(machine(sudo_until=NOW + MINUTE), None),
    ],
    ids=["not in sudo", "sudo is over", "no superuser", "reads only", "limited to services", "automation token"],
)
def test_by_rule_only_a_superuser_in_sudo_revokes_with_a_token_for_everything(asking: Caller) -> None:
    with pytest.raises(Forbidden):
        revoke.require_may_revoke_by_rule(asking, now=NOW)

    revoke.require_may_revoke_by_rule(caller(ROOT, sudo_until=NOW + MINUTE), now=NOW)


async def test_a_rule_that_asks_for_nothing_is_none() -> None:
    store, callers = await world()

    with pytest.raises(Invalid, match="at least one filter"):
        await revoke.would_revoke(store.tokens, callers["Root"], Wanted())
    with pytest.raises(Invalid, match="at least one filter"):
        await revoke.revoke_matching(store.tokens, callers["Root"], Wanted(), reason=Reason.UNSPECIFIED, by=at(NOW))
    assert await is_live(store, id_of(ANNA))


async def test_a_rule_ends_the_customers_tokens_but_for_the_one_that_asks() -> None:
    store, callers = await world()
    wanted = Wanted(created_before=NOW)

    would = await revoke.would_revoke(store.tokens, callers["Root"], wanted)
    did = await revoke.revoke_matching(store.tokens, callers["Root"], wanted, reason=Reason.SUPERSEDED, by=at(NOW))

    assert would.count == did.count == 5
    assert {one.id for one in did.sample} == {one.id for one in would.sample}
    assert {one.revoked_at for one in did.sample} == {NOW}
    assert await is_live(store, callers["Root"].token.id)
    assert await is_live(store, id_of(STRANGER))


async def test_what_somebody_else_ends_first_is_not_shown_as_ended_by_the_rule() -> None:
    store, callers = await world()

    class Late(MemoryTokens):
        """Between the look and the end somebody else comes."""

        async def revoke_matching(self, reach: Reach, wanted: Wanted, *, reason: str, by: Origin) -> int:
            await self.revoke(id_of(ANNA), reach=reach, by=at(NOW - 1))
            return await super().revoke_matching(reach, wanted, reason=reason, by=by)

    late = Late(store.people, store.catalogues, store.events.write)
    met = await revoke.revoke_matching(
        late, callers["Root"], Wanted(search="spare"), reason=Reason.SUPERSEDED, by=at(NOW)
    )

    assert met.count == 2
    assert {one.id for one in met.sample} == {id_of(BERT), id_of(ROOT)}
