"""What comes to be while the body of a request is on its way counts for that request."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from tallystick.core.people import Role, User, UserChange
from tallystick.http.app import build_app
from tallystick.identity.proof import Prover
from tests.core.world import ACME, ANNA, BERT, MINUTE, NOW, ROOT, at
from tests.http.world import BY_PASSWORD, KEYS, PASSWORDS, World, error_of, main_id

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


@pytest.mark.parametrize(
    "path, said",
    [
        ("/sudo", {"msg": "Invalid username or password", "code": "forbidden"}),
        ("/tokens", {"msg": "You must POST /sudo to access this endpoint"}),
    ],
)
async def test_the_password_of_who_took_over_a_login_proves_nobody_else(
    world: World, path: str, said: dict[str, str]
) -> None:
    """Whoever found Anna's token and has an account of their own could else raise it with the password of that account."""
    await world.store.people.set_totp(BERT.id, sealed=None, by=at(NOW))
    await world.wiring.accounts.set_password(BERT, ANOTHER, by=at(NOW))

    async def swap() -> None:
        await become(world, ANNA, login="elsewhere@example.com")
        await become(world, BERT, login=ANNA.login)

    response = await ask_slowly(world, "POST", path, ANNA, {"password": ANOTHER}, swap)

    assert response.status_code == 403
    assert said.items() <= error_of(response).items()
    token = await world.store.tokens.get(main_id(ANNA))
    assert token is not None
    assert token.sudo_until is None


# Each would change something, if the one who asks still might.
WRITES = [
    ("PUT", f"/user/{ANNA.id}", {"role": "superuser", "locked": False}),
    ("POST", "/user", {"login": "eve@example.com", "role": "superuser"}),
    ("PUT", f"/customer/{ACME.id}", {"name": "mine"}),
    ("POST", "/service", {"name": "mine"}),
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


async def create_while(
    world: World, who: User | None, form: dict[str, str], meanwhile: Callable[[], Awaitable[Any]]
) -> httpx2.Response:
    """`POST /tokens`, with `meanwhile` between the look at the password and everything after."""

    async def in_thread(call: Callable[..., Any], /, *args: Any) -> Any:
        done = call(*args)
        await meanwhile()
        return done

    store, slot = world.store, asyncio.Semaphore(2)
    prover = Prover(
        store.people, store.guesses, clock=world.clock, keys=KEYS, passwords=PASSWORDS, in_thread=in_thread, slot=slot
    )
    app = build_app(replace(world.wiring, prover=prover))
    key = {} if who is None else {"Fastly-Key": world.secrets[who.id]}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://tallystick.test") as client:
        return await client.post("/tokens", data=form, headers=key)


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

    response = await create_while(world, who, BY_PASSWORD, meanwhile)

    assert response.status_code == (200 if change == "nothing" else 401)
    await become(world, ANNA, locked=False)
    assert await world.count(ANNA) == (2 if change == "nothing" else 1)
