"""Signing in and out; what a session is; and that no other site can use it."""

import re
from typing import Any

import httpx2
import pytest

from tallystick.core.caller import Reach
from tallystick.core.events import Sought
from tallystick.core.hour import HOUR_MS
from tallystick.core.issue import LIVE_TOKENS_PER_USER, is_session
from tallystick.http.routes import Route
from tallystick.web.app import PAGES
from tallystick.web.guards import anyone, leaving, session, visitor
from tests.core.world import ACME, ANNA, BERT, MINUTE, NOW, ROOT
from tests.http.world import PASSWORD, filled, main_id
from tests.web.world import Visit, a_visit, browsing

# Written out: a page that becomes open has to be written here too.
OPEN = {"GET /console", "GET /console/", "GET /console/static/{name}"}
BEFORE = {"GET /console/sign-in", "POST /console/sign-in"}
ANNA_REACH = Reach(ACME.id, ANNA.id)
CHANGING = [route for route in PAGES if route.method == "POST" and route.guard is not visitor]


async def sessions(visit: Visit) -> list[str]:
    found = [token async for batch in visit.world.store.tokens.batches(ANNA_REACH, size=100) for token in batch]
    return [token.id for token in found if is_session(token)]


def test_the_open_pages_are_these() -> None:
    def names(guard: object) -> set[str]:
        return {f"{route.method} {route.path}" for route in PAGES if route.guard is guard}

    assert names(anyone) == OPEN
    assert names(visitor) == BEFORE
    assert names(leaving) == {"POST /console/sign-out"}
    assert names(session) == {f"{route.method} {route.path}" for route in PAGES} - OPEN - BEFORE - names(leaving)


async def test_who_signs_in_has_a_token_of_their_own_for_twelve_hours(visit: Visit) -> None:
    await visit.sign_in(ANNA)

    assert visit.page.url.path == "/console/tokens"
    (token_id,) = await sessions(visit)
    token = await visit.world.store.tokens.get(token_id)
    assert token is not None
    assert (token.user_id, token.expires_at) == (ANNA.id, visit.world.clock.now() + 12 * HOUR_MS)
    assert "this session" in visit.text


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites_and_the_api_does_not_know_it(visit: Visit) -> None:
    await visit.open("/console/sign-in")
    form = {**visit.hidden, "login": ANNA.login, "password": "correct horse battery staple"}
    answer = await visit.client.post("/console/sign-in", data=form, follow_redirects=False)

    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(
        r"tallystick_session=tly_\w{38}; HttpOnly; Max-Age=43200; Path=/console; SameSite=strict", cookie
    )
    value = cookie.split(";")[0]
    assert (await visit.client.get("/tokens/self", headers={"cookie": value})).status_code == 401


@pytest.mark.parametrize(
    "trusted, told, secure",
    [
        (("192.0.2.1/32",), ["https"], True),
        (("192.0.2.1/32",), ["HTTPS"], True),
        (("192.0.2.1/32",), ["https, http"], True),  # of two proxies the first one speaks with the browser
        (("192.0.2.1/32",), ["https", "http"], True),
        (("192.0.2.1/32",), ["http"], False),
        (("192.0.2.1/32",), ["httpsx"], False),
        (("192.0.2.1/32",), [], False),
        (("198.51.100.0/24",), ["https"], False),
        ((), ["https"], False),
    ],
)
async def test_only_a_proxy_that_is_trusted_says_that_the_browser_speaks_tls(
    trusted: tuple[str, ...], told: list[str], secure: bool
) -> None:
    headers = [("x-forwarded-proto", each) for each in told]
    async with a_visit(trusted_proxies=trusted) as visit:
        page = await visit.open("/console/sign-in", headers=headers)
        form = {**visit.hidden, "login": ANNA.login, "password": PASSWORD}
        # What was marked so would not be sent here: this end of the proxy speaks no TLS.
        visited = page.headers["set-cookie"].split(";")[0]
        entered = await visit.client.post(
            "/console/sign-in", data=form, headers=[*headers, ("cookie", visited)], follow_redirects=False
        )

        for answer in (page, entered):
            assert answer.headers["set-cookie"].endswith("; Secure") is secure


