"""One's tokens: found, made, shown once, ended, with what that breaks and the proof that it is done."""

import re
from typing import Any

import pytest

from tallystick.core.events import Sought
from tallystick.core.people import Service
from tallystick.core.token import LastUse
from tallystick.core.usage import Usage
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, MINUTE, NOW, ROOT, SHOP, STRANGER, at
from tests.http.world import PASSWORD, main_id
from tests.web.world import Visit, a_visit, browsing

WISH = {"name": "purge", "scope": "purge_select", "reach": "some", "services": SHOP.id, "ends": "7"}
SECRET = re.compile(r"tly_\w{38}")


@pytest.fixture
async def annas(visit: Visit) -> Visit:
    await visit.sign_in(ANNA)
    return visit


def names(visit: Visit) -> list[str]:
    return re.findall(r'<a class="name" href="/console/tokens/\w+">([^<]*)</a>', visit.page.text)


# --- The list -------------------------------------------------------------------------------------------------------------


async def test_one_sees_ones_own_tokens_and_no_others(annas: Visit) -> None:
    await annas.world.give(ANNA, "mine")
    await annas.world.give(BERT, "berts")

    await annas.open("/console/tokens")

    assert sorted(names(annas)) == ["console session", "main", "mine"]


@pytest.mark.parametrize(
    "query, found",
    [
        ("q=OLD", ["old"]),
        (f"service={SHOP.id}", ["shop"]),
        ("expires=7d", ["console session", "soon"]),
        ("unused=30d", ["old"]),
        ("q=o&sort=name", ["console session", "old", "shop", "soon"]),
        ("q=o&sort=-name", ["soon", "shop", "old", "console session"]),
        ("q=", ["console session", "main", "soon", "shop", "old"]),
    ],
)
async def test_what_is_looked_for_is_in_the_address(annas: Visit, query: str, found: list[str]) -> None:
    await annas.world.give(ANNA, "old", created_at=NOW - 40 * DAY)
    await annas.world.give(ANNA, "shop", services=(SHOP.id,), created_at=NOW - 3)
    await annas.world.give(ANNA, "soon", expires_at=NOW + 6 * DAY, created_at=NOW - 2)

    await annas.open(f"/console/tokens?{query}")

    listed = names(annas)
    assert (listed if "sort" in query else sorted(listed)) == (found if "sort" in query else sorted(found))


@pytest.mark.parametrize("query", ["sort=color", "expires=9d", "kind=robots", "cursor=nonsense"])
async def test_what_is_not_understood_is_refused_on_a_page(annas: Visit, query: str) -> None:
    page = await annas.open(f"/console/tokens?{query}")

    assert page.status_code == 400
    assert "Back to my tokens" in annas.text


async def test_long_lists_come_in_pages_and_each_token_once(annas: Visit) -> None:
    for number in range(60):
        await annas.world.give(ANNA, f"n{number:02}")

    seen: list[str] = []
    await annas.open("/console/tokens?sort=name&q=n")
    while True:
        seen += names(annas)
        onward = re.search(r'href="([^"]+)" rel="next"', annas.page.text)
        if onward is None:
            break
        await annas.open(onward[1].replace("&amp;", "&"))

    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 62


async def test_a_token_tells_when_it_ends_and_who_used_it(annas: Visit) -> None:
    kept, _ = await annas.world.give(ANNA, "purge", expires_at=NOW + 9 * DAY)
    use = LastUse(NOW - 3 * MINUTE, "10.0.0.5", "curl/8.5.0 libcurl")
    await annas.world.store.tokens.touch(
        [(kept.id, use)], [Usage(kept.id, NOW - NOW % (60 * MINUTE), allowed=12, scope=2)]
    )

    await annas.open("/console/tokens?q=purge")
    assert "expires in 9 days" in annas.text
    assert "used 3 minutes ago by curl/8.5.0 from 10.0.0.5" in annas.text
    assert 'class="warn strong"' in annas.page.text

    await annas.open(f"/console/tokens/{kept.id}")
    assert "12 uses in the last 24 hours, 2 refused; most in one hour: 14" in annas.page.text
    assert '<time datetime="2026-02-12T' in annas.page.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "'\"><img src=x>", "\u202etxt.exe", "🚀 مرحبا", "x" * 255]
)
async def test_names_are_shown_as_they_are_and_are_nothing_else(annas: Visit, name: str) -> None:
    kept, _ = await annas.world.give(ANNA, name, id="hostile")

    for path in ("/console/tokens", f"/console/tokens/{kept.id}", f"/console/tokens/revoke?id={kept.id}"):
        page = await annas.open(path)

        assert page.status_code == 200
        assert name in annas.text or "<script>" in name or "<img" in name
        assert "<script>" not in page.text
        assert "<img" not in page.text


