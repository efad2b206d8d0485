"""Whose address is taken: the socket's, or the one that a trusted proxy tells of; and nobody can make up another."""

from collections.abc import AsyncIterator

import pytest

from tallystick.core.proxies import Proxies
from tallystick.http import app
from tallystick.http.routes import router
from tests.core.world import ANNA, ROOT
from tests.http.test_lane import asked
from tests.http.world import World, a_world, main_id

PROXY = "192.0.2.1"  # the other end of the socket, in all these tests
WRONG = {"username": "nobody@example.com", "password": "wrong"}


@pytest.fixture
async def behind() -> AsyncIterator[World]:
    """The service behind a proxy that it trusts, and that has another one of ours in front."""
    async with a_world(trusted_proxies=(f"{PROXY}/32", "10.1.0.0/16", "fd00::/64")) as made:
        yield made


@pytest.mark.parametrize(
    "forwarded, client",
    [
        ([], PROXY),
        (["203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (["203.0.113.9", "10.1.2.3", "fd00::7"], "203.0.113.9"),
        (["10.1.2.3"], "10.1.2.3"),
        (["2001:db8::1"], "2001:db8::1"),
        # As some proxies write it.
        (["203.0.113.9:51234"], "203.0.113.9"),
        (["[2001:DB8::1]:443"], "2001:db8::1"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["fe80::1%eth0"], "fe80::1"),
        # What stands before the last hop that is not ours its sender made up.
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (["10.1.2.3, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        # No proxy of ours writes this: who was asked by it is the last that is known.
        (["203.0.113.9, unknown"], PROXY),
        (["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3"),
        (["203.0.113.9,"], PROXY),
        ([""], PROXY),
        (["203.0.113.9, " + ", ".join(["10.1.2.3"] * 32)], "10.1.2.3"),
        (["x" * 100_000], PROXY),
    ],
    ids=range(20),
)
async def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(
    behind: World, forwarded: list[str], client: str
) -> None:
    headers = [("x-forwarded-for", value) for value in forwarded]
    await behind.ask("GET", "/check", ANNA)

    for way in (behind.app, router(app.ROUTES, behind.wiring)):
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await asked(way, "GET", "/check", "", [(b"fastly-key", behind.secrets[ANNA.id].encode()), *raw])
        shown = await behind.ask("GET", f"/tokens/{main_id(ANNA)}", ROOT)
        assert shown.json()["ip"] == client


@pytest.mark.parametrize("value", [b"203.0.113.9, \xe9", b"\xe9"])
async def test_what_cannot_be_read_is_no_address(behind: World, value: bytes) -> None:
    for way in (behind.app, router(app.ROUTES, behind.wiring)):
        for _ in range(2):
            headers = [(b"fastly-key", behind.secrets[ANNA.id].encode()), (b"x-forwarded-for", value)]
            await asked(way, "GET", "/check", "", headers)
            assert (await behind.ask("GET", f"/tokens/{main_id(ANNA)}", ROOT)).json()["ip"] == PROXY


async def test_by_default_nobody_is_believed(world: World) -> None:
    for _ in range(2):
        response = await world.ask("GET", "/tokens/self", ANNA, headers={"X-Forwarded-For": "203.0.113.9"})

        assert response.json()["ip"] == PROXY


async def test_who_is_no_proxy_of_ours_is_not_believed() -> None:
    async with a_world(trusted_proxies=("10.1.0.0/16",)) as world:
        for _ in range(2):
            response = await world.ask("GET", "/tokens/self", ANNA, headers={"X-Forwarded-For": "10.1.2.3"})

            assert response.json()["ip"] == PROXY


async def test_an_event_has_the_address_of_the_client(behind: World) -> None:
    await behind.ask("DELETE", "/tokens/self", ANNA, headers={"X-Forwarded-For": "203.0.113.9"})

    event = (await behind.ask("GET", "/events?action=token.revoke", ROOT)).json()["data"][0]
    assert event["ip"] == "203.0.113.9"


async def test_each_client_behind_a_proxy_waits_for_its_own_guesses(behind: World) -> None:
    async def guess(client: str) -> int:
        form = {**WRONG, "username": f"{behind.clock.now()}@example.com"}
        behind.clock.move(1)
        return (await behind.create(data=form, headers={"X-Forwarded-For": client})).status_code

    statuses = [await guess(f"198.51.100.{number}, 203.0.113.9") for number in range(21)]

    assert statuses == [400] * 20 + [429], "a made-up hop in front is no new address"
    assert await guess("203.0.113.10") == 400


def test_an_ipv4_proxy_is_known_by_its_name_on_a_socket_for_both() -> None:
    proxies = Proxies(["192.0.2.0/24"])

    assert proxies.client_of("::ffff:192.0.2.1", ["203.0.113.9"]) == "203.0.113.9"