async def test_no_other_token_opens_the_console(visit: Visit) -> None:
    like_one: dict[str, Any] = {"created_at": NOW, "expires_at": NOW + 12 * HOUR_MS, "scope": "global:read"}
    _, called_so = await visit.world.give(ANNA, "console session", **like_one)
    for secret in (visit.world.secrets[ANNA.id], called_so):
        page = await visit.client.get("/console/tokens", headers={"cookie": f"tallystick_session={secret}"})

        assert page.url.path == "/console/sign-in"


@pytest.mark.parametrize(
    "login, password", [(ANNA.login, "wrong"), ("nobody@example.com", "wrong"), ("", "x"), ("x", "")]
)
async def test_who_cannot_prove_who_they_are_is_told_no_more_than_that(visit: Visit, login: str, password: str) -> None:
    await visit.open("/console/sign-in")
    page = await visit.send("/console/sign-in", {"login": login, "password": password})

    assert page.status_code == 400
    assert ("The login or the password is wrong" in visit.text) is bool(login and password)
    assert await sessions(visit) == []


async def test_guesses_are_counted_and_slowed_as_in_the_api(visit: Visit) -> None:
    for _ in range(6):
        await visit.sign_in(ANNA, "wrong")

    assert visit.page.status_code == 429
    by_api = await visit.world.create(data={"username": ANNA.login, "password": "correct horse battery staple"})
    assert by_api.status_code == 429


async def test_with_two_factors_the_code_is_asked_for_after_the_password(visit: Visit) -> None:
    await visit.sign_in(BERT)
    assert "One-time code" in visit.text
    assert "correct horse" not in visit.page.text

    await visit.send("/console/sign-in", {"code": "000000"})
    assert visit.page.status_code == 400
    await visit.send("/console/sign-in", {"code": visit.world.otp()["Fastly-OTP"]})

    assert visit.page.url.path == "/console/tokens"


async def test_the_code_alone_is_good_for_nothing_elsewhere_or_later(visit: Visit) -> None:
    await visit.sign_in(BERT)
    half, code = visit.hidden["half"], visit.world.otp()["Fastly-OTP"]

    async with browsing(visit.world) as other:
        await other.open("/console/sign-in")
        stolen = await other.send("/console/sign-in", {"half": half, "code": code})
    forged = await visit.send("/console/sign-in", {"half": half[:-4] + "AAAA", "code": code})
    await visit.sign_in(BERT)
    visit.world.clock.move(5 * MINUTE)
    late = await visit.send("/console/sign-in", {"code": visit.world.otp()["Fastly-OTP"]})

    assert [page.status_code for page in (stolen, forged, late)] == [400, 400, 400]


async def test_who_signs_out_is_out_everywhere_and_it_leaves_an_event(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    cookie = f"tallystick_session={visit.client.cookies['tallystick_session']}"
    (token_id,) = await sessions(visit)

    await visit.send("/console/sign-out", {})

    assert visit.page.url.path == "/console/sign-in"
    async with browsing(visit.world) as other:
        await other.open("/console/tokens", headers={"cookie": cookie})
        assert other.page.url.path == "/console/sign-in"
    (event,) = await visit.world.store.events.find(
        ACME.id, Sought(target_id=token_id, action="token.revoke"), after=None, size=9
    )
    assert event.by.user_id == ANNA.id


async def test_a_session_that_is_over_leads_back_to_where_one_was(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    visit.world.clock.move(12 * HOUR_MS)

    await visit.open("/console/tokens?q=main")
    assert "Your session has ended" in visit.text
    await visit.send("/console/sign-in", {"login": ANNA.login, "password": "correct horse battery staple"})

    assert str(visit.page.url).endswith("/console/tokens?q=main")


@pytest.mark.parametrize(
    "onward", ["https://evil.test/", "//evil.test", "/console/../tokens", "/tokens", "/console\\@evil", "javascript:x"]
)
async def test_signing_in_leads_nowhere_but_to_our_pages(visit: Visit, onward: str) -> None:
    await visit.open("/console/sign-in", params={"next": onward})

    await visit.send("/console/sign-in", {"login": ANNA.login, "password": "correct horse battery staple"})

    assert str(visit.page.url) == "http://tallystick.test/console/tokens"


async def test_who_has_all_tokens_they_may_have_can_still_sign_in(visit: Visit) -> None:
    for number in range(LIVE_TOKENS_PER_USER - 1):
        await visit.world.give(ANNA, f"t{number}")

    await visit.sign_in(ANNA)

    assert visit.page.url.path == "/console/tokens"


async def test_who_has_no_writes_left_cannot_sign_in() -> None:
    async with a_visit(writes_per_hour=1) as visit:
        await visit.world.ask("DELETE", "/tokens/unknown", ANNA)

        assert (await visit.sign_in(ANNA)).status_code == 429


@pytest.mark.parametrize(
    "cookie", ["tallystick_visit=\xe9", "tallystick_session=\xe9", "tallystick_session=tly_x", "=;;,"]
)
async def test_a_cookie_that_is_not_ours_is_none(visit: Visit, cookie: str) -> None:
    page = await visit.client.get("/console/tokens", headers={b"cookie": cookie.encode("latin-1")})

    assert (page.status_code, page.url.path) == (200, "/console/sign-in")
    assert page.headers["set-cookie"].isascii()


# --- Other sites ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.path)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.test"},
        {"origin": "http://tallystick.test:81"},
        {"origin": "http://["},
        {"origin": "tallystick.test"},
    ],
    ids=str,
)
async def test_a_form_from_another_site_does_nothing(visit: Visit, route: Route, headers: dict[str, str]) -> None:
    await visit.sign_in(ROOT)
    before = await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000)

    page = await visit.send(filled(route.path), {}, headers=headers)

    assert page.status_code == 403
    assert await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000) == before


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.path)
async def test_a_form_without_the_mark_of_its_session_does_nothing(visit: Visit, route: Route) -> None:
    await visit.sign_in(ROOT)
    before = await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000)

    for mark in ("", "0" * 32, "ü"):
        page = await visit.send(filled(route.path), {"mark": mark})
        assert page.status_code == 403

    assert await visit.world.store.events.find(ACME.id, Sought(), after=None, size=1000) == before


