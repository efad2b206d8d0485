"""Every route that writes leaves exactly its events, which say who did it; a write that fails leaves none; no secret is in any."""

import base64
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tallystick.core.events import Event, Origin, Sought
from tallystick.core.people import Role, User
from tallystick.core.scopes import Catalogue, Defined
from tallystick.core.secret import Secret, digester
from tallystick.http.app import ROUTES
from tallystick.http.guards import anyone
from tests.core.world import ACME, ANNA, BERT, BLOG, MINUTE, NOW, OTHER, ROOT, SHOP, at, user
from tests.http.world import BY_PASSWORD, OTP_SECRET, PASSWORD, World, a_world, basic, filled, main_id, sqlite_in

EVE = user("eve")  # has no token
NEW_PASSWORD = "quite another horse 42"
NEW = "what the answer calls id"
ID = {"X-Request-Id": "from-outside.1"}
PARTS = {"token_id": main_id(BERT), "customer_id": ACME.id, "service_id": BLOG.id, "user_id": EVE.id}
ROBOT = "robot"  # an automation token
SUDO = "raised"  # the id of the token in sudo that everybody has besides


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A write.  `who`: by whose main token, or, `sudo`, by one of theirs in sudo, or, without `token`, by password."""

    route: str
    who: User = ROOT
    sudo: bool = False
    token: bool = True
    more: dict[str, Any] = {}
    parts: dict[str, str] = {}
    events: tuple[tuple[str, str], ...] = ()
    status: int = 200

    @property
    def token_id(self) -> str | None:
        return None if not self.token else f"{SUDO}{self.who.name}" if self.sudo else main_id(self.who)


BOTH = {"data": [{"id": main_id(ANNA)}, {"id": main_id(BERT)}, {"id": main_id(ANNA)}]}
CHANGED = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
WRITES = [
    Case(route="POST /tokens", who=ANNA, sudo=True, more={"json": {"name": "n"}}, events=(("token.create", NEW),)),
    Case(route="POST /tokens", who=ANNA, token=False, more={"data": BY_PASSWORD}, events=(("token.create", NEW),)),
    Case(
        route="DELETE /tokens",
        more={"json": BOTH},
        status=204,
        events=(("token.revoke", main_id(ANNA)), ("token.revoke", main_id(BERT))),
    ),
    Case(route="DELETE /tokens/self", who=ANNA, status=204, events=(("token.revoke", main_id(ANNA)),)),
    Case(route="DELETE /tokens/{token_id}", who=BERT, status=204, events=(("token.revoke", main_id(BERT)),)),
    Case(route="DELETE /tokens/{token_id}", status=204, events=(("token.revoke", main_id(BERT)),)),
    Case(
        route="PUT /tokens/{token_id}/limits",
        who=BERT,
        more={"json": {"networks": ["192.0.2.0/24"]}},
        events=(("token.limit", main_id(BERT)),),
    ),
    Case(
        route="POST /sudo",
        who=ANNA,
        more={"data": {"password": PASSWORD}},
        events=(("token.raise", main_id(ANNA)),),
    ),
    Case(route="POST /user", more={"json": {"login": "new"}}, events=(("user.create", NEW),)),
    Case(
        route="POST /user",
        sudo=True,
        more={"json": {"login": "new", "password": NEW_PASSWORD}},
        events=(("user.create", NEW),),
    ),
    Case(route="PUT /user/{user_id}", more={"json": {"locked": True}}, events=(("user.update", EVE.id),)),
    Case(route="DELETE /user/{user_id}", events=(("user.delete", EVE.id),)),
    Case(route="POST /current_user/password", who=ANNA, more={"json": CHANGED}, events=(("user.password", ANNA.id),)),
    Case(
        route="POST /current_user/password",
        who=ANNA,
        more={"json": {**CHANGED, "end_other_tokens": True}},
        events=(("token.revoke", f"{SUDO}{ANNA.name}"), ("user.password", ANNA.id)),
    ),
    Case(
        route="POST /current_user/password",
        who=ANNA,
        token=False,
        more={"json": CHANGED, "headers": basic(ANNA.login, PASSWORD)},
        events=(("user.password", ANNA.id),),
    ),
    Case(
        route="POST /automation-tokens",
        sudo=True,
        more={"json": {"name": "m", "role": "engineer"}},
        events=(("token.create", NEW),),
    ),
    Case(
        route="DELETE /automation-tokens/{token_id}",
        parts={"token_id": ROBOT},
        status=204,
        events=(("token.revoke", ROBOT),),
    ),
    Case(
        route="POST /revocations",
        sudo=True,
        more={"json": {"search": SUDO, "reason": "key_compromise"}},
        events=(("token.revoke", f"{SUDO}{ANNA.name}"), ("token.revoke", f"{SUDO}{BERT.name}")),
    ),
    Case(
        route="PUT /scopes/{scope_name}",
        sudo=True,
        more={"json": {"description": "Sell"}},
        parts={"scope_name": "orders:sell"},
        events=(("catalogue.update", ACME.id),),
    ),
    Case(
        route="DELETE /scopes/{scope_name}",
        sudo=True,
        parts={"scope_name": "orders:read"},
        status=204,
        events=(("catalogue.update", ACME.id),),
    ),
    Case(route="PUT /customer/{customer_id}", more={"json": {"name": "Apex"}}, events=(("customer.update", ACME.id),)),
    Case(route="POST /service", more={"json": {"name": "third"}}, events=(("service.create", NEW),)),
    Case(route="PUT /service/{service_id}", more={"json": {"name": "news"}}, events=(("service.update", BLOG.id),)),
    Case(route="DELETE /service/{service_id}", events=(("service.delete", BLOG.id),)),
]
FAILURES = [
    Case(route="POST /tokens", status=400, who=ANNA, sudo=True, more={"json": {"scope": "all"}}),
    Case(route="POST /tokens", status=400, token=False, more={"data": {**BY_PASSWORD, "password": "wrong"}}),
    Case(route="POST /tokens", status=403, who=ANNA),
    Case(route="POST /tokens", status=422, who=ANNA, sudo=True, more={"json": {"expires_at": "2001-01-01T00:00:00Z"}}),
    Case(route="DELETE /tokens", status=404, more={"json": {"data": [*BOTH["data"], {"id": "unknown"}]}}),
    Case(route="DELETE /tokens", status=400, more={"json": {"data": [*BOTH["data"], {}]}}),
    Case(route="DELETE /tokens/{token_id}", status=404, who=ANNA),
    Case(route="DELETE /tokens/{token_id}", status=404, parts={"token_id": "unknown"}),
    Case(route="PUT /tokens/{token_id}/limits", status=404, who=ANNA, more={"json": {"uses": 1}}),
    Case(route="PUT /tokens/{token_id}/limits", status=400, who=BERT, more={"json": {"networks": ["here"]}}),
    Case(route="PUT /tokens/{token_id}/limits", status=400, who=BERT, more={"json": {"network": ["192.0.2.1"]}}),
    Case(route="PUT /scopes/{scope_name}", status=403, more={"json": {}}),
    Case(route="PUT /scopes/{scope_name}", status=400, sudo=True, more={"json": {"includes": ["global"]}}),
    Case(route="DELETE /scopes/{scope_name}", status=404, sudo=True),
    Case(route="POST /sudo", status=403, who=ANNA, more={"data": {"password": "wrong"}}),
    Case(route="POST /user", status=403, who=ANNA, more={"json": {"login": "new"}}),
    Case(route="POST /user", status=409, more={"json": {"login": BERT.login}}),
    Case(route="PUT /user/{user_id}", status=403, who=ANNA, more={"json": {"role": "superuser"}}),
    Case(route="PUT /user/{user_id}", status=409, more={"json": {"locked": True}}, parts={"user_id": ROOT.id}),
    Case(route="PUT /user/{user_id}", status=400, more={"json": {"role": "king"}}),
    Case(route="DELETE /user/{user_id}", status=403, who=ANNA),
    Case(route="DELETE /user/{user_id}", status=404, parts={"user_id": "unknown"}),
    Case(route="DELETE /user/{user_id}", status=409, parts={"user_id": BERT.id}),
    Case(route="POST /current_user/password", status=400, who=ANNA, more={"json": {**CHANGED, "new_password": "abc"}}),
    Case(
        route="POST /current_user/password", status=400, who=ANNA, more={"json": {**CHANGED, "old_password": "wrong"}}
    ),
    Case(route="POST /automation-tokens", status=403, more={"json": {"name": "m", "role": "engineer"}}),
    Case(route="POST /automation-tokens", status=400, sudo=True, more={"json": {"name": "m", "role": "superuser"}}),
    Case(route="DELETE /automation-tokens/{token_id}", status=404, parts={"token_id": main_id(BERT)}),
    Case(route="DELETE /automation-tokens/{token_id}", status=404, who=ANNA, parts={"token_id": ROBOT}),
    Case(route="POST /revocations", status=403, more={"json": {"user_id": ANNA.id}}),
    Case(route="POST /revocations", status=403, who=ANNA, sudo=True, more={"json": {"user_id": ANNA.id}}),
    Case(route="POST /revocations", status=400, sudo=True, more={"json": {"reason": "superseded"}}),
    Case(route="POST /revocations", status=400, sudo=True, more={"json": {"user_id": ANNA.id, "users": "x"}}),
    Case(route="PUT /customer/{customer_id}", status=403, who=ANNA, more={"json": {"name": "x"}}),
    Case(
        route="PUT /customer/{customer_id}", status=403, more={"json": {"name": "x"}}, parts={"customer_id": OTHER.id}
    ),
    Case(route="POST /service", status=400, more={"json": {"name": ""}}),
    Case(route="POST /service", status=403, who=ANNA, more={"json": {"name": "x"}}),
    Case(route="PUT /service/{service_id}", status=404, more={"json": {"name": "x"}}, parts={"service_id": "unknown"}),
    Case(route="DELETE /service/{service_id}", status=409, parts={"service_id": SHOP.id}),
]
# It cannot fail but for want of a token, or of a write.
NEVER_FAILS = {"DELETE /tokens/self"}
# `POST /oauth/revoke` is for anyone: see test_oauth.py.
WRITING = {f"{route.method} {route.path}" for route in ROUTES if route.writes and route.guard is not anyone}


def named(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{number}: {case.status} {case.route}") for number, case in enumerate(cases)]


async def settled(world: World) -> dict[str, str]:
    """Everybody has a token in sudo besides, the shop is in use, and there are Eve and a robot.

    The secrets in sudo by user id, and the robot's."""
    await world.store.people.add_user(EVE, password_hash="!", by=at(NOW))
    await world.give(ROOT, "shop", services=(SHOP.id,))
    orders = Catalogue(customer_id=ACME.id, scopes=(Defined(name="orders:read"),))
    await world.store.catalogues.put(orders, replacing=0, by=at(NOW))
    _, robot = await world.give(ROOT, ROBOT, id=ROBOT, user_id=None, role=Role.ENGINEER, creator_id=ROOT.id)
    raised = {ROBOT: robot}
    for who in (ROOT, ANNA, BERT):
        _, raised[who.id] = await world.give(who, SUDO, id=f"{SUDO}{who.name}", sudo_until=NOW + 5 * MINUTE)
    world.clock.move(MINUTE)
    return raised


