"""Stories in a real browser, against a real server: with and without JavaScript, by keyboard alone, in two windows."""

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Page, expect

from tallystick.identity import totp
from tests.web.chromium import chromium, sign_in
from tests.web.site import Site, a_site

pytestmark = pytest.mark.xdist_group("browser")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("site"), "--workers", "2") as made:
        yield made


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """A new browser of its own; as `BrowserContext` has it."""
    contexts: list[BrowserContext] = []

    def open_(**options: Any) -> Page:
        contexts.append(browser.new_context(locale="en-GB", **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_
    for context in contexts:
        context.close()


def api(site: Site, secret: str, path: str = "/tokens/self") -> tuple[int, Any]:
    """What the API answers, and what it says."""
    asked = urllib.request.Request(site.url + path, headers={"Fastly-Key": secret, "User-Agent": "curl/8.9.1"})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def make_token(page: Page, name: str) -> str:
    """One that can only purge the shop until Friday; its secret."""
    page.get_by_role("link", name="New token").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("purge_select").check()
    page.get_by_label("Only these").check()
    page.get_by_role("group", name="Services").get_by_label("shop").check()
    page.get_by_label("A certain day").check()
    page.get_by_label("Day", exact=True).fill(friday())
    page.get_by_role("button", name="Make token").click()
    return page.get_by_label("Secret").input_value()


def friday() -> str:
    today = datetime.now(UTC).date()
    return (today + timedelta(days=(4 - today.weekday()) % 7 or 7)).isoformat()


def the_story(page: Page, site: Site, name: str) -> None:
    """A token that can only purge one service until Friday: made, used, seen to be used, and killed."""
    sign_in(page, site, "USER")
    secret = make_token(page, name)
    status, told = api(site, secret)
    assert (status, told["scope"], told["services"]) == (200, "purge_select", [site.env["SERVICE_1"]])
    assert told["expires_at"] == f"{friday()}T23:59:59Z"
    expect(page.get_by_text("only for shop")).to_be_visible()

    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile(r"/console/tokens/\w{22}"))
    expect_after_reload(page, "by curl/8.9.1 from 127.0.0.1")
    assert secret not in page.content()

    page.get_by_role("link", name="Revoke…").click()
    expect(page.get_by_text("This will break what still uses it")).to_be_visible()
    page.get_by_role("button", name="Revoke 1 token").click()
    expect(page.get_by_role("status").filter(has_text=f"Revoked “{name}”: dead everywhere")).to_be_visible()
    assert api(site, secret)[0] == 401


def expect_after_reload(page: Page, text: str) -> None:
    """A use is seen everywhere within a second: the other worker may have had it."""
    for _ in range(50):
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(100)
        page.reload()
    raise AssertionError(f"{text!r} is not on {page.url}")


def test_a_token_is_made_used_and_killed(site: Site, opened: Open) -> None:
    the_story(opened(), site, "purge until Friday")


def test_the_same_without_javascript(site: Site, opened: Open) -> None:
    the_story(opened(java_script_enabled=False), site, "purge without a script")


def test_the_same_by_keyboard_alone(site: Site, opened: Open) -> None:
    page = opened()
    page.goto(f"{site.url}/console")
    keys = page.keyboard
    keys.type(site.env["USER_LOGIN"])
    keys.press("Tab")
    keys.type(site.env["USER_PASSWORD"])
    keys.press("Enter")
    page.wait_for_url("**/console/tokens")
    tab_to(page, "New token")
    keys.press("Enter")
    page.wait_for_url("**/new")
    keys.type("by keyboard")
    keys.press("Tab")
    keys.press("Space")
    tab_to(page, "Make token")
    keys.press("Enter")
    secret = page.get_by_label("Secret").input_value()
    assert api(site, secret)[0] == 200
    tab_to(page, "I have stored it")
    keys.press("Space")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/console/tokens/\w{22}"))
    tab_to(page, "Revoke…")
    keys.press("Enter")
    page.wait_for_url("**/console/tokens/revoke**")
    tab_to(page, "Revoke 1 token")
    keys.press("Enter")
    page.get_by_text("dead everywhere").wait_for()

    assert api(site, secret)[0] == 401


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus, which can be seen."""
    focused = """() => { const e = document.activeElement;
        return [(e.labels?.[0] ?? e).textContent.trim(), getComputedStyle(e).outlineStyle] }"""
    for _ in range(60):
        page.keyboard.press("Tab")
        text, outline = page.evaluate(focused)
        if text.startswith(name):
            assert outline != "none"
            return
    raise AssertionError(f"nothing called {name!r} is reached by Tab")


def test_a_double_click_shows_the_secret_and_not_that_it_was_shown(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "USER")
    page.goto(f"{site.url}/console/tokens/new")
    page.get_by_label("Name").fill("twice")
    page.get_by_label("purge_select").check()
    page.get_by_role("button", name="Make token").dblclick()

    secret = page.get_by_label("Secret").input_value()

    assert api(site, secret)[0] == 200


def test_what_is_copied_is_what_the_button_says_without_a_clipboard_too(site: Site, opened: Open) -> None:
    page = opened()
    # Browsers give one over TLS, and at home, only.
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    sign_in(page, site, "USER")
    secret = make_token(page, "copied")

    for what, copied in (("secret", secret), ("curl", f"curl -H 'Fastly-Key: {secret}' {site.url}/tokens/self")):
        page.locator(f"[data-copy={what}]").click()
        expect(page.locator(f"[data-copy={what}]")).to_have_text("Copied")
        page.evaluate("document.body.append(document.createElement('textarea'))")
        page.locator("body > textarea").last.focus()
        page.keyboard.press("Control+V")
        assert page.locator("body > textarea").last.input_value() == copied


def test_a_link_of_another_site_leads_in_and_signs_nobody_out(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "USER")
    other = page.context.new_page()
    other.goto(site.url.replace("127.0.0.1", "localhost") + "/docs")
    for path in ("/console/tokens", "/console/sign-in"):
        other.evaluate("to => { const a = document.createElement('a'); a.href = to; a.click(); }", site.url + path)
        other.wait_for_url(site.url + path)
        other.get_by_role("heading", name="My tokens" if path.endswith("tokens") else "Sign in").wait_for()
        other.go_back()

    page.reload()

    expect(page.get_by_role("heading", name="My tokens")).to_be_visible()


def test_a_secret_is_not_shown_again_on_reload_nor_in_history(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "USER")
    secret = make_token(page, "once")
    assert secret not in page.url

    assert page.content().count(secret) == 2
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert page.get_by_label("Secret").input_value() == ""
    assert secret not in page.content()
    page.reload()
    assert secret not in page.content()
    assert "This form was sent before" in page.content()
    page.goto(f"{site.url}/console/tokens")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    page.wait_for_url("chrome-error://**")

    page.goto(f"{site.url}/console/tokens")
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])")
    assert "tly_" not in kept
    assert page.evaluate("document.cookie") == ""


def test_a_list_is_narrowed_while_one_types_and_the_address_says_how(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "SUPERUSER")
    page.goto(f"{site.url}/console/customer/tokens")

    page.get_by_label("Search").press_sequentially("worker 1", delay=20)
    page.wait_for_url(re.compile("q=worker.*1"))
    expect(page.get_by_role("status").filter(has_text="10 tokens found")).to_be_visible()
    page.reload()
    assert page.get_by_label("Search").input_value() == "worker 1"
    page.get_by_role("link", name="Name", exact=True).click()

    assert page.locator(".list .name").first.text_content() == "worker 10"
    assert "q=worker" in page.url


def test_instants_are_told_in_the_readers_own_words(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "USER")
    english = page.locator("li", has_text="ci purge shop").locator(".ends").text_content()
    german = page.context.browser
    assert german is not None
    context = german.new_context(locale="de-DE", timezone_id="Europe/Berlin")
    other = context.new_page()
    sign_in(other, site, "USER")
    row = other.locator("li", has_text="ci purge shop")
    expect(row.locator(".ends")).to_contain_text("in 9 Tagen")
    title = row.locator(".ends time").get_attribute("title")
    context.close()

    assert english is not None
    assert "in 9 days" in english
    assert title is not None
    assert re.match(r"\d\d\.\d\d\.\d{4}, ", title)


def test_names_of_all_kinds_run_nothing(site: Site, opened: Open) -> None:
    page = opened()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    sign_in(page, site, "SUPERUSER")
    page.goto(f"{site.url}/console/people")
    page.get_by_role("link", name="Mallory").click()
    page.get_by_role("link", name="5 tokens").click()

    shown = page.locator(".list .name").all_text_contents()

    assert "<script>alert(1)</script>" in shown
    assert "x" * 255 in shown
    for name in shown:
        page.get_by_role("link", name=name, exact=True).click()
        assert page.locator("h1").text_content() == name
        page.go_back()
    assert dialogs == []


def test_two_windows_share_a_session_and_signing_out_of_one_is_noticed_by_the_other(site: Site, opened: Open) -> None:
    one = opened()
    sign_in(one, site, "USER")
    two = one.context.new_page()
    two.goto(f"{site.url}/console/tokens/new")
    two.get_by_label("Name").fill("never made")
    two.get_by_label("purge_all").check()

    one.get_by_role("button", name="Sign out").click()
    one.wait_for_url("**/console/sign-in")
    two.get_by_role("button", name="Make token").click()

    expect(two.get_by_text("Your session has ended")).to_be_visible()
    sign_in(one, site, "USER")
    assert one.get_by_text("never made").count() == 0


def test_a_session_that_is_revoked_elsewhere_ends_at_the_next_click_and_at_the_next_poll(
    site: Site, opened: Open
) -> None:
    here, there = opened(), opened()
    sign_in(here, site, "SUPERUSER")
    here.goto(f"{site.url}/console/state")
    here.get_by_text("Verifiers with a lease").wait_for()
    sign_in(there, site, "SUPERUSER")
    there.goto(f"{site.url}/console/tokens?q=console+session")
    for row in there.locator(".list li").all():
        if row.get_by_text("this session").count() == 0:
            row.get_by_role("checkbox").check()
    there.get_by_role("button", name="Revoke chosen").click()
    there.get_by_role("button", name=re.compile("Revoke . token")).click()
    there.get_by_text("dead everywhere").wait_for()

    here.wait_for_url("**/console/sign-in**")

    expect(here.get_by_text("Your session has ended")).to_be_visible()


def test_the_numbers_of_the_state_move(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "SUPERUSER")
    page.goto(f"{site.url}/console/state")
    seen = "Number(/seen=(\\d+)/.exec(document.getElementById('live').getAttribute('hx-get'))[1])"
    before = page.evaluate(seen)
    for _ in range(40):  # each on a connection of its own: both workers answer some
        assert api(site, site.env["USER_TOKEN"])[0] == 200

    page.wait_for_function(f"before => {seen} >= before + 40", arg=before)

    assert page.get_by_role("row").count() == 3
    assert page.locator("dt", has_text="Workers").locator("+ dd").text_content() == "2"


def test_a_superuser_lets_somebody_go(site: Site, opened: Open) -> None:
    page = opened()
    sign_in(page, site, "SUPERUSER")
    page.get_by_role("link", name="People").click()
    page.get_by_role("link", name="Demo otp").click()
    page.get_by_role("link", name="They leave…").click()
    page.get_by_label("Move").check()
    page.get_by_label("Lock them").check()
    page.get_by_role("button", name="Do all of it").click()
    page.wait_for_url("**/console/people/**")

    expect(page.locator("h1 + p")).to_contain_text("locked")
    status, told = api(site, site.env["OTP_TOKEN"])
    assert (status, told["user_id"]) == (200, None)


def test_somebody_new_sets_up_a_second_factor_and_signs_in_with_it(site: Site, opened: Open) -> None:
    superuser = opened()
    sign_in(superuser, site, "SUPERUSER")
    superuser.goto(f"{site.url}/console/people")
    superuser.get_by_label("Login").fill("frida@example.com")
    superuser.get_by_label("First password").fill(FIRST)
    superuser.get_by_role("button", name="Add", exact=True).click()
    superuser.get_by_role("heading", name="frida@example.com").wait_for()

    page = opened()
    password_of_frida(page, site)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Set up…").click()
    expect(page.get_by_role("img", name="QR code with the secret below")).to_be_visible()
    page.get_by_text("It cannot scan?").click()
    secret = base64.b32decode(page.locator("code.wrap").inner_text())
    page.get_by_label("Code of six digits").fill(totp.code_at(secret, now()))
    page.get_by_role("button", name="Turn on").click()
    first, second, *_ = page.locator("#codes").inner_text().split()
    page.get_by_label("I have stored them").check()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("10 recovery codes left")).to_be_visible()
    assert first not in page.content()

    # The code of now was used up by the enrolment; that of the next half minute is taken too.
    for codes in ([totp.code_at(secret, now() + 30_000)], [first], [first, second]):
        page.get_by_role("button", name="Sign out").click()
        password_of_frida(page, site)
        for code in codes:
            page.get_by_label("Code").fill(code)
            page.get_by_role("button", name="Go on").click()
            # A code that was used is refused here, and the next one asked for.
            if code != codes[-1]:
                expect(page.get_by_text("That one-time code does not fit")).to_be_visible()
        page.wait_for_url("**/console/tokens")
    page.goto(f"{site.url}/console/account")

    expect(page.get_by_text("8 recovery codes left")).to_be_visible()


FIRST = "unrelated words 4711 lantern"


def password_of_frida(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/console")
    page.get_by_label("Login").fill("frida@example.com")
    page.get_by_label("Password").fill(FIRST)
    page.get_by_role("button", name="Sign in").click()


def now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def test_the_first_page_is_light(site: Site, opened: Open) -> None:
    """At most five requests and 50 kB over the wire; nothing from elsewhere."""
    page = opened()
    page.goto(f"{site.url}/console/sign-in")
    page.context.clear_cookies()
    sizes: list[int] = []
    asked: list[str] = []
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    client.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    client.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    sign_in(page, site, "SUPERUSER")
    page.wait_for_load_state("networkidle")
    sizes.clear()
    asked.clear()

    page.goto(f"{site.url}/console/customer/tokens")
    page.wait_for_load_state("networkidle")

    assert len(asked) <= 5
    assert all(each.startswith(site.url) for each in asked)
    assert sum(sizes) <= 50_000
