"""Reading tokens: itself, by id, one's own, the customer's."""

import asyncio
import json
from pathlib import Path

import pytest

from tallystick.core.people import Role, User
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, MINUTE, NOW, OTHER, ROOT, SECOND, SHOP, STRANGER, at, user
from tests.http.world import World, a_world, error_of, main_id, sqlite_in

READ_KEYS = [
    *("id", "user_id", "customer_id", "name", "last_used_at", "created_at", "expires_at", "ip", "user_agent"),
    *("sudo_expires_at", "scopes", "scope", "services", "service_id"),
]


def not_found(token_id: str) -> dict[str, str]:
    return {"msg": "Record not found", "detail": f"Cannot find token '{token_id}'"}


# --- The shape ------------------------------------------------------------------------------------------------------------


async def test_a_token_reads_as_recorded_key_by_key(world: World) -> None:
    made, secret = await world.give(
        ANNA, "ci", "purge_select purge_all", services=(BLOG.id, SHOP.id), expires_at=NOW + DAY, sudo_until=NOW - MINUTE
    )

    response = await world.ask(
        "GET", "/tokens/self", secret, headers={"user-agent": "FastlyCLI/v16.1.0, FastlyGo/17.3.1"}
    )

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("id", made.id),
        ("user_id", ANNA.id),
        ("customer_id", ACME.id),
        ("name", "ci"),
        ("last_used_at", "2026-02-03T04:05:06Z"),
        ("created_at", "2026-02-02T04:05:06Z"),
        ("expires_at", "2026-02-04T04:05:06Z"),
        ("ip", "192.0.2.1"),
        ("user_agent", "FastlyCLI/v16.1.0, FastlyGo/17.3.1"),
        ("sudo_expires_at", "2026-02-03T04:04:06Z"),
        ("scopes", ["purge_select", "purge_all"]),
        ("scope", "purge_select purge_all"),
        ("services", [BLOG.id, SHOP.id]),
        ("service_id", SHOP.id),
    ]


async def test_what_is_not_known_is_null_and_no_services_are_an_empty_list(world: World) -> None:
    made, _ = await world.give(ANNA, "unused")

    read = (await world.ask("GET", f"/tokens/{made.id}", ANNA)).json()

    assert list(read) == READ_KEYS
    assert [key for key, value in read.items() if value is None] == [
        *("last_used_at", "expires_at", "ip", "user_agent", "sudo_expires_at", "service_id")
    ]
    assert read["services"] == []


async def test_the_python_client_gets_four_nulls_left_out_and_no_other(world: World) -> None:
    made, _ = await world.give(ANNA, "unused")
    agent = {"user-agent": "fastly-py/15.0.0"}

    by_id = (await world.ask("GET", f"/tokens/{made.id}", ANNA, headers=agent)).json()
    listed = (await world.ask("GET", "/tokens", ANNA, headers=agent)).json()

    left_out = {"last_used_at", "expires_at", "ip", "user_agent"}
    assert list(by_id) == [key for key in READ_KEYS if key not in left_out]
    assert (by_id["sudo_expires_at"], by_id["service_id"]) == (None, None)
    assert by_id in listed


@pytest.mark.parametrize("agent", ["fastly-ruby/17.0.0", "my fastly-py/15", "", "Fastly-Py/15"])
async def test_every_other_client_gets_the_nulls(world: World, agent: str) -> None:
    read = (await world.ask("GET", "/tokens/self", ANNA, headers={"user-agent": agent})).json()

    assert list(read) == READ_KEYS


# --- Self -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["global", "global:read", "purge_all", "purge_select", "purge_all purge_select"])
@pytest.mark.parametrize("services", [(), (SHOP.id,)], ids=["all services", "one service"])
async def test_every_token_reads_itself_and_lists_its_user(world: World, scope: str, services: tuple[str, ...]) -> None:
    made, secret = await world.give(ANNA, "narrow", scope, services=services)

    itself = await world.ask("GET", "/tokens/self", secret)
    by_id = await world.ask("GET", f"/tokens/{made.id}", secret)
    listed = await world.ask("GET", "/tokens", secret)

    assert (itself.status_code, by_id.status_code, listed.status_code) == (200, 200, 200)
    assert itself.json() == by_id.json()
    assert {one["id"] for one in listed.json()} == {made.id, main_id(ANNA)}


