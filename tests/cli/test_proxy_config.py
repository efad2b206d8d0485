"""`tallystick proxy-config`: what it prints for what it is told; tests/gateways hand that to the real programs."""

from pathlib import Path

import pytest

from tallystick.cli.proxy_config import TEMPLATES
from tests.cli.program import tallystick

PAGES = Path(__file__).parents[2] / "docs" / "gateways"


@pytest.mark.parametrize("gateway", TEMPLATES)
def test_the_page_of_a_gateway_has_what_is_printed(tmp_path: Path, gateway: str) -> None:
    printed = tallystick("proxy-config", gateway, cwd=tmp_path)

    assert (printed.returncode, printed.stderr) == (0, "")
    page = PAGES.joinpath(f"{gateway}.md").read_text(encoding="utf-8")
    assert page.count("```") == 2
    assert page.split("```")[1].partition("\n")[2] == printed.stdout


@pytest.mark.parametrize("gateway", TEMPLATES)
def test_it_asks_where_the_service_is_set_up_to_listen(tmp_path: Path, gateway: str) -> None:
    question = ("--scope", "orders:read purge_all", "--service", "x1")
    environ = {"TALLYSTICK_HOST": "0.0.0.0", "TALLYSTICK_PORT": "8181"}

    printed = tallystick("proxy-config", gateway, "--upstream", "api.internal:80", *question, cwd=tmp_path, **environ)

    assert "127.0.0.1:8181" in printed.stdout
    assert "/check?scope=orders%3Aread+purge_all&service=x1" in printed.stdout
    assert "api.internal" in printed.stdout
    assert "<<" not in printed.stdout


@pytest.mark.parametrize("gateway", TEMPLATES)
def test_addresses_of_ipv6_have_brackets_where_a_port_follows(tmp_path: Path, gateway: str) -> None:
    printed = tallystick("proxy-config", gateway, "--upstream", "[::1]:3000", "--host", "::", cwd=tmp_path)

    assert "[::1]:8080" in printed.stdout
    assert "[::1]:3000" in printed.stdout or '"::1", port_value: 3000' in printed.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ("--upstream", "127.0.0.1"),
        ("--upstream", "127.0.0.1:0"),
        ("--upstream", "127.0.0.1:65536"),
        ("--upstream", "http://127.0.0.1:80"),
        ("--listen", "127.0.0.1:80;"),
        ("--listen", "a\n:80"),
        ("--scope", ""),
        ("--scope", "a;b"),
        ("--scope", "{path}"),
        ("--service", 'x"'),
        ("--service", "$x"),
    ],
)
def test_nothing_gets_into_a_configuration_that_could_mean_more(tmp_path: Path, flags: tuple[str, str]) -> None:
    refused = tallystick("proxy-config", "nginx", *flags, cwd=tmp_path)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"Invalid value for '{flags[0]}': must be " in refused.stderr


def test_the_port_must_be_known(tmp_path: Path) -> None:
    refused = tallystick("proxy-config", "nginx", cwd=tmp_path, TALLYSTICK_PORT="0")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "which port the service has" in refused.stderr
