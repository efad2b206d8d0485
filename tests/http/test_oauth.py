"""Introspection (RFC 7662) and revocation (RFC 7009): what OAuth's tools are told, and that strangers are told nothing."""

from base64 import b64encode
from typing import Any

import httpx2
import pytest

from tallystick.core.events import Sought
from tallystick.core.people import Role, UserChange
from tallystick.core.secret import Secret
from tests.core.world import ACME, ANNA, MINUTE, NOW, ROOT, SHOP, at
from tests.http.world import World, a_world, basic, main_id, problem_of

OTHER = "tly_" + "0" * 38
ID = {"X-Request-Id": "from-outside.1"}


@pytest.fixture
async def asking(world: World) -> str:
    """A token that may ask about others."""
    return (await world.give(ROOT, "gateway", "verify"))[1]


async def introspect(world: World, who: str | None, **form: str) -> httpx2.Response:
    return await world.ask("POST", "/oauth/introspect", who, data=form)


async def revoke(world: World, **form: str) -> httpx2.Response:
    return await world.ask("POST", "/oauth/revoke", data=form, headers=ID)


# --- Introspection --------------------------------------------------------------------------------------------------------


async def test_a_live_token_is_told(world: World, asking: str) -> None:
    kept, secret = await world.give(ANNA, "told", "purge_all global:read", services=(SHOP.id,), expires_at=NOW + MINUTE)

    response = await introspect(world, asking, token=secret, token_type_hint="access_token")

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == {
        "active": True,
        "scope": "purge_all global:read",
        "client_id": kept.id,
        "token_type": "Bearer",
        "exp": (NOW + MINUTE) // 1000,
        "iat": kept.created_at // 1000,
        "sub": ANNA.id,
        "jti": kept.id,
        "customer_id": ACME.id,
        "services": [SHOP.id],
    }


async def test_what_does_not_end_has_no_end_and_what_is_nobodys_is_its_own(world: World, asking: str) -> None:
    fields: dict[str, Any] = {"id": "robot", "user_id": None, "role": Role.ENGINEER, "creator_id": ROOT.id}
    _, secret = await world.give(ROOT, "robot", **fields)

    told = (await introspect(world, asking, token=secret)).json()

    assert "exp" not in told
    assert (told["sub"], told["client_id"]) == ("robot", "robot")


async def test_of_anything_that_is_not_live_nothing_else_is_told(world: World, asking: str) -> None:
    _, expired = await world.give(ANNA, "expired", expires_at=NOW + MINUTE)
    _, revoked = await world.give(ANNA, "revoked")
    await world.ask("DELETE", "/tokens/self", revoked)
    _, locked = await world.give(ANNA, "locked")
    await world.store.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(locked=True), by=at(NOW))
    world.wiring.memory.verifier.begin(at=world.wiring.memory.verifier.applied)
    world.clock.move(MINUTE)

    told = [
        await introspect(world, asking, token=token)
        for token in (expired, revoked, locked, OTHER, Secret.mint().reveal(), "x", "\N{GRINNING FACE}", "x" * 100_000)
    ]

    assert {(response.status_code, response.content) for response in told} == {(200, b'{"active":false}')}


async def test_a_revoked_token_is_not_active_as_soon_as_that_is_answered(world: World, asking: str) -> None:
    _, secret = await world.give(ANNA, "ended")
    assert (await introspect(world, asking, token=secret)).json()["active"] is True

    await world.ask("DELETE", "/tokens/self", secret)

    assert (await introspect(world, asking, token=secret)).json() == {"active": False}


async def test_the_credentials_can_come_as_oauths_clients_send_them(world: World, asking: str) -> None:
    encoded = asking.replace("_", "%5F")  # as some of them do

    ways = [{"Authorization": f"Bearer {asking}"}, {"Fastly-Key": asking}, basic("any", asking), basic("any", encoded)]

    for headers in ways:
        response = await world.ask("POST", "/oauth/introspect", data={"token": world.secrets[ANNA.id]}, headers=headers)
        assert response.json()["active"] is True


