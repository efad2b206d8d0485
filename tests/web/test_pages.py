"""Every page in a real browser, light and dark, on a desk and on a phone: axe finds nothing, nothing has to be scrolled sideways.

With `--pictures` (`make pictures`) it also takes the pictures that the documentation shows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tallystick.web.app import PAGES
from tallystick.web.signin import up
from tests.web.chromium import DESKTOP, PHONE, chromium, is_wider_than_its_window, sign_in, violations
from tests.web.site import Site, a_site

pytestmark = pytest.mark.xdist_group("browser")
# All four for pictures; what can be wrong about a colour or a width shows in two.
LOOKS = [("light", "desktop"), ("dark", "phone"), ("light", "phone"), ("dark", "desktop")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    with chromium() as made:
        yield made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "look" in metafunc.fixturenames:
        looks = LOOKS if metafunc.config.getoption("--pictures") else LOOKS[:2]
        metafunc.parametrize("look", looks, ids="-".join, scope="module", indirect=True)


@pytest.fixture(scope="module")
def look(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site, look: tuple[str, str]) -> Iterator[Page]:
    """A superuser's, signed in."""
    scheme, place = look
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport=DESKTOP if place == "desktop" else PHONE,  # type: ignore[arg-type]  # Playwright's own kind of dictionary
        locale="en-GB",
        reduced_motion="reduce",
    )
    made = context.new_page()
    made.set_default_timeout(15_000)
    sign_in(made, site, "SUPERUSER")
    yield made
    context.close()


def at(path: str) -> Callable[[Page, Site], None]:
    return lambda page, site: goto(page, site, path)


def goto(page: Page, site: Site, path: str) -> None:
    page.goto(site.url + path)


def a_token(page: Page, site: Site) -> None:
    goto(page, site, "/console/tokens")
    page.get_by_role("link", name="edge dashboards").click()


def limiting(page: Page, site: Site) -> None:
    a_token(page, site)
    page.get_by_role("link", name="Change limits").click()


def limited(page: Page, site: Site) -> None:
    goto(page, site, "/console/tokens/new")
    page.get_by_text("Limit it further").click()
    page.get_by_role("textbox", name="Networks").fill("10.0.0.0/8\n2001:db8::/32")
    page.get_by_role("textbox", name="Requests a minute").scroll_into_view_if_needed()


def a_secret(page: Page, site: Site) -> None:
    goto(page, site, "/console/tokens/new")
    page.get_by_label("Name").fill("ci purge shop")
    page.get_by_label("purge_select").check()
    page.get_by_role("button", name="Make token").click()
    page.get_by_text("This is the only time").wait_for()


def wrong_wish(page: Page, site: Site) -> None:
    goto(page, site, "/console/tokens/new")
    page.get_by_label("Name").fill("ci")
    page.get_by_label("Only these").check()
    page.get_by_role("button", name="Make token").click()
    page.get_by_role("alert").wait_for()


def revoking(page: Page, site: Site) -> None:
    goto(page, site, "/console/tokens")
    page.get_by_label("Choose ci purge shop").first.check()
    page.get_by_label("Choose edge dashboards").check()
    page.get_by_role("button", name="Revoke chosen").click()
    page.get_by_text("This will break").wait_for()


def revoked(page: Page, site: Site) -> None:
    a_secret(page, site)
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("button", name="Revoke 1 token").click()
    page.get_by_text("dead everywhere").wait_for()


def hostile(page: Page, site: Site) -> None:
    goto(page, site, "/console/people")
    page.get_by_role("link", name="Mallory").click()
    page.get_by_role("link", name="5 tokens").click()


def a_person(page: Page, site: Site) -> None:
    goto(page, site, "/console/people")
    page.get_by_role("link", name="Bert").click()


def who_leaves(page: Page, site: Site) -> None:
    goto(page, site, "/console/people")
    page.get_by_role("link", name="Demo user").click()
    page.get_by_role("link", name="They leave…").click()


def what_a_rule_meets(page: Page, site: Site) -> None:
    goto(page, site, "/console/rule")
    page.get_by_label("Neither used nor created for").select_option("30")
    page.get_by_role("button", name="Show what would end").click()
    page.get_by_text("would end").first.wait_for()


def the_code(page: Page, site: Site) -> None:
    goto(page, site, "/console/sign-in")
    page.get_by_label("Login").fill(site.env["OTP_LOGIN"])
    page.get_by_label("Password").fill(site.env["OTP_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="One-time code").wait_for()


SEEN: dict[str, Callable[[Page, Site], None]] = {
    "sign-in": at("/console/sign-in"),
    "code": the_code,
    "tokens": at("/console/tokens"),
    "token": a_token,
    "limits": limiting,
    "new-token": at("/console/tokens/new"),
    "new-token-limits": limited,
    "wrong-wish": wrong_wish,
    "secret": a_secret,
    "revoke": revoking,
    "revoked": revoked,
    "account": at("/console/account"),
    "two-factor": at("/console/account/two-factor"),
    "all-tokens": at("/console/customer/tokens?expires=30d&sort=expires_at"),
    "hostile-names": hostile,
    "people": at("/console/people"),
    "person": a_person,
    "leave": who_leaves,
    "automation": at("/console/automation"),
    "new-automation": at("/console/automation/new"),
    "services": at("/console/services"),
    "events": at("/console/events"),
    "rule": at("/console/rule"),
    "rule-met": what_a_rule_meets,
    "state": at("/console/state"),
    "nothing": at("/console/nothing"),
}
# What can be opened and is not a page by itself: it leads on, or is a file.
NOT_SEEN = {"/console", "/console/", "/console/static/{name}"}


def test_every_page_is_seen() -> None:
    opened = {route.path for route in PAGES if route.method == "GET" and route.handler is not up} - NOT_SEEN

    assert len(SEEN) >= len(opened)


@pytest.mark.parametrize("name", SEEN)
def test_a_page_can_be_read_by_everybody_and_fits(
    page: Page, site: Site, look: tuple[str, str], name: str, request: pytest.FixtureRequest
) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    SEEN[name](page, site)

    picture(page, f"{name}-{'-'.join(look)}.jpg", request.config.getoption("--pictures"))
    assert violations(page) == []
    assert not is_wider_than_its_window(page)
    assert [each for each in errors if "status of 4" not in each] == []


def picture(page: Page, name: str, directory: str | None) -> None:
    if directory is not None:
        page.screenshot(path=Path(directory) / name, type="jpeg", quality=60)
