"""Services: who sees them, who changes them, and what keeps one from going."""

from typing import Any

import pytest

from tallystick.core.people import Role, User, UserChange
from tests.core.world import ACME, ANNA, BLOG, FOREIGN, NOW, ROOT, SECOND, SHOP, STRANGER, at
from tests.http.world import PASSWORD, World, error_of

NOT_FOUND = "Record not found"


async def become(world: World, who: User, role: Role) -> None:
    change = UserChange(role=role)
    await world.store.people.change_user(who.id, customer_id=who.customer_id, change=change, by=at(NOW))


def ids(response: Any) -> list[str]:
    return [one["id"] for one in response.json()]


# --- Reading --------------------------------------------------------------------------------------------------------------


async def test_a_service_reads_as_fastlys_models_have_it_key_by_key(world: World) -> None:
    response = await world.ask("GET", f"/service/{SHOP.id}", ANNA)

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("id", SHOP.id),
        ("name", "shop"),
        ("customer_id", ACME.id),
        ("created_at", "2026-02-02T04:05:06Z"),
        ("updated_at", None),
        ("deleted_at", None),
        ("comment", None),
        ("versions", []),
    ]


async def test_in_full_a_service_has_no_active_version(world: World) -> None:
    plain = await world.ask("GET", f"/service/{SHOP.id}", ANNA)

    response = await world.ask("GET", f"/service/{SHOP.id}/details", ANNA)

    assert list(response.json().items()) == [*plain.json().items(), ("active_version", None)]


async def test_a_service_is_found_by_its_exact_name_and_of_several_the_oldest(world: World) -> None:
    world.clock.move(SECOND)
    await world.ask("POST", "/service", ROOT, json={"name": "shop"})

    found = await world.ask("GET", "/service/search?name=shop", ANNA)

    assert (found.status_code, found.json()["id"]) == (200, SHOP.id)
    for name in ("Shop", "sho", FOREIGN.name, ""):
        response = await world.ask("GET", "/service/search", ANNA, params={"name": name})
        assert response.status_code == 404
        assert error_of(response) == {"msg": NOT_FOUND, "detail": f"Cannot find a service with the name {name!r}"}
    assert (await world.ask("GET", "/service/search", ANNA)).status_code == 400


async def test_the_list_is_an_array_of_the_customers_own_oldest_first(world: World) -> None:
    response = await world.ask("GET", "/service", ANNA)

    assert ids(response) == [BLOG.id, SHOP.id]
    assert response.json()[1] == (await world.ask("GET", f"/service/{SHOP.id}", ANNA)).json()
    assert ids(await world.ask("GET", "/service", STRANGER)) == [FOREIGN.id]
    assert "link" not in response.headers


@pytest.mark.parametrize("scope, status", [("global", 200), ("global:read", 200), ("purge_all", 403)])
async def test_reading_takes_a_scope_that_reads(world: World, scope: str, status: int) -> None:
    _, secret = await world.give(ANNA, "narrow", scope)

    assert (await world.ask("GET", "/service", secret)).status_code == status
    assert (await world.ask("GET", f"/service/{SHOP.id}", secret)).status_code == status
    assert (await world.ask("GET", f"/service/{SHOP.id}/details", secret)).status_code == status
    assert (await world.ask("GET", "/service/search?name=shop", secret)).status_code == status
    assert (await world.ask("GET", "/service/nothing", secret)).status_code == (404 if status == 200 else 403)


async def test_a_limited_token_sees_its_own_services_only(world: World) -> None:
    _, limited = await world.give(ANNA, "limited", services=(BLOG.id,))

    assert ids(await world.ask("GET", "/service", limited)) == [BLOG.id]
    assert (await world.ask("GET", f"/service/{BLOG.id}", limited)).status_code == 200
    assert (await world.ask("GET", "/service/search?name=blog", limited)).status_code == 200
    for path in (f"/service/{SHOP.id}", f"/service/{SHOP.id}/details", "/service/search?name=shop"):
        assert (await world.ask("GET", path, limited)).status_code == 404


async def test_a_foreign_service_looks_like_none(world: World) -> None:
    for method in ("GET", "PUT", "DELETE"):
        for service_id in (FOREIGN.id, "nothing"):
            response = await world.ask(method, f"/service/{service_id}", ROOT, json={"name": "x"})

            assert response.status_code == 404
            assert error_of(response) == {"msg": NOT_FOUND, "detail": f"Cannot find service '{service_id}'"}


