"""Ending tokens: oneself, one, many; and an ended token is refused from then on."""

import json
from typing import Any

import httpx2
import pytest

from tests.core.world import ANNA, BERT, NOW, ROOT, SECOND, STRANGER
from tests.http.world import World, error_of, main_id

NO_CREDENTIALS = {"msg": "Provided credentials are missing or invalid"}
BULK = {"content-type": "application/vnd.api+json; ext=bulk", "accept": "application/vnd.api+json; ext=bulk"}


async def bulk(world: World, who: Any, *token_ids: str, **headers: str) -> httpx2.Response:
    body = {"data": [{"type": "token", "id": token_id} for token_id in token_ids]}
    return await world.ask("DELETE", "/tokens", who, content=json.dumps(body) + "\n", headers={**BULK, **headers})


def assert_done(response: httpx2.Response) -> None:
    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert "content-length" not in response.headers
    assert response.headers["cache-control"] == "no-store"


# --- Self -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["global", "global:read", "purge_all", "purge_select"])
@pytest.mark.parametrize("path", ["/tokens/self", "/tokens/{}"])
async def test_every_token_ends_itself_and_is_refused_from_then_on(world: World, scope: str, path: str) -> None:
    made, secret = await world.give(ANNA, "ending", scope)

    ended = await world.ask("DELETE", path.format(made.id), secret)
    after = [await world.ask(method, "/tokens/self", secret) for method in ("GET", "DELETE")]

    assert_done(ended)
    assert [(one.status_code, error_of(one)) for one in after] == [(401, NO_CREDENTIALS)] * 2
    assert await world.count(ANNA) == 1


# --- One ------------------------------------------------------------------------------------------------------------------


async def test_a_user_ends_another_token_of_theirs_without_sudo(world: World) -> None:
    made, secret = await world.give(ANNA, "other")

    assert_done(await world.ask("DELETE", f"/tokens/{made.id}", ANNA))

    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 401


async def test_a_superuser_ends_anybodys_within_the_customer(world: World) -> None:
    assert_done(await world.ask("DELETE", f"/tokens/{main_id(ANNA)}", ROOT))

    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == 401
    assert (await world.ask("GET", "/tokens/self", BERT)).status_code == 200


async def test_what_has_ended_is_404_for_who_ends_it_again(world: World) -> None:
    made, _ = await world.give(ANNA, "other")
    await world.ask("DELETE", f"/tokens/{made.id}", ANNA)

    again = await world.ask("DELETE", f"/tokens/{made.id}", ANNA)

    assert (again.status_code, error_of(again)["detail"]) == (404, f"Cannot find token '{made.id}'")


async def test_an_expired_token_can_be_ended(world: World) -> None:
    made, _ = await world.give(ANNA, "old", expires_at=NOW - SECOND)

    assert_done(await world.ask("DELETE", f"/tokens/{made.id}", ANNA))


@pytest.mark.parametrize(
    "scope, msg",
    [
        ("global:read", "Read only tokens are not allowed to access this endpoint"),
        ("purge_all", "Tokens with scope purge_all are not allowed to access this endpoint; it takes global"),
        ("purge_select", "Tokens with scope purge_select are not allowed to access this endpoint; it takes global"),
    ],
)
@pytest.mark.parametrize("whose", [ROOT, ANNA, STRANGER, None], ids=["own", "in reach", "foreign", "unknown"])
async def test_a_token_without_global_ends_no_other(world: World, scope: str, msg: str, whose: Any) -> None:
    _, narrow = await world.give(ROOT, "narrow", scope)
    token_id = "nothing" if whose is None else main_id(whose)

    one = await world.ask("DELETE", f"/tokens/{token_id}", narrow)
    many = await bulk(world, narrow, token_id)

    assert [(each.status_code, error_of(each)) for each in (one, many)] == [(403, {"msg": msg})] * 2
    assert whose is None or await world.live(token_id)


