"""Who did what, as a superuser reads it: who may, what is found, what an event says, page by page."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tallystick.core.people import Role
from tests.core.world import ACME, ANNA, BERT, DAY, MINUTE, NOW, OTHER, ROOT, SECOND, SHOP, STRANGER, at
from tests.http.world import World, error_of, main_id


async def read(world: World, **query: Any) -> Any:
    """What a superuser reads: of what has happened since the world was there, if nothing else is asked for."""
    response = await world.ask("GET", "/events", ROOT, params={"since": "2026-02-03T05:00:00Z", **query})
    assert response.status_code == 200
    return response.json()


async def found(world: World, **query: Any) -> list[tuple[str, str]]:
    return [(each["action"], each["target_id"]) for each in (await read(world, **query))["data"]]


@pytest.fixture
async def busy(world: World) -> World:
    """An hour later: Anna ends a token, a superuser renames the shop and then Bert, each in a request of its own."""
    world.clock.move(60 * MINUTE)
    await world.ask("DELETE", "/tokens/self", ANNA, headers={"X-Request-Id": "first"})
    world.clock.move(SECOND)
    await world.ask("PUT", f"/service/{SHOP.id}", ROOT, json={"name": "store"}, headers={"X-Request-Id": "second"})
    world.clock.move(SECOND)
    await world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"role": "billing"}, headers={"X-Request-Id": "third"})
    return world


ENDED, RENAMED, LOWERED = ("token.revoke", main_id(ANNA)), ("service.update", SHOP.id), ("user.update", BERT.id)


# --- What an event says ---------------------------------------------------------------------------------------------------


async def test_an_event_reads_key_by_key(busy: World) -> None:
    body = await read(busy)

    assert list(body) == ["data", "meta"]
    assert body["meta"] == {"limit": 100, "next_cursor": None}
    first = body["data"][0]
    assert len(first.pop("id")) == 22
    assert list(first.items()) == [
        ("created_at", "2026-02-03T05:05:08.789Z"),
        ("action", "user.update"),
        ("customer_id", ACME.id),
        ("user_id", ROOT.id),
        ("token_id", main_id(ROOT)),
        ("target_kind", "user"),
        ("target_id", BERT.id),
        ("before", {"role": "user"}),
        ("after", {"role": "billing"}),
        ("reason", None),
        ("ip", "192.0.2.1"),
        ("user_agent", "test/1"),
        ("request_id", "third"),
    ]


async def test_fields_and_instants_are_told_as_the_rest_of_the_wire_has_them(world: World) -> None:
    world.clock.move(60 * MINUTE)
    made, _ = await world.give(ANNA, "n", created_at=NOW + 60 * MINUTE, expires_at=NOW + DAY)
    await world.store.tokens.raise_sudo(made.id, until=NOW + 61 * MINUTE, by=at(NOW + 60 * MINUTE + 1))
    await world.store.people.set_totp(BERT.id, sealed=None, by=at(NOW + 60 * MINUTE + 2))

    codes, raised, created = (await read(world))["data"]

    assert (codes["before"], codes["after"]) == ({"two_factor_auth_enabled": True}, {"two_factor_auth_enabled": False})
    assert (raised["before"], raised["after"]) == (
        {"sudo_expires_at": None},
        {"sudo_expires_at": "2026-02-03T05:06:06Z"},
    )
    assert created["before"] is None
    assert (created["after"]["created_at"], created["after"]["expires_at"]) == (
        "2026-02-03T05:05:06Z",
        "2026-02-04T04:05:06Z",
    )


# --- Who may --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who, scope, services, status",
    [
        (ROOT, "global", (), 200),
        (ROOT, "global:read", (), 200),
        (ROOT, "purge_all", (), 403),
        (ROOT, "global", (SHOP.id,), 403),
        (ANNA, "global", (), 403),
    ],
)
async def test_superusers_read_with_a_token_that_reads_and_is_not_limited(
    world: World, who: Any, scope: str, services: tuple[str, ...], status: int
) -> None:
    _, secret = await world.give(who, "asking", scope, services=services)

    assert (await world.ask("GET", "/events", secret)).status_code == status
    # Who may not is not told either what would have been wrong besides.
    assert (await world.ask("GET", "/events?limit=0", secret)).status_code == (400 if status == 200 else 403)


async def test_no_automation_token_reads_whatever_its_role(world: World) -> None:
    for role in Role:
        _, secret = await world.give(ROOT, role.value, user_id=None, role=role, creator_id=ROOT.id)

        assert (await world.ask("GET", "/events", secret)).status_code == 403


async def test_nobody_reads_of_another_customer(busy: World) -> None:
    response = await busy.ask("GET", "/events", STRANGER)

    assert {each["customer_id"] for each in response.json()["data"]} == {OTHER.id}
    for name, value in {"target_id": SHOP.id, "user_id": ROOT.id, "token_id": main_id(ROOT)}.items():
        assert (await busy.ask("GET", "/events", STRANGER, params={name: value})).json()["data"] == []


# --- What is found --------------------------------------------------------------------------------------------------------


async def test_the_newest_come_first(busy: World) -> None:
    assert await found(busy) == [LOWERED, RENAMED, ENDED]


@pytest.mark.parametrize(
    "query, expected",
    [
        ({"user_id": ROOT.id}, [LOWERED, RENAMED]),
        ({"token_id": main_id(ANNA)}, [ENDED]),
        ({"target_id": SHOP.id}, [RENAMED]),
        ({"action": "token.revoke"}, [ENDED]),
        ({"action": "user"}, [LOWERED]),
        ({"action": "use"}, []),
        ({"request_id": "second"}, [RENAMED]),
        ({"since": "2026-02-03T05:05:07.789Z"}, [LOWERED, RENAMED]),
        ({"since": "2026-02-03T07:05:07.790+02:00"}, [LOWERED]),
        ({"until": "2026-02-03T05:05:07.789Z"}, [ENDED]),
        ({"until": "2026-02-03T05:05:07.790Z"}, [RENAMED, ENDED]),
        ({"user_id": ROOT.id, "action": "service", "until": "2026-02-03T05:06:00Z"}, [RENAMED]),
        ({"user_id": ANNA.id, "action": "service"}, []),
        ({"limit": 2}, [LOWERED, RENAMED]),
    ],
)
async def test_each_filter_finds_what_it_says(
    busy: World, query: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert await found(busy, **query) == expected


@pytest.mark.parametrize(
    "query, said",
    [
        *((f"limit={value}", "limit must be a number from 1 to 1000") for value in ("0", "1001", "-1", "x", "", "1e2")),
        *((f"{name}=", f"{name} must not be empty") for name in ("user_id", "token_id", "target_id", "request_id")),
        *(
            (f"action={value}", "action must be an action such as token.create, or its first word, such as token")
            for value in ("", "token.", "Token", "token.*", "token.create.x")
        ),
        ("since=yesterday", "since must be an RFC 3339 date and time, such as 2031-01-01T00:00:00Z"),
        ("until=2026-02-03T04:05:06", "until must be an RFC 3339 date and time"),
        ("until=0001-01-01T00:00:00Z", "until must be an RFC 3339 date and time"),
        ("since=2026-02-03T04:05:06+02:00", "(a + is written %2B)"),
        ("limit=1&limit=2", "limit was given more than once"),
        ("userid=x", "userid is not understood: this takes user_id, token_id, target_id, action, since, until"),
    ],
)
async def test_what_is_not_understood_is_refused_by_name(world: World, query: str, said: str) -> None:
    response = await world.ask("GET", f"/events?{query}", ROOT)

    assert response.status_code == 400
    assert said in error_of(response)["detail"]
    assert error_of(response)["code"] == "invalid_request"


@pytest.mark.parametrize("odd", ["%00", "%ff", "%F0%9F%98%80", "'", "x" * 4000])
async def test_an_id_that_nobody_has_finds_nothing(world: World, odd: str) -> None:
    for name in ("user_id", "token_id", "target_id", "request_id"):
        response = await world.ask("GET", f"/events?{name}={odd}", ROOT)

        assert (response.status_code, response.json()["data"]) == (200, [])


# --- Page by page ---------------------------------------------------------------------------------------------------------


async def test_pages_lead_to_every_event_once_while_others_come(busy: World) -> None:
    whole = await read(busy)
    url = "/events?since=2026-02-03T05:00:00Z&limit=1"
    seen: list[Any] = []
    while url:
        response = await busy.ask("GET", url, ROOT)
        seen += response.json()["data"]
        url = response.links["next"]["url"] if "next" in response.links else ""
        assert (response.json()["meta"]["next_cursor"] is None) is (url == "")
        if url:
            query = dict(parse_qsl(urlsplit(url).query))
            cursor = response.json()["meta"]["next_cursor"]
            assert query == {"since": "2026-02-03T05:00:00Z", "limit": "1", "cursor": cursor}
        await busy.give(ANNA, f"new{len(seen)}", created_at=busy.clock.now() + len(seen))

    assert seen == whole["data"]


async def cursor_of(world: World, who: Any = ROOT, path: str = "/events?limit=1") -> str:
    cursor: str = (await world.ask("GET", path, who)).json()["meta"]["next_cursor"]
    return cursor


async def test_a_cursor_that_was_changed_is_refused(world: World) -> None:
    cursor = await cursor_of(world)
    middle = len(cursor) // 2
    changed = [cursor[:-1], cursor + "A", cursor + "=", cursor[1:], cursor[:middle] + "_" + cursor[middle + 1 :], "é"]

    for each in [*changed, "nothing", "~", "A" * 4000]:
        response = await world.ask("GET", "/events", ROOT, params={"cursor": each})

        assert response.status_code == 400, each
        assert "cursor" in error_of(response)["detail"]
    assert (await world.ask("GET", "/events", ROOT, params={"cursor": cursor})).status_code == 200


async def test_a_cursor_does_not_leave_its_customer(world: World) -> None:
    foreign = await cursor_of(world, STRANGER)

    response = await world.ask("GET", "/events", ROOT, params={"cursor": foreign})

    assert (response.status_code, error_of(response)["detail"]) == (400, "cursor is not one of this list")


async def test_a_page_ends_where_the_list_ends(busy: World) -> None:
    assert (await read(busy, limit=3))["meta"] == {"limit": 3, "next_cursor": None}
    assert (await read(busy, limit=2))["meta"]["next_cursor"] is not None


async def test_a_read_writes_no_event(busy: World) -> None:
    before = await found(busy)

    await busy.ask("GET", "/events", ROOT)

    assert await found(busy) == before
