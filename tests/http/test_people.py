"""Who is behind a token."""

import pytest

from tests.core.world import ACME, ANNA, BERT, BLOG, ROOT, SHOP
from tests.http.world import World, error_of, main_id


async def test_the_current_user_reads_as_recorded_key_by_key(world: World) -> None:
    response = await world.ask("GET", "/current_user", ROOT)

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("id", ROOT.id),
        ("created_at", "2026-02-02T04:05:06Z"),
        ("updated_at", response.json()["updated_at"]),
        ("name", "Root"),
        ("customer_id", ACME.id),
        ("require_new_password", False),
        ("role", "superuser"),
        ("login", "root@example.com"),
        ("deleted_at", None),
        ("locked", False),
        ("two_factor_auth_enabled", False),
        ("limit_services", False),
        ("last_active_at", None),
    ]


async def test_a_user_with_a_second_factor_says_so(world: World) -> None:
    assert (await world.ask("GET", "/current_user", BERT)).json()["two_factor_auth_enabled"] is True


async def test_a_token_limited_to_services_is_closed_out_of_the_current_user(world: World) -> None:
    _, limited = await world.give(ANNA, "limited", services=(SHOP.id,))

    response = await world.ask("GET", "/current_user", limited)

    assert response.status_code == 403
    assert error_of(response) == {"msg": "Tokens limited to services are not allowed to access this endpoint"}


@pytest.mark.parametrize("scope, status", [("global:read", 200), ("purge_all", 403), ("purge_select", 403)])
async def test_the_current_user_takes_a_scope_that_reads(world: World, scope: str, status: int) -> None:
    _, secret = await world.give(ANNA, "narrow", scope)

    assert (await world.ask("GET", "/current_user", secret)).status_code == status


async def test_verify_says_whose_the_token_is_and_what_it_reaches(world: World) -> None:
    response = await world.ask("GET", "/verify", ANNA, headers={"accept": "application/json"})

    assert response.status_code == 200
    assert response.json() == {
        "customer": {"id": ACME.id, "name": "Acme"},
        "user": {"id": ANNA.id, "name": "Anna", "login": "anna@example.com"},
        "services": {SHOP.id: "shop", BLOG.id: "blog"},
        "token": {
            "id": main_id(ANNA),
            "name": "main",
            "created_at": "2026-02-02T04:05:06Z",
            "expires_at": None,
            "scope": "global",
        },
    }


@pytest.mark.parametrize("scope", ["global", "global:read", "purge_all"])
async def test_a_limited_token_reaches_its_services_only(world: World, scope: str) -> None:
    _, limited = await world.give(ANNA, "limited", scope, services=(BLOG.id,))

    assert (await world.ask("GET", "/verify", limited)).json()["services"] == {BLOG.id: "blog"}


async def test_services_can_be_left_out_of_verify(world: World) -> None:
    assert (await world.ask("GET", "/verify?services=false", ANNA)).json()["services"] is None
    assert (await world.ask("GET", "/verify?active_services_only=true", ANNA)).json()["services"] is not None