async def test_the_tokens_of_others_look_like_none(annas: Visit) -> None:
    for other in (BERT, STRANGER):
        theirs, unknown = (
            await annas.open(f"/console/tokens/{main_id(other)}"),
            await annas.open("/console/tokens/unknown"),
        )

        assert theirs.status_code == unknown.status_code == 404
        assert theirs.text.replace(main_id(other), "unknown") == unknown.text


# --- A new one ------------------------------------------------------------------------------------------------------------


async def created(visit: Visit, **fields: Any) -> str:
    await visit.open("/console/tokens/new")
    await visit.send("/console/tokens/new", {**WISH, **fields})
    found = SECRET.search(visit.page.text)
    assert found is not None, visit.text
    return found[0]


async def test_a_secret_is_shown_once_works_and_is_what_was_asked_for(annas: Visit) -> None:
    secret = await created(annas)

    assert annas.page.headers["cache-control"] == "no-store"
    assert "curl -H 'Fastly-Key: " + secret in annas.page.text.replace("&#39;", "'")
    token = (await annas.world.ask("GET", "/tokens/self", secret)).json()
    assert (token["name"], token["scope"], token["services"]) == ("purge", "purge_select", [SHOP.id])
    assert token["expires_at"] == "2026-02-10T04:05:06Z"
    for path in ("/console/tokens", f"/console/tokens/{token['id']}", "/console/tokens/new"):
        assert secret not in (await annas.open(path)).text


async def test_a_form_that_is_sent_again_makes_no_second_token_and_shows_no_secret(annas: Visit) -> None:
    await annas.open("/console/tokens/new")
    form = {**annas.hidden, **WISH}
    first = await annas.client.post("/console/tokens/new", data=form)

    again = await annas.client.post("/console/tokens/new", data=form)

    assert (first.status_code, again.status_code) == (200, 409)
    assert SECRET.search(again.text) is None
    assert await annas.world.count(ANNA) == 3


@pytest.mark.parametrize(
    "fields, status, said",
    [
        ({"name": " "}, 400, "Give it a name"),
        ({"name": "x" * 256}, 400, "longer than 255"),
        ({"scope": []}, 400, "Choose at least one scope"),
        ({"scope": "everything"}, 400, "unknown scope"),
        ({"scope": "verify"}, 403, "Only a superuser"),
        ({"reach": "all"}, 400, "chose all of them"),
        ({"services": []}, 400, "Tick the services"),
        ({"services": "foreign"}, 400, "no such service"),
        ({"ends": "on", "on": "2026-02-01"}, 422, "The end must be in the future"),
        ({"ends": "on", "on": "tomorrow"}, 400, "Choose the day"),
        ({"ends": "on", "on": "99999-01-01"}, 400, "Choose the day"),
        ({"ends": "eternity"}, 400, "Choose the day"),
    ],
)
async def test_what_cannot_be_made_is_said_and_nothing_has_to_be_filled_in_again(
    annas: Visit, fields: dict[str, Any], status: int, said: str
) -> None:
    await annas.open("/console/tokens/new")

    page = await annas.send("/console/tokens/new", {**WISH, **fields})

    assert page.status_code == status
    assert said in annas.text
    assert fields.get("name") is not None or 'value="purge"' in page.text
    assert await annas.world.count(ANNA) == 2


async def test_a_day_counts_until_its_end(annas: Visit) -> None:
    secret = await created(annas, ends="on", on="2026-02-06")

    assert (await annas.world.ask("GET", "/tokens/self", secret)).json()["expires_at"] == "2026-02-06T23:59:59Z"


async def test_the_last_day_that_can_be_written_is_one(annas: Visit) -> None:
    secret = await created(annas, ends="on", on="9999-12-31")

    assert (await annas.world.ask("GET", "/tokens/self", secret)).json()["expires_at"] == "9999-12-31T23:59:59Z"


async def test_after_five_minutes_the_password_is_asked_for_in_the_form_itself(annas: Visit) -> None:
    await annas.open("/console/tokens/new")
    assert 'name="password"' not in annas.page.text
    annas.world.clock.move(6 * MINUTE)

    await annas.send("/console/tokens/new", WISH)
    assert annas.page.status_code == 403
    assert 'name="password"' in annas.page.text
    await annas.send("/console/tokens/new", {**WISH, "password": "wrong"})
    assert annas.page.status_code == 403
    await annas.send("/console/tokens/new", {**WISH, "password": PASSWORD})

    assert SECRET.search(annas.page.text)


