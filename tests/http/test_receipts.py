"""GET /revocations/{seq}: the receipt of a change again, for whom it concerns, and nothing at all for others."""

import re
from typing import Any

import httpx2
import pytest

from tallystick.cli.chores import write_down
from tallystick.core.caller import Reach
from tallystick.core.people import Role, User, UserChange
from tests.core.world import ACME, ANNA, BERT, DAY, MINUTE, NOW, ROOT, SECOND, SHOP, STRANGER, at
from tests.http.world import World, error_of, main_id

RECEIPT = re.compile(r"seq=(\d+), verifiers=(\d+), waited_ms=(\d+)")
REQUEST = {"X-Request-Id": "the-request.1"}


def seq_of(response: httpx2.Response) -> int:
    """The number that a change was answered with."""
    match = RECEIPT.fullmatch(response.headers["tallystick-receipt"])
    assert match is not None
    return int(match[1])


async def revoked(world: World, who: User, token_id: str) -> int:
    return seq_of(await world.ask("DELETE", f"/tokens/{token_id}", who, headers=REQUEST))


async def receipt(world: World, seq: object, who: User | str) -> httpx2.Response:
    return await world.ask("GET", f"/revocations/{seq}", who)


async def seen_by(world: World, seq: int, *who: User | str) -> list[int]:
    return [(await receipt(world, seq, each)).status_code for each in who]


async def test_a_receipt_says_what_the_answer_said_and_what_it_was_about(world: World) -> None:
    one, _ = await world.give(ANNA, "one")
    answer = await world.ask("DELETE", f"/tokens/{one.id}", ANNA, headers=REQUEST)
    told = RECEIPT.fullmatch(answer.headers["tallystick-receipt"])
    assert told is not None

    read = await receipt(world, told[1], ANNA)

    assert read.status_code == 200
    assert read.json() == {
        "seq": int(told[1]),
        "created_at": "2026-02-03T04:05:06.789Z",
        "heard_at": "2026-02-03T04:05:06.789Z",
        "verifiers": int(told[2]),
        "waited_ms": int(told[3]),
        "request_id": "the-request.1",
        "count": 1,
        "changes": [{"kind": "token", "id": one.id}],
    }


async def test_it_says_the_same_when_it_has_been_written_down(world: World) -> None:
    seq = await revoked(world, ROOT, main_id(ANNA))
    before = await receipt(world, seq, ROOT)
    world.clock.move(SECOND)

    await write_down(world.store, world.wiring.uses, world.wiring.receipts)

    kept = await world.store.changes.numbered(seq)
    assert kept is not None
    assert kept.heard is not None
    assert (await receipt(world, seq, ROOT)).content == before.content


async def test_what_is_not_noted_yet_is_null(world: World) -> None:
    await world.store.tokens.revoke(main_id(ANNA), reach=Reach(ACME.id, None), by=at(NOW))

    read = (await receipt(world, await world.store.changes.head(), ROOT)).json()

    assert (read["heard_at"], read["verifiers"], read["waited_ms"]) == (None, None, None)


async def test_of_very_many_a_hundred_are_told_and_how_many_there_were(world: World) -> None:
    many = [(await world.give(ANNA, f"n{number:03}"))[0].id for number in range(101)]
    answer = await world.ask("DELETE", "/tokens", ANNA, json={"data": [{"id": each} for each in many]})

    read = (await receipt(world, seq_of(answer), ANNA)).json()

    assert read["count"] == 101
    assert read["changes"] == [{"kind": "token", "id": each} for each in many[:100]]


async def test_what_a_user_did_is_seen_by_them_and_by_superusers_of_the_customer(world: World) -> None:
    mine, _ = await world.give(ANNA, "one")
    more, _ = await world.give(ANNA, "two")
    answer = await world.ask("DELETE", "/tokens", ANNA, json={"data": [{"id": mine.id}, {"id": more.id}]})
    _, other_secret = await world.give(ANNA, "other", "global:read")

    assert await seen_by(world, seq_of(answer), ANNA, other_secret, ROOT) == [200, 200, 200]
    assert await seen_by(world, seq_of(answer), BERT, STRANGER) == [404, 404]


