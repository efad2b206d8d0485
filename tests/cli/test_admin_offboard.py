"""`tallystick admin offboard` while a server runs: what is shown, said, asked, done, and not done."""

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tallystick import TokensApi
from tallystick.cli.ending import EXIT
from tallystick.core.errors import Conflict, NotFound
from tallystick.testing import running_server
from tests.cli.office import Office
from tests.cli.program import SECONDS_MAX, Terminal, command, environment, tallystick, until

ASKED = "[m/r/mm/rr/q]: "
SURE = "[y/N]: "
CAREFUL = "Careful: "


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with running_server() as server:
        yield Office(server)


def offboard(office: Office, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a pipe, with nobody to be asked."""
    return tallystick("admin", *office.flags, "offboard", *arguments, cwd=office.server.directory)


def on_a_terminal(office: Office, *arguments: str) -> Terminal:
    return office.on_a_terminal("offboard", *arguments)


def rows(printed: str) -> list[list[str]]:
    return [line.split("\t") for line in printed.splitlines()]


def automation(office: Office) -> dict[str, Any]:
    """What `GET /automation-tokens` lists, by id."""
    key = {"Fastly-Key": office.server["SUPERUSER_TOKEN"]}
    answer = httpx2.get(f"{office.server.url}/automation-tokens?per_page=1000", headers=key).raise_for_status()
    return {each["id"]: each for each in answer.json()["data"]}


def untouched(office: Office, login: str, *tokens: Any) -> bool:
    """Whether they and these tokens are as they were."""
    shown = office.shown(login)
    ids = [each["id"] for each in shown["tokens"]]
    return not shown["locked"] and ids == [each["id"] for each in tokens] and not automation(office).keys() & set(ids)


# --- The plan -----------------------------------------------------------------------------------------------------------


def test_the_plan_tells_of_each_token_all_that_is_needed_to_decide(office: Office) -> None:
    login, server = office.person("engineer"), office.server
    limits = {"scope": "purge_select global:read", "services": server["SERVICE_2"]}
    ci = office.token(login, name="ci", expires_at="2031-01-01T00:00:00Z", **limits)
    laptop = office.token(login, name="laptop")
    office.status(ci)
    office.until_used(ci)
    used_at = office.shown(login)["tokens"][0]["last_used_at"]

    ended = offboard(office, login, "--dry-run", "--revoke", laptop["id"])
    in_json = json.loads(offboard(office, login, "--dry-run", "--move", ci["id"], "--json").stdout)

    use = [used_at, "127.0.0.1", "a test/1.0"]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert rows(ended.stdout) == [
        [ci["id"], "ci", limits["scope"], "blog", "2031-01-01T00:00:00Z", *use, "engineer", ""],
        [laptop["id"], "laptop", "global", "all", "", "", "", "", "engineer", "revoke"],
    ]
    assert in_json["user"] | {"id": ""} == {
        "id": "",
        "login": login,
        "name": login,
        "role": "engineer",
        "locked": False,
    }
    assert (in_json["role_if_moved"], in_json["narrowed_if_moved"]) == ("engineer", False)
    first, second = in_json["tokens"]
    assert [first[name] for name in ("last_used_at", "ip", "user_agent")] == use
    assert (first["services"], first["service_names"], first["fate"]) == ([server["SERVICE_2"]], ["blog"], "move")
    assert (second["id"], second["service_names"], second["fate"]) == (laptop["id"], [], None)
    assert untouched(office, login, ci, laptop)


def test_on_a_terminal_the_plan_is_a_table_that_fits_and_no_name_steers_it(office: Office) -> None:
    login, shop = office.person("engineer"), office.server["SERVICE_1"]
    office.token(login, name="red\x1b[31m\nalert", scope="purge_all", services=shop, expires_at="2999-01-01T00:00:00Z")

    ended = on_a_terminal(office, login, "--dry-run").end()

    assert ended.code == 0
    assert "\x1b[31m" not in ended.screen
    words = " ".join(ended.screen.split())
    assert f"{login} ({login}, engineer) has 1 live token." in words
    assert "red [31m alert purge_all never used only shop expires in 97" in words
    assert "becomes an automation token with the role engineer: same id, secret, scope, services and end." in words
    table = ended.screen.splitlines()[1:-2]
    assert max(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "").rstrip()) for line in table) <= 80


@pytest.mark.parametrize("role, moved_role", [("superuser", "engineer"), ("billing", "billing"), ("user", "user")])
def test_it_says_so_where_moving_narrows_what_a_token_may_do(office: Office, role: str, moved_role: str) -> None:
    login = office.person(role)
    token = office.token(login)

    ended = offboard(office, login, "--rest", "move", "--yes")

    assert rows(ended.stdout)[0][-2:] == [moved_role, "move"]
    assert (CAREFUL in ended.stderr) == (role == "superuser")
    assert automation(office)[token["id"]]["role"] == moved_role


# --- Done ---------------------------------------------------------------------------------------------------------------


def test_a_moved_token_goes_on_with_its_secret_and_the_others_are_refused(office: Office) -> None:
    login = office.person("engineer")
    ci, nightly, laptop, browser = (office.token(login, name=name) for name in ("ci", "nightly", "laptop", "browser"))

    ended = offboard(office, login, "--move", ci["id"], "--move", nightly["id"], "--rest", "revoke", "--yes")

    assert ended.returncode == 0
    assert [row[-1] for row in rows(ended.stdout)] == ["move", "move", "revoke", "revoke"]
    assert [office.status(each) for each in (ci, nightly, laptop, browser)] == [200, 200, 401, 401]
    assert {ci["id"], nightly["id"]} <= automation(office).keys()
    assert office.shown(login)["locked"]
    said = ended.stderr.splitlines()
    assert said[0] == "Moved 2 tokens: ci, nightly."
    assert "keeps the same secrets" in said[1]
    assert "GET /automation-tokens" in said[2]
    told = re.fullmatch(
        r"Revoked 2 tokens: laptop, browser: dead everywhere after \d+ ms, 1 verifier \(receipt (\d+)\)\.", said[3]
    )
    assert told is not None
    with TokensApi(office.server["SUPERUSER_TOKEN"], url=office.server.url) as api:
        receipt = api.get_receipt(int(told[1]))
    assert receipt.heard_at is not None
    assert {each.id for each in receipt.changes} >= {each["id"] for each in (ci, nightly, laptop, browser)}
    assert said[4].startswith(f"{login} is locked, and cannot log in.")


def test_what_is_named_goes_before_the_rest(office: Office) -> None:
    login = office.person()
    laptop, ci = office.token(login), office.token(login)

    offboard(office, login, "--rest", "move", "--revoke", laptop["id"], "--yes")

    assert [office.status(each) for each in (laptop, ci)] == [401, 200]


def test_who_is_deleted_leaves_only_what_was_moved(office: Office) -> None:
    login = office.person()
    ci, laptop = office.token(login), office.token(login)

    ended = offboard(office, login, "--delete", "--move", ci["id"], "--revoke", laptop["id"], "--yes")

    assert ended.stderr.splitlines()[-1] == f"{login} is deleted."
    assert f"\t{login}\t" not in office.admin("user", "list")
    assert [office.status(each) for each in (ci, laptop)] == [200, 401]


def test_who_has_no_tokens_is_locked_and_a_second_time_nothing_is_left_to_do(office: Office) -> None:
    login = office.person()

    first, second = (offboard(office, login, "--yes") for _ in range(2))
    deleted = offboard(office, login, "--delete", "--yes")

    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.startswith(f"{login} is locked, and cannot log in.")
    assert (second.returncode, second.stdout) == (0, "")
    assert second.stderr == f"{login} is locked already, and has no live tokens: nothing is left to do.\n"
    assert deleted.stderr == f"{login} is deleted.\n"


# --- Refused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--dry-run",),
        (
            "--rest",
            "revoke",
        ),
        ("--rest", "revoke", "--yes", "--delete"),
    ],
)
def test_the_last_superuser_is_refused_before_anything_is_shown_or_asked(arguments: tuple[str, ...]) -> None:
    with running_server() as server:
        alone = Office(server)

        ended = on_a_terminal(alone, server["SUPERUSER_LOGIN"], *arguments).end()

    assert ended.code == EXIT[Conflict]
    assert ended.screen.startswith("tallystick: Last superuser (")
    assert ended.screen.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (("--rest", "keep", "--yes"), 2, "'keep' is not one of 'revoke', 'move'."),
        (("--move", "{first}", "--revoke", "{first}", "--rest", "move", "--yes"), 2, "not both: {first}."),
        (("--move", "nobodys", "--rest", "revoke", "--yes"), EXIT[NotFound], "{login} has no live token nobodys ("),
        (("--move", "{foreign}", "--rest", "revoke", "--yes"), EXIT[NotFound], "{login} has no live token {foreign} ("),
        (("--move", "{first}", "--yes"), 2, "Say what becomes of {second}: --move ID"),
        (
            (
                "--rest",
                "move",
            ),
            2,
            "Move 2 tokens and lock {login}?  Nobody is here to be asked: say --yes.",
        ),
        (("--revoke", "{first}", "--rest", "move", "--delete"), 2, "Move 1 token, revoke 1 token and delete {login}?"),
    ],
)
def test_what_makes_no_sense_or_leaves_something_open_does_nothing(
    office: Office, arguments: tuple[str, ...], code: int, said: str
) -> None:
    login = office.person()
    first, second, foreign = office.token(login), office.token(login), office.token(office.person())
    names = {"login": login, "first": first["id"], "second": second["id"], "foreign": foreign["id"]}

    ended = offboard(office, login, *(each.format(**names) for each in arguments))

    assert ended.returncode == code
    assert said.format(**names) in ended.stderr.splitlines()[-1]
    assert untouched(office, login, first, second)


def test_nobody_can_leave_who_is_not_there(office: Office) -> None:
    ended = offboard(office, "nobody@example.com", "--yes")

    assert (ended.returncode, ended.stderr) == (
        EXIT[NotFound],
        "tallystick: no user has the login nobody@example.com\n",
    )


# --- Asked --------------------------------------------------------------------------------------------------------------


def test_each_token_is_asked_about_until_an_answer_holds_for_the_rest(office: Office) -> None:
    login = office.person()
    laptop, ci, nightly, known = (office.token(login, name=name) for name in ("laptop", "ci", "nightly", "known"))

    terminal = on_a_terminal(office, login, "--revoke", known["id"])
    terminal.wait_for(f"1/3  laptop ({laptop['id']}): global, never used")
    terminal.answer(ASKED, "r")
    terminal.wait_for(f"2/3  ci ({ci['id']})")
    terminal.answer(ASKED, "perhaps")
    terminal.answer(ASKED, "MM")
    terminal.answer(f"Move 2 tokens, revoke 2 tokens and lock {login}? {SURE}", "y")
    ended = terminal.end()

    assert ended.code == 0
    assert "Moved 2 tokens: ci, nightly." in ended.screen
    assert [office.status(each) for each in (laptop, ci, nightly, known)] == [401, 200, 200, 401]


@pytest.mark.parametrize("answers, fate", [(("m", "m"), 200), (("rr",), 401), (("mm",), 200), (("r", "r"), 401)])
def test_every_answer_does_what_it_says(office: Office, answers: tuple[str, ...], fate: int) -> None:
    login = office.person()
    tokens = [office.token(login) for _ in range(2)]

    terminal = on_a_terminal(office, login, "--yes")
    for answer in answers:
        terminal.answer(ASKED, answer)
    terminal.end()

    assert [office.status(each) for each in tokens] == [fate, fate]


@pytest.mark.parametrize("answers", [("q",), ("m", "q"), ("m", "r", "n"), ("m", "r", "")])
def test_who_quits_or_is_not_sure_has_done_nothing(office: Office, answers: tuple[str, ...]) -> None:
    login = office.person()
    tokens = [office.token(login) for _ in range(2)]

    terminal = on_a_terminal(office, login)
    for prompt, answer in zip((ASKED, ASKED, SURE), answers, strict=False):
        terminal.answer(prompt, answer)
    ended = terminal.end()

    assert ended.code == 1
    assert f"Nothing was done: {login} and their tokens are as they were." in ended.screen
    assert untouched(office, login, *tokens)


@pytest.mark.parametrize("answers", [(), ("m",), ("m", "r")])
def test_ctrl_c_at_any_question_leaves_all_as_it_was(office: Office, answers: tuple[str, ...]) -> None:
    login = office.person()
    tokens = [office.token(login) for _ in range(2)]

    terminal = on_a_terminal(office, login)
    for prompt, answer in zip((ASKED, ASKED), answers, strict=False):
        terminal.answer(prompt, answer)
    terminal.wait_for((ASKED, ASKED, SURE)[len(answers)])
    ended = terminal.interrupt()

    assert ended.code == 1
    assert f"Nothing was done: {login} and their tokens are as they were." in ended.screen
    assert untouched(office, login, *tokens)


# --- Meanwhile ----------------------------------------------------------------------------------------------------------


def test_what_came_and_went_while_people_thought_is_told_and_only_what_is_new_is_asked_about(office: Office) -> None:
    login = office.person()
    ci, laptop = office.token(login, name="ci"), office.token(login, name="laptop")

    terminal = on_a_terminal(office, login, "--move", ci["id"], "--rest", "revoke")
    terminal.wait_for(SURE)
    new = office.token(login, name="new")
    office.status(laptop, "DELETE")
    terminal.answer("", "y")
    terminal.wait_for("Nothing was done, because meanwhile:")
    terminal.wait_for(f"laptop ({laptop['id']}) was revoked, or has expired")
    terminal.wait_for(f"new ({new['id']}) is new: global, never used")
    still = office.shown(login)["locked"], office.status(new)
    terminal.wait_for(f"1/1  new ({new['id']})")
    terminal.answer(ASKED, "r")
    terminal.answer(f"Move 1 token, revoke 1 token and lock {login}? {SURE}", "y")
    ended = terminal.end()

    assert still == (False, 200)
    assert ended.code == 0
    assert [office.status(each) for each in (ci, laptop, new)] == [200, 401, 401]
    assert office.shown(login)["locked"]


def test_another_role_meanwhile_is_told_before_any_token_has_it(office: Office) -> None:
    login = office.person("engineer")
    ci = office.token(login)

    terminal = on_a_terminal(office, login, "--rest", "move")
    terminal.wait_for(SURE)
    office.admin("user", "set-role", login, "billing")
    terminal.answer("", "y")
    terminal.wait_for("a token that is moved has the role billing, no longer engineer")
    terminal.answer(SURE, "y")
    ended = terminal.end()

    assert ended.code == 0
    assert automation(office)[ci["id"]]["role"] == "billing"


def test_a_script_whose_plan_went_stale_ends_with_a_conflict_and_has_done_nothing(office: Office) -> None:
    login = office.person()
    tokens = many_tokens(office, login)

    with stopped_after_the_first_line_of_its_plan(office, login) as process:
        new = office.token(login)
        _, said = process.communicate(timeout=SECONDS_MAX)

    assert process.returncode == EXIT[Conflict]
    *told, last = said.splitlines()
    assert told == [
        "Nothing was done, because meanwhile:",
        f"  {new['name']} ({new['id']}) is new: global, never used",
    ]
    assert last.startswith(f"tallystick: the tokens of {login} changed meanwhile, and nothing was done (")
    assert untouched(office, login, *tokens, new)


# --- Killed -------------------------------------------------------------------------------------------------------------


def test_killed_before_the_last_answer_it_has_done_nothing(office: Office) -> None:
    login = office.person()
    tokens = [office.token(login) for _ in range(2)]

    terminal = on_a_terminal(office, login, "--rest", "move")
    terminal.wait_for(SURE)
    os.kill(terminal.pid, signal.SIGKILL)
    ended = terminal.end()

    assert ended.code == -signal.SIGKILL
    assert untouched(office, login, *tokens)


def test_killed_between_plan_and_hand_over_it_has_done_nothing(office: Office) -> None:
    login = office.person()
    tokens = many_tokens(office, login)

    with stopped_after_the_first_line_of_its_plan(office, login) as process:
        process.kill()

    assert process.returncode == -signal.SIGKILL
    assert untouched(office, login, *tokens)


def test_killed_before_it_could_say_so_it_has_done_all_of_it(office: Office) -> None:
    """As soon as it is written.  tests/storage/test_crash.py kills while it is."""
    login = office.person()
    ci, laptop = office.token(login), office.token(login)
    before = events_in(office)

    with running(office, login, "--move", ci["id"], "--rest", "revoke", "--yes") as process:
        until(lambda: events_in(office) > before, "it is written")
        process.kill()

    assert ci["id"] in automation(office)
    assert office.shown(login)["locked"]
    assert [office.status(each) for each in (ci, laptop)] == [200, 401]


def test_ctrl_c_while_it_waits_for_the_database_says_that_it_is_all_or_nothing(office: Office) -> None:
    login, database = office.person(), f"{office.server.directory}/tallystick.db"
    token = office.token(login)

    terminal = on_a_terminal(office, login, "--rest", "revoke")
    terminal.wait_for(SURE)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        terminal.answer("", "y")
        until(lambda: has_open(terminal.pid, database), "it works on the database")
        ended = terminal.interrupt()
        other.execute("ROLLBACK")

    assert ended.code == 1
    assert (
        f"Either all of it is done or nothing: `tallystick admin offboard {login} --dry-run` shows which."
        in ended.screen
    )
    assert untouched(office, login, token)


def events_in(office: Office) -> int:
    with closing(sqlite3.connect(f"{office.server.directory}/tallystick.db")) as connection:
        (number,) = connection.execute("SELECT count(*) FROM event").fetchone()
    return int(number)


def has_open(pid: int, path: str) -> bool:
    with suppress(FileNotFoundError):  # closed while we looked
        return any(str(each.readlink()) == path for each in Path(f"/proc/{pid}/fd").iterdir())
    return False


PIPE = 4096


def many_tokens(office: Office, login: str) -> list[Any]:
    """So many, with names so long, that no pipe of `PIPE` bytes takes the plan."""
    return [office.token(login, name="n" * 250) for _ in range(2 + 2 * PIPE // 250)]


@contextmanager
def stopped_after_the_first_line_of_its_plan(office: Office, login: str) -> Iterator[subprocess.Popen[str]]:
    """A script that cannot go on, because nobody reads the rest of its plan."""
    with running(office, login, "--rest", "revoke", "--yes") as process:
        assert process.stdout is not None
        assert process.stdout.readline().endswith("\trevoke\n")
        yield process


@contextmanager
def running(office: Office, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command("admin", *office.flags, "offboard", *arguments),
        cwd=office.server.directory,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pipesize=PIPE,
    ) as process:
        yield process
