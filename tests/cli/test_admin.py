"""`tallystick admin`: straight on the database, while the server runs or not."""

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tallystick.cli.ending import EXIT
from tallystick.core.errors import Conflict, Invalid, NotFound, TallystickError
from tallystick.identity import totp
from tests.cli.program import CHEAP, Terminal, demo, running, tallystick

PASSWORD = "correct horse battery"
OTHER_PASSWORD = "battery staple, correct"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory in which `tallystick init` has been."""
    answers = ("--customer", "Acme", "--login", "ada@example.com", "--name", "Ada", "--password-stdin", *CHEAP)
    assert tallystick("init", *answers, stdin=PASSWORD, cwd=tmp_path).returncode == 0
    return tmp_path


def admin(*arguments: str, stdin: str = "", cwd: Path) -> str:
    """What it prints; it must work, and say nothing else."""
    ended = tallystick("admin", *CHEAP, *arguments, stdin=stdin, cwd=cwd)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def refused(*arguments: str, kind: type[TallystickError], stdin: str = "", cwd: Path) -> str:
    """What it says in its one line; it must fail, with the exit code for this kind of failure."""
    ended = tallystick("admin", *CHEAP, *arguments, stdin=stdin, cwd=cwd)
    assert (ended.returncode, ended.stdout) == (EXIT[kind], "")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("tallystick: ").strip()


def listed(what: str, *, cwd: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(admin(what, "list", "--json", cwd=cwd))
    return rows


def code_now(secret: str) -> str:
    return totp.code_at(base64.b32decode(secret), time.time_ns() // 1_000_000)


def secret_in(shown: str) -> str:
    found = re.search(r"^otpauth://totp/Tallystick:ada%40example\.com\?\S*secret=([A-Z2-7]{32})", shown, re.MULTILINE)
    assert found, shown
    return found[1]


def test_what_is_made_is_listed_and_its_id_is_printed(home: Path) -> None:
    beta = admin("customer", "add", "Beta", cwd=home).strip()
    bob = admin("user", "add", "bob", "--customer", beta, "--password-stdin", stdin=PASSWORD, cwd=home).strip()
    shop = admin("service", "add", "shop", "--customer", beta, cwd=home).strip()

    assert [(row["name"], row["id"] == beta) for row in listed("customer", cwd=home)] == [
        ("Acme", False),
        ("Beta", True),
    ]
    assert [(row["login"], row["role"], row["id"] == bob) for row in listed("user", cwd=home)] == [
        ("ada@example.com", "superuser", False),
        ("bob", "user", True),
    ]
    assert admin("service", "list", cwd=home) == f"{shop}\tshop\t{beta}\n"
    assert admin("user", "list", "--customer", beta, cwd=home) == f"{bob}\tbob\tbob\tuser\tno\tno\t{beta}\n"


def test_no_list_shows_what_proves_a_user(home: Path) -> None:
    shown = admin("user", "list", "--json", cwd=home)

    assert "password" not in shown
    assert "argon2" not in shown


def test_the_only_customer_need_not_be_named_and_one_of_several_must_be(home: Path) -> None:
    admin("service", "add", "shop", cwd=home)
    admin("customer", "add", "Beta", cwd=home)

    assert (
        refused("service", "add", "blog", kind=Invalid, cwd=home)
        == "there are 2 customers: say which one with --customer ID"
    )
    assert refused("service", "add", "blog", "--customer", "x", kind=NotFound, cwd=home) == "no customer has the id x"


def test_a_login_is_taken_in_any_case(home: Path) -> None:
    said = refused("user", "add", "ADA@example.com", "--password-stdin", kind=Conflict, stdin=PASSWORD, cwd=home)

    assert said == "the login ADA@example.com is taken"


@pytest.mark.parametrize("login", ["", "  ", "a\nb", "x" * 256, "a\x1b[31m"])
def test_a_login_that_cannot_be_used_is_refused(home: Path, login: str) -> None:
    said = refused("user", "add", "--password-stdin", "--", login, kind=Invalid, stdin=PASSWORD, cwd=home)

    assert said == "a login has 1 to 255 characters, none of them invisible"


def test_login_and_name_are_no_password(home: Path) -> None:
    said = refused(
        "user", "add", "zaphodbeeblebrox", "--password-stdin", kind=Invalid, stdin="zaphodbeeblebrox", cwd=home
    )

    assert said == "this password is too easy to guess: take a longer one, or several unrelated words"


def test_a_new_password_counts_at_once_on_a_running_server(home: Path) -> None:
    with running("serve", "--port", "0", *CHEAP, cwd=home) as server:
        said = admin("set-password", "ADA@example.com", "--password-stdin", stdin=OTHER_PASSWORD, cwd=home)

        form = f"username=ada@example.com&password={OTHER_PASSWORD.replace(' ', '+')}"
        assert server.ask("POST", "/tokens", form=form)["access_token"]
        with pytest.raises(AssertionError, match="invalid_grant"):
            server.ask("POST", "/tokens", form=f"username=ada@example.com&password={PASSWORD.replace(' ', '+')}")
        assert said == "ada@example.com has a new password.\n"


def test_on_a_terminal_a_new_password_is_asked_for_twice_and_not_shown(home: Path) -> None:
    terminal = Terminal("admin", *CHEAP, "set-password", "ada@example.com", cwd=home)
    terminal.answer("Password:", OTHER_PASSWORD)
    terminal.answer("Password, once more:", OTHER_PASSWORD)
    ended = terminal.end()

    assert ended.code == 0
    assert OTHER_PASSWORD not in ended.screen


def test_enrolment_shows_a_code_to_scan_and_is_on_only_after_a_code_came_back(home: Path) -> None:
    terminal = Terminal("admin", "enrol-totp", "ada@example.com", cwd=home)
    terminal.wait_for("Code that the app shows now")
    before = listed("user", cwd=home)
    shown = terminal.screen_so_far()
    terminal.answer(":", code_now(secret_in(shown)))
    ended = terminal.end()

    assert [user["two_factor"] for user in before] == [False]
    assert shown.count("█") > 300
    assert ended.code == 0
    assert "From now on ada@example.com needs a one-time code." in ended.screen
    assert [user["two_factor"] for user in listed("user", cwd=home)] == [True]


def test_a_code_that_does_not_fit_changes_nothing(home: Path) -> None:
    terminal = Terminal("admin", "enrol-totp", "ada@example.com", cwd=home)
    terminal.answer("Code that the app shows now", "abcdef")
    ended = terminal.end()

    assert ended.code == EXIT[Invalid]
    assert "that code does not fit" in ended.screen
    assert [user["two_factor"] for user in listed("user", cwd=home)] == [False]


def test_for_scripts_it_can_be_enrolled_without_a_code_and_removed(home: Path) -> None:
    shown = admin("enrol-totp", "ada@example.com", "--no-confirm", cwd=home)
    enrolled = listed("user", cwd=home)
    said = admin("remove-totp", "ada@example.com", cwd=home)

    assert secret_in(shown)
    assert "█" not in shown
    assert [user["two_factor"] for user in enrolled] == [True]
    assert said == "From now on ada@example.com needs no one-time code.\n"
    assert [user["two_factor"] for user in listed("user", cwd=home)] == [False]


def test_who_was_guessed_at_too_often_can_be_set_free(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        wrong = f"username={env['USER_LOGIN']}&password=wrong"
        right = f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}"
        for _ in range(6):
            with pytest.raises(AssertionError, match=r"invalid_grant|Too many"):
                server.ask("POST", "/tokens", form=wrong)
        with pytest.raises(AssertionError, match="Too many"):
            server.ask("POST", "/tokens", form=right)

        there = ("--database", "sqlite:tallystick-demo/tallystick.db", "--key-file", "tallystick-demo/tallystick.key")
        said = admin(*there, "user", "unlock", env["USER_LOGIN"], cwd=tmp_path)

        assert said == f"{env['USER_LOGIN']} may log in (5 failed guesses forgotten).\n"
        assert server.ask("POST", "/tokens", form=right)["access_token"]


@pytest.mark.parametrize(
    "command",
    [
        *("set-password nobody", "enrol-totp nobody", "remove-totp nobody", "user show nobody", "user lock nobody"),
        *("user unlock nobody", "user set-role nobody user", "user rename nobody --name x", "user delete nobody --yes"),
    ],
)
def test_an_unknown_login_is_one_line(home: Path, command: str) -> None:
    said = refused(*command.split(), kind=NotFound, cwd=home)

    assert said == "no user has the login nobody"


def test_without_init_it_says_what_to_do(tmp_path: Path) -> None:
    assert refused("user", "list", kind=NotFound, cwd=tmp_path) == (
        "there is no key file at tallystick.key: `tallystick init` makes one, or name it with --key-file"
    )