async def test_what_a_superuser_did_is_not_seen_by_users_but_for_the_end_of_one_token_of_theirs(world: World) -> None:
    one, _ = await world.give(ANNA, "one")
    two, _ = await world.give(ANNA, "two")
    three, _ = await world.give(ANNA, "three")
    single = await revoked(world, ROOT, one.id)
    several = await world.ask("DELETE", "/tokens", ROOT, json={"data": [{"id": two.id}, {"id": three.id}]})
    lowered = await world.ask("PUT", f"/user/{ANNA.id}", ROOT, json={"role": "billing"})

    assert await seen_by(world, single, ANNA, BERT) == [200, 404]
    assert await seen_by(world, seq_of(several), ANNA, BERT) == [404, 404]
    assert await seen_by(world, seq_of(lowered), ANNA, BERT) == [404, 404]


async def test_a_narrow_token_sees_what_it_did_itself_and_not_what_its_user_did_to_others(world: World) -> None:
    _, purging = await world.give(ROOT, "purging", "purge_all")
    _, limited = await world.give(ROOT, "limited", services=(SHOP.id,))
    one, _ = await world.give(ANNA, "one")
    by_hand = seq_of(await world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"locked": True}))
    by_itself = seq_of(await world.ask("DELETE", f"/tokens/{one.id}", limited))

    assert await seen_by(world, by_hand, ROOT, purging, limited) == [200, 404, 404]
    assert await seen_by(world, by_itself, ROOT, purging, limited) == [200, 404, 200]


async def test_an_automation_token_sees_what_it_did_and_its_superusers_do_too(world: World) -> None:
    robots: dict[str, Any] = {"user_id": None, "role": Role.ENGINEER, "creator_id": ROOT.id}
    _, secret = await world.give(ROOT, "robot", **robots)
    _, other = await world.give(ROOT, "other", **robots)
    made = seq_of(await world.ask("POST", "/service", secret, json={"name": "made by a robot"}))

    assert await seen_by(world, made, secret, ROOT) == [200, 200]
    assert await seen_by(world, made, other, ANNA, STRANGER) == [404, 404, 404]


async def test_who_is_a_superuser_no_more_sees_what_they_did_and_no_more(world: World) -> None:
    await world.store.people.change_user(
        BERT.id, customer_id=ACME.id, change=UserChange(role=Role.SUPERUSER), by=at(NOW)
    )
    theirs = await revoked(world, BERT, (await world.give(ANNA, "one"))[0].id)
    others = await revoked(world, ROOT, (await world.give(ANNA, "two"))[0].id)
    assert await seen_by(world, others, BERT) == [200]

    lowered = await world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"role": "user"})

    assert lowered.status_code == 200
    assert await seen_by(world, theirs, BERT) == [200]
    assert await seen_by(world, others, BERT) == [404]


@pytest.mark.parametrize("seq", ["0", "-1", "01", "x", "1.5", "%31%20", "9" * 18, "9" * 19, "9" * 400, "seq=1"])
async def test_what_names_nothing_is_the_same_404_as_what_is_none_of_ones_business(world: World, seq: str) -> None:
    foreign = await revoked(world, STRANGER, (await world.give(STRANGER, "one"))[0].id)

    unknown, hidden = await receipt(world, seq, ROOT), await receipt(world, foreign, ROOT)

    assert (unknown.status_code, hidden.status_code) == (404, 404)
    assert error_of(hidden) == {"msg": "Record not found", "detail": f"Cannot find receipt '{foreign}'"}
    assert error_of(unknown)["msg"] == "Record not found"
    assert error_of(unknown)["detail"].startswith("Cannot find receipt '")


async def test_what_is_not_kept_any_more_is_404(world: World) -> None:
    seq = await revoked(world, ROOT, main_id(ANNA))
    await world.store.changes.trim(before=NOW + DAY)
    assert await seen_by(world, seq, ROOT) == [200]

    await world.store.changes.trim_numbered(before=NOW + MINUTE)

    assert await seen_by(world, seq, ROOT) == [404]
