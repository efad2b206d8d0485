"""What comes to be while the body of a request is on its way counts for that request."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from tallystick.core.events import Sought
from tallystick.core.outcome import HandOver
from tallystick.core.people import Role, User, UserChange
from tallystick.http.app import build_app
from tallystick.identity.proof import Prover
from tests.core.world import ACME, ANNA, BERT, BLOG, MINUTE, NOW, ROOT, at
from tests.http.world import BY_PASSWORD, KEYS, PASSWORDS, World, main_id

ANOTHER = "quite another horse 42"


async def ask_slowly(
    world: World, method: str, path: str, who: User | str, body: Any, meanwhile: Callable[[], Awaitable[Any]]
) -> httpx2.Response:
    """A request whose body comes when `meanwhile` is over: its head was accepted long before."""

    async def late() -> AsyncIterator[bytes]:
        await meanwhile()
        yield json.dumps(body).encode()

    return await world.ask(method, path, who, content=late(), headers={"content-type": "application/json"})


async def become(world: World, who: User, **wanted: Any) -> None:
    await world.store.people.change_user(who.id, customer_id=ACME.id, change=UserChange(**wanted), by=at(NOW))


# Each would change something, if the one who asks still might.
WRITES = [
    ("PUT", f"/user/{ANNA.id}", {"role": "superuser", "locked": False}),
    ("POST", "/user", {"login": "eve@example.com", "role": "superuser"}),
    ("PUT", f"/customer/{ACME.id}", {"name": "mine"}),
    ("POST", "/service", {"name": "mine"}),
    ("POST", "/revocations", {"user_id": BERT.id}),
    ("DELETE", "/tokens", {"data": [{"id": main_id(BERT)}]}),
]


async def directory(world: World) -> Any:
    people = world.store.people
    return await people.customers(), await people.users(), await people.services(), await world.live(main_id(BERT))


@pytest.mark.parametrize("method, path, body", WRITES)
@pytest.mark.parametrize("fall", ["lowered", "locked", "revoked", "expired"])
async def test_who_falls_while_the_body_is_on_its_way_can_do_nothing_with_it(
    world: World, method: str, path: str, body: dict[str, Any], fall: str
) -> None:
    """Else whoever expects it holds the last byte of a request back, and is a superuser again, or leaves an heir."""
    await become(world, ANNA, role=Role.SUPERUSER)
    asking, secret = await world.give(ANNA, "asking", expires_at=NOW + MINUTE)
    fallen: list[Any] = []

    async def meanwhile() -> None:
        if fall == "revoked":
            await world.ask("DELETE", f"/tokens/{asking.id}", ROOT)
        elif fall == "expired":
            world.clock.move(MINUTE)
        else:
            await become(world, ANNA, **({"role": Role.USER} if fall == "lowered" else {"locked": True}))
        fallen.append(await directory(world))

    response = await ask_slowly(world, method, path, secret, body, meanwhile)

    assert response.status_code in ((403, 404) if fall == "lowered" else (401,))
    assert await directory(world) == fallen[0]


Happening = Callable[[], Awaitable[Any]]


class Slot:
    """Where a claim waits for its turn: something happens meanwhile."""

    def __init__(self, meanwhile: Happening) -> None:
        self._meanwhile = meanwhile

    async def __aenter__(self) -> None:
        await self._meanwhile()

    async def __aexit__(self, *_: object) -> None: ...


async def nothing() -> None: ...


async def prove(
    world: World,
    path: str,
    who: User | None,
    form: dict[str, str],
    *,
    before: Happening = nothing,
    after: Happening = nothing,
) -> httpx2.Response:
    """A request with a password, and what happens before it is looked at and between that and everything else."""

    async def in_thread(call: Callable[..., Any], /, *args: Any) -> Any:
        done = call(*args)
        await after()
        return done

    prover = Prover(
        world.store.people,
        world.store.guesses,
        clock=world.clock,
        keys=KEYS,
        passwords=PASSWORDS,
        in_thread=in_thread,
        slot=Slot(before),
    )
    app = build_app(replace(world.wiring, prover=prover))
    key = {} if who is None else {"Fastly-Key": world.secrets[who.id]}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://tallystick.test") as client:
        return await client.post(path, data=form, headers=key)


@pytest.mark.parametrize(
    "path, field, status",
    [("/sudo", "password", 403), ("/tokens", "password", 403), ("/current_user/password", "old_password", 400)],
)
async def test_the_password_of_who_took_over_a_login_proves_nobody_else(
    world: World, path: str, field: str, status: int
) -> None:
    """Whoever found Anna's token and has an account of their own could else raise it with the password of that account."""
    await world.store.people.set_totp(BERT.id, sealed=None, by=at(NOW))
    await world.wiring.accounts.set_password(BERT, ANOTHER, by=at(NOW))
    form = {field: ANOTHER, "new_password": "a third horse of yours 7"}

    async def swap() -> None:
        await become(world, ANNA, login="elsewhere@example.com")
        await become(world, BERT, login=ANNA.login)

    response = await prove(world, path, ANNA, form, before=swap)

    assert response.status_code == status
    token = await world.store.tokens.get(main_id(ANNA))
    assert token is not None
    assert token.sudo_until is None


@pytest.mark.parametrize("who", [None, ANNA], ids=["password alone", "token and password"])
@pytest.mark.parametrize("change", ["password", "lock", "nothing"])
async def test_a_token_is_made_only_while_what_proved_its_user_holds(
    world: World, who: User | None, change: str
) -> None:
    """Else one that the old password got would outlive a change of it that was to end all others."""

    async def meanwhile() -> None:
        if change == "password":
            await world.wiring.accounts.set_password(ANNA, ANOTHER, by=at(NOW))
        if change == "lock":
            await become(world, ANNA, locked=True)

    response = await prove(world, "/tokens", who, BY_PASSWORD, after=meanwhile)

    assert response.status_code == (200 if change == "nothing" else 401)
    await become(world, ANNA, locked=False)
    assert await world.count(ANNA) == (2 if change == "nothing" else 1)


async def test_a_token_that_is_handed_over_between_guard_and_change_is_let_in_as_what_it_is_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a machine would be told, once, that its token is no good."""
    await become(world, ANNA, role=Role.ENGINEER)
    asking, secret = await world.give(ANNA, "ci")
    people, rename = world.store.people, world.store.people.rename_service
    plan = HandOver(moved=(asking.id,), ended=(main_id(ANNA),), role=Role.ENGINEER, delete=False)

    async def late(*args: Any, **more: Any) -> bool:
        await people.hand_over(ANNA.id, customer_id=ACME.id, plan=plan, by=at(NOW))
        return await rename(*args, **more)

    monkeypatch.setattr(people, "rename_service", late)
    answer = await world.ask("PUT", f"/service/{BLOG.id}", secret, json={"name": "renamed"})

    assert (answer.status_code, answer.json().get("name")) == (200, "renamed")
    found = await world.store.events.find(ACME.id, Sought(), after=None, size=100)
    assert [(event.by.user_id, event.by.token_id) for event in found if event.action == "service.update"] == [
        (None, asking.id)
    ]
