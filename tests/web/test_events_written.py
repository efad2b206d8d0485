"""Every page that changes something leaves exactly its events, which say who did it; what is refused leaves none."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tallystick.core.events import Event, Origin, Sought
from tallystick.core.people import User
from tallystick.identity import totp
from tallystick.web.app import PAGES
from tallystick.web.guards import visitor
from tests.core.world import ACME, ANNA, BERT, BLOG, MINUTE, NOW, OTHER, ROOT, SHOP, at, user
from tests.http.world import OTP_SECRET, PASSWORD, filled, main_id
from tests.web.world import Visit, a_visit

EVE = user("eve")  # has no token
NEW_PASSWORD = "quite another horse 42"
NEW = "what is made"
SESSION = "the session that asks"
ID = {"X-Request-Id": "from-a-proxy.1"}
PARTS = {"token_id": main_id(ANNA), "service_id": BLOG.id, "user_id": EVE.id}
WISH = {"name": "n", "scope": "purge_select", "reach": "all", "ends": "7"}
CHANGED = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "repeated": NEW_PASSWORD}
LEAVES = {"id": main_id(ANNA), f"fate-{main_id(ANNA)}": "revoke", "then": "lock"}


def _app_code(visit: Visit) -> dict[str, str]:
    """What the app shows for the secret that the page shows."""
    secret = visit.page.text.partition('<code class="wrap" id="secret" data-once>')[2].partition("<")[0]
    return {"new_code": totp.code_at(base64.b32decode(secret), visit.world.clock.now())}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A form, sent from the page `on`.  `events`: actions with what they are about; without any it is refused, by `status`."""

    path: str
    on: str
    who: User = ROOT
    parts: dict[str, str] = {}
    data: dict[str, Any] = {}
    more: Callable[[Visit], dict[str, str]] = lambda _: {}
    events: Sequence[tuple[str, str]] = ()
    status: int = 200


def form(path: str, on: str, **more: Any) -> Case:
    return Case(path=f"/console/{path}", on=f"/console/{on}", **more)


WRITES = [
    form("sign-out", "account", events=[("token.revoke", SESSION)]),
    form("tokens/new", "tokens/new", who=ANNA, data=WISH, events=[("token.create", NEW)]),
    form("tokens/revoke", "tokens", data={"id": main_id(ANNA)}, events=[("token.revoke", main_id(ANNA))]),
    form(
        "tokens/revoke",
        "tokens",
        data={"id": [main_id(ANNA), main_id(BERT)]},
        events=[("token.revoke", main_id(ANNA)), ("token.revoke", main_id(BERT))],
    ),
    form(
        "tokens/{token_id}/limits",
        "tokens/{token_id}/limits",
        who=ANNA,
        data={"networks": "192.0.2.0/24"},
        events=[("token.limit", main_id(ANNA))],
    ),
    form("account/password", "account", who=ANNA, data=CHANGED, events=[("user.password", ANNA.id)]),
    form(
        "account/password",
        "account",
        who=ANNA,
        data={**CHANGED, "end_tokens": "1"},
        events=[("token.revoke", main_id(ANNA)), ("user.password", ANNA.id)],
    ),
    form(
        "account/two-factor",
        "account/two-factor",
        who=ANNA,
        more=_app_code,
        events=[("user.recovery_codes", ANNA.id), ("user.two_factor", ANNA.id)],
    ),
    form("account/two-factor/codes", "account/two-factor", who=BERT, events=[("user.recovery_codes", BERT.id)]),
    form("account/two-factor/off", "account/two-factor", who=BERT, events=[("user.two_factor", BERT.id)]),
    form("people", "people", data={"login": "new"}, events=[("user.create", NEW)]),
    form("people/{user_id}", "people/{user_id}", data={"locked": "true"}, events=[("user.update", EVE.id)]),
    form("people/{user_id}/delete", "people/{user_id}", events=[("user.delete", EVE.id)]),
    form(
        "people/{user_id}/leave",
        "people/{user_id}/leave",
        parts={"user_id": ANNA.id},
        data=LEAVES,
        events=[("token.revoke", main_id(ANNA)), ("user.update", ANNA.id)],
    ),
    form("automation/new", "automation/new", data={**WISH, "role": "engineer"}, events=[("token.create", NEW)]),
    form("services", "services", data={"name": "third"}, events=[("service.create", NEW)]),
    form("services/{service_id}", "services", data={"name": "news"}, events=[("service.update", BLOG.id)]),
    form("services/{service_id}/delete", "services", events=[("service.delete", BLOG.id)]),
    form("rule", "rule", data={"user_id": ANNA.id, "count": "1"}, events=[("token.revoke", main_id(ANNA))]),
]
REFUSED = [
    form("tokens/new", "tokens/new", data={**WISH, "scope": "nonsense"}, status=400),
    form("tokens/revoke", "tokens", data={"id": [main_id(ANNA), "unknown"]}, status=409),
    form("tokens/revoke", "tokens", data={"id": ["unknown", "neither"]}, status=404),
    form("tokens/{token_id}/limits", "tokens/{token_id}/limits", data={"networks": "here"}, status=400),
    form("account/password", "account", data={**CHANGED, "old_password": "wrong"}, status=400),
    form("account/two-factor", "account/two-factor", data={"new_code": "000000"}, status=400),
    form("account/two-factor/codes", "account/two-factor", data={"seen": "1"}, who=BERT, status=409),
    form("account/two-factor/off", "account/two-factor", who=BERT, data={"late": "1"}, status=403),
    form("people", "people", data={"login": BERT.login}, status=409),
    form("people/{user_id}", "people/{user_id}", data={"role": "king"}, status=400),
    form("people/{user_id}/delete", "people", parts={"user_id": BERT.id}, status=409),
    form("people/{user_id}/leave", "people", parts={"user_id": ANNA.id}, data={"then": "lock"}, status=409),
    form("automation/new", "automation/new", data={**WISH, "role": "superuser"}, status=400),
    form("services", "services", data={"name": ""}, status=400),
    form("services/{service_id}", "services", data={"name": "x"}, parts={"service_id": "unknown"}, status=404),
    form("services/{service_id}/delete", "services", parts={"service_id": SHOP.id}, status=409),
    form("rule", "rule", data={"reason": "superseded"}, status=400),
]
# Looking ahead changes nothing; signing in is told of below; who is signed in can always sign out.
LOOKS, NEVER_REFUSED = {"/console/rule/look"}, {"/console/sign-out"}
FREE = NEVER_REFUSED
CHANGING = {route.path for route in PAGES if route.method == "POST" and route.guard is not visitor} - LOOKS


