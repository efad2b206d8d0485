"""Scopes of your own over HTTP: who defines them, who may have them, and what they let through, everywhere at once."""

from typing import Any

import httpx2
import pytest

from tallystick.core.people import Role, UserChange
from tallystick.core.scopes import Defined
from tests.core.world import ACME, ANNA, BERT, MINUTE, NOW, ROOT, SHOP, STRANGER, at
from tests.http.world import PASSWORD, World, main_id

READ: dict[str, Any] = {"description": "Read orders", "roles": ["user"]}
WRITE: dict[str, Any] = {"description": "Change orders", "includes": ["orders:read"]}


@pytest.fixture
async def boss(world: World) -> str:
    """A superuser's token in sudo; and there are two scopes."""
    _, secret = await world.give(ROOT, "boss", sudo_until=NOW + 5 * MINUTE)
    for name, wanted in (("orders:read", READ), ("orders:write", WRITE)):
        assert (await put(world, secret, name, wanted)).status_code == 200
    return secret


async def put(world: World, who: Any, name: str, wanted: dict[str, Any]) -> httpx2.Response:
    return await world.ask("PUT", f"/scopes/{name}", who, json=wanted)


async def made(world: World, who: Any, scope: str, **more: Any) -> httpx2.Response:
    return await world.create(who, data={"scope": scope, "password": PASSWORD, "username": ROOT.login, **more})


async def may(world: World, secret: str, scope: str) -> int:
    return (await world.ask("GET", "/check", secret, params={"scope": scope})).status_code


# Defining


async def test_a_scope_is_defined_listed_changed_and_taken_away(world: World, boss: str) -> None:
    listed = (await world.ask("GET", "/scopes", ANNA)).json()

    assert listed["by_file"] is False
    assert [each["name"] for each in listed["scopes"]] == [
        *("purge_select", "purge_all", "global:read", "global", "verify"),
        *("orders:read", "orders:write"),
    ]
    assert listed["scopes"][-1] == {
        "name": "orders:write",
        "description": "Change orders",
        "includes": ["orders:read"],
        "roles": ["superuser"],
        "built_in": False,
    }
    changed = await put(world, boss, "orders:write", {})
    assert (changed.status_code, changed.json()["includes"]) == (200, [])
    assert changed.headers["tallystick-receipt"]
    gone = await world.ask("DELETE", "/scopes/orders:read", boss)
    assert gone.status_code == 204
    assert [each["name"] for each in (await world.ask("GET", "/scopes", ROOT)).json()["scopes"]][5:] == ["orders:write"]


async def test_another_customer_has_others(world: World, boss: str) -> None:
    listed = (await world.ask("GET", "/scopes", STRANGER)).json()["scopes"]

    assert [each["name"] for each in listed if not each["built_in"]] == []
    _, theirs = await world.give(STRANGER, "theirs", sudo_until=NOW + MINUTE)
    assert (await world.create(theirs, data={"scope": "orders:read"})).status_code == 400


async def test_only_a_superuser_in_sudo_with_a_token_for_everything_defines(world: World, boss: str) -> None:
    _, annas = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)
    _, limited = await world.give(ROOT, "limited", services=(SHOP.id,), sudo_until=NOW + MINUTE)
    _, reading = await world.give(ROOT, "reading", "global:read orders:write")
    fields: dict[str, Any] = {"id": "robot", "user_id": None, "role": Role.ENGINEER, "creator_id": ROOT.id}
    _, robot = await world.give(ROOT, "robot", **fields)

    for who in (ROOT, annas, limited, reading, robot):
        assert (await put(world, who, "orders:sell", {})).status_code == 403
        assert (await world.ask("DELETE", "/scopes/orders:write", who)).status_code == 403
    assert (await put(world, None, "orders:sell", {})).status_code == 401
    assert len((await world.store.catalogues.of(ACME.id)).scopes) == 2