async def test_a_read_shows_the_very_request_that_reads(world: World) -> None:
    await world.ask("GET", "/tokens/self", ANNA, headers={"user-agent": "first"})
    world.clock.move(90 * SECOND)

    itself = (await world.ask("GET", "/tokens/self", ANNA, headers={"user-agent": "second"})).json()
    (listed,) = (await world.ask("GET", "/tokens", ANNA, headers={"user-agent": "third"})).json()

    assert (itself["last_used_at"], itself["user_agent"]) == ("2026-02-03T04:06:36Z", "second")
    assert listed["user_agent"] == "third"


async def test_reads_do_not_write(world: World) -> None:
    await world.ask("GET", "/tokens/self", ANNA)

    kept = await world.store.tokens.get(main_id(ANNA))

    assert kept is not None
    assert kept.last_use is None, "the use waits in memory until a batch is written"


async def test_a_user_agent_that_is_not_text_is_no_accident(world: World) -> None:
    response = await world.ask("GET", "/tokens/self", ANNA, headers={"user-agent": b"caf\xe9"})

    assert (response.status_code, response.json()["user_agent"]) == (200, "café")


# --- By id ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who, whose", [(ANNA, ANNA), (ROOT, ANNA), (ROOT, BERT)], ids=["own", "superuser", "superuser, another"]
)
async def test_by_id_within_reach(world: World, who: User, whose: User) -> None:
    response = await world.ask("GET", f"/tokens/{main_id(whose)}", who)

    assert (response.status_code, response.json()["user_id"]) == (200, whose.id)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "who, whose", [(ANNA, BERT), (ANNA, ROOT), (ANNA, STRANGER), (ROOT, STRANGER)], ids=["a", "b", "c", "d"]
)
async def test_a_foreign_id_is_byte_for_byte_an_unknown_one(world: World, method: str, who: User, whose: User) -> None:
    foreign, unknown = main_id(whose), "x" * len(main_id(whose))

    answers = [await world.ask(method, f"/tokens/{token_id}", who) for token_id in (foreign, unknown)]

    assert [one.status_code for one in answers] == [404, 404]
    assert error_of(answers[0]) == not_found(foreign)
    assert answers[0].content.replace(foreign.encode(), b"") == answers[1].content.replace(unknown.encode(), b"")
    # Either costs whoever asks one write: that count is theirs, and says nothing about the id.
    left = [one.headers.pop("fastly-ratelimit-remaining", None) for one in answers]
    assert left == {"GET": [None, None], "DELETE": ["999", "998"]}[method]
    names = [one.headers.pop("x-request-id", None) for one in answers]
    assert len(set(names)) == {"GET": 1, "DELETE": 2}[method]
    assert answers[0].headers == answers[1].headers
    assert await world.live(foreign)


@pytest.mark.parametrize(
    "token_id", ["nothing", "a%2Fb", "%00", "%F0%9F%98%80", "é", "self%20", "SELF", "x" * 5000, "'; --"]
)
async def test_whatever_is_no_id_is_404(world: World, token_id: str) -> None:
    for method in ("GET", "DELETE"):
        response = await world.ask(method, f"/tokens/{token_id}", ANNA)

        assert response.status_code == 404
        assert error_of(response)["msg"] in ("Record not found", "Not found")


async def test_a_revoked_token_is_404_an_expired_one_is_shown(world: World) -> None:
    gone, _ = await world.give(ANNA, "gone")
    expired, _ = await world.give(ANNA, "expired", expires_at=NOW - SECOND)
    await world.ask("DELETE", f"/tokens/{gone.id}", ANNA)

    first = await world.ask("GET", f"/tokens/{gone.id}", ANNA)
    second = await world.ask("GET", f"/tokens/{expired.id}", ANNA)

    assert (first.status_code, error_of(first)) == (404, not_found(gone.id))
    assert (second.status_code, second.json()["expires_at"]) == (200, "2026-02-03T04:05:05Z")