def named(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{number}: {case.status} {case.path}") for number, case in enumerate(cases)]


async def opened(visit: Visit, case: Case) -> dict[str, Any]:
    """Somebody has signed in and opened the page; what they send."""
    await visit.world.store.people.add_user(EVE, password_hash="!", by=at(NOW))
    await visit.world.give(ROOT, "shop", services=(SHOP.id,))
    await visit.sign_in(case.who)
    if case.who == BERT:
        await visit.send("/console/sign-in", {"code": totp.code_at(OTP_SECRET, visit.world.clock.now())})
    visit.world.clock.move(6 * MINUTE if "late" in case.data else 1)
    await visit.open(filled(case.on, **{**PARTS, **case.parts}))
    assert visit.page.status_code == 200
    return {**case.data, **case.more(visit)}


async def all_events(visit: Visit) -> list[Event]:
    found = [await visit.world.store.events.find(one.id, Sought(), after=None, size=1000) for one in (ACME, OTHER)]
    return [event for events in found for event in events]


def test_every_page_that_changes_something_is_among_those_that_are_walked() -> None:
    assert {case.path for case in WRITES} == CHANGING
    assert {case.path for case in REFUSED} == CHANGING - NEVER_REFUSED


@pytest.mark.parametrize("case", named(WRITES))
async def test_a_change_leaves_exactly_its_events_with_who_and_from_where(visit: Visit, case: Case) -> None:
    data = await opened(visit, case)
    before = await all_events(visit)
    (own,) = [event.target_id for event in before if event.action == "token.raise"]

    page = await visit.send(filled(case.path, **{**PARTS, **case.parts}), data, headers=ID)

    assert page.status_code == 200
    left = [event for event in await all_events(visit) if event not in before]
    expected = [(action, {NEW: made(left), SESSION: own}.get(target, target)) for action, target in case.events]
    assert sorted((event.action, event.target_id) for event in left) == sorted(expected)
    assert {event.customer_id for event in left} == {ACME.id}
    assert {event.by for event in left} == {
        Origin(
            at=visit.world.clock.now(),
            user_id=case.who.id,
            token_id=own,
            ip="192.0.2.1",
            user_agent="Firefox/1",
            request_id=ID["X-Request-Id"],
        )
    }


def made(left: list[Event]) -> str:
    return next((event.target_id for event in left if event.action.endswith(".create")), "nothing")


@pytest.mark.parametrize("case", named(REFUSED))
async def test_what_is_refused_leaves_none(visit: Visit, case: Case) -> None:
    data = await opened(visit, case)
    before = await all_events(visit)

    page = await visit.send(filled(case.path, **{**PARTS, **case.parts}), data)

    assert page.status_code == case.status
    assert await all_events(visit) == before


@pytest.mark.parametrize("case", named([case for case in WRITES if case.path not in FREE]))
async def test_what_is_over_the_limit_leaves_none(case: Case) -> None:
    async with a_visit(writes_per_hour=1) as visit:
        data = await opened(visit, case)
        before = await all_events(visit)

        page = await visit.send(filled(case.path, **{**PARTS, **case.parts}), data)

        assert page.status_code == 429
        assert await all_events(visit) == before


async def test_signing_in_leaves_a_session_in_sudo_and_a_wrong_password_leaves_nothing(visit: Visit) -> None:
    await visit.open("/console/sign-in")
    before = await all_events(visit)
    await visit.send("/console/sign-in", {"login": ANNA.login, "password": "wrong"})
    assert await all_events(visit) == before

    visit.world.clock.move(MINUTE)
    await visit.sign_in(ANNA)

    left = [event for event in await all_events(visit) if event not in before]
    assert sorted(event.action for event in left) == ["token.create", "token.raise"]
    assert {event.by.user_id for event in left} == {ANNA.id}
    assert {event.by.user_agent for event in left} == {"Firefox/1"}


async def test_a_password_in_a_form_leaves_that_it_was_proven_again(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    visit.world.clock.move(6 * MINUTE)
    await visit.open("/console/tokens/new")
    before = await all_events(visit)

    await visit.send("/console/tokens/new", {**WISH, "password": PASSWORD})

    left = [event for event in await all_events(visit) if event not in before]
    assert sorted(event.action for event in left) == ["token.create", "token.raise"]


async def test_looking_at_what_a_rule_would_end_leaves_none(visit: Visit) -> None:
    await visit.sign_in(ROOT)
    await visit.open("/console/rule")
    before = await all_events(visit)

    await visit.send("/console/rule/look", {"user_id": ANNA.id})

    assert "would end" in visit.text
    assert await all_events(visit) == before