@pytest.mark.parametrize("route", [route for route in PAGES if route.guard is session], ids=lambda r: r.method + r.path)
async def test_without_a_session_every_page_leads_to_the_sign_in(visit: Visit, route: Route) -> None:
    path = filled(route.path)
    asked = await visit.client.request(route.method, path, follow_redirects=False)
    part = await visit.client.request(route.method, path, follow_redirects=False, headers={"hx-request": "true"})

    assert asked.status_code == 303
    assert asked.headers["location"].startswith("/console/sign-in")
    assert (part.status_code, part.headers["hx-redirect"].startswith("/console/sign-in")) == (204, True)
    # It may be the late answer to a cookie that has been replaced.
    assert "set-cookie" not in part.headers


# --- What pages say -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/tokens", "/console/nothing"])
async def test_every_page_is_kept_by_nobody_and_runs_nothing_of_others(visit: Visit, path: str) -> None:
    await visit.sign_in(ANNA)
    page = await visit.open(path)

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|javascript:", page.text)


async def test_the_files_are_kept_by_browsers_as_long_as_they_are_the_same(visit: Visit) -> None:
    await visit.open("/console/sign-in")
    for address in re.findall(r'(?:href|src)="(/console/static/[^"]+)"', visit.page.text):
        kept, other = await visit.client.get(address), await visit.client.get(address.split("?")[0])

        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert other.headers["cache-control"] == "no-cache"
        assert kept.headers["content-encoding"] == "gzip"
        plain = await visit.client.get(address, headers={"accept-encoding": "identity"})
        assert plain.content == kept.content
    assert (await visit.client.get("/console/static/nothing")).status_code == 404


async def test_what_is_at_no_path_is_a_page_within_the_console_and_json_elsewhere(visit: Visit) -> None:
    page, other = await visit.open("/console/nothing"), await visit.client.get("/nothing")

    assert (page.status_code, other.status_code) == (404, 404)
    assert "There is no such page" in visit.text or "text/html" in page.headers["content-type"]
    assert other.json()["msg"] == "Not found"


# --- Links of other sites, and what becomes of a session ------------------------------------------------------------------