async def test_with_two_factors_the_code_is_asked_for_too(visit: Visit) -> None:
    await visit.sign_in(BERT)
    await visit.send("/console/sign-in", {"code": visit.world.otp()["Fastly-OTP"]})
    visit.world.clock.move(6 * MINUTE)
    await visit.open("/console/tokens/new")

    await visit.send("/console/tokens/new", {**WISH, "password": PASSWORD})
    assert "That one-time code does not fit" in visit.text
    await visit.send("/console/tokens/new", {**WISH, "password": PASSWORD, "code": visit.world.otp()["Fastly-OTP"]})

    assert SECRET.search(visit.page.text)


# --- The end --------------------------------------------------------------------------------------------------------------


async def test_before_a_token_ends_it_is_said_what_that_breaks_and_after_it_that_it_is_dead(annas: Visit) -> None:
    secret = await created(annas)
    await annas.world.ask("GET", "/tokens/self", secret, headers={"user-agent": "curl/8"})
    token_id = (await annas.world.ask("GET", "/tokens/self", secret)).json()["id"]

    await annas.open(f"/console/tokens/revoke?id={token_id}")
    assert "This will break what still uses it:" in annas.text
    assert "purge: used just now by test/1 from 192.0.2.1" in annas.text
    await annas.send("/console/tokens/revoke", {})

    assert re.search(r"Revoked “purge”: dead everywhere (after \d+ ms|within a millisecond)", annas.text)
    assert (await annas.world.ask("GET", "/tokens/self", secret)).status_code == 401
    (event,) = await annas.world.store.events.find(
        ACME.id, Sought(target_id=token_id, action="token.revoke"), after=None, size=9
    )
    assert (event.by.user_id, event.by.user_agent) == (ANNA.id, "Firefox/1")


async def test_many_end_together_or_none(annas: Visit) -> None:
    ids = [(await annas.world.give(ANNA, f"t{number}"))[0].id for number in range(3)]
    await annas.open("/console/tokens/revoke?" + "&".join(f"id={each}" for each in ids))

    none = await annas.send("/console/tokens/revoke", {"id": [*ids, main_id(BERT)]})
    assert none.status_code == 409
    assert "1 of them is not there any more. Nothing was done yet: this is the rest" in annas.text
    assert annas.page.text.count('name="id"') == 3
    assert await annas.world.live(ids[0])
    await annas.open("/console/tokens/revoke?" + "&".join(f"id={each}" for each in ids))
    await annas.send("/console/tokens/revoke", {"id": ids})

    assert "and 0 more" not in annas.text
    assert [await annas.world.live(each) for each in ids] == [False] * 3


async def test_who_ends_their_own_session_is_out_and_is_not_told_that_something_failed(annas: Visit) -> None:
    await annas.open("/console/tokens?q=console")
    (own,) = re.findall(r'name="id" value="(\w+)"', annas.page.text)
    await annas.open(f"/console/tokens/revoke?id={own}")
    assert "It is the session that you are using: you will be signed out" in annas.text

    await annas.send("/console/tokens/revoke", {"id": own})

    assert annas.page.url.path == "/console/sign-in"
    assert "That session is revoked: you are signed out here" in annas.text


async def test_of_two_windows_the_second_learns_that_it_was_done_already(annas: Visit) -> None:
    kept, _ = await annas.world.give(ANNA, "both")
    await annas.open(f"/console/tokens/revoke?id={kept.id}")
    form = {**annas.hidden, "id": kept.id}

    first = await annas.client.post("/console/tokens/revoke", data=form)
    second = await annas.client.post("/console/tokens/revoke", data=form)

    assert (first.status_code, second.status_code) == (200, 404)


async def test_a_receipt_of_others_is_shown_to_nobody(annas: Visit) -> None:
    await annas.world.ask("DELETE", f"/tokens/{main_id(BERT)}", BERT)
    seq = await annas.world.store.changes.head()

    await annas.open(f"/console/tokens?receipt={seq}")

    assert "Revoked" not in annas.text


async def test_whose_token_was_revoked_with_those_of_others_does_not_learn_of_these(annas: Visit) -> None:
    given = [await annas.world.give(owner, f"batch of {owner.name}") for owner in (ANNA, BERT)]
    body = {"data": [{"id": token.id} for token, _ in given]}
    revoked = await annas.world.ask("DELETE", "/tokens", ROOT, json=body)
    assert revoked.status_code == 204
    seq = await annas.world.store.changes.head()

    await annas.open(f"/console/tokens?receipt={seq}")
    assert "batch of" not in annas.text
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        await annas.world.ask("DELETE", f"/tokens/{main_id(ANNA)}", ANNA)
        await roots.open(f"/console/tokens?receipt={await annas.world.store.changes.head()}")
        assert "Revoked" not in roots.text


