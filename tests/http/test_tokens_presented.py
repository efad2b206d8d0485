"""How a token is presented, and what becomes of one that is not live."""

import pytest

from tallystick.core.secret import Secret
from tests.core.world import ANNA, BERT, NOW, SECOND
from tests.http.world import World, error_of, main_id

NO_CREDENTIALS = {"msg": "Provided credentials are missing or invalid"}


async def ask_self(world: World, *headers: tuple[str, str]) -> tuple[int, object]:
    response = await world.client.get("/tokens/self", headers=list(headers))
    if response.status_code == 200:
        return 200, response.json()["id"]
    if response.status_code == 401:
        assert response.headers["www-authenticate"] == "Bearer"
    return response.status_code, error_of(response)


@pytest.mark.parametrize(
    "name, value",
    [
        ("Fastly-Key", "{}"),
        ("fastly-key", "{}"),
        ("FASTLY-KEY", " {} "),
        ("Authorization", "Bearer {}"),
        ("Authorization", "bearer {}"),
        ("Authorization", "BEARER   {} "),
    ],
)
async def test_a_token_is_presented_in_either_header(world: World, name: str, value: str) -> None:
    assert await ask_self(world, (name, value.format(world.secrets[ANNA.id]))) == (200, main_id(ANNA))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Fastly-Key", "")],
        [("Fastly-Key", "   ")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic Og==")],
        [("Fastly-Key", ""), ("Authorization", "Basic Og==")],
        [("Authorization", "Digest x")],
        [("Fastly-Token", "{}")],
    ],
    ids=range(9),
)
async def test_none_and_an_empty_one_are_401(world: World, headers: list[tuple[str, str]]) -> None:
    filled = [(name, value.format(world.secrets[ANNA.id])) for name, value in headers]

    assert await ask_self(world, *filled) == (401, NO_CREDENTIALS)


@pytest.mark.parametrize(
    "spoil",
    [
        "nonsense",
        "{}x",
        "x{}",
        "kT3-exampleExample_0123456789AbCd",
        "tly_",
        "tly_" + "0" * 38,
        "{} {}",
        "{},{}",
        '"{}"',
        "x" * 5000,
    ],
)
async def test_a_malformed_one_is_401(world: World, spoil: str) -> None:
    secret = world.secrets[ANNA.id]

    for header in (("Fastly-Key", spoil), ("Authorization", f"Bearer {spoil}")):
        assert await ask_self(world, (header[0], header[1].format(secret, secret))) == (401, NO_CREDENTIALS)


async def test_the_value_is_case_sensitive(world: World) -> None:
    assert await ask_self(world, ("Fastly-Key", world.secrets[ANNA.id].swapcase())) == (401, NO_CREDENTIALS)


async def test_an_unknown_and_a_revoked_one_look_alike(world: World) -> None:
    gone, secret = await world.give(ANNA, "gone")
    await world.ask("DELETE", f"/tokens/{gone.id}", ANNA)

    assert await ask_self(world, ("Fastly-Key", secret)) == (401, NO_CREDENTIALS)
    assert await ask_self(world, ("Fastly-Key", Secret.mint().reveal())) == (401, NO_CREDENTIALS)


async def test_an_expired_one_is_told_so_by_id_and_time(world: World) -> None:
    made, secret = await world.give(ANNA, "short", expires_at=NOW + SECOND)

    before = await ask_self(world, ("Fastly-Key", secret))
    world.clock.move(SECOND)

    assert before == (200, made.id)
    assert await ask_self(world, ("Fastly-Key", secret)) == (
        401,
        {"msg": f"Token {made.id} expired at 2026-02-03T04:05:07Z"},
    )


async def test_an_expired_one_that_was_revoked_is_not_told_anything(world: World) -> None:
    made, secret = await world.give(ANNA, "short", expires_at=NOW + SECOND)
    await world.ask("DELETE", f"/tokens/{made.id}", ANNA)
    world.clock.move(SECOND)

    assert await ask_self(world, ("Fastly-Key", secret)) == (401, NO_CREDENTIALS)


async def test_two_different_ones_are_400_whichever_way_they_come(world: World) -> None:
    anna, bert = world.secrets[ANNA.id], world.secrets[BERT.id]
    refused = (
        400,
        {
            "msg": "Invalid request",
            "detail": "several different tokens were sent: send one",
            "code": "invalid_request",
        },
    )

    assert await ask_self(world, ("Fastly-Key", anna), ("Fastly-Key", bert)) == refused
    assert await ask_self(world, ("Fastly-Key", anna), ("Authorization", f"Bearer {bert}")) == refused
    assert await ask_self(world, ("Authorization", f"Bearer {anna}"), ("Authorization", f"Bearer {bert}")) == refused
    assert await ask_self(world, ("Fastly-Key", anna), ("Fastly-Key", "nonsense")) == refused


async def test_the_same_one_twice_or_beside_an_empty_one_is_that_one(world: World) -> None:
    anna = world.secrets[ANNA.id]

    for headers in (
        [("Fastly-Key", anna), ("Fastly-Key", anna)],
        [("Fastly-Key", anna), ("Authorization", f"Bearer {anna}")],
        [("Fastly-Key", ""), ("Authorization", f"Bearer {anna}")],
        [("Fastly-Key", anna), ("Authorization", "Basic Og==")],
        [("Fastly-Key", anna), ("Fastly-Key", "")],
    ):
        assert await ask_self(world, *headers) == (200, main_id(ANNA))