@pytest.fixture
async def raised(world: World) -> dict[str, str]:
    return await settled(world)


async def done(world: World, raised: dict[str, str], case: Case, **headers: str) -> httpx2.Response:
    method, path = case.route.split()
    secret = None if not case.token else raised[case.who.id] if case.sudo else world.secrets[case.who.id]
    more = {**case.more, "headers": {**ID, **case.more.get("headers", {}), **headers}}
    return await world.ask(method, filled(path, **{**PARTS, **case.parts}), secret, **more)


async def all_events(world: World) -> list[Event]:
    found = [await world.store.events.find(one.id, Sought(), after=None, size=1000) for one in (ACME, OTHER)]
    return [event for events in found for event in events]


# --- What every write leaves ----------------------------------------------------------------------------------------------


def test_every_route_that_writes_is_among_those_that_are_walked() -> None:
    assert {case.route for case in WRITES} == WRITING
    assert {case.route for case in FAILURES} == WRITING - NEVER_FAILS
    assert {case.status for case in FAILURES} == {400, 403, 404, 409, 422}


@pytest.mark.parametrize("case", named(WRITES))
async def test_a_write_leaves_exactly_its_events_with_who_and_from_where(
    world: World, raised: dict[str, str], case: Case
) -> None:
    before = await all_events(world)

    response = await done(world, raised, case)

    assert response.status_code == case.status
    assert response.headers["x-request-id"] == ID["X-Request-Id"]
    left = [event for event in await all_events(world) if event not in before]
    made = response.json()["id"] if case.status == 200 and "id" in response.json() else None
    expected = [(action, made if target == NEW else target) for action, target in case.events]
    assert sorted((event.action, event.target_id) for event in left) == expected
    assert {event.customer_id for event in left} == {ACME.id}
    assert {event.by for event in left} == {
        Origin(
            at=world.clock.now(),
            user_id=case.who.id,
            token_id=case.token_id,
            ip="192.0.2.1",
            user_agent="test/1",
            request_id=ID["X-Request-Id"],
        )
    }