# --- Many -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.api+json; ext=bulk",
        "application/vnd.api+json",
        "application/json",
        "Application/JSON; charset=utf-8",
    ],
)
async def test_many_are_ended_at_once_in_every_media_type_that_clients_send(world: World, kind: str) -> None:
    made = [(await world.give(ANNA, f"n{number}"))[0].id for number in range(3)]

    response = await bulk(world, ANNA, *made, **{"content-type": kind})

    assert_done(response)
    assert [await world.live(token_id) for token_id in made] == [False] * 3


async def test_what_is_named_twice_or_ended_before_counts_as_done(world: World) -> None:
    gone, left = [(await world.give(ANNA, name))[0].id for name in ("gone", "left")]
    await world.ask("DELETE", f"/tokens/{gone}", ANNA)

    response = await bulk(world, ANNA, gone, left, left, gone)

    assert_done(response)
    assert not await world.live(left)


async def test_a_superuser_includes_others(world: World) -> None:
    assert_done(await bulk(world, ROOT, main_id(ANNA), main_id(BERT)))

    assert not await world.live(main_id(ANNA))


async def test_a_token_may_be_among_those_it_ends(world: World) -> None:
    made, _ = await world.give(ANNA, "other")

    assert_done(await bulk(world, ANNA, made.id, main_id(ANNA)))

    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == 401


async def test_one_unknown_or_foreign_id_and_none_is_ended(world: World) -> None:
    own, _ = await world.give(ANNA, "own")

    response = await bulk(world, ANNA, own.id, main_id(BERT), "nothing", main_id(STRANGER), "nothing")

    assert response.status_code == 404
    assert error_of(response) == {
        "msg": "Record not found",
        "detail": f"Cannot find tokens {main_id(BERT)}, nothing, {main_id(STRANGER)}; none was revoked",
    }
    assert [await world.live(one) for one in (own.id, main_id(BERT), main_id(STRANGER))] == [True] * 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"data":null}',
        b'{"data":[]}',
        b'{"data":["x"]}',
        b'{"data":[{"type":"token"}]}',
        b'{"data":[{"type":"token","id":""}]}',
        b'{"data":[{"type":"token","id":null}]}',
        b'{"data":[{"type":"token","id":7}]}',
        b'{"data":[{"id":"a\\u0000b"}]}',
        b'{"data":[{"id":"\\ud800"}]}',
        b'{"data":[{"id":"\xff"}]}',
        b'{"data":',
        b"data=1",
        b"[" * 100_000,
    ],
    ids=range(17),
)
async def test_missing_ids_and_broken_json_are_400_and_nothing_is_ended(world: World, content: bytes) -> None:
    made, _ = await world.give(ANNA, "own")

    response = await world.ask("DELETE", "/tokens", ANNA, content=content, headers=BULK)

    assert response.status_code == 400
    assert error_of(response)["msg"]
    assert await world.live(made.id)


async def test_one_id_missing_among_others_is_400_and_nothing_is_ended(world: World) -> None:
    # `fastly auth-token delete --file` sends an item without id for a blank line.
    made, _ = await world.give(ANNA, "own")
    body = {"data": [{"type": "token", "id": made.id}, {"type": "token"}]}

    response = await world.ask("DELETE", "/tokens", ANNA, json=body)

    assert (response.status_code, error_of(response)["detail"]) == (400, "each item of data takes an id")
    assert await world.live(made.id)


async def test_ten_thousand_ids_are_taken_and_one_more_is_413(world: World) -> None:
    made, _ = await world.give(ANNA, "own")

    too_many = await bulk(world, ANNA, *[made.id] * 10_001)
    assert await world.live(made.id)
    taken = await bulk(world, ANNA, *[made.id] * 10_000)

    assert (too_many.status_code, "at most 10000" in error_of(too_many)["msg"]) == (413, True)
    assert_done(taken)
    assert not await world.live(made.id)


async def test_a_form_is_no_bulk(world: World) -> None:
    response = await world.ask("DELETE", "/tokens", ANNA, data={"data": "x"})

    assert response.status_code == 415
    assert error_of(response)["detail"] == "Send the body as application/json or application/vnd.api+json"