async def test_pages_are_linked_as_fastlys_go_client_follows_them(world: World) -> None:
    await world.ask("POST", "/service", ROOT, json={"name": "third"})

    first = await world.ask("GET", "/service?page=1&per_page=2&sort=created", ROOT, headers={"Host": "evil.example"})
    last = await world.ask("GET", "/service?page=2&per_page=2", ROOT)

    assert ids(first) == [BLOG.id, SHOP.id]
    assert first.headers["link"] == (
        '</service?page=2&per_page=2>; rel="next", </service?page=2&per_page=2>; rel="last"'
    )
    assert [one["name"] for one in last.json()] == ["third"]
    assert "link" not in last.headers
    assert (await world.ask("GET", "/service?page=3&per_page=2", ROOT)).json() == []
    assert (await world.ask("GET", "/service?page=2", ROOT)).json() == []


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=x", "per_page=-1", "per_page=1001", "page=", "page=²", "page=9999999", "page=" + "9" * 5000],
)
async def test_a_page_that_is_no_number_is_400(world: World, query: str) -> None:
    response = await world.ask("GET", f"/service?{query}", ANNA)

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_request")


# --- Changing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["data", "json"])
async def test_a_service_is_made_renamed_and_deleted(world: World, how: str) -> None:
    made = await world.ask("POST", "/service", ROOT, **{how: {"name": "new", "type": "vcl", "comment": "x"}})
    path = f"/service/{made.json()['id']}"

    assert (made.status_code, made.json()["name"], made.json()["customer_id"]) == (200, "new", ACME.id)
    renamed = await world.ask("PUT", path, ROOT, **{how: {"name": "newer"}})
    assert (renamed.status_code, renamed.json()) == (200, {**made.json(), "name": "newer"})
    assert (await world.ask("PUT", path, ROOT, **{how: {"comment": "x"}})).json() == renamed.json()
    assert (await world.ask("GET", path, ANNA)).json() == renamed.json()
    gone = await world.ask("DELETE", path, ROOT)
    assert (gone.status_code, gone.json()) == (200, {"status": "ok"})
    assert (await world.ask("GET", path, ROOT)).status_code == 404
    assert (await world.ask("DELETE", path, ROOT)).status_code == 404


@pytest.mark.parametrize("name", [None, "", "  ", "x" * 256, "a\tb"])
async def test_a_name_that_cannot_be_used_is_400(world: World, name: str | None) -> None:
    made = await world.ask("POST", "/service", ROOT, json={"name": name})

    assert (made.status_code, error_of(made)["code"]) == (400, "invalid_request")
    assert (await world.ask("PUT", f"/service/{SHOP.id}", ROOT, json={"name": name})).status_code == (
        200 if name is None else 400
    )
    assert await world.store.people.service(SHOP.id) == SHOP


@pytest.mark.parametrize("method, path", [("POST", "/service"), ("PUT", "/service/{}"), ("DELETE", "/service/{}")])
@pytest.mark.parametrize(
    "role, scope, services, status",
    [
        (Role.USER, "global", (), 403),
        (Role.BILLING, "global", (), 403),
        (Role.ENGINEER, "global", (), 200),
        (Role.SUPERUSER, "global", (), 200),
        (Role.SUPERUSER, "global:read", (), 403),
        (Role.SUPERUSER, "purge_all", (), 403),
        (Role.SUPERUSER, "global", (SHOP.id,), 403),
    ],
)
async def test_changing_takes_an_engineer_or_a_superuser_with_a_token_for_everything(
    world: World, method: str, path: str, role: Role, scope: str, services: tuple[str, ...], status: int
) -> None:
    await become(world, ANNA, role)
    _, secret = await world.give(ANNA, "asking", scope, services=services)

    response = await world.ask(method, path.format(BLOG.id), secret, json={"name": "changed"})

    assert response.status_code == status
    if status == 403:
        assert await world.store.people.services(ACME.id) == [BLOG, SHOP]


async def test_a_service_in_use_is_409_saying_how_many_tokens_stand_in_the_way(world: World) -> None:
    first, secret = await world.give(ANNA, "first", services=(SHOP.id,))
    second, _ = await world.give(ROOT, "second", services=(BLOG.id, SHOP.id))

    two = await world.ask("DELETE", f"/service/{SHOP.id}", ROOT)
    await world.ask("DELETE", f"/tokens/{second.id}", ROOT)
    one = await world.ask("DELETE", f"/service/{SHOP.id}", ROOT)
    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 200
    await world.ask("DELETE", f"/tokens/{first.id}", ROOT)
    none = await world.ask("DELETE", f"/service/{SHOP.id}", ROOT)

    assert (two.status_code, error_of(two)) == (
        409,
        {"msg": "Service in use", "detail": "2 live tokens are limited to it: revoke them first"},
    )
    assert error_of(one)["detail"] == "1 live token is limited to it: revoke them first"
    assert none.status_code == 200


async def test_no_token_is_made_for_a_deleted_service(world: World) -> None:
    await world.ask("DELETE", f"/service/{SHOP.id}", ROOT)

    made = await world.create(json={"username": ANNA.login, "password": PASSWORD, "services": [SHOP.id]})

    assert made.status_code == 400