async def test_what_an_automation_token_does_is_told_of_the_token_and_of_no_person(
    world: World, raised: dict[str, str]
) -> None:
    await world.ask("DELETE", "/tokens/self", raised[ROBOT], headers=ID)

    (event,) = await world.store.events.find(ACME.id, Sought(request_id=ID["X-Request-Id"]), after=None, size=9)
    assert (event.action, event.target_id) == ("token.revoke", ROBOT)
    assert (event.by.user_id, event.by.token_id) == (None, ROBOT)


@pytest.mark.parametrize("case", named(FAILURES))
async def test_a_write_that_fails_leaves_none(world: World, raised: dict[str, str], case: Case) -> None:
    before = await all_events(world)

    response = await done(world, raised, case)

    assert response.status_code == case.status
    assert response.headers["x-request-id"] == ID["X-Request-Id"]
    assert await all_events(world) == before


@pytest.mark.parametrize("case", named(WRITES))
async def test_a_write_without_a_token_or_over_the_limit_leaves_none(case: Case) -> None:
    async with a_world(writes_per_hour=1) as world:
        raised = await settled(world)
        await world.ask("DELETE", "/tokens/unknown", case.who)
        before = await all_events(world)
        method, path = case.route.split()

        over = await done(world, raised, case)
        nobody = await world.ask(method, filled(path, **PARTS), "garbage", **{**case.more, "headers": ID})

        assert (over.status_code, nobody.status_code) == (429, 401)
        assert await all_events(world) == before


