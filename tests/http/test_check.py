"""`/check`, as gateways ask it: by any method, with answers that each of them understands (RFC 6750)."""

import pytest

from tallystick.http import app, check
from tallystick.http.routes import router
from tests.core.world import ANNA, BLOG, NOW, SECOND, SHOP
from tests.http.test_lane import asked, by
from tests.http.world import World, error_of

OTHER = "tly_" + "0" * 38


@pytest.mark.parametrize("method", sorted(check.METHODS))
async def test_it_is_asked_by_the_method_of_what_it_is_asked_about(world: World, method: str) -> None:
    _, secret = await world.give(ANNA, "plain")

    said = [
        await asked(way, method, "/check", f"service={SHOP.id}", by(secret))
        for way in (router(app.ROUTES, world.wiring), world.app, world.app)
    ]

    assert said[0][0]["status"] == 200
    assert said[1:] == said[:1] * 2
    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 200, "nothing was changed"


@pytest.mark.parametrize("method", sorted(check.METHODS))
async def test_by_no_method_is_a_token_let_in_that_is_not_live(world: World, method: str) -> None:
    _, secret = await world.give(ANNA, "ended")
    await world.ask("GET", "/check", secret)
    await world.ask("DELETE", "/tokens/self", secret)

    assert (await world.ask(method, "/check", secret)).status_code == 401
    assert (await world.ask(method, "/check", OTHER)).status_code == 401
    assert (await world.ask(method, "/check")).status_code == 401


async def test_two_different_tokens_are_refused_with_what_gateways_understand(world: World) -> None:
    headers = {"Authorization": f"Bearer {OTHER}"}

    response = await world.ask("GET", "/check", ANNA, headers=headers)

    assert response.status_code == 401
    assert error_of(response) == {"msg": "several different tokens were sent", "detail": "send one"}
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await world.ask("GET", "/tokens/self", ANNA, headers=headers)).status_code == 400, "Fastly's wire"


@pytest.mark.parametrize(
    "scope, challenge",
    [
        ("verify", 'Bearer error="insufficient_scope", scope="verify"'),
        ("purge_all  orders:read", 'Bearer error="insufficient_scope", scope="purge_all orders:read"'),
        # What no token can have is not said to be enough, and nobody writes headers through us.
        ('x" realm="y', 'Bearer error="insufficient_scope"'),
        ("x\r\nset-cookie: a", 'Bearer error="insufficient_scope", scope="x set-cookie: a"'),
        ("\N{GRINNING FACE}", 'Bearer error="insufficient_scope"'),
    ],
)
async def test_a_token_without_the_scope_is_told_which_would_do(world: World, scope: str, challenge: str) -> None:
    _, secret = await world.give(ANNA, "narrow", "purge_select")

    response = await world.ask("GET", "/check", secret, params={"scope": scope})

    assert response.status_code == 403
    assert response.headers.get_list("www-authenticate") == [challenge]


async def test_a_token_that_does_not_reach_the_service_needs_no_other_scope(world: World) -> None:
    _, secret = await world.give(ANNA, "limited", services=(SHOP.id,))

    response = await world.ask("GET", "/check", secret, params={"service": BLOG.id})

    assert (response.status_code, response.headers.get("www-authenticate")) == (403, None)


@pytest.mark.parametrize(
    "method, path, scope",
    [
        ("GET", "/events", "global:read"),
        ("POST", "/revocations", "global"),
        ("POST", "/check/batch", "verify"),
        ("POST", "/verifiers/0123456789abcdef/sync", "verify"),
    ],
)
async def test_paths_of_our_own_say_which_scope_would_do(world: World, method: str, path: str, scope: str) -> None:
    _, secret = await world.give(ANNA, "narrow", "purge_select")

    body: object = [] if path == "/check/batch" else {}
    response = await world.ask(method, path, secret, **({} if method == "GET" else {"json": body}))

    assert response.status_code == 403
    assert response.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


async def test_an_expired_token_is_told_so_on_verify_as_ever_and_that_it_is_no_good(world: World) -> None:
    kept, secret = await world.give(ANNA, "short", expires_at=NOW + SECOND)
    world.clock.move(SECOND)

    response = await world.ask("GET", "/verify", secret)

    assert error_of(response)["msg"].startswith(f"Token {kept.id} expired at ")
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("path", ["/tokens/self", "/tokens", "/service", "/current_user"])
async def test_fastlys_paths_answer_as_recorded(world: World, path: str) -> None:
    _, narrow = await world.give(ANNA, "narrow", "purge_select")

    refused = await world.ask("GET", path, OTHER)
    forbidden = await world.ask("GET", path, narrow)

    assert refused.headers["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in forbidden.headers
