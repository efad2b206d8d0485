"""How often a token was used: each request is counted once, as what became of it; who may see it; which hours."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tallystick.core.secret import Secret
from tallystick.core.token import LastUse
from tallystick.core.usage import Usage, Why
from tests.core.world import ACME, ANNA, BERT, DAY, MINUTE, NOW, ROOT, SHOP, STRANGER, add, at, machine
from tests.http.world import PASSWORD, World, error_of, main_id

HOUR = "2026-02-03T04:00:00Z"
HOUR_MS = 60 * MINUTE
THIS = NOW - NOW % HOUR_MS


async def usage(world: World, token_id: str, who: Any = ROOT, **query: str) -> Any:
    response = await world.ask("GET", f"/tokens/{token_id}/usage", who, params=query)
    assert response.status_code == 200
    return response.json()


async def counted(world: World, token_id: str) -> dict[str, int]:
    """What is not zero in the one hour of this world."""
    hours = (await usage(world, token_id))["hours"]
    return {name: number for hour in hours for name, number in hour.items() if number and name != "hour"}


async def write(world: World) -> None:
    """What a worker does twice a second."""
    batch = world.wiring.uses.take()
    await world.store.tokens.touch(batch.last, batch.usage)
    world.wiring.uses.written()


# --- What is told ---------------------------------------------------------------------------------------------------------


async def test_it_reads_key_by_key(world: World) -> None:
    made, secret = await world.give(ANNA, "ci")
    await world.ask("GET", "/tokens/self", secret)

    body = await usage(world, made.id)

    assert list(body.items()) == [
        ("token_id", made.id),
        ("since", "2026-02-02T05:00:00Z"),
        ("until", "2026-02-03T04:05:06Z"),
        (
            "hours",
            [
                {
                    "hour": HOUR,
                    "allowed": 1,
                    "expired": 0,
                    "revoked": 0,
                    "locked": 0,
                    "scope": 0,
                    "service": 0,
                    "limited": 0,
                }
            ],
        ),
    ]


async def test_a_token_that_was_never_used_has_no_hours(world: World) -> None:
    made, _ = await world.give(ANNA, "new")

    assert (await usage(world, made.id))["hours"] == []


async def test_what_waits_here_and_what_is_written_add_up(world: World) -> None:
    made, secret = await world.give(ANNA, "ci")
    await world.ask("GET", "/check", secret)
    await write(world)
    await world.ask("GET", "/check", secret)

    assert await counted(world, made.id) == {"allowed": 2}

    await write(world)
    assert await counted(world, made.id) == {"allowed": 2}


async def test_while_a_batch_is_written_nothing_is_shown_twice(world: World) -> None:
    made, secret = await world.give(ANNA, "ci")
    await world.ask("GET", "/check", secret)
    batch = world.wiring.uses.take()
    await world.store.tokens.touch(batch.last, batch.usage)  # it is in the store, and nobody has heard so

    async def end() -> None:
        world.wiring.uses.written()
        world.wiring.uses.writing = None

    world.wiring.uses.writing = end()

    assert await counted(world, made.id) == {"allowed": 1}


# --- What counts as what --------------------------------------------------------------------------------------------------


async def test_every_request_that_is_let_in_counts_once(world: World) -> None:
    made, secret = await world.give(ANNA, "ci", "global")

    for method, path, more in (
        ("GET", "/tokens/self", {}),
        ("HEAD", "/tokens/self", {}),
        ("GET", "/check", {}),
        ("GET", "/tokens", {}),
        ("GET", "/tokens/unknown", {}),
        ("POST", "/sudo", {"data": {"password": PASSWORD}}),
        ("POST", "/user", {"json": {"login": "new"}}),
    ):
        await world.ask(method, path, secret, **more)

    assert await counted(world, made.id) == {"allowed": 7}


@pytest.mark.parametrize("agent", ["curl/8", "fastly-py/15.0.0"])
@pytest.mark.parametrize("path", ["/tokens/self", "/check", f"/check?service={SHOP.id}", "/check?scope=global%3Aread"])
async def test_it_counts_once_whether_the_lane_answers_or_leaves_it_to_the_route(
    world: World, path: str, agent: str
) -> None:
    made, secret = await world.give(ANNA, "ci")
    for _ in range(3):
        assert (await world.ask("GET", path, secret, headers={"User-Agent": agent})).status_code == 200

    assert await counted(world, made.id) == {"allowed": 3}


async def test_a_check_that_is_refused_counts_as_that_and_is_a_use_all_the_same(world: World) -> None:
    made, secret = await world.give(ANNA, "ci", "purge_select", services=(SHOP.id,))
    await world.ask("GET", "/check", secret)  # from now on it is remembered

    world.clock.move(MINUTE)
    for query, times in (("scope=purge_all", 2), ("service=other", 3), ("scope=purge_all&service=other", 1)):
        for _ in range(times):
            assert (await world.ask("GET", f"/check?{query}", secret)).status_code == 403

    assert await counted(world, made.id) == {"allowed": 1, "scope": 3, "service": 3}
    assert world.wiring.uses.latest(made).last_use == LastUse(NOW + MINUTE, "192.0.2.1", "test/1")


async def test_a_refused_check_is_noted_as_a_use_of_a_token_that_nobody_remembers(world: World) -> None:
    made, secret = await world.give(ANNA, "ci", "purge_select")

    await world.ask("GET", "/check?scope=purge_all", secret)

    assert world.wiring.uses.latest(made).last_use == LastUse(NOW, "192.0.2.1", "test/1")
    assert await counted(world, made.id) == {"scope": 1}


async def test_who_stops_asking_does_not_stop_the_batch(world: World) -> None:
    waited_for, go_on, written = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def batch() -> None:
        waited_for.set()
        await go_on.wait()
        written.set()

    world.wiring.uses.writing = batch()
    asking = asyncio.create_task(world.ask("GET", "/tokens/self/usage", ANNA))
    await waited_for.wait()

    asking.cancel()
    await asyncio.wait([asking])

    go_on.set()
    await asyncio.wait_for(written.wait(), 30)


async def test_who_is_not_let_in_is_counted_by_reason_and_notes_no_use(world: World) -> None:
    expired, first = await world.give(ANNA, "expired", expires_at=NOW)
    revoked, second = await world.give(ANNA, "revoked")
    locked, third = await world.give(BERT, "locked")
    await world.ask("DELETE", f"/tokens/{revoked.id}", ROOT)
    await world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"locked": True})

    for secret in (first, second, third):
        for method, path in (("GET", "/tokens/self"), ("GET", "/check"), ("DELETE", "/tokens"), ("POST", "/tokens")):
            assert (await world.ask(method, path, secret)).status_code == 401

    assert await counted(world, expired.id) == {"expired": 4}
    assert await counted(world, revoked.id) == {"revoked": 4}
    assert await counted(world, locked.id) == {"locked": 4}
    assert world.wiring.uses.latest(expired).last_use is None


async def test_a_request_whose_token_ends_while_its_body_comes_was_let_in_once_and_counts_as_that(world: World) -> None:
    made, secret = await world.give(ANNA, "ci")

    async def late() -> AsyncIterator[bytes]:
        await world.ask("DELETE", f"/tokens/{made.id}", ROOT)
        yield b"{}"

    response = await world.ask("POST", "/sudo", secret, content=late(), headers={"content-type": "application/json"})

    assert response.status_code == 401
    assert await counted(world, made.id) == {"allowed": 1}


async def test_what_a_stranger_makes_up_is_nobodys_usage(world: World) -> None:
    assert (await world.ask("GET", "/check", Secret.mint().reveal())).status_code == 401

    assert list(world.wiring.uses.take().usage) == []


# --- Which hours ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def busy(world: World) -> World:
    """Anna's token was used once in each of these hours, counted back from this one."""
    hours = (0, 1, 22, 23, 24, 100, 31 * 24)
    await world.store.tokens.touch([], [Usage(main_id(ANNA), THIS - back * HOUR_MS, allowed=1) for back in hours])
    return world


