"""The verification lane, where an answer takes more than the token: names, and the customer's services."""

from typing import Any

import pytest

from tallystick.core.errors import Unavailable
from tallystick.core.events import Sought
from tallystick.core.known import Customers
from tallystick.core.secret import Secret
from tallystick.http.asgi import AsRsgi
from tallystick.http.asked import Answer
from tallystick.http.lane import Lane
from tests.core.world import ACME, ANNA, BLOG, FOREIGN, NOW, ROOT, SHOP, add, at, machine
from tests.http.test_lane import asked, both, by
from tests.http.world import World

SERVICES = ["", "services=false"]


def scope_of(path: str, query: str, secret: str, method: str) -> dict[str, Any]:
    client = ("192.0.2.1", 4711)
    return {"method": method, "path": path, "query_string": query.encode(), "headers": by(secret), "client": client}


def remembered(world: World, path: str, query: str, secret: str, method: str = "GET") -> Answer | None:
    """What the lane says without asking anybody."""
    return Lane(world.wiring).answer(AsRsgi(scope_of(path, query, secret, method)))


def status(answer: Answer | None) -> int | None:
    return None if answer is None else answer[0]


@pytest.fixture
async def secrets(world: World) -> dict[str, str]:
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "limited": {"services": (BLOG.id,)},
        "narrow": {"scope": "purge_select"},
        "odd": {"id": "odd", "name": 'é"\\\n</script>'},
    }
    made = {name: (await world.give(ANNA, fields.pop("name", name), **fields))[1] for name, fields in kinds.items()}
    secret = Secret.mint()
    await add(world.store, machine(), secret)
    return made | {"machine": secret.reveal()}


@pytest.mark.parametrize("kind", ["plain", "limited", "narrow", "odd", "machine"])
@pytest.mark.parametrize("query", SERVICES)
async def test_verify_is_said_to_the_byte(world: World, secrets: dict[str, str], kind: str, query: str) -> None:
    (start, body) = await both(world, "/verify", query, by(secrets[kind]))

    assert start["status"] == 200
    for _ in range(2):
        answer = remembered(world, "/verify", query, secrets[kind])
        assert answer is not None
        assert (answer[0], answer[2]) == (200, body["body"])
    assert await both(world, "/verify", query, by(secrets[kind])) == [start, body]
    assert (await both(world, "/verify", query, by(secrets[kind]), "HEAD"))[0] == start


@pytest.mark.parametrize("query", ["services=true", "services=false&services=true", "other=1", "services=%66alse"])
async def test_other_queries_of_verify_take_thought(world: World, secrets: dict[str, str], query: str) -> None:
    await both(world, "/verify", "", by(secrets["plain"]))

    await both(world, "/verify", query, by(secrets["plain"]))

    assert remembered(world, "/verify", query, secrets["plain"]) is None


async def test_a_customer_with_many_services_is_answered_from_memory_too(world: World, secrets: dict[str, str]) -> None:
    for n in range(200):
        await world.ask("POST", "/service", ROOT, json={"name": f"service {n}"})
    (_, body) = await both(world, "/verify", "", by(secrets["plain"]))

    for _ in range(2):
        answer = remembered(world, "/verify", "", secrets["plain"])
        assert answer is not None
        assert (answer[2], len(answer[2]) > 4096) == (body["body"], True)


async def test_whether_a_service_is_the_customers_is_remembered_of_the_customer(
    world: World, secrets: dict[str, str]
) -> None:
    query = f"service={SHOP.id}"
    await both(world, "/check", query, by(secrets["plain"]))
    await both(world, "/check", "", by(secrets["narrow"]))

    assert status(remembered(world, "/check", query, secrets["plain"])) == 200
    assert status(remembered(world, "/check", query, secrets["narrow"])) == 200, "as another token has learned"
    assert remembered(world, "/check", f"service={BLOG.id}", secrets["plain"]) is None
    assert (await both(world, "/check", f"service={BLOG.id}", by(secrets["plain"])))[0]["status"] == 200
    assert status(remembered(world, "/check", f"service={BLOG.id}", secrets["plain"])) == 200


async def test_a_service_is_learned_again_after_the_customer_made_room(world: World, secrets: dict[str, str]) -> None:
    await both(world, "/check", f"service={SHOP.id}", by(secrets["plain"]))
    assert status(remembered(world, "/check", f"service={SHOP.id}", secrets["plain"])) == 200
    world.wiring.memory.customers = Customers(world.wiring.memory.verifier)

    await both(world, "/check", f"service={BLOG.id}", by(secrets["plain"]))

    assert status(remembered(world, "/check", f"service={BLOG.id}", secrets["plain"])) == 200


@pytest.mark.parametrize("query", ["service=nothing", f"service={FOREIGN.id}"])
async def test_what_is_no_service_of_the_customers_stays_none(
    world: World, secrets: dict[str, str], query: str
) -> None:
    for _ in range(2):
        assert (await both(world, "/check", query, by(secrets["plain"])))[0]["status"] == 403


# --- What changes is not remembered -------------------------------------------------------------------------------------


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", f"/customer/{ACME.id}", {"json": {"name": "new name"}}),
    ("PUT", f"/service/{SHOP.id}", {"json": {"name": "new shop"}}),
    ("POST", "/service", {"json": {"name": "one more"}}),
    ("DELETE", f"/service/{SHOP.id}", {}),
    ("PUT", f"/user/{ANNA.id}", {"json": {"name": "Anna B."}}),
]


