"""What a superuser does for the customer; and that nobody else can."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from msgspec.structs import replace

from tallystick.core.events import Sought
from tallystick.core.people import Role
from tallystick.core.secret import Secret
from tallystick.http.routes import Route
from tallystick.web.app import PAGES
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, MINUTE, NOW, ROOT, SHOP, STRANGER, at, machine, user
from tests.core.world import add as add_token
from tests.http.world import PASSWORD, filled, main_id
from tests.web.world import Visit, browsing

SUPERUSERS = (
    *(
        "/console/customer",
        "/console/people",
        "/console/automation",
        "/console/events",
        "/console/rule",
        "/console/state",
    ),
)
THEIRS = [route for route in PAGES if route.path.startswith(SUPERUSERS)]


@pytest.fixture
async def roots(visit: Visit) -> Visit:
    await visit.sign_in(ROOT)
    return visit


def names(visit: Visit) -> list[str]:
    return re.findall(r'<a class="name" href="/console/tokens/\w+">([^<]*)</a>', visit.page.text)


@pytest.mark.parametrize("route", THEIRS, ids=lambda route: f"{route.method} {route.path}")
async def test_an_ordinary_user_reaches_nothing_of_it(visit: Visit, route: Route) -> None:
    await visit.sign_in(ANNA)
    await visit.open("/console/account")
    before = await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000)
    path = filled(route.path, user_id=BERT.id)

    page = await visit.open(path) if route.method == "GET" else await visit.send(path, {"search": "x", "once": "x"})

    assert page.status_code in (400, 403)
    assert BERT.login not in page.text
    assert await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000) == before


async def test_of_very_many_tokens_it_is_said_that_they_are_more(roots: Visit) -> None:
    for number in range(10_001):
        await add_token(roots.world.store, replace(machine(name=f"robot {number}"), id=f"robot{number}"))

    await roots.open("/console/automation")
    assert "More than 10,000 tokens" in roots.text
    await roots.open("/console/automation?q=robot+999")
    assert "11 tokens found" in roots.text


async def test_all_tokens_are_there_with_whose_they_are(roots: Visit) -> None:
    await add_token(roots.world.store, machine(name="robot"))
    await roots.open("/console/customer/tokens")

    assert sorted(names(roots)) == ["console session", "main", "main", "main", "robot"]
    assert BERT.login in roots.text
    await roots.open(f"/console/customer/tokens?owner={BERT.id}")
    assert names(roots) == ["main"]
    await roots.open("/console/automation")
    assert names(roots) == ["robot"]


async def test_an_automation_token_is_made_and_its_secret_shown_once(roots: Visit) -> None:
    await roots.open("/console/automation/new")
    wish = {
        "name": "deploy",
        "role": "engineer",
        "scope": ["purge_all", "global:read"],
        "reach": "all",
        "ends": "never",
    }

    await roots.send("/console/automation/new", {**wish, "role": "superuser"})
    assert roots.page.status_code == 400
    await roots.send("/console/automation/new", wish)

    (secret,) = set(re.findall(r"tly_\w{38}", roots.page.text))
    told = (await roots.world.ask("GET", "/tokens/self", secret)).json()
    assert (told["name"], told["scope"], told["user_id"], told["expires_at"]) == (
        "deploy",
        "purge_all global:read",
        None,
        None,
    )


async def test_people_come_change_are_locked_and_go(roots: Visit) -> None:
    await roots.open("/console/people")
    await roots.send(
        "/console/people", {"login": "eve@example.com", "name": "Eve", "role": "engineer", "new_password": PASSWORD}
    )
    path = roots.page.url.path
    assert "Eve" in roots.text

    async with browsing(roots.world) as eves:
        eve = replace(ANNA, login="eve@example.com")
        assert (await eves.sign_in(eve)).url.path == "/console/tokens"
        await roots.send(path, {"locked": "true"})
        assert (await eves.open("/console/tokens")).url.path == "/console/sign-in"
    await roots.send(path, {"locked": "false", "role": "billing", "name": "Eva"})
    assert "Eva" in roots.text
    stays = await roots.send(f"{path}/delete", {})
    assert stays.status_code == 409
    user_id = path.split("/")[-1]
    await roots.open(f"{path}/leave")
    fates = {f"fate-{each}": "revoke" for each in re.findall(r'name="id" value="(\w+)"', roots.page.text)}
    await roots.send(f"{path}/leave", {**fates, "id": [each[5:] for each in fates], "then": "delete"})

    assert roots.page.url.path == "/console/people"
    assert await roots.world.store.people.user(user_id) is None


async def test_the_last_superuser_stays_one(roots: Visit) -> None:
    await roots.open(f"/console/people/{ROOT.id}")

    page = await roots.send(f"/console/people/{ROOT.id}", {"role": "user"})

    assert page.status_code == 409
    assert "Last superuser" in roots.text


async def test_who_leaves_leaves_nothing_running_but_what_was_moved(roots: Visit) -> None:
    job, secret = await roots.world.give(ANNA, "job")
    await roots.world.ask("GET", "/tokens/self", secret)
    await roots.open(f"/console/people/{ANNA.id}/leave")
    ids = re.findall(r'name="id" value="(\w+)"', roots.page.text)
    assert sorted(ids) == sorted([job.id, main_id(ANNA)])
    assert f'name="fate-{job.id}" value="move" required>' in roots.page.text, "what is in use has to be decided about"

    undecided = await roots.send(f"/console/people/{ANNA.id}/leave", {"id": ids, "then": "lock"})
    assert undecided.status_code == 400
    await roots.send(
        f"/console/people/{ANNA.id}/leave",
        {"id": ids, f"fate-{job.id}": "move", f"fate-{main_id(ANNA)}": "revoke", "then": "lock"},
    )

    assert "locked" in roots.text
    assert (await roots.world.ask("GET", "/tokens/self", secret)).json()["user_id"] is None
    assert (await roots.world.ask("GET", "/tokens/self", ANNA)).status_code == 401


async def test_a_plan_that_is_out_of_date_does_nothing(roots: Visit) -> None:
    await roots.open(f"/console/people/{ANNA.id}/leave")
    await roots.world.give(ANNA, "meanwhile")

    page = await roots.send(
        f"/console/people/{ANNA.id}/leave", {"id": main_id(ANNA), f"fate-{main_id(ANNA)}": "revoke", "then": "lock"}
    )

    assert page.status_code == 409
    assert "meanwhile" in roots.text
    assert await roots.world.live(main_id(ANNA))


async def test_services_are_added_renamed_and_deleted_while_nothing_is_limited_to_them(roots: Visit) -> None:
    await roots.world.give(ROOT, "shop", services=(SHOP.id,))
    await roots.open("/console/services")
    await roots.send("/console/services", {"name": "<b>wiki</b>"})
    await roots.send(f"/console/services/{BLOG.id}", {"name": "news"})
    assert {"&lt;b&gt;wiki&lt;/b&gt;", "news"} <= set(re.findall(r"<bdi>([^<]*)</bdi>", roots.page.text))
    in_use = await roots.send(f"/console/services/{SHOP.id}/delete", {})
    assert in_use.status_code == 409

    await roots.send(f"/console/services/{BLOG.id}/delete", {})

    assert {service.name for service in await roots.world.store.people.services(ACME.id)} == {"shop", "<b>wiki</b>"}


async def test_a_user_sees_services_and_changes_none(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    await visit.open("/console/services")
    assert "Rename" not in visit.text

    await visit.open("/console/account")
    assert (await visit.send("/console/services", {"name": "x"})).status_code == 403


async def test_a_rule_is_looked_at_before_it_is_carried_out(roots: Visit) -> None:
    old = [(await roots.world.give(ANNA, f"old {number}", created_at=NOW - 90 * DAY))[0].id for number in range(12)]
    await roots.open("/console/rule")
    nothing = await roots.send("/console/rule/look", {"reason": "superseded"})
    assert nothing.status_code == 400
    await roots.send("/console/rule/look", {"unused": "30", "reason": "superseded"})
    assert "12 tokens would end" in roots.text
    assert all([await roots.world.live(each) for each in old])
    roots.world.clock.move(DAY // 4)
    await roots.send("/console/rule", {"password": PASSWORD})

    assert "dead everywhere" in roots.text
    assert not any([await roots.world.live(each) for each in old])
    events = await roots.world.store.events.find(ACME.id, Sought(action="token.revoke"), after=None, size=99)
    assert {event.reason for event in events} == {"superseded"}
    assert len(events) == 12


async def test_by_rule_takes_sudo_even_to_look(roots: Visit) -> None:
    await roots.open("/console/rule")
    roots.world.clock.move(6 * MINUTE)

    page = await roots.send("/console/rule/look", {"search": "main"})

    assert page.status_code == 403
    assert 'value="main"' in page.text


async def test_events_tell_who_did_what_and_are_narrowed_by_the_address(roots: Visit) -> None:
    await roots.world.ask("DELETE", f"/tokens/{main_id(BERT)}", BERT)
    await roots.open("/console/events?action=token.revoke")

    assert f"by {BERT.login}" in roots.text
    assert "token.revoke" in roots.text
    assert "token.create" not in roots.text
    await roots.open(f"/console/events?user_id={ANNA.id}")
    assert "Nothing happened" in roots.text


async def test_events_go_on_where_a_page_ends(roots: Visit) -> None:
    for number in range(60):
        await roots.world.give(BERT, f"t{number}")
    await roots.open("/console/events?action=token")
    onward = re.search(r'href="([^"]+)" rel="next"', roots.page.text)
    assert onward is not None

    await roots.open(onward[1].replace("&amp;", "&"))

    assert roots.page.status_code == 200
    assert "token.create" in roots.text


async def test_the_state_says_who_follows_and_how_fast_things_go(roots: Visit) -> None:
    await roots.open("/console/state")
    assert "Verifiers with a lease1" in roots.text
    assert "Workers1" in roots.text
    assert "Verifications–/s " in roots.text
    for _ in range(50):
        await roots.world.ask("GET", "/tokens/self", ANNA)
    await roots.world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})
    first = at_of(roots)

    await roots.open(f"/console/state?{urlencode(first)}")
    second = at_of(roots)

    seconds = (int(second["at"]) - int(first["at"])) / 1000
    assert int(second["seen"]) - int(first["seen"]) == 52
    assert f"Verifications{52 / seconds:,.1f}/s " in roots.text
    assert f"Writes{1 / seconds:,.1f}/s " in roots.text


def at_of(visit: Visit) -> dict[str, str]:
    """What the page will say when it asks for itself again."""
    found = re.search(r'hx-get="[^"?]+\?([^"]+)"', visit.page.text)
    assert found is not None
    return dict(parse_qsl(unescape(found[1])))


async def test_no_rate_is_told_since_another_server_answered(roots: Visit) -> None:
    await roots.open("/console/state")
    first = at_of(roots)

    for other in (
        {"server": "another"},
        {"at": str(2**52)},
        {"seen": ""},
        {"server": ""},
        {"at": "x"},
        {"seen": "9" * 99},
    ):
        await roots.open(f"/console/state?{urlencode({**first, **other})}")
        assert roots.page.status_code == 200
        assert "Verifications–/s " in roots.text


# --- Every form asks for itself whether one may ---------------------------------------------------------------------------


async def refused(visit: Visit, path: str, data: dict[str, Any]) -> None:
    """The answer itself says no, not a page that it leads to."""
    page = await visit.send(path, data, follow_redirects=False)

    assert page.status_code == 403


async def test_an_ordinary_user_can_send_none_of_the_forms_that_are_not_shown_to_them(visit: Visit) -> None:
    eve = user("eve")
    await visit.world.store.people.add_user(eve, password_hash="!", by=at(NOW))
    await visit.sign_in(ANNA)
    visit.world.clock.move(1000)
    await visit.open("/console/tokens/new")

    await refused(visit, "/console/rule", {"search": "main"})
    await refused(visit, f"/console/people/{eve.id}/delete", {})
    await refused(visit, f"/console/people/{ANNA.id}/leave", {"then": "lock"})
    await refused(visit, f"/console/services/{BLOG.id}/delete", {})
    wish = {"name": "n", "scope": "purge_select", "reach": "all", "ends": "7", "role": "engineer"}
    await refused(visit, "/console/automation/new", wish)

    assert await visit.world.live(main_id(BERT))
    assert await visit.world.store.people.user(eve.id) is not None
    assert {service.id for service in await visit.world.store.people.services(ACME.id)} == {SHOP.id, BLOG.id}


@pytest.mark.parametrize("path", ["/console/rule", f"/console/people/{ANNA.id}/leave"])
async def test_what_ends_much_takes_sudo(roots: Visit, path: str) -> None:
    await roots.open("/console/rule")
    roots.world.clock.move(6 * MINUTE)
    leaves = {"id": main_id(ANNA), f"fate-{main_id(ANNA)}": "revoke", "then": "lock"}

    await refused(roots, path, {"user_id": ANNA.id, **leaves})

    assert await roots.world.live(main_id(ANNA))


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"reach": "some", "services": "foreign"}, "no such service"),
        ({"name": "x" * 256}, "longer than 255"),
        ({"ends": "on", "on": "2026-02-01"}, "The end must be in the future"),
    ],
)
async def test_an_automation_token_is_looked_at_like_every_other(
    roots: Visit, fields: dict[str, str], said: str
) -> None:
    wish = {"name": "n", "scope": "purge_select", "reach": "all", "ends": "7", "role": "engineer"}
    await roots.open("/console/automation/new")

    await roots.send("/console/automation/new", {**wish, **fields})

    assert said in roots.text


# --- What others do meanwhile ---------------------------------------------------------------------------------------------


async def test_a_page_of_before_gives_nobody_their_role_back(roots: Visit) -> None:
    await roots.open(f"/console/people/{BERT.id}")
    old = {**roots.hidden, "name": "Bert", "role": "superuser"}
    roots.world.clock.move(1)
    await roots.world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"role": "billing"})

    page = await roots.client.post(f"/console/people/{BERT.id}", data=old)

    assert page.status_code == 409
    bert = await roots.world.store.people.user(BERT.id)
    assert bert is not None
    assert bert.role is Role.BILLING


async def test_a_rule_ends_nothing_that_was_not_shown(roots: Visit) -> None:
    shown, _ = await roots.world.give(ANNA, "ci 1", created_at=NOW - 1000)
    await roots.open("/console/rule")
    await roots.send("/console/rule/look", {"search": "ci "})
    assert "1 token would end" in roots.text
    later, _ = await roots.world.give(ANNA, "ci 2", created_at=roots.world.clock.now())

    await roots.send("/console/rule", {})

    assert "Revoked “ci 1”: dead everywhere" in roots.text
    assert (await roots.world.live(shown.id), await roots.world.live(later.id)) == (False, True)


async def test_a_rule_can_be_changed_and_is_about_people_by_login(roots: Visit) -> None:
    roots.world.clock.move(1000)
    await roots.open("/console/rule")
    for nobody in ("nobody@example.com", STRANGER.login, STRANGER.id):
        page = await roots.send("/console/rule/look", {"user": nobody})
        assert page.status_code == 400
        assert "Nobody here has the login" in roots.text
    await roots.send("/console/rule/look", {"user": ANNA.login.upper(), "unused": "30", "reason": "superseded"})
    again = re.search(r'href="(/console/rule[?][^"]+)"', roots.page.text)
    assert again is not None

    await roots.open(unescape(again[1]))

    assert f'name="user" value="{ANNA.login.upper()}"' in roots.page.text
    assert '<option value="30" selected>' in roots.page.text
    assert (await roots.send("/console/rule/look", {"unused": "0"})).status_code == 400


# --- What was done, in words ----------------------------------------------------------------------------------------------


async def test_a_receipt_says_what_was_done(roots: Visit) -> None:
    await roots.open(f"/console/people/{BERT.id}")
    for locked, said in (("true", "is locked"), ("false", "is let in again")):
        await roots.send(f"/console/people/{BERT.id}", {"locked": locked})
        assert f"{BERT.login} {said}. Known everywhere" in roots.text
    for number in range(5):
        await roots.world.give(ANNA, f"old {number}", created_at=NOW - DAY)
    await roots.open("/console/rule")
    await roots.send("/console/rule/look", {"search": "old"})
    await roots.send("/console/rule", {})

    assert re.search(r"Revoked “old \d”, “old \d”, “old \d” and 2 more: dead everywhere", roots.text)


async def test_a_secret_in_a_name_is_in_no_line_of_the_events(roots: Visit) -> None:
    secret = Secret.mint().reveal()
    kept, _ = await roots.world.give(ANNA, f"oops {secret}", id="oops")
    await roots.world.ask("PUT", f"/tokens/{kept.id}/limits", ANNA, json={"uses": 3})

    await roots.open("/console/events?action=token.limit")

    assert "oops" in roots.text
    assert secret not in roots.page.text


async def test_a_rule_that_meets_more_than_was_shown_ends_nothing(roots: Visit) -> None:
    roots.world.clock.move(1000)
    await add_token(roots.world.store, machine("robot", id="robot", created_at=NOW - DAY))
    await roots.open("/console/rule")
    await roots.send("/console/rule/look", {"kind": "automation"})
    assert "1 token would end" in roots.text
    seen = roots.hidden
    await add_token(roots.world.store, machine("moved", id="moved", created_at=NOW - DAY))

    page = await roots.client.post("/console/rule", data=seen)

    assert page.status_code == 409
    assert "By now 2 tokens would end. Nothing was done" in unescape(page.text)
    assert '<option value="automation" selected>' in page.text
    assert await roots.world.live("robot")


async def test_a_day_that_is_yet_to_come_meets_nothing_that_is(roots: Visit) -> None:
    roots.world.clock.move(1000)
    await roots.open("/console/rule")

    await roots.send("/console/rule/look", {"created_before": "2099-01-01", "search": "main"})

    assert "created before: 2026-02-03T04:05:07Z" in roots.text


async def test_an_old_page_does_not_let_in_who_was_locked_since(roots: Visit) -> None:
    await roots.world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"locked": True})
    await roots.open(f"/console/people/{BERT.id}")
    old = {**roots.hidden, "locked": "false"}
    roots.world.clock.move(1)
    await roots.world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"locked": False})
    roots.world.clock.move(1)
    await roots.world.ask("PUT", f"/user/{BERT.id}", ROOT, json={"locked": True})

    assert (await roots.client.post(f"/console/people/{BERT.id}", data=old)).status_code == 409
    bert = await roots.world.store.people.user(BERT.id)
    assert bert is not None
    assert bert.locked


async def test_of_much_a_receipt_says_what_became_of_the_person_and_how_much_more(roots: Visit) -> None:
    ids = [(await roots.world.give(ANNA, f"t{number}"))[0].id for number in range(5)]
    await roots.open(f"/console/people/{ANNA.id}/leave")
    fates = {f"fate-{each}": "move" for each in (main_id(ANNA), *ids)}

    await roots.send(f"/console/people/{ANNA.id}/leave", {**fates, "id": [main_id(ANNA), *ids], "then": "lock"})

    assert f"{ANNA.login} is locked." in roots.text
    assert "And 4 more." in roots.text