async def test_without_credentials_for_it_nothing_is_told(world: World) -> None:
    good = {"token": world.secrets[ANNA.id]}

    for headers in ({}, basic("any", OTHER), basic("any", "x"), basic("any", ""), {"Authorization": f"Bearer {OTHER}"}):
        refused = await world.ask("POST", "/oauth/introspect", data=good, headers=headers)
        assert problem_of(refused) == (401, "Provided credentials are missing or invalid")
    broken = {"Authorization": "Basic " + b64encode(b"\xff:\xff").decode()}
    assert (await world.ask("POST", "/oauth/introspect", data=good, headers=broken)).status_code == 400
    for person in (ROOT, ANNA):
        forbidden = await world.ask("POST", "/oauth/introspect", person, data=good)
        assert forbidden.status_code == 403
        assert forbidden.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="verify"'


async def test_introspection_is_a_use_of_a_live_token(world: World, asking: str) -> None:
    await introspect(world, asking, token=world.secrets[ANNA.id])

    usage = (await world.ask("GET", f"/tokens/{main_id(ANNA)}/usage", ROOT)).json()
    assert [hour["allowed"] for hour in usage["hours"]] == [1]


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize("form", [{}, {"token": ""}, {"tokens": "x"}])
async def test_a_token_must_be_named(world: World, asking: str, path: str, form: dict[str, str]) -> None:
    assert (await world.ask("POST", path, asking, data=form)).status_code == 400
    doubled = await world.ask(
        "POST", path, asking, content=b"token=a&token=b", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert doubled.status_code == 400


# --- Revocation -----------------------------------------------------------------------------------------------------------


async def test_who_holds_a_token_can_end_it_and_that_is_heard_and_noted(world: World) -> None:
    kept, secret = await world.give(ANNA, "ended")
    await world.ask("GET", "/check", secret)

    response = await revoke(world, token=secret, token_type_hint="refresh_token")

    assert (response.status_code, response.content) == (200, b"{}")
    assert response.headers["tallystick-receipt"].startswith("seq=")
    assert (await world.ask("GET", "/check", secret)).status_code == 401
    (event,) = await world.store.events.find(ACME.id, Sought(request_id=ID["X-Request-Id"]), after=None, size=9)
    assert (event.action, event.target_id) == ("token.revoke", kept.id)
    assert (event.by.user_id, event.by.token_id, event.by.ip) == (ANNA.id, kept.id, "192.0.2.1")


async def test_a_lost_token_of_a_locked_user_can_be_ended_for_good(world: World) -> None:
    kept, secret = await world.give(ANNA, "lost")
    await world.store.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(locked=True), by=at(NOW))

    assert (await revoke(world, token=secret)).status_code == 200

    await world.store.people.change_user(ANNA.id, customer_id=ACME.id, change=UserChange(locked=False), by=at(NOW))
    assert not await world.live(kept.id)
    (event,) = await world.store.events.find(ACME.id, Sought(request_id=ID["X-Request-Id"]), after=None, size=9)
    assert (event.action, event.by.user_id, event.by.token_id) == ("token.revoke", None, None)


async def test_what_is_not_live_is_answered_alike_and_nothing_is_done(world: World) -> None:
    _, expired = await world.give(ANNA, "expired", expires_at=NOW + MINUTE)
    _, revoked = await world.give(ANNA, "revoked")
    await world.ask("DELETE", "/tokens/self", revoked)
    world.clock.move(MINUTE)
    before = await world.store.changes.head()

    said = [await revoke(world, token=token) for token in (expired, revoked, OTHER, Secret.mint().reveal(), "x")]

    assert {(each.status_code, each.content, each.headers.get("tallystick-receipt")) for each in said} == {
        (200, b"{}", None)
    }
    assert await world.store.changes.head() == before


async def test_ending_a_token_is_a_write_of_its_user_and_guessing_is_nobodys() -> None:
    async with a_world(writes_per_hour=1) as world:
        secrets = [(await world.give(ANNA, name))[1] for name in ("first", "second")]

        guessed = [await revoke(world, token=Secret.mint().reveal()) for _ in range(3)]
        ended = [await revoke(world, token=secret) for secret in secrets]

        assert [each.status_code for each in guessed] == [200] * 3
        assert [each.status_code for each in ended] == [200, 429]
        assert (await world.ask("GET", "/check", secrets[1])).status_code == 200, "it was not said that it had ended"