async def test_writes_are_limited_as_in_the_api() -> None:
    async with a_visit(writes_per_hour=2) as visit:
        await visit.sign_in(ANNA)
        await created(visit)
        await visit.open("/console/tokens/new")

        over = await visit.send("/console/tokens/new", WISH)

        assert over.status_code == 429
        assert (await visit.world.ask("DELETE", "/tokens/unknown", ANNA)).status_code == 429


async def test_a_session_of_root_reaches_everybody_s_tokens_and_annas_does_not(annas: Visit) -> None:
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        assert (await roots.open(f"/console/tokens/{main_id(BERT)}")).status_code == 200
        assert (await roots.open(f"/console/tokens?service={BLOG.id}")).status_code == 200
    assert (await annas.open(f"/console/tokens/revoke?id={main_id(BERT)}")).status_code == 404


async def test_at_most_a_hundred_are_looked_at_together(annas: Visit) -> None:
    await annas.open("/console/tokens/revoke?" + "&".join(f"id={number}" for number in range(101)))

    assert annas.page.status_code == 400
    assert "At most 100 tokens" in annas.text


async def test_of_many_the_rest_is_asked_about_when_some_are_over(annas: Visit) -> None:
    ids = [(await annas.world.give(ANNA, f"t{number}"))[0].id for number in range(2)]
    await annas.world.ask("DELETE", f"/tokens/{ids[0]}", ANNA)

    await annas.open(f"/console/tokens/revoke?id={ids[0]}&id={ids[1]}")
    assert annas.page.status_code == 409
    assert "1 of them is not there any more" in annas.text
    assert await annas.world.live(ids[1])
    await annas.send("/console/tokens/revoke", {})

    assert "Revoked “t1”: dead everywhere" in annas.text


async def test_after_revoking_one_is_back_where_one_looked(annas: Visit) -> None:
    await annas.world.give(ANNA, "worker 1", id="w1")
    await annas.world.give(ANNA, "worker 2", id="w2")
    await annas.open("/console/tokens?q=worker+1")
    back = annas.hidden["back"]
    (chosen,) = re.findall(r'name="id" value="(\w+)"', annas.page.text)
    await annas.open("/console/tokens/revoke", params={"id": chosen, "back": back})

    await annas.send("/console/tokens/revoke", {"id": chosen})

    assert annas.page.url.params["q"] == "worker 1"
    assert "Revoked “worker 1”" in annas.text


async def test_the_name_that_a_form_has_for_its_token_is_used_up_by_its_user_only(annas: Visit) -> None:
    await annas.open("/console/tokens/new")
    form = {**annas.hidden, **WISH}
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        await roots.open("/console/tokens/new")
        stolen = await roots.send("/console/tokens/new", {**WISH, "once": form["once"]})
        assert SECRET.search(stolen.text)

    mine = await annas.client.post("/console/tokens/new", data=form)

    assert SECRET.search(mine.text)


async def test_who_ticked_services_and_chose_all_sees_the_boxes(annas: Visit) -> None:
    await annas.open("/console/tokens/new")

    page = await annas.send("/console/tokens/new", {**WISH, "reach": "all"})

    assert 'name="reach" value="some" checked' in page.text


async def test_of_very_many_services_some_are_offered_and_the_others_are_named(annas: Visit) -> None:
    for number in range(210):
        service = Service(id=f"s{number:03}", customer_id=ACME.id, name=f"shop {number:03}", created_at=NOW)
        await annas.world.store.people.add_service(service, by=at(NOW))
    await annas.open("/console/tokens/new")
    assert annas.page.text.count('name="services"') == 200

    page = await annas.send("/console/tokens/new", {**WISH, "services": "s205", "scope": []})
    assert 'name="services" value="s205" checked' in page.text

    secret = await created(annas, services="s003", service_ids=" s208  s209 ")

    token = (await annas.world.ask("GET", "/tokens/self", secret)).json()
    assert token["services"] == ["s003", "s208", "s209"]
    assert "only for shop 003, shop 208, shop 209" in annas.text
    await annas.open("/console/services?q=SHOP 20")
    assert "10 services" in annas.text
    await annas.open("/console/services?page=5")
    assert "Previous page" in annas.text
