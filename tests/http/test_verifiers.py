"""Verifiers inside other programs: what they are told, and who waits for them."""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.core.caller import Reach
from tallystick.core.changes import Hearing
from tallystick.core.receipt import LEASE_MS, MARGIN_MS
from tallystick.core.secret import Secret
from tallystick.core.sponsor import SPONSORED_MAX, Sponsor, veil
from tallystick.http.times import stamp
from tests.core.world import ANNA, BLOG, FOREIGN, MINUTE, NOW, ROOT, SHOP, STRANGER, add, at, machine
from tests.http.world import World, main_id

ME, OTHER = "verifier-number-1", "verifier-number-2"


@pytest.fixture
async def key(world: World) -> str:
    """A token that may ask about others."""
    _, secret = await world.give(ROOT, "verifier", scope="verify")
    await world.wiring.memory._catch_up()
    return secret


async def sync(world: World, key: str, acked: int | None = None, name: str = ME, **more: Any) -> httpx2.Response:
    return await world.ask("POST", f"/verifiers/{name}/sync", key, json={"acked": acked, **more})


async def head(world: World) -> int:
    return await world.store.changes.head()


async def hearing(world: World, seq: int) -> Hearing:
    return await world.store.changes.hearing(seq)


async def test_who_begins_gets_a_lease_that_ends_before_its_sponsors(world: World, key: str) -> None:
    told = (await sync(world, key)).json()

    assert (told["upto"], told["begin"], told["changes"]) == (await head(world), True, [])
    assert 0 < told["lease_ms"] <= LEASE_MS - 2 * MARGIN_MS


async def test_it_is_told_what_changed_by_a_name_that_only_who_knows_the_id_understands(world: World, key: str) -> None:
    before = (await sync(world, key)).json()["upto"]
    revoked = asyncio.create_task(world.ask("DELETE", f"/tokens/{main_id(ANNA)}", ROOT))

    while (told := (await sync(world, key, before)).json())["upto"] == before:
        pass  # each answer is held back for a while; the change may take longer

    assert told["upto"] == before + 1
    assert told["changes"] == [{"kind": "token", "id": veil(main_id(ANNA))}]
    assert not told["begin"]
    assert main_id(ANNA) not in str(told)
    # It has not said yet that it has heard: the revocation is not answered.
    assert not revoked.done()
    assert (await hearing(world, before + 1)).missing == 1
    confirmed = asyncio.create_task(sync(world, key, before + 1))
    assert (await revoked).status_code == 204
    assert (await hearing(world, before + 1)).missing == 0
    await confirmed


async def test_a_revocation_waits_for_one_that_says_nothing_until_its_lease_has_ended(world: World, key: str) -> None:
    await sync(world, key)

    answer = await world.ask("DELETE", f"/tokens/{main_id(ANNA)}", ROOT)

    waited = int(answer.headers["tallystick-receipt"].partition("waited_ms=")[2])
    assert LEASE_MS / 4 < waited <= LEASE_MS + MARGIN_MS


async def test_a_server_that_stops_is_waited_for_while_those_whom_it_spoke_for_hold_leases(
    world: World, key: str
) -> None:
    told = (await sync(world, key)).json()

    await world.wiring.memory.finish()

    assert (await hearing(world, told["upto"] + 1)).missing == 1


async def test_a_server_that_spoke_for_nobody_is_not_waited_for_when_it_has_stopped(world: World) -> None:
    await world.wiring.memory.finish()

    assert (await hearing(world, await head(world) + 1)).missing == 0


async def test_nobody_waits_for_one_that_has_left(world: World, key: str) -> None:
    await sync(world, key)

    left = await world.ask("DELETE", f"/verifiers/{ME}", key)

    assert left.status_code == 204
    assert len(world.wiring.memory.sponsor) == 0


async def test_one_that_comes_from_another_server_is_told_all_that_it_has_missed(world: World, key: str) -> None:
    before = await head(world)
    for user in (ANNA, STRANGER):
        await world.ask("DELETE", "/tokens/self", user)
    world.wiring.memory.sponsor.begin()  # as after a restart: only the store knows

    told = (await sync(world, key, before)).json()

    assert [each["id"] for each in told["changes"]] == [veil(main_id(ANNA)), veil(main_id(STRANGER))]
    assert (told["upto"], told["begin"]) == (before + 2, False)


async def test_one_that_comes_from_a_server_that_is_ahead_does_not_begin_again(world: World, key: str) -> None:
    task = world.wiring.memory._task
    assert task is not None
    task.cancel()  # this one has not looked yet
    await world.store.tokens.revoke(main_id(ANNA), reach=Reach(ANNA.customer_id, None), by=at(NOW, request_id="r"))

    told = (await sync(world, key, await head(world))).json()

    assert (told["begin"], told["upto"]) == (False, await head(world))


async def test_one_that_has_heard_of_more_than_there_is_begins_again(world: World, key: str) -> None:
    assert (await sync(world, key, 10_000)).json()["begin"]


async def test_a_server_without_a_lease_gives_none(world: World, key: str) -> None:
    world.wiring.memory.verifier.let_go()

    assert (await sync(world, key)).status_code == 503


@pytest.mark.parametrize("who", [ANNA, ROOT, STRANGER])
async def test_it_takes_a_token_for_it(world: World, who: Any) -> None:
    for method, path in (("POST", f"/verifiers/{ME}/sync"), ("DELETE", f"/verifiers/{ME}")):
        assert (await world.ask(method, path, who)).status_code == 403
    assert (await world.ask("POST", "/check/batch", who, json=[{"secret": "x"}])).status_code == 403