@pytest.mark.parametrize(
    "name, wanted, said",
    [
        ("orders", {}, "such as orders:read"),
        ("global:all", {}, "is kept for scopes that are built in"),
        ("verify", {}, "such as orders:read"),
        ("orders:sell", {"includes": ["global"]}, "what is built in cannot be included"),
        ("orders:sell", {"includes": ["orders:reed"]}, "which is not there"),
        ("orders:read", {"includes": ["orders:write"]}, "no scope can include itself"),
        ("orders:read", {"role": ["user"]}, "unknown field"),
        ("orders:read", {"roles": ["king"]}, "king"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_changed(
    world: World, boss: str, name: str, wanted: dict[str, Any], said: str
) -> None:
    before = await world.store.catalogues.of(ACME.id)

    refused = await put(world, boss, name, wanted)

    assert refused.status_code == 400
    assert said in refused.text
    assert await world.store.catalogues.of(ACME.id) == before


async def test_one_that_is_in_use_stays(world: World, boss: str) -> None:
    included = await world.ask("DELETE", "/scopes/orders:read", boss)
    await world.give(ANNA, "reader", "orders:write")
    carried = await world.ask("DELETE", "/scopes/orders:write", boss)

    assert (included.status_code, carried.status_code) == (409, 409)
    assert "included in orders:write" in included.text
    assert "carried by 1 live token" in carried.text
    assert (await world.ask("DELETE", "/scopes/orders:sell", boss)).status_code == 404


async def test_the_operators_are_shown_and_not_changed_here(world: World, boss: str) -> None:
    await world.store.catalogues.put_for_all([Defined(name="stock:read")], by=at(NOW))

    assert (await world.ask("GET", "/scopes", ANNA)).json()["by_file"] is True
    for refused in (await put(world, boss, "orders:sell", {}), await world.ask("DELETE", "/scopes/stock:read", boss)):
        assert refused.status_code == 409
        assert "come from the operator's file" in refused.text


# Having


async def test_one_may_have_what_ones_role_may(world: World, boss: str) -> None:
    _, annas = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)

    assert (await world.create(annas, data={"scope": "orders:read purge_all"})).json()[
        "scope"
    ] == "orders:read purge_all"
    refused = await world.create(annas, data={"scope": "orders:write"})
    assert refused.status_code == 403
    assert "Only a user with role superuser" in refused.text
    assert (await world.create(boss, data={"scope": "orders:write"})).status_code == 200
    unknown = await world.create(boss, data={"scope": "orders:reed"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "invalid_scope")


async def test_an_automation_token_has_what_its_maker_may_have(world: World, boss: str) -> None:
    made = await world.ask(
        "POST", "/automation-tokens", boss, json={"name": "m", "role": "user", "scope": "orders:write"}
    )

    assert made.status_code == 200
    assert await may(world, made.json()["access_token"], "orders:read") == 200


# What they let through


async def test_a_token_is_let_through_for_what_its_scopes_include_and_global_for_none_of_them(
    world: World, boss: str
) -> None:
    _, writer = await world.give(ROOT, "writer", "orders:write")
    _, reader = await world.give(ANNA, "reader", "orders:read purge_all")
    _, both = await world.give(ROOT, "both", "global orders:write")

    for _ in range(2):  # from the store, and from memory
        assert await may(world, writer, "orders:write orders:read") == 200
        assert await may(world, reader, "orders:read") == 200
        assert await may(world, reader, "orders:write") == 403
        assert await may(world, writer, "orders:sell") == 403
        assert await may(world, world.secrets[ROOT.id], "orders:read") == 403
        assert await may(world, world.secrets[ROOT.id], "no_such_word") == 403
        assert await may(world, both, "orders:read purge_all") == 200


async def test_nothing_of_this_service_is_for_them(world: World, boss: str) -> None:
    _, writer = await world.give(ROOT, "writer", "orders:write")

    for path in ("/current_user", "/service", "/scopes", f"/tokens/{main_id(ANNA)}/limits"):
        assert (await world.ask("GET", path, writer)).status_code in (403, 404) or path.startswith("/tokens")
    assert (await world.create(writer, data={"scope": "orders:read", "password": PASSWORD})).status_code == 403


async def test_who_lacks_one_is_told_which_would_do(world: World, boss: str) -> None:
    _, reader = await world.give(ANNA, "reader", "orders:read")

    refused = await world.ask("GET", "/check", reader, params={"scope": "orders:write"})

    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="orders:write"'


async def test_those_who_look_themselves_see_all_that_is_given(world: World, boss: str) -> None:
    _, writer = await world.give(ROOT, "writer", "purge_all orders:write")
    _, key = await world.give(ROOT, "key", "verify")

    checked = await world.ask("GET", "/check", writer)
    introspected = await world.ask("POST", "/oauth/introspect", key, data={"token": writer})
    batch = await world.ask("POST", "/check/batch", key, json=[{"secret": writer, "scope": "orders:read"}])
    itself = await world.ask("GET", "/tokens/self", writer)

    given = "purge_all orders:write orders:read"
    assert checked.headers["tallystick-scope"] == given
    assert introspected.json()["scope"] == given
    assert [(each["ok"], each["scope"]) for each in batch.json()["checked"]] == [(True, given)]
    assert itself.json()["scope"] == "purge_all orders:write", "what it was made with"


async def test_narrower_is_narrower_for_everybody_once_it_has_been_answered(world: World, boss: str) -> None:
    _, writer = await world.give(ROOT, "writer", "orders:write")
    assert await may(world, writer, "orders:read") == 200

    await put(world, boss, "orders:write", {})

    assert await may(world, writer, "orders:read") == 403
    assert await may(world, writer, "orders:write") == 200


async def test_a_lowered_role_takes_them_away_at_once(world: World, boss: str) -> None:
    await world.store.people.change_user(
        BERT.id, customer_id=ACME.id, change=UserChange(role=Role.ENGINEER), by=at(NOW)
    )
    await put(world, boss, "orders:ship", {"roles": ["engineer"]})
    _, berts = await world.give(BERT, "ships", "orders:ship")
    assert await may(world, berts, "orders:ship") == 200

    await world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"role": "user"})

    assert await may(world, berts, "orders:ship") == 403
    assert (await world.ask("GET", "/check", berts)).headers["tallystick-scope"] == ""
