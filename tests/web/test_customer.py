"""What a superuser does for the customer; and that nobody else can."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlencode

import pytest
from msgspec.structs import replace

from tallystick.core.events import Sought
from tallystick.http.routes import Route
from tallystick.web.app import PAGES
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, MINUTE, NOW, ROOT, SHOP, machine
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

    for other in ({"server": "another"}, {"at": str(2**52)}, {"seen": ""}, {"server": ""}):
        await roots.open(f"/console/state?{urlencode({**first, **other})}")
        assert "Verifications–/s " in roots.text
    assert (await roots.open(f"/console/state?{urlencode({**first, 'at': 'x'})}")).status_code == 400