async def test_a_link_of_another_site_signs_nobody_out_and_takes_one_more_step(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    elsewhere = {"sec-fetch-site": "cross-site"}
    cookies, visit.client.cookies = visit.client.cookies, httpx2.Cookies()

    for path in ("/console/tokens?q=a", "/console/sign-in"):
        page = await visit.client.get(path, headers=elsewhere, follow_redirects=False)

        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert '<meta http-equiv="refresh" content="0">' in page.text
    visit.client.cookies = cookies
    assert (await visit.open("/console/tokens", headers=elsewhere)).url.path == "/console/tokens"


async def test_a_cookie_that_did_not_come_is_not_taken_away(visit: Visit) -> None:
    page = await visit.client.get("/console/tokens", follow_redirects=False)

    assert "tallystick_session" not in page.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "sent, shown",
    [
        ("/console/tokens/new", "/console/tokens/new"),
        ("/console/account/password", "/console/account"),
        ("/console/rule/look", "/console/rule"),
    ],
)
async def test_whose_session_ended_in_a_form_comes_back_to_it(visit: Visit, sent: str, shown: str) -> None:
    await visit.sign_in(ROOT)
    await visit.open(shown)
    (own,) = [
        token.id
        async for batch in visit.world.store.tokens.batches(Reach(ACME.id, ROOT.id), size=9)
        for token in batch
        if is_session(token)
    ]
    await visit.world.ask("DELETE", f"/tokens/{own}", ROOT)

    await visit.send(sent, {})
    assert "Your session has ended" in visit.text
    await visit.send("/console/sign-in", {"login": ROOT.login, "password": PASSWORD})

    assert visit.page.url.path == shown


@pytest.mark.parametrize("route", [route for route in PAGES if route.method == "POST"], ids=lambda route: route.path)
async def test_the_address_of_a_form_leads_to_a_page(visit: Visit, route: Route) -> None:
    await visit.sign_in(ROOT)

    page = await visit.open(filled(route.path, user_id=BERT.id, token_id=main_id(BERT), service_id="x"))

    assert page.status_code == 200


async def test_a_form_of_another_session_says_where_to_open_it_again(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    page = await visit.send("/console/tokens/new", {"mark": "0" * 32})

    assert page.status_code == 403
    assert '<a class="button main" href="/console/tokens/new">Open the page again</a>' in page.text


async def test_signing_in_again_ends_the_session_of_before(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    (first,) = await sessions(visit)
    await visit.sign_in(ANNA)

    (second,) = [each for each in await sessions(visit) if await visit.world.live(each)]
    assert second != first


async def test_signing_out_costs_nothing_and_is_always_possible() -> None:
    async with a_visit(writes_per_hour=1) as visit:
        await visit.sign_in(ANNA)
        (own,) = await sessions(visit)
        await visit.open("/console/account")
        limited = await visit.world.ask("PUT", f"/tokens/{own}/limits", ROOT, json={"networks": ["10.0.0.0/8"]})
        assert limited.status_code == 200

        await visit.send("/console/sign-out", {})

        assert visit.page.url.path == "/console/sign-in"
        assert not await visit.world.live(own)


async def test_what_is_over_the_limit_is_told_in_words_of_our_own_and_when_it_is_not(visit: Visit) -> None:
    async with a_visit(writes_per_hour=1) as poor:
        await poor.sign_in(ANNA)
        await poor.open("/console/account")

        page = await poor.send("/console/account/password", {})

        assert page.status_code == 429
        assert "The next ones you can make in " in poor.text
        assert "support@" not in poor.text
        assert int(page.headers["retry-after"]) > 0


async def test_a_wrong_method_is_told_which_would_do(visit: Visit) -> None:
    page = await visit.client.delete("/console/tokens")

    assert (page.status_code, page.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("cookie", ["x", "a b", "0" * 23, "é"])
async def test_a_visit_that_is_called_otherwise_than_ours_gets_another_name(visit: Visit, cookie: str) -> None:
    page = await visit.client.get("/console/sign-in", headers={b"cookie": f"tallystick_visit={cookie}".encode()})

    assert re.search(r"tallystick_visit=[0-9A-Za-z]{22};", page.headers["set-cookie"])


async def test_a_programs_token_in_the_cookie_is_not_ended_by_signing_in(visit: Visit) -> None:
    _, secret = await visit.world.give(ANNA, "deploy", id="deploy")
    visit.client.cookies.set("tallystick_session", secret, domain="tallystick.test", path="/console")

    await visit.sign_in(ANNA)

    assert visit.page.url.path == "/console/tokens"
    assert await visit.world.live("deploy")


async def test_who_comes_with_a_dead_session_signs_in_like_everybody(visit: Visit) -> None:
    await visit.sign_in(ANNA)
    (own,) = await sessions(visit)
    await visit.open("/console/sign-in")
    await visit.world.ask("DELETE", f"/tokens/{own}", ROOT)

    await visit.send("/console/sign-in", {"login": ANNA.login, "password": PASSWORD})

    assert visit.page.url.path == "/console/tokens"
