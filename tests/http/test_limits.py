"""What a write costs and says: on every kind of its answers, and on nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tallystick.http.app import ROUTES
from tallystick.http.guards import anyone
from tests.core.world import ANNA, BERT, MINUTE, NOW, ROOT, SHOP, add, machine
from tests.http.world import BY_PASSWORD, PASSWORD, World, a_world, error_of, filled, main_id, sqlite_in

REMAINING, RESET = "fastly-ratelimit-remaining", "fastly-ratelimit-reset"
NEXT_HOUR = 1_770_094_800  # 2026-02-03T05:00:00Z
OVER = {
    "msg": "You have exceeded your hourly rate limit. Please contact support@fastly.com if you think this is a mistake."
}
WRONG = {"username": ANNA.login, "password": "wrong"}


@pytest.fixture(params=["memory", "sqlite"])
async def three(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Everybody has three writes an hour."""
    url = "memory:" if request.param == "memory" else sqlite_in(tmp_path)
    async with a_world(url, writes_per_hour=3) as made:
        yield made


def told(response: httpx2.Response) -> tuple[str | None, str | None]:
    return response.headers.get(REMAINING), response.headers.get(RESET)


@pytest.mark.parametrize(
    "status, method, path, more",
    [
        (200, "POST", "/sudo", {"data": {"password": PASSWORD}}),
        (200, "POST", "/tokens", {"data": BY_PASSWORD}),
        (204, "DELETE", "/tokens/self", {}),
        (204, "DELETE", f"/tokens/{main_id(ANNA)}", {}),
        (204, "DELETE", "/tokens", {"json": {"data": [{"id": main_id(ANNA)}]}}),
        (400, "POST", "/tokens", {"data": {**BY_PASSWORD, "scope": "nonsense"}}),
        (400, "POST", "/sudo", {"data": {}}),
        (403, "POST", "/tokens", {"data": {}}),
        (403, "POST", "/sudo", {"data": {"password": "wrong"}}),
        (404, "DELETE", "/tokens/unknown", {}),
        (404, "DELETE", "/tokens", {"json": {"data": [{"id": "unknown"}]}}),
        (413, "DELETE", "/tokens", {"content": b"x" * (1024 * 1024 + 1)}),
        (415, "POST", "/sudo", {"content": b"x", "headers": {"content-type": "text/plain"}}),
        (422, "POST", "/tokens", {"data": {**BY_PASSWORD, "expires_at": "yesterday"}}),
    ],
)
async def test_every_answer_to_a_write_says_what_is_left(
    world: World, status: int, method: str, path: str, more: dict[str, Any]
) -> None:
    response = await world.ask(method, path, ANNA, **more)

    assert response.status_code == status
    assert told(response) == ("999", str(NEXT_HOUR))


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES if route.method == "GET"}))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_says_nothing_and_costs_nothing(three: World, method: str, path: str) -> None:
    robot = await add(three.store, machine())
    token_id = robot.id if path.startswith("/automation-tokens") else main_id(ROOT)
    query = f"?name={SHOP.name}" if path == "/service/search" else ""
    refused = await three.ask("GET", "/tokens/self", "garbage")
    parts = {
        "request_id": refused.headers["tallystick-refusal"],
        "customer_id": ROOT.customer_id,
        "user_id": ROOT.id,
        "service_id": SHOP.id,
    }
    path = filled(path, token_id=token_id, seq=str(await three.store.changes.head()), **parts) + query

    reads = [await three.ask(method, path, ROOT) for _ in range(4)]

    assert [(read.status_code, told(read)) for read in reads] == [(200, (None, None))] * 4
    assert told(await three.ask("POST", "/sudo", ROOT, data={"password": PASSWORD})) == ("2", str(NEXT_HOUR))


async def test_a_read_that_fails_says_nothing_either(world: World) -> None:
    assert told(await world.ask("GET", "/tokens/unknown", ANNA)) == (None, None)


