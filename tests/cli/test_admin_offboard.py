"""`tallystick admin offboard` on a terminal: the plan, the questions, and all of it or nothing."""

import json
from collections.abc import Iterator

import pytest

from tallystick.cli.ending import EXIT
from tallystick.core.errors import Conflict
from tallystick.testing import running_server
from tests.cli.program import Terminal
from tests.cli.test_admin_people import Office

SHOWN = "(m)ove or (r)evoke"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with running_server() as server:
        yield Office(server)


def begun(office: Office, login: str, *arguments: str) -> Terminal:
    terminal = office.on_a_terminal("offboard", login, *arguments)
    terminal.wait_for("last used")
    return terminal


def test_each_token_is_asked_about_and_a_capital_letter_decides_the_rest(office: Office) -> None:
    login = office.person("engineer")
    ci, laptop, phone = (office.token(login, name=name) for name in ("ci", "laptop", "phone"))
    office.status(ci)

    terminal = begun(office, login)
    terminal.answer(f"ci ({ci['id']})", "m")
    terminal.answer(f"laptop ({laptop['id']})", "R")
    terminal.answer("Move 1 live token, revoke 2 live tokens, lock", "y")
    ended = terminal.end()

    assert ended.code == 0
    assert f"{login} is locked: 1 live token moved, 2 live tokens revoked." in ended.screen
    assert [office.status(each) for each in (ci, laptop, phone)] == [200, 401, 401]
    assert office.shown(login)["tokens"] == []


def test_the_plan_says_what_each_token_is_and_how_it_was_last_used(office: Office) -> None:
    login = office.person()
    token = office.token(login, name="ci", scope="purge_all", **{"services[]": office.server["SERVICE_1"]})
    office.status(token)
    office.until_used(token)

    (line,) = office.admin("offboard", login, "--dry-run").splitlines()
    (told,) = json.loads(office.admin("offboard", login, "--dry-run", "--json", "--move", token["id"]))

    assert line.split("\t")[:6] == ["?", token["id"], "ci", "purge_all", "shop", "never"]
    assert line.split("\t")[7:] == ["127.0.0.1", "a test/1.0"]
    assert (told["fate"], told["ip"], told["user_agent"]) == ("move", "127.0.0.1", "a test/1.0")
    assert office.status(token) == 200


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_whoever_interrupts_it_has_changed_nothing(office: Office, answers: int) -> None:
    login = office.person()
    tokens = [office.token(login, name=name) for name in ("one", "two")]

    terminal = begun(office, login)
    for name in ("one (", "two (")[:answers]:
        terminal.answer(name, "r")
    terminal.wait_for(("one (", "two (", "Revoke 2 live tokens")[answers])
    ended = terminal.interrupt()

    assert ended.code != 0
    assert [office.status(each) for each in tokens] == [200, 200]
    assert not office.shown(login)["locked"]


def test_no_to_the_last_question_changes_nothing(office: Office) -> None:
    login = office.person()
    token = office.token(login)

    terminal = begun(office, login, "--delete")
    terminal.answer(SHOWN, "R")
    terminal.answer("Revoke 1 live token, delete", "n")

    assert terminal.end().code == 1
    assert office.status(token) == 200


def test_a_token_that_came_meanwhile_stops_all_of_it(office: Office) -> None:
    login = office.person()
    before = office.token(login)

    terminal = begun(office, login)
    terminal.wait_for(SHOWN)
    meanwhile = office.token(login)
    terminal.answer("left:", "R")
    terminal.answer("Revoke 1 live token, lock", "y")
    ended = terminal.end()

    assert ended.code == EXIT[Conflict]
    assert f"The plan is out of date (Nothing was done: look again at {meanwhile['id']})" in ended.screen
    assert [office.status(each) for each in (before, meanwhile)] == [200, 200]


def test_what_a_superusers_token_loses_is_said_before_it_is_moved(office: Office) -> None:
    login = office.person("superuser")
    token = office.token(login)
    tokens = f"/customer/{token['customer_id']}/tokens"
    assert office.status(token, path=tokens) == 200

    terminal = begun(office, login)
    terminal.answer(SHOWN, "M")
    terminal.answer("Move 1 live token, lock", "y")
    ended = terminal.end()

    assert "is a superuser, which no automation token is: what is moved becomes engineer" in " ".join(
        ended.screen.split()
    )
    assert (office.status(token), office.status(token, path=tokens)) == (200, 403)