async def test_a_superusers_purge_token_does_not_read_others(world: World) -> None:
    _, narrow = await world.give(ROOT, "narrow", "purge_all")
    _, reads = await world.give(ROOT, "reads", "global:read")

    assert (await world.ask("GET", f"/tokens/{main_id(ANNA)}", narrow)).status_code == 404
    assert (await world.ask("GET", f"/tokens/{main_id(ANNA)}", reads)).status_code == 200


# --- Lists ----------------------------------------------------------------------------------------------------------------


async def test_a_user_lists_their_own_oldest_first_without_revoked_ones(world: World) -> None:
    await world.give(ANNA, "later", created_at=NOW - DAY + 2 * SECOND)
    await world.give(ANNA, "sooner", created_at=NOW - DAY + SECOND)
    gone, _ = await world.give(ANNA, "gone")
    await world.ask("DELETE", f"/tokens/{gone.id}", ANNA)

    response = await world.ask("GET", "/tokens", ANNA)

    assert response.status_code == 200
    assert [one["name"] for one in response.json()] == ["main", "sooner", "later"]


@pytest.mark.parametrize("scope", ["global", "global:read"])
async def test_a_superuser_lists_everybody_of_the_customer(world: World, scope: str) -> None:
    _, secret = await world.give(ROOT, "listing", scope)

    response = await world.ask("GET", f"/customer/{ACME.id}/tokens", secret)

    assert response.status_code == 200
    assert {one["user_id"] for one in response.json()} == {ROOT.id, ANNA.id, BERT.id}
    assert all(list(one) == READ_KEYS for one in response.json())


@pytest.mark.parametrize("customer_id", [ACME.id, OTHER.id, "nothing"])
@pytest.mark.parametrize("who", [ANNA, STRANGER], ids=["ordinary user", "another customer's superuser"])
async def test_anybody_else_gets_one_403_whatever_the_customer(world: World, who: User, customer_id: str) -> None:
    if who is STRANGER and customer_id == OTHER.id:
        customer_id = ACME.id

    response = await world.ask("GET", f"/customer/{customer_id}/tokens", who)

    assert response.status_code == 403
    assert error_of(response) == {"msg": "Only a superuser of this customer may access this endpoint"}


@pytest.mark.parametrize("role", [Role.USER, Role.BILLING, Role.ENGINEER])
async def test_no_other_role_lists_the_customers(world: World, role: Role) -> None:
    someone = user("someone", role)
    await world.store.people.add_user(someone, password_hash="!", by=at(NOW))
    _, secret = await world.give(someone, "main")

    assert (await world.ask("GET", f"/customer/{ACME.id}/tokens", secret)).status_code == 403
    assert (await world.ask("GET", "/tokens", secret)).status_code == 200


async def test_a_superusers_purge_token_does_not_list_the_customers(world: World) -> None:
    _, narrow = await world.give(ROOT, "narrow", "purge_all")

    response = await world.ask("GET", f"/customer/{ACME.id}/tokens", narrow)

    assert (response.status_code, "purge_all" in error_of(response)["msg"]) == (403, True)


# Around 250 is where one answer becomes a stream; `main` is one more.
@pytest.mark.parametrize("count", [248, 249, 250, 499])
async def test_a_list_around_a_batch_is_one_json_array_in_order(world: World, count: int) -> None:
    await _expect_ordered(world, count)


async def test_a_list_of_ten_thousand_is_one_json_array_in_order(tmp_path: Path) -> None:
    async with a_world(sqlite_in(tmp_path)) as world:
        await _expect_ordered(world, 9_999)


async def _expect_ordered(world: World, count: int) -> None:
    names = [f"{number:05}" for number in range(count)]
    # At the same time, so that they share commits; every other one has the same instant as the one before.
    await asyncio.gather(*(world.give(ANNA, name, created_at=NOW - DAY + int(name) // 2) for name in names))

    response = await world.ask("GET", "/tokens", ANNA)

    listed = json.loads(response.content)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert [one["name"] for one in listed if one["name"] != "main"] == names
    assert len(listed) == count + 1
    assert all(list(one) == READ_KEYS for one in listed)