async def test_a_write_over_the_limit_is_429_as_recorded_and_nothing_is_done(three: World) -> None:
    _, raised = await three.give(ANNA, "raised", sudo_until=NOW + MINUTE)
    made = [await three.create(raised) for _ in range(3)]

    refused = await three.create(raised)

    assert [(one.status_code, told(one)[0]) for one in made] == [(200, "2"), (200, "1"), (200, "0")]
    assert (refused.status_code, error_of(refused)) == (429, OVER)
    assert told(refused) == ("0", str(NEXT_HOUR))
    assert refused.headers["retry-after"] == str(NEXT_HOUR - NOW // 1000)
    assert await three.count(ANNA) == 5


async def test_all_tokens_of_a_user_share_one_budget_and_others_have_their_own(three: World) -> None:
    for number in range(3):
        _, secret = await three.give(ANNA, f"t{number}")
        await three.ask("DELETE", "/tokens/unknown", secret)

    annas = await three.ask("DELETE", "/tokens/self", ANNA)
    berts = await three.ask("DELETE", "/tokens/self", BERT)

    assert (annas.status_code, berts.status_code) == (429, 204)


async def test_the_next_hour_of_the_clock_begins_with_a_whole_budget(three: World) -> None:
    *_, last = [await three.ask("DELETE", "/tokens/unknown", ANNA) for _ in range(4)]
    three.clock.move(NEXT_HOUR * 1000 - NOW - 1)
    still = await three.ask("DELETE", "/tokens/unknown", ANNA)

    three.clock.move(1)
    fresh = await three.ask("DELETE", "/tokens/unknown", ANNA)

    assert [last.status_code, still.status_code, fresh.status_code] == [429, 429, 404]
    assert still.headers["retry-after"] == "1"
    assert told(fresh) == ("2", str(NEXT_HOUR + 3600))


async def test_of_many_writes_at_once_exactly_the_limit_is_let_through(tmp_path: Path) -> None:
    async with a_world(sqlite_in(tmp_path), writes_per_hour=40) as world:
        answers = await asyncio.gather(*(world.ask("DELETE", "/tokens/unknown", ANNA) for _ in range(200)))

    left = sorted(int(answer.headers[REMAINING]) for answer in answers if answer.status_code == 404)
    assert left == list(range(40))
    assert sum(answer.status_code == 429 for answer in answers) == 160


# --- Without a token --------------------------------------------------------------------------------------------------------


async def test_who_proves_a_password_without_a_token_writes_on_their_own_account(three: World) -> None:
    created = [await three.create(data=BY_PASSWORD) for _ in range(4)]

    assert [(one.status_code, told(one)[0]) for one in created] == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert (await three.ask("DELETE", "/tokens/self", ANNA)).status_code == 429


@pytest.mark.parametrize("data", [{}, {"username": ANNA.login}, WRONG, {**BY_PASSWORD, "username": BERT.login}])
async def test_who_proves_nothing_is_nobody_and_spends_nothing_of_anybodys(three: World, data: dict[str, str]) -> None:
    stranger = await three.create(data=data)

    assert stranger.status_code in (400, 401)
    assert told(stranger) == (None, None)
    for person in (ANNA, BERT):
        assert told(await three.ask("DELETE", "/tokens/unknown", person))[0] == "2"


@pytest.mark.parametrize("secret", [None, "garbage"])
@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.writes and r.guard is not anyone], ids=lambda r: f"{r.method} {r.path}"
)
async def test_a_write_by_nobody_is_refused_without_a_word_about_budgets(
    world: World, route: Any, secret: str | None
) -> None:
    response = await world.ask(route.method, filled(route.path), secret)

    assert (response.status_code, told(response)) == (401, (None, None))


# --- No limit ---------------------------------------------------------------------------------------------------------------


async def test_without_a_limit_there_is_nothing_to_say() -> None:
    async with a_world(writes_per_hour=0) as world:
        answers = [await world.ask("DELETE", "/tokens/unknown", ANNA) for _ in range(5)]

    assert [(answer.status_code, told(answer)) for answer in answers] == [(404, (None, None))] * 5


async def test_the_names_go_out_in_lower_case(world: World) -> None:
    """As they are sent: Ruby's official client looks for no other."""
    start, *_ = await world.messages("DELETE", "/tokens/unknown", ANNA)

    assert {REMAINING.encode(), RESET.encode()} <= {name for name, _ in start["headers"]}
