"""What an automation token can do, of all that there is: each route, each role, each scope, limited to a service or not."""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import pytest

from tallystick.core.events import Sought
from tallystick.core.issue import AUTOMATION_ROLES
from tallystick.core.people import Role
from tallystick.http.app import ROUTES
from tallystick.http.guards import anyone
from tests.core.world import ACME, ANNA, BLOG, MINUTE, NOW, ROOT, SHOP, at, user
from tests.http.world import BY_PASSWORD, PASSWORD, World, basic, filled, main_id

EVE = user("eve")  # has no token: nothing stands in the way of her end
TWIN = "another automation token"
# What would get something done, if a superuser in sudo sent it.
MORE: dict[str, dict[str, Any]] = {
    "POST /tokens": {"data": BY_PASSWORD, "headers": basic(ANNA.login, PASSWORD)},
    "DELETE /tokens": {"json": {"data": [{"id": main_id(ANNA)}]}},
    "POST /sudo": {"data": {"username": ROOT.login, "password": PASSWORD}},
    "POST /user": {"json": {"login": "new", "role": "superuser"}},
    "PUT /user/{user_id}": {"json": {"role": "superuser"}},
    "POST /current_user/password": {
        "json": {"old_password": PASSWORD, "new_password": "quite another horse 42"},
        "headers": basic(ROOT.login, PASSWORD),
    },
    "PUT /customer/{customer_id}": {"json": {"name": "mine"}},
    "POST /service": {"json": {"name": "mine"}},
    "PUT /service/{service_id}": {"json": {"name": "mine"}},
    "PUT /scopes/{scope_name}": {"json": {}},
    "POST /automation-tokens": {"json": {"name": "heir", "role": "engineer", "services": [SHOP.id]}},
    "POST /oauth/introspect": {"data": {"token": "x"}},
    "POST /check/batch": {"json": [{"secret": "x"}]},
    "GET /service/search": {"params": {"name": BLOG.name}},
}
PARTS = {
    "token_id": TWIN,
    "customer_id": ACME.id,
    "service_id": BLOG.id,
    "user_id": EVE.id,
    "seq": "1",
    "scope_name": "a:b",
}
OTHERS = [TWIN, *(fact for each in (ROOT, ANNA, EVE) for fact in (main_id(each), each.id, each.login))]


class Kind(NamedTuple):
    """What an automation token can be."""

    role: Role
    scope: str
    services: tuple[str, ...]

    @property
    def reads(self) -> bool:
        return self.scope.startswith("global")

    @property
    def reads_any_service(self) -> bool:
        return self.reads and not self.services

    @property
    def changes_services(self) -> bool:
        return self.role is Role.ENGINEER and self.scope == "global" and not self.services


def never(_: Kind) -> bool:
    return False


def always(_: Kind) -> bool:
    return True


# All that there is for them; the rest is refused.
ALLOWED: dict[str, Callable[[Kind], bool]] = {
    "GET /tokens": always,
    "GET /tokens/self": always,
    "GET /check": always,
    **{f"{method} /check": always for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")},
    "DELETE /tokens/self": always,
    "GET /verify": always,
    "GET /metrics": lambda kind: kind.reads_any_service,
    "GET /current_customer": lambda kind: kind.reads,
    "GET /customer/{customer_id}": lambda kind: kind.reads,
    "GET /service": lambda kind: kind.reads,
    "GET /scopes": lambda kind: kind.reads,
    "GET /service/search": lambda kind: kind.reads_any_service,
    "GET /service/{service_id}": lambda kind: kind.reads_any_service,
    "GET /service/{service_id}/details": lambda kind: kind.reads_any_service,
    "POST /service": lambda kind: kind.changes_services,
    "PUT /service/{service_id}": lambda kind: kind.changes_services,
    "DELETE /service/{service_id}": lambda kind: kind.changes_services,
}
KINDS = [
    Kind(*each)
    for each in product(AUTOMATION_ROLES, ("global", "global:read", "purge_all purge_select"), ((), (SHOP.id,)))
]


async def asking(world: World, kind: Kind, name: str) -> str:
    """The secret of an automation token of this kind: in sudo, should that ever come to be."""
    fields = {"id": name, "user_id": None, "role": kind.role, "creator_id": ROOT.id, "services": kind.services}
    _, secret = await world.give(ROOT, name, kind.scope, sudo_until=NOW + 5 * MINUTE, **fields)
    return secret


async def happened(world: World) -> list[str]:
    found = await world.store.events.find(ACME.id, Sought(), after=None, size=1000)
    return [event.action for event in found if event.action not in ("token.create", "token.raise")]


@pytest.mark.parametrize("what", [f"{route.method} {route.path}" for route in ROUTES if route.guard is not anyone])
async def test_an_automation_token_does_what_is_its_own_and_sees_nobody(world: World, what: str) -> None:
    await world.store.people.add_user(EVE, password_hash="!", by=at(NOW))
    await asking(world, KINDS[0], TWIN)
    method, path = what.split()
    for number, kind in enumerate(KINDS):
        secret, before = await asking(world, kind, f"asking {number}"), await happened(world)

        response = await world.ask(method, filled(path, **PARTS), secret, **MORE.get(what, {}))

        if ALLOWED.get(what, never)(kind):
            assert response.status_code in (200, 204), kind
            assert not [each for each in OTHERS if each in response.text], kind
        else:
            assert response.status_code in (403, 404), kind
            assert await happened(world) == before, kind
            assert "access_token" not in response.text, kind