@pytest.mark.parametrize("method, path, more", CHANGES, ids=[f"{method} {path}" for method, path, _ in CHANGES])
async def test_names_are_as_new_as_the_last_change_that_was_answered(
    world: World, secrets: dict[str, str], method: str, path: str, more: dict[str, Any]
) -> None:
    (_, before) = await both(world, "/verify", "", by(secrets["plain"]))

    assert (await world.ask(method, path, ROOT, **more)).status_code < 300
    await world.ask("GET", "/check", secrets["plain"])  # the token is remembered again, and nothing else

    assert remembered(world, "/check", "", secrets["plain"]) is not None
    (_, after) = await asked(world.app, "GET", "/verify", "", by(secrets["plain"]))
    assert after["body"] != before["body"]
    assert (await both(world, "/verify", "", by(secrets["plain"])))[1] == after


async def test_a_service_that_was_deleted_is_reached_by_nobody(world: World, secrets: dict[str, str]) -> None:
    query = f"service={SHOP.id}"
    await both(world, "/check", query, by(secrets["plain"]))

    await world.ask("DELETE", f"/service/{SHOP.id}", ROOT)
    await world.ask("GET", "/check", secrets["plain"])

    assert remembered(world, "/check", query, secrets["plain"]) is None
    assert (await world.ask("GET", f"/check?{query}", secrets["plain"])).status_code == 403


class ChangedMeanwhile:
    """People who are read, and whose customer gets a new name, of which this process hears, before the answer is there."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = world.store.people

    def __getattr__(self, name: str) -> Any:
        return getattr(self._people, name)

    async def customer(self, customer_id: str) -> Any:
        read = await self._people.customer(customer_id)
        await self._people.rename_customer(customer_id, name="meanwhile", by=at(NOW))
        await self._world.wiring.memory._catch_up()
        return read


async def test_what_was_read_before_a_change_that_was_heard_is_not_remembered(
    world: World, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "people", ChangedMeanwhile(world))
        await world.ask("GET", "/verify", secrets["plain"])
    await world.ask("GET", "/check", secrets["plain"])

    assert remembered(world, "/verify", "", secrets["plain"]) is None
    assert (await world.ask("GET", "/verify", secrets["plain"])).json()["customer"]["name"] == "meanwhile"


# --- By POST, and for the first time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "scope=global:read", f"service={SHOP.id}", "scope=purge_all", "scope="])
async def test_check_by_post_says_what_get_says(world: World, secrets: dict[str, str], query: str) -> None:
    for kind in ("plain", "narrow"):
        by_get = await both(world, "/check", query, by(secrets[kind]))

        assert await both(world, "/check", query, by(secrets[kind]), "POST") == by_get


async def test_check_by_post_changes_nothing_costs_nothing_and_takes_no_body(world: World) -> None:
    async def there() -> tuple[int, int]:
        events = await world.store.events.find(ACME.id, Sought(), after=None, size=1000)
        return await world.store.changes.head(), len(events)

    before = await there()

    answers = [
        await world.ask("POST", "/check", ANNA, content=b"scope=purge_all", headers={"content-type": "text/odd"})
        for _ in range(2)
    ]

    for answer in answers:
        assert answer.status_code == 200
        assert not {"x-request-id", "fastly-ratelimit-remaining", "tallystick-receipt"} & set(answer.headers)
    assert await there() == before
    assert status(remembered(world, "/check", "", world.secrets[ANNA.id], "POST")) == 200


class Counted:
    """A store of tokens that counts how often it is asked for one."""

    def __init__(self, tokens: Any) -> None:
        self._tokens = tokens
        self.asked = 0

    async def look_up(self, digest: Any) -> Any:
        self.asked += 1
        return await self._tokens.look_up(digest)


@pytest.mark.parametrize("method, path", [("GET", "/tokens/self"), ("HEAD", "/check"), ("POST", "/check")])
async def test_a_token_that_was_never_seen_costs_one_look_up_and_no_route(
    world: World, secrets: dict[str, str], method: str, path: str
) -> None:
    counted: Any = Counted(world.store.tokens)
    world.wiring.memory._tokens = counted
    answer = await Lane(world.wiring).answer_from_store(AsRsgi(scope_of(path, "", secrets["plain"], method)))

    (start, body) = await both(world, path, "", by(secrets["plain"]), method)

    assert answer is not None
    assert answer[0] == start["status"]
    assert (b"" if method == "HEAD" else answer[2]) == body["body"]
    assert counted.asked == 1


async def test_without_a_lease_a_token_is_looked_up_once_for_each_request(
    world: World, secrets: dict[str, str]
) -> None:
    counted: Any = Counted(world.store.tokens)
    world.wiring.memory._tokens = counted
    world.wiring.memory.verifier.let_go()

    await world.ask("GET", "/check", secrets["plain"])

    assert counted.asked == 1


async def test_an_unknown_token_a_refusal_and_a_store_that_is_away_are_the_routes_to_tell(
    world: World, secrets: dict[str, str]
) -> None:
    assert (await both(world, "/check", "", by(Secret.mint().reveal())))[0]["status"] == 401
    assert (await both(world, "/check", "scope=purge_all", by(secrets["narrow"])))[0]["status"] == 403
    world.wiring.memory._tokens = Away()  # type: ignore[assignment]
    assert (await both(world, "/check", "", by(secrets["plain"])))[0]["status"] == 503


class Away:
    """A store that cannot be reached."""

    async def look_up(self, digest: bytes) -> None:
        raise Unavailable("away")