@pytest.mark.parametrize(
    "query, expected",
    [
        ({}, [23, 22, 1, 0]),
        ({"since": "2026-02-03T04:59:59Z", "until": "2026-02-03T05:00:00Z"}, [0]),
        ({"since": "2026-02-03T03:59:59Z"}, [1, 0]),
        ({"until": "2026-02-03T04:00:00Z"}, [24, 23, 22, 1]),
        ({"until": "2026-02-03T04:00:01Z"}, [23, 22, 1, 0]),
        ({"since": "2026-01-03T05:00:00Z", "until": "2026-02-03T05:00:00Z"}, [100, 24, 23, 22, 1, 0]),
        ({"since": "2026-01-03T04:00:00Z", "until": "2026-02-03T04:00:00Z"}, [744, 100, 24, 23, 22, 1]),
        ({"until": "1970-01-01T00:00:01Z"}, []),
    ],
)
async def test_an_hour_is_told_that_any_part_of_is_asked_for(
    busy: World, query: dict[str, str], expected: list[int]
) -> None:
    hours = [each["hour"] for each in (await usage(busy, main_id(ANNA), **query))["hours"]]

    stamps = [f"2026-{day}T{hour:02}:00:00Z" for day, hour in (_back(back) for back in expected)]
    assert hours == stamps


