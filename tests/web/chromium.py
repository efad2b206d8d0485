"""A real browser: the system's Chromium, driven by Playwright, and what every test wants of a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.site import Site

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root in a container, without a display, and without asking anybody for anything.
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
AXE = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips when there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, site: Site, who: str) -> None:
    """As one of the demo's people: SUPERUSER or USER."""
    page.goto(f"{site.url}/console")
    page.get_by_label("Login").fill(site.env[f"{who}_LOGIN"])
    page.get_by_label("Password").fill(site.env[f"{who}_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/tokens")


def violations(page: Page) -> list[str]:
    """What axe finds: rule, and where.  It is put in past the page's own policy, which would not let it in."""
    if not AXE.exists():
        pytest.skip("axe is not here: make clients")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # Any: axe's own answer.
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]


def is_wider_than_its_window(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    wider: bool = page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    return wider
