"""What comes to be while the body of a request is on its way counts for that request."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from tallystick.core.people import User, UserChange
from tests.core.world import ACME, ANNA, BERT, NOW, at
from tests.http.world import World, error_of, main_id

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
