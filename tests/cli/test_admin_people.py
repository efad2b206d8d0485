"""`tallystick admin` while a server runs: what is done to people and services reaches their tokens at once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import msgspec
import pytest

from tallystick.testing import running_server
from tests.cli.office import Office
from tests.cli.program import Terminal, until

OTHER_PASSWORD = "battery staple, correct"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with running_server() as server:
        yield Office(server)


def test_a_lowered_role_reaches_the_tokens_at_once(office: Office) -> None:
    login = office.person(role="superuser")
    token = office.token(login)
    users = f"/customer/{token['customer_id']}/users"
    before = office.status(token, path=users)

    office.admin("user", "set-role", login, "engineer")

    assert (before, office.status(token, path=users)) == (200, 403)


def test_a_locked_users_tokens_are_refused_at_once_and_work_again_when_the_lock_is_off(office: Office) -> None:
    login = office.person()
    token = office.token(login)

    office.admin("user", "lock", login)
    locked = office.status(token), office.shown(login)["locked"]
    office.admin("user", "unlock", login)

    assert locked == (401, True)
    assert (office.status(token), office.shown(login)["locked"]) == (200, False)


def test_one_command_ends_both_kinds_of_lock(office: Office) -> None:
    login = office.person()
    with pytest.raises(httpx2.HTTPStatusError):
        office.token(login, "wrong")
    office.admin("user", "lock", login)

    said = office.admin("user", "unlock", login)

    assert said == f"{login} may log in (the lock is off, 1 failed guess forgotten).\n"
    assert (office.shown(login)["locked"], office.shown(login)["failed_guesses"]) == (False, None)


def test_a_user_is_shown_with_their_live_tokens_and_how_each_was_last_used(office: Office) -> None:
    login = office.person()
    used, unused, revoked = (office.token(login, name=name) for name in ("used", "unused", "revoked"))
    soon = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    expired = office.token(login, expires_at=soon)
    office.status(used)
    office.status(revoked, "DELETE")
    until(lambda: office.status(expired) == 401, "it has expired")
    until(lambda: office.shown(login)["tokens"][0]["last_used_at"] is not None, "the use is written")

    shown = office.shown(login)

    assert [(each["id"], each["name"], each["scope"], each["services"]) for each in shown["tokens"]] == [
        (used["id"], "used", "global", []),
        (unused["id"], "unused", "global", []),
    ]
    first, second = shown["tokens"]
    assert (first["ip"], first["user_agent"]) == ("127.0.0.1", "a test/1.0")
    assert first["last_used_at"] >= first["created_at"]
    assert (second["last_used_at"], second["ip"], second["user_agent"]) == (None, None, None)
    assert used["access_token"] not in msgspec.json.encode(shown).decode()


def test_the_name_of_a_token_does_not_steer_a_terminal(office: Office) -> None:
    login = office.person()
    token = office.token(login, name="red\x1b[31m\nalert")

    terminal = office.on_a_terminal("user", "show", login)

    shown = terminal.end().screen.splitlines()
    assert [line.split() for line in shown[-2:]] == [
        ["id", "name", "scope", "services", "last", "used"],
        [token["id"], "red", "[31m", "alert", "global", "all", "never"],
    ]


def test_a_user_is_deleted_only_when_their_tokens_are_over(office: Office) -> None:
    login = office.person()
    first, second = office.token(login, name="one", scope="purge_all"), office.token(login, name="two")

    *listed, last = office.refused("user", "delete", login, "--yes")
    still_good = office.status(first), office.status(second)
    statuses = [office.status(each, "DELETE") for each in (first, second)]
    said = office.admin("user", "delete", login, "--yes")

    assert [line.split("\t") for line in listed] == [
        [login, first["id"], "one", "purge_all", "all", "never"],
        [login, second["id"], "two", "global", "all", "never"],
    ]
    assert last.startswith(f"tallystick: {login} is not deleted: they have 2 live tokens (`tallystick admin offboard")
    assert (still_good, statuses) == ((200, 200), [204, 204])
    assert said == f"{login} is deleted.\n"


@pytest.mark.parametrize("answer, code, number", [("n", 1, 1), ("", 1, 1), ("y", 0, 0)])
def test_before_somebody_is_deleted_a_yes_is_asked_for(office: Office, answer: str, code: int, number: int) -> None:
    login = office.person()

    terminal = office.on_a_terminal("user", "delete", login)
    terminal.answer(f"Delete the user {login} ({login}, user)? [y/N]:", answer)
    ended = terminal.end()

    left = [each for each in json.loads(office.admin("user", "list", "--json")) if each["login"] == login]
    assert (ended.code, len(left)) == (code, number)


def test_before_a_service_is_deleted_a_yes_is_asked_for(office: Office) -> None:
    service_id = office.admin("service", "add", "wiki").strip()

    terminal = office.on_a_terminal("service", "delete", service_id)
    terminal.answer(f"Delete the service wiki ({service_id})? [y/N]:", "n")
    ended = terminal.end()

    assert ended.code == 1
    assert service_id in office.admin("service", "list")


def test_a_renamed_user_logs_in_with_the_new_login_and_keeps_password_and_tokens(office: Office) -> None:
    login = office.person()
    token = office.token(login)

    said = office.admin("user", "rename", login, "--login", f"new-{login}", "--name", " Ada ")

    assert said == f"It is new-{login} (Ada) now.\n"
    assert office.token(f"new-{login}")["user_id"] == token["user_id"]
    assert office.status(token) == 200
    with pytest.raises(httpx2.HTTPStatusError):
        office.token(login)


# --- A new password, and what was made with the old one ----------------------------------------------------------------------


def test_in_a_script_a_new_password_keeps_the_tokens(office: Office) -> None:
    login = office.person()
    token = office.token(login)

    said = office.admin("set-password", login, "--password-stdin", stdin=OTHER_PASSWORD)

    assert said == f"{login} has a new password.\n"
    assert office.status(token) == 200


def test_a_new_password_ends_all_tokens_at_once_when_it_is_told_to(office: Office) -> None:
    login, other = office.person(), office.person()
    tokens, theirs = [office.token(login) for _ in range(2)], office.token(other)

    said = office.admin("set-password", login, "--end-tokens", "--password-stdin", stdin=OTHER_PASSWORD)

    assert said == f"{login} has a new password, and none of their tokens works any more.\n"
    assert [office.status(each) for each in tokens] == [401, 401]
    assert office.status(theirs) == 200
    assert office.status(office.token(login, OTHER_PASSWORD)) == 200


@pytest.mark.parametrize("answer, status", [("", 200), ("n", 200), ("y", 401)])
def test_on_a_terminal_it_is_asked_whether_the_tokens_end_too(office: Office, answer: str, status: int) -> None:
    login = office.person()
    token = office.token(login)

    ended = new_password(office.on_a_terminal("set-password", login), answer)

    assert (ended, office.status(token)) == (0, status)


@pytest.mark.parametrize("flag, status", [("--end-tokens", 401), ("--keep-tokens", 200)])
def test_on_a_terminal_what_was_said_already_is_not_asked(office: Office, flag: str, status: int) -> None:
    login = office.person()
    token = office.token(login)

    ended = new_password(office.on_a_terminal("set-password", login, flag), None)

    assert (ended, office.status(token)) == (0, status)


def new_password(terminal: Terminal, answer: str | None) -> int:
    """Type it twice and answer the question, if there is one; the exit code."""
    terminal.answer("Password:", OTHER_PASSWORD)
    terminal.answer("Password, once more:", OTHER_PASSWORD)
    if answer is not None:
        terminal.answer("End all other sessions and tokens, too (1 live token)? [y/N]:", answer)
    return terminal.end().code


# --- Services ------------------------------------------------------------------------------------------------------------------


def test_a_service_is_deleted_only_when_no_live_token_is_limited_to_it(office: Office) -> None:
    login, service_id = office.person(), office.admin("service", "add", "shop").strip()
    limited = office.token(login, name="nightly", services=service_id)

    *listed, last = office.refused("service", "delete", service_id, "--yes")
    office.status(limited, "DELETE")
    said = office.admin("service", "delete", service_id, "--yes")

    assert [line.split("\t") for line in listed] == [[login, limited["id"], "nightly", "global", service_id, "never"]]
    assert last.startswith("tallystick: shop is not deleted: 1 live token is limited to it (")
    assert said == "shop is deleted.\n"


def test_an_automation_token_in_the_way_is_nobodys(office: Office) -> None:
    server, service_id = office.server, office.admin("service", "add", "shop").strip()
    root = office.token(server["SUPERUSER_LOGIN"], server["SUPERUSER_PASSWORD"])
    key = {"Fastly-Key": root["access_token"]}
    httpx2.post(f"{server.url}/sudo", headers=key, data={"password": server["SUPERUSER_PASSWORD"]}).raise_for_status()
    wish = {"name": "deploy", "role": "engineer", "scope": "global", "services": [service_id]}
    made = httpx2.post(f"{server.url}/automation-tokens", headers=key, json=wish).raise_for_status().json()

    *listed, _ = office.refused("service", "delete", service_id, "--yes")

    assert [line.split("\t") for line in listed] == [
        ["automation", made["id"], "deploy", "global", service_id, "never"]
    ]
