"""docs/frameworks.md shows the examples as they are, and its patterns are read as it says."""

import re
from pathlib import Path

import pytest

from tallystick.integrations import Need
from tallystick.integrations._gate import Rules

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs", "frameworks.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"`(examples/\w+/app\.py)`[^`]*\n\n```python\n(.*?)```\n", re.DOTALL)
PATTERNS = re.compile(r"```python\n(from tallystick\.integrations import Need\n.*?)```", re.DOTALL)


def test_every_example_is_shown() -> None:
    shown = {path for path, _ in SHOWN.findall(PAGE)}

    assert shown == {str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*/app.py")}


@pytest.mark.parametrize(
    "path, code", SHOWN.findall(PAGE), ids=lambda each: each if each.startswith("examples") else ""
)
def test_an_example_is_shown_as_it_is(path: str, code: str) -> None:
    assert code == ROOT.joinpath(path).read_text(encoding="utf-8")


def test_the_patterns_that_it_shows_are_read_as_it_says() -> None:
    (code,) = PATTERNS.findall(PAGE)
    told: dict[str, object] = {}
    exec(code, told)
    rules = Rules(open=told["open"], needs=told["needs"])  # type: ignore[arg-type]

    assert rules.need("GET", "/orders/1/picture") is None
    assert rules.need("HEAD", "/orders") == Need(scope="global:read")
    assert rules.need("POST", "/orders/1") == Need(scope="global")
    assert rules.need("POST", "/purge/a") == Need(scope="purge_all", service="a")
    assert rules.need("GET", "/elsewhere") == Need()


@pytest.mark.parametrize("path", re.findall(r"`(tests/[^`]+\.py)`", PAGE))
def test_a_test_that_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