async def test_a_superusers_token_for_it_is_good_only_while_they_are_one(world: World) -> None:
    _, secret = await world.give(ANNA, "left over", scope="verify")

    assert (await sync(world, secret)).status_code == 403


async def test_an_automation_token_can_be_one(world: World) -> None:
    secret = Secret.mint()
    await add(world.store, machine(scope="verify"), secret)

    assert (await sync(world, secret.reveal())).status_code == 200


async def test_one_has_no_say_for_anothers_verifier(world: World, key: str) -> None:
    _, other = await world.give(ROOT, "another", scope="verify")
    await sync(world, key)

    await world.ask("DELETE", f"/verifiers/{ME}", other)

    assert len(world.wiring.memory.sponsor) == 1


@pytest.mark.parametrize("name", ["short", "x" * 65])
async def test_a_name_that_others_could_guess_is_refused(world: World, key: str, name: str) -> None:
    assert (await sync(world, key, name=name)).status_code == 400


async def test_what_it_accepted_is_seen_as_a_use(world: World, key: str) -> None:
    world.clock.move(MINUTE)

    await sync(world, key, used=[{"token_id": main_id(ANNA), "count": 3}])

    seen = (await world.ask("GET", f"/tokens/{main_id(ANNA)}", ROOT)).json()
    assert seen["last_used_at"] == stamp(NOW + MINUTE)


async def test_a_count_that_no_database_can_add_up_is_refused(world: World, key: str) -> None:
    assert (await sync(world, key, used=[{"token_id": main_id(ANNA), "count": 2**53}])).status_code == 400


def test_there_is_a_limit_to_how_many_one_process_speaks_for() -> None:
    sponsor = Sponsor(most=2)
    for name in ("one", "two"):
        sponsor.grant(name, upto=1, until=100, steady=0)

    with pytest.raises(Exception, match="2 verifiers already"):
        sponsor.grant("three", upto=1, until=100, steady=0)
    sponsor.grant("one", upto=1, until=200, steady=0)
    # The lease of the second is over.
    sponsor.grant("three", upto=1, until=300, steady=100)
    assert len(sponsor) == 2
    assert SPONSORED_MAX == 1_000


# --- POST /check/batch --------------------------------------------------------------------------------------------------


async def checked(world: World, key: str, *asked: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await world.ask("POST", "/check/batch", key, json=list(asked))
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["checked"]
    return found


async def test_each_is_answered_in_the_order_of_asking(world: World, key: str) -> None:
    _, expired = await world.give(ANNA, "over", expires_at=NOW - MINUTE)
    _, narrow = await world.give(ANNA, "narrow", scope="purge_select", services=(BLOG.id,), expires_at=NOW + MINUTE)

    found = await checked(
        world,
        key,
        {"secret": world.secrets[ANNA.id]},
        {"secret": "nonsense"},
        {"secret": Secret.mint().reveal()},
        {"secret": expired},
        {"secret": narrow, "scope": "purge_select", "service": BLOG.id},
        {"secret": narrow, "scope": "global"},
        {"secret": narrow, "service": SHOP.id},
        {"secret": world.secrets[ANNA.id], "service": SHOP.id},
        {"secret": world.secrets[ANNA.id], "service": FOREIGN.id},
        {"secret": world.secrets[STRANGER.id]},
    )

    assert [each["reason"] for each in found] == [
        *(None, "invalid", "invalid", "expired", None, "scope", "service", None, "service", None)
    ]
    assert [each["ok"] for each in found] == [each["reason"] is None for each in found]
    assert (found[0]["token_id"], found[0]["user_id"]) == (main_id(ANNA), ANNA.id)
    assert (found[4]["scope"], found[4]["services"], found[4]["lasts_ms"]) == ("purge_select", [BLOG.id], MINUTE)
    assert found[1] == found[2]
    assert found[2]["token_id"] is None


async def test_no_secret_is_in_the_answer(world: World, key: str) -> None:
    secret = world.secrets[ANNA.id]

    answer = await world.ask("POST", "/check/batch", key, json=[{"secret": secret}])

    assert secret not in answer.text


async def test_it_says_as_of_which_change_that_was_so(world: World, key: str) -> None:
    ask = {"json": [{"secret": world.secrets[ANNA.id]}]}
    before = (await world.ask("POST", "/check/batch", key, **ask)).json()["as_of"]

    await world.ask("DELETE", "/tokens/self", STRANGER)

    assert (await world.ask("POST", "/check/batch", key, **ask)).json()["as_of"] == before + 1


@pytest.mark.parametrize(
    "body", [[], {}, [{}], [{"secret": 1}], [{"secret": "x", "scop": "y"}], [{"secret": "x"}] * 1_001, "x"]
)
async def test_a_batch_that_cannot_be_read_is_refused_whole(world: World, key: str, body: Any) -> None:
    assert (await world.ask("POST", "/check/batch", key, json=body)).status_code == 400


async def test_a_thousand_are_answered_at_once(world: World, key: str) -> None:
    found = await checked(world, key, *[{"secret": world.secrets[ANNA.id]}] * 1_000)

    assert all(each["ok"] for each in found)


async def test_no_user_but_a_superuser_makes_such_a_token(world: World) -> None:
    for who, status in ((ANNA, 403), (ROOT, 200)):
        form = {"username": who.login, "password": "correct horse battery staple", "scope": "verify"}
        assert (await world.ask("POST", "/tokens", data=form)).status_code == status
