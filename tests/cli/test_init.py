"""`tallystick init`, on a terminal and from a script."""

import signal
from pathlib import Path

import pytest

from tests.cli.program import CHEAP, Terminal, cmdline, running, tallystick

PASSWORD = "correct horse battery"
SCRIPTED = ("init", "--customer", "Acme", "--login", "ada@example.com", "--name", "Ada", "--password-stdin", *CHEAP)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def users(directory: Path) -> str:
    return tallystick("admin", "user", "list", cwd=directory).stdout


def test_on_a_terminal_it_asks_shows_no_password_and_says_what_comes_next(tmp_path: Path) -> None:
    terminal = Terminal("init", *CHEAP, cwd=tmp_path)
    terminal.answer("Name of the customer", "Acme")
    terminal.answer("Login of the first superuser", "ada@example.com")
    terminal.answer("Their name", "Ada")
    terminal.answer("Password:", PASSWORD)
    terminal.answer("Password, once more:", PASSWORD)
    ended = terminal.end()

    assert ended.code == 0
    assert "Superuser  ada@example.com (new)" in ended.screen
    assert "tallystick serve" in ended.screen
    assert PASSWORD not in ended.screen
    assert "superuser" in users(tmp_path)


def test_a_password_that_anybody_would_guess_is_asked_for_again(tmp_path: Path) -> None:
    terminal = Terminal(*SCRIPTED[:-3], *CHEAP, cwd=tmp_path)
    for attempt in ("ada@example.com", PASSWORD):
        terminal.answer("Password:", attempt)
        terminal.answer("Password, once more:", attempt)
    ended = terminal.end()

    assert ended.code == 0
    assert "Not this one: this password is too easy to guess" in ended.screen


def test_two_that_differ_are_asked_for_again(tmp_path: Path) -> None:
    terminal = Terminal(*SCRIPTED[:-3], *CHEAP, cwd=tmp_path)
    terminal.answer("Password:", PASSWORD)
    terminal.answer("Password, once more:", "incorrect horse battery")
    terminal.answer("Password:", PASSWORD)
    terminal.answer("Password, once more:", PASSWORD)

    assert terminal.end().code == 0


def test_a_second_run_says_what_exists_and_changes_nothing(tmp_path: Path) -> None:
    tallystick(*SCRIPTED, stdin=PASSWORD, cwd=tmp_path)
    before = contents(tmp_path)

    ended = tallystick(*SCRIPTED, stdin="another good password", cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "Key file   tallystick.key (was here already)",
        "Database   sqlite:tallystick.db",
        "Superuser  ada@example.com (was here already)",
        "Nothing was changed.",
    ]
    assert contents(tmp_path) == before


def test_interrupted_at_a_prompt_it_can_be_run_again(tmp_path: Path) -> None:
    terminal = Terminal("init", *CHEAP, cwd=tmp_path)
    terminal.answer("Name of the customer", "Acme")
    terminal.wait_for("Login of the first superuser")
    ended = terminal.interrupt()
    assert ended.code == 1
    assert "Traceback" not in ended.screen

    again = tallystick(*SCRIPTED, stdin=PASSWORD, cwd=tmp_path)

    assert again.returncode == 0
    assert "Customer   Acme (was here already)" in again.stdout
    assert "Superuser  ada@example.com (new)" in again.stdout


def test_from_a_script_it_asks_nothing_and_its_password_is_in_no_command_line(tmp_path: Path) -> None:
    terminal = Terminal(*SCRIPTED[:-3], *CHEAP, cwd=tmp_path)
    terminal.wait_for("Password:")
    assert PASSWORD.encode() not in cmdline(terminal.pid)
    terminal.interrupt()

    ended = tallystick(*SCRIPTED, stdin=f"{PASSWORD}\nnot this line", cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert PASSWORD not in ended.stdout
    with running("serve", "--port", "0", *CHEAP, cwd=tmp_path) as server:
        form = f"username=ada@example.com&password={PASSWORD.replace(' ', '%20')}"
        assert server.ask("POST", "/tokens", form=form)["access_token"].startswith("tly_")
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    "stdin, reason",
    [
        ("", "no password came on standard input"),
        ("ada@example.com\n", "this password is too easy to guess: take a longer one, or several unrelated words"),
        ("short\n", "a password has 8 to 256 characters"),
    ],
)
def test_a_scripted_password_that_is_no_good_is_one_line(tmp_path: Path, stdin: str, reason: str) -> None:
    ended = tallystick(*SCRIPTED, stdin=stdin, cwd=tmp_path)

    assert (ended.returncode, ended.stderr) == (1, f"tallystick: {reason}\n")


def test_without_a_terminal_and_without_answers_it_does_not_wait(tmp_path: Path) -> None:
    ended = tallystick("init", *CHEAP, cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stderr.startswith("tallystick: there is no terminal to ask on")


def test_a_lost_key_file_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    tallystick(*SCRIPTED, stdin=PASSWORD, cwd=tmp_path)
    (tmp_path / "tallystick.key").rename(tmp_path / "misplaced")

    ended = tallystick(*SCRIPTED, stdin=PASSWORD, cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stderr == (
        "tallystick: sqlite:tallystick.db belongs to a key file that is not at tallystick.key: put it back, "
        "or name it with --key-file\n"
    )
    assert not (tmp_path / "tallystick.key").exists()


def test_the_password_is_an_option_nowhere(tmp_path: Path) -> None:
    for command in (("init",), ("admin", "user", "add"), ("admin", "set-password")):
        shown = tallystick(*command, "--help", cwd=tmp_path).stdout

        assert "--password-stdin" in shown
        assert "--password " not in shown