def _back(hours: int) -> tuple[str, int]:
    days, hour = divmod(4 - hours, 24)
    return {0: "02-03", -1: "02-02", -4: "01-30", -31: "01-03"}[days], hour


@pytest.mark.parametrize(
    "query, sentence",
    [
        ({"since": "yesterday"}, "since must be an RFC 3339 date and time"),
        ({"since": "2026-02-04T00:00:00Z"}, "since must be before until"),
        ({"since": "2026-02-03T05:00:00Z", "until": "2026-02-03T05:00:00Z"}, "since must be before until"),
        ({"until": "0001-01-01T00:00:01Z"}, "since must be before until"),
        (
            {"since": "2026-01-03T03:59:59Z", "until": "2026-02-03T04:00:00Z"},
            "from since to until there are at most 31",
        ),
        ({"sinse": "2026-02-03T03:00:00Z"}, "sinse is not understood: this takes since, until"),
    ],
)
async def test_what_cannot_be_meant_is_400(world: World, query: dict[str, str], sentence: str) -> None:
    response = await world.ask("GET", "/tokens/self/usage", ANNA, params=query)

    assert response.status_code == 400
    assert error_of(response)["detail"].startswith(sentence)


# --- Who may --------------------------------------------------------------------------------------------------------------


async def test_who_may_see_a_token_may_see_its_usage_and_nobody_else(world: World) -> None:
    _, narrow = await world.give(ANNA, "narrow", "purge_all")
    automation, mine = machine(), Secret.mint()
    await add(world.store, automation, mine)
    path = f"/tokens/{main_id(ANNA)}/usage"

    assert (await world.ask("GET", path, ANNA)).status_code == 200
    assert (await world.ask("GET", path, narrow)).status_code == 200, "one's own, with whatever scope"
    assert (await world.ask("GET", path, ROOT)).status_code == 200
    for stranger in (BERT, STRANGER, mine.reveal()):
        response = await world.ask("GET", path, stranger)
        assert (response.status_code, error_of(response)["msg"]) == (404, "Record not found")
    assert (await world.ask("GET", f"/tokens/{automation.id}/usage", mine.reveal())).status_code == 200
    assert (await world.ask("GET", "/tokens/unknown/usage", ROOT)).status_code == 404
    assert (await world.ask("GET", path)).status_code == 401


async def test_self_is_the_token_that_asks_and_counts_the_question_too(world: World) -> None:
    body = await usage(world, "self", ANNA)

    assert body["token_id"] == main_id(ANNA)
    assert [hour["allowed"] for hour in body["hours"]] == [1]


async def test_of_a_revoked_token_it_is_told_to_those_who_could_see_it_who_still_tries(world: World) -> None:
    made, secret = await world.give(ANNA, "leaked")
    await world.ask("DELETE", f"/tokens/{made.id}", ROOT)

    await world.ask("GET", "/check", secret)

    assert (await usage(world, made.id, ANNA))["hours"][0]["revoked"] == 1
    assert (await world.ask("GET", f"/tokens/{made.id}/usage", BERT)).status_code == 404


async def test_who_is_asked_about_in_a_batch_counts_as_what_was_found(world: World) -> None:
    expired, secret = await world.give(ANNA, "expired", expires_at=NOW)
    _, verifying = await world.give(ROOT, "gateway", "verify")

    await world.ask("POST", "/check/batch", verifying, json=[{"secret": secret}, {"secret": secret}])

    assert await counted(world, expired.id) == {"expired": 2}


async def test_what_an_application_reports_is_told_with_the_rest(world: World) -> None:
    uses = world.wiring.uses
    uses.add(main_id(ANNA), at=NOW, count=1000, ip="192.0.2.7", user_agent="app")
    uses.refuse(main_id(ANNA), at=NOW, why=Why.SCOPE, count=7)

    assert await counted(world, main_id(ANNA)) == {"allowed": 1000, "scope": 7}


async def test_with_its_user_a_tokens_usage_goes(world: World) -> None:
    made, secret = await world.give(BERT, "old")
    await world.ask("GET", "/check", secret)
    await write(world)
    for token_id in (made.id, main_id(BERT)):
        await world.ask("DELETE", f"/tokens/{token_id}", ROOT)

    removal = await world.store.people.remove_user(BERT.id, customer_id=ACME.id, by=at(NOW + DAY))

    assert removal.token_ids == ()
    assert (await world.ask("GET", f"/tokens/{made.id}/usage", ROOT)).status_code == 404
    assert await world.store.usage.of_token(made.id, since=0, until=NOW) == []