@pytest.mark.parametrize("given", [None, "", " ", "a b", "x" * 129, "ä", "a;b", "a/b", "tly_" + "x" * 38])
async def test_a_request_without_a_name_that_can_be_kept_gets_one_of_ours(world: World, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given.encode()}

    response = await world.ask("DELETE", "/tokens/self", ANNA, headers=headers)

    named = response.headers["x-request-id"]
    assert re.fullmatch("[0-9A-Za-z]{22}", named)
    (event,) = await world.store.events.find(ACME.id, Sought(request_id=named), after=None, size=9)
    assert (event.action, event.target_id) == ("token.revoke", main_id(ANNA))


# --- What no event holds --------------------------------------------------------------------------------------------------


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[World, dict[str, str], Path]]:
    async with a_world(sqlite_in(tmp_path)) as world:
        yield world, await settled(world), tmp_path


@pytest.mark.parametrize("case", named([*WRITES, *FAILURES]))
async def test_no_secret_is_in_an_event_nor_anywhere_in_the_database(
    kept: tuple[World, dict[str, str], Path], case: Case
) -> None:
    world, raised, directory = kept
    stray = Secret.mint().reveal()  # somebody puts it where none belongs

    response = await done(world, raised, case, **{"User-Agent": f"curl {stray}", "X-Request-Id": stray})
    body = response.json() if response.content else {}
    await world.ask("DELETE", f"/tokens/{stray}", ROOT)
    await world.store.tokens.touch(world.wiring.uses.take().last)

    made = [body["access_token"]] if "access_token" in body else []
    secrets = [stray, *made, *raised.values(), *world.secrets.values()]
    hidden = [*(secret.encode() for secret in secrets), *(secret[4:24].encode() for secret in secrets)]
    hidden += [PASSWORD.encode(), NEW_PASSWORD.encode(), OTP_SECRET, base64.b32encode(OTP_SECRET)]
    content = b"".join(file.read_bytes() for file in directory.iterdir())
    assert main_id(ANNA).encode() in content
    assert [each for each in hidden if each in content] == []
    digests = [digester(bytes(32))(Secret(secret)) for secret in secrets]
    told = rows_of_events(directory)
    assert "argon2" not in told
    assert [each for each in digests if each.hex() in told or base64.b64encode(each).decode()[:20] in told] == []


def rows_of_events(directory: Path) -> str:
    with closing(sqlite3.connect(directory / "tokens.db")) as connection:
        rows = connection.execute("SELECT * FROM event").fetchall()
    assert len(rows) > 10
    assert not [cell for row in rows for cell in row if isinstance(cell, bytes)]
    return repr(rows)
