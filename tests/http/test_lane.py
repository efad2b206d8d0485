"""The verification lane: answers from memory, to the byte as the ordinary route would."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from tallystick.cli.chores import write_uses
from tallystick.core.errors import Unavailable
from tallystick.core.secret import Secret
from tallystick.http import app
from tallystick.http.routes import router
from tallystick.http.times import stamp
from tests.core.world import ANNA, BLOG, FOREIGN, MINUTE, NOW, ROOT, SECOND, SHOP, add, machine
from tests.http.world import PASSWORD, World

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]


async def asked(application: Any, method: str, path: str, query: str, headers: Headers) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asgi = {"version": "3.0", "spec_version": "2.4"}
    scope = {"type": "http", "asgi": asgi, "method": method, "path": path, "query_string": query.encode()}
    await application(scope | {"headers": headers, "client": ("192.0.2.1", 4711)}, receive, send)
    return [{key: value for key, value in message.items() if value is not False} for message in sent]


def by(secret: str, agent: str = "test/1") -> Headers:
    return [(b"fastly-key", secret.encode()), (b"user-agent", agent.encode())]


async def both(world: World, path: str, query: str, headers: Headers, method: str = "GET") -> list[Message]:
    """What the ordinary route says, which is then what the lane says."""
    ordinary = await asked(router(app.ROUTES, world.wiring), method, path, query, headers)
    by_lane = await asked(world.app, method, path, query, headers)
    assert list(map(without_names, by_lane)) == list(map(without_names, ordinary))
    return list(map(without_names, ordinary))


def without_names(message: Message) -> Message:
    """As nothing but what names a refusal may differ: of that, how long it is."""
    if "headers" not in message:
        return message
    names = (b"tallystick-refusal", b"x-request-id")
    headers = [(name, b"%d" % len(value) if name in names else value) for name, value in message["headers"]]
    return {**message, "headers": headers}


@pytest.fixture
async def secrets(world: World) -> dict[str, str]:
    """Tokens of many kinds; each has been seen once."""
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "limited": {"services": (BLOG.id, SHOP.id)},
        "narrow": {"scope": "purge_select global:read"},
        "expiring": {"expires_at": NOW + MINUTE},
        "raised": {"sudo_until": NOW + MINUTE},
        "odd": {"id": "odd", "name": 'é"\\\n\N{GRINNING FACE}</script>'},
    }
    made = {name: (await world.give(ANNA, fields.pop("name", name), **fields))[1] for name, fields in kinds.items()}
    for secret in made.values():
        await world.ask("GET", "/tokens/self", secret)
    return made


@pytest.mark.parametrize("kind", ["plain", "limited", "narrow", "expiring", "raised", "odd"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/tokens/self", "/check"])
async def test_it_says_to_the_byte_what_the_ordinary_route_says(
    world: World, secrets: dict[str, str], kind: str, method: str, path: str
) -> None:
    (start, _) = await both(world, path, "", by(secrets[kind]), method)

    assert start["status"] == 200


@pytest.mark.parametrize("agent", ["", "fastly-py/15.0.0", "fastly-js/13.0.0", 'q"\\', "\xe9", "x" * 3000])
async def test_whatever_a_client_calls_itself(world: World, secrets: dict[str, str], agent: str) -> None:
    headers = [(b"fastly-key", secrets["plain"].encode()), (b"user-agent", agent.encode("latin-1"))]

    await both(world, "/tokens/self", "", headers)


async def test_the_last_use_is_told_as_of_now(world: World, secrets: dict[str, str]) -> None:
    told = []
    for milliseconds in (0, 400, 700, MINUTE, -2 * MINUTE):
        world.clock.move(milliseconds)
        told.append((await both(world, "/tokens/self", "", by(secrets["plain"])))[1]["body"])

    assert len({body.split(b"last_used_at")[1][:30] for body in told}) == 4, "the first two are of one second"


async def test_a_clock_that_was_set_back_does_not_hide_the_newest_use(world: World) -> None:
    world.clock.move(MINUTE)
    _, secret = await world.give(ANNA, "used")
    await world.ask("GET", "/tokens/self", secret)
    await write_uses(world.store, world.wiring.uses)
    world.wiring.memory.verifier.begin(at=world.wiring.memory.verifier.applied)
    world.clock.move(-MINUTE)

    for _ in range(2):
        (_, body) = await both(world, "/tokens/self", "", by(secret, "later/1"))
        assert b'"user_agent":"test/1"' in body["body"]


async def test_what_is_answered_from_memory_is_a_use(world: World, secrets: dict[str, str]) -> None:
    token_id = (await world.ask("GET", "/tokens/self", secrets["plain"])).json()["id"]
    world.clock.move(MINUTE)

    await asked(world.app, "GET", "/check", "", by(secrets["plain"], "gateway/2"))

    shown = (await world.ask("GET", f"/tokens/{token_id}", ROOT)).json()
    assert (shown["user_agent"], shown["ip"]) == ("gateway/2", "192.0.2.1")
    assert shown["last_used_at"] == stamp(NOW + MINUTE)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Basic Og==")],
        [(b"authorization", b"bearer SECRET")],
        [(b"authorization", b"Bearer   SECRET ")],
        [(b"fastly-key", b" SECRET ")],
        [(b"fastly-key", b"SECRET"), (b"fastly-key", b"SECRET")],
        [(b"fastly-key", b"SECRET"), (b"authorization", b"Bearer SECRET")],
        [(b"fastly-key", b"SECRET"), (b"authorization", b"Bearer other")],
        [(b"authorization", b"Basic Og=="), (b"fastly-key", b"SECRET")],
        [(b"fastly-key", b""), (b"authorization", b"Bearer SECRET")],
        [(b"fastly-key", b"tly_nonsense")],
        [(b"fastly-key", b"\xff\xfe")],
    ],
)
async def test_however_a_token_is_presented(world: World, secrets: dict[str, str], headers: Headers) -> None:
    filled = [(name, value.replace(b"SECRET", secrets["plain"].encode())) for name, value in headers]

    await both(world, "/tokens/self", "", filled)


@pytest.mark.parametrize(
    "kind, query, status",
    [
        ("plain", "scope=global", 200),
        ("plain", "scope=purge_all", 200),
        ("plain", "scope=verify", 403),
        ("plain", "scope=global:read", 200),
        ("narrow", "scope=purge_select", 200),
        ("narrow", "scope=global%3Aread", 200),
        ("narrow", "scope=purge_select+global:read", 200),
        ("narrow", "scope=purge_all", 403),
        ("narrow", "scope=global", 403),
        ("limited", f"service={SHOP.id}", 200),
        ("limited", "service=nothing", 403),
        ("plain", f"service={SHOP.id}", 200),
        ("plain", "service=nothing", 403),
        ("plain", f"service={FOREIGN.id}", 403),
        ("narrow", f"scope=purge_select&service={SHOP.id}", 200),
        ("narrow", f"scope=purge_all&service={SHOP.id}", 403),
        ("plain", "scope=", 400),
        ("plain", "scope=global&scope=global", 400),
        # What is meant by it would not be checked, and it would look as if it had been.
        ("plain", "scop=global", 400),
        ("narrow", "scope=purge_select&services=x", 400),
    ],
)
async def test_check_says_whether_the_token_may(
    world: World, secrets: dict[str, str], kind: str, query: str, status: int
) -> None:
    (start, _) = await both(world, "/check", query, by(secrets[kind]))

    assert start["status"] == status


async def test_check_names_whose_token_it_is(world: World, secrets: dict[str, str]) -> None:
    response = await world.ask("GET", "/check", secrets["narrow"])

    token = await world.store.tokens.look_up(world.wiring.digest(Secret(secrets["narrow"])))
    assert token is not None
    assert {name: value for name, value in response.headers.items() if name.startswith("tallystick-")} == {
        "tallystick-token": token.token.id,
        "tallystick-customer": ANNA.customer_id,
        "tallystick-user": ANNA.id,
        "tallystick-scope": "purge_select global:read",
    }


async def test_check_names_no_user_of_an_automation_token(world: World) -> None:
    secret = Secret.mint()
    await add(world.store, machine(), secret)

    for _ in range(2):
        response = await world.ask("GET", "/check", secret.reveal())
        assert (response.status_code, response.headers.get("tallystick-user")) == (200, None)


async def test_what_has_been_seen_is_answered_without_the_store(world: World, secrets: dict[str, str]) -> None:
    world.wiring.memory._tokens = Away()  # type: ignore[assignment]

    assert (await world.ask("GET", "/tokens/self", secrets["plain"])).status_code == 200
    assert (await world.ask("GET", "/check", secrets["plain"])).status_code == 200
    assert (await world.ask("GET", "/tokens/self", world.secrets[ROOT.id])).status_code == 503


async def test_when_the_lease_is_over_the_store_is_asked(world: World, secrets: dict[str, str]) -> None:
    world.wiring.memory._tokens = Away()  # type: ignore[assignment]
    world.wiring.memory.verifier.let_go()

    assert (await world.ask("GET", "/tokens/self", secrets["plain"])).status_code == 503


async def test_a_token_ends_on_time_in_memory_too(world: World, secrets: dict[str, str]) -> None:
    world.clock.move(MINUTE - SECOND)
    assert (await world.ask("GET", "/check", secrets["expiring"])).status_code == 200

    world.clock.move(SECOND)
    assert (await world.ask("GET", "/check", secrets["expiring"])).status_code == 401


async def test_a_revoked_token_is_refused_as_soon_as_that_is_answered(world: World, secrets: dict[str, str]) -> None:
    token_id = (await world.ask("GET", "/tokens/self", secrets["plain"])).json()["id"]

    answer = await world.ask("DELETE", f"/tokens/{token_id}", ROOT)

    assert answer.headers["tallystick-receipt"].startswith("seq=")
    assert (await world.ask("GET", "/check", secrets["plain"])).status_code == 401


async def test_a_raise_is_seen_as_soon_as_it_is_answered(world: World, secrets: dict[str, str]) -> None:
    raised = await world.ask("POST", "/sudo", secrets["plain"], data={"password": PASSWORD})

    assert raised.status_code == 200
    seen = (await world.ask("GET", "/tokens/self", secrets["plain"])).json()
    assert seen["sudo_expires_at"] == raised.json()["expiry_time"].replace("+00:00", "Z")


class Away:
    """A store that cannot be reached."""

    async def look_up(self, digest: bytes) -> None:
        raise Unavailable("away")
