from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tallystick.cli import settings
from tallystick.cli.settings import Hashing, Scraping, Settings
from tallystick.cli.worker import Plan
from tallystick.core.errors import Invalid

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_nothing_has_to_be_set() -> None:
    assert Settings.read({"PATH": "/bin"}, {}) == Settings()


def test_a_flag_goes_before_the_environment_and_the_environment_before_the_default() -> None:
    environ = {"TALLYSTICK_PORT": "1111", "TALLYSTICK_WORKERS": "2", "TALLYSTICK_HASHING": "cheapest"}

    read = Settings.read(environ, {"port": "2222", "workers": None})

    assert (read.port, read.workers, read.hashing, read.host) == (2222, 2, Hashing.CHEAPEST, "127.0.0.1")


def test_a_commands_own_default_goes_before_the_default_only() -> None:
    environ = {"TALLYSTICK_WORKERS": "2", "TALLYSTICK_HOST": ""}

    read = Settings.read(environ, {"port": "1"}, {"port": "2", "workers": "3", "host": "::1"})

    assert (read.port, read.workers, read.host) == (1, 2, "::1")


def test_an_empty_variable_counts_as_absent_and_an_empty_flag_does_not() -> None:
    assert Settings.read({"TALLYSTICK_PORT": ""}, {}).port == Settings().port
    with pytest.raises(Invalid, match="--port must be a number"):
        Settings.read({}, {"port": ""})


def test_every_mistake_is_named_at_once() -> None:
    environ = {
        "TALLYSTICK_PORT": "70000",
        "TALLYSTICK_WORKERS": "many",
        "TALLYSTICK_DATABASE": "mysql://root:hunter2@db",
    }

    with pytest.raises(Invalid) as caught:
        Settings.read(environ, {"host": "a b", "hashing": "fast"})

    named = ("TALLYSTICK_PORT", "TALLYSTICK_WORKERS", "TALLYSTICK_DATABASE", "--host", "--hashing")
    assert [name for name in named if name not in str(caught.value)] == []
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_variable_is_a_mistake_and_the_one_that_was_meant_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        Settings.read({"TALLYSTICK_PROT": "1", "TALLYSTICK_XYZZY": ""}, {})

    assert str(caught.value) == (
        "TALLYSTICK_PROT is not a setting (is TALLYSTICK_PORT meant?); TALLYSTICK_XYZZY is not a setting"
    )


def test_the_clients_variable_is_known() -> None:
    assert Settings.read({"TALLYSTICK_URL": "http://127.0.0.1:8080"}, {}) == Settings()


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "0x1", "١", " 1", "65536", "9" * 5000])
def test_only_plain_numbers_within_bounds_are_ports(text: str) -> None:
    with pytest.raises(Invalid, match="TALLYSTICK_PORT must be a number from 0 to 65535"):
        Settings.read({"TALLYSTICK_PORT": text}, {})


def test_who_may_read_the_metrics_is_one_of_three_words() -> None:
    assert Settings.read({"TALLYSTICK_METRICS": "token"}, {}).metrics is Scraping.TOKEN
    with pytest.raises(Invalid, match="TALLYSTICK_METRICS must be off or token or open, not 'on'"):
        Settings.read({"TALLYSTICK_METRICS": "on"}, {})


@pytest.mark.parametrize(
    "text", ["memory:", "sqlite:", "tallystick.db", "mysql://a", "postgresql://a:hunter2@b:port/c"]
)
def test_a_service_keeps_its_data_in_a_file_or_on_a_server(text: str) -> None:
    with pytest.raises(Invalid, match=r"TALLYSTICK_DATABASE (must be|is wrong)") as caught:
        Settings.read({"TALLYSTICK_DATABASE": text}, {})

    assert "hunter2" not in str(caught.value)


def test_a_password_in_a_url_is_not_shown() -> None:
    url = "postgresql://tally:hunter2@db/tally"

    read = Settings.read({"TALLYSTICK_DATABASE": url, "TALLYSTICK_DATABASE_REPLICA": url}, {})

    assert (read.database, read.database_replica) == (url, url)
    assert "hunter2" not in repr(read)
    assert "hunter2" not in repr(Plan(read.database, read.key_file, read.hashing, 0, replica=url))


def test_the_page_of_settings_is_current() -> None:
    assert DOCS.read_text(encoding="utf-8") == settings.page(), (
        "write it anew: python -c 'from tallystick.cli.settings import page; print(page(), end=\"\")' > docs/settings.md"
    )


def test_a_flag_shows_its_help_its_variable_and_its_default() -> None:
    @click.command()
    @settings.options("port")
    def command(port: str | None) -> None:
        click.echo(port)

    shown = " ".join(CliRunner().invoke(command, ["--help"]).output.split())

    assert "--port TEXT The port to listen on; 0 takes any free one. [TALLYSTICK_PORT; default: 8080]" in shown


def test_trusted_proxies_are_networks_and_never_everybody() -> None:
    given = Settings.read({"TALLYSTICK_TRUSTED_PROXIES": "10.0.0.7/32, fd00::/64,192.0.2.1"}, {})

    assert given.trusted_proxies == ("10.0.0.7/32", "fd00::/64", "192.0.2.1")
    for text in ("proxy", "10.0.0.7/8", "10.0.0.7/33", "10.0.0.0/8,", "*"):
        with pytest.raises(Invalid, match="TALLYSTICK_TRUSTED_PROXIES must be networks"):
            Settings.read({"TALLYSTICK_TRUSTED_PROXIES": text}, {})
    for text in ("0.0.0.0/0", "10.0.0.7,::/0"):
        with pytest.raises(Invalid, match="TALLYSTICK_TRUSTED_PROXIES must name the proxies alone"):
            Settings.read({"TALLYSTICK_TRUSTED_PROXIES": text}, {})
