"""The command tree: light to import, whole, and clear about what is not installed."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from tallystick.cli import COMMANDS, cli
from tests.cli.program import environment, tallystick

SERVERS = (
    "aiosql",
    "argon2",
    "cryptography",
    "granian",
    "prometheus_client",
    "segno",
    "sqlite3",
    "starlette",
    "uvloop",
    "zxcvbn",
)


def python(script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, env=environment({}), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["token", "--help"]])
def test_what_needs_no_server_imports_nothing_of_it(tmp_path: Path, arguments: list[str]) -> None:
    ran = python(
        f"""
import sys
from tallystick.cli import main
sys.argv = ["tallystick", *{arguments}]
try:
    main()
finally:
    print([name for name in {SERVERS} if name in sys.modules], file=sys.stderr)
""",
        tmp_path,
    )

    assert (ran.returncode, ran.stderr) == (0, "[]\n")


@pytest.mark.parametrize("name", [name for name, entry in COMMANDS.items() if entry.server])
def test_without_the_servers_packages_a_command_says_what_to_install(tmp_path: Path, name: str) -> None:
    ran = python(
        f"""
import sys
sys.modules.update(dict.fromkeys({SERVERS}))  # importing one of these now fails as if it were not there
from tallystick.cli import main
sys.argv = ["tallystick", "{name}", "--port", "0", "user", "list"]
main()
""",
        tmp_path,
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"tallystick: `tallystick {name}` needs the package ")
    assert ran.stderr.endswith(", which is not installed: pip install 'tallystick[server]'\n")
    assert ran.stderr.count("\n") == 1


def test_every_command_is_there_and_helps(tmp_path: Path) -> None:
    with click.Context(cli) as context:
        assert cli.list_commands(context) == list(COMMANDS)
        for name in COMMANDS:
            found = cli.get_command(context, name)
            assert found is not None
            assert found.name == name


def test_the_list_of_commands_says_what_each_is_for(tmp_path: Path) -> None:
    shown = " ".join(tallystick("--help", cwd=tmp_path).stdout.split())

    assert [name for name, entry in COMMANDS.items() if f"{name} {entry.summary}" not in shown] == []


def test_the_version_is_named(tmp_path: Path) -> None:
    assert tallystick("--version", cwd=tmp_path).stdout.startswith("tallystick 0.")


def test_a_command_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    ended = tallystick("sevre", cwd=tmp_path)

    assert ended.returncode == 2
    assert "No such command 'sevre'" in ended.stderr


def test_a_bug_is_not_dressed_up_as_a_missing_package(tmp_path: Path) -> None:
    ran = python(
        """
import sys
sys.modules["tallystick.cli.worker"] = None
from tallystick.cli import main
sys.argv = ["tallystick", "serve"]
main()
""",
        tmp_path,
    )

    assert "ModuleNotFoundError" in ran.stderr
    assert "pip install" not in ran.stderr
