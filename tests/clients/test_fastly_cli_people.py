"""npm `@fastly/cli`, unmodified: `fastly service` and `fastly user`, and what it makes of the limit for writes."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import enough_of_the_hour
from tests.clients import refusals
from tests.clients.cli import Done, Fastly, assert_refused
from tests.clients.refusals import Refusal
from tests.clients.world import Start, World

pytestmark = pytest.mark.xdist_group("fastly cli people")


def as_superuser(fastly: Fastly, *arguments: str) -> Done:
    return fastly.run(*arguments, token=fastly.world.superuser_token)


def as_user(fastly: Fastly, *arguments: str) -> Done:
    return fastly.run(*arguments, token=fastly.world.user_token)


# Any: whatever the program prints as JSON.
def services(fastly: Fastly) -> Any:
    return json.loads(as_user(fastly, "service", "list", "--json").ok().out)


def users(fastly: Fastly) -> Any:
    customer = ("--customer-id", fastly.world.customer_id)
    return json.loads(as_superuser(fastly, "user", "list", *customer, "--json").ok().out)


def own_id(fastly: Fastly, token: str) -> str:
    found: str = json.loads(fastly.run("user", "describe", "--current", "--json", token=token).ok().out)["UserID"]
    return found


@pytest.fixture
def wiki(fastly: Fastly) -> Iterator[str]:
    """The id of a new service, gone after the test."""
    said = as_superuser(fastly, "service", "create", "--name", "wiki").ok().out.strip()
    made = re.fullmatch(r"SUCCESS: Created service (\w{22})", said)
    assert made, said
    yield made[1]
    as_superuser(fastly, "service", "delete", "--service-id", made[1])


@pytest.fixture
def somebody(fastly: Fastly) -> Iterator[str]:
    """The id of a new user, gone after the test."""
    said = as_superuser(
        fastly, "user", "create", "--login", "somebody@example.com", "--name", "Some Body", "--role", "engineer"
    )
    assert said.ok().out.strip() == "SUCCESS: Created user 'Some Body' (role: engineer)"
    user_id = next(one["UserID"] for one in users(fastly) if one["Login"] == "somebody@example.com")
    yield user_id
    as_superuser(fastly, "user", "delete", "--id", user_id)


# --- `fastly service` ---------------------------------------------------------------------------------------------------


def test_a_service_is_listed_described_and_found_under_its_name(fastly: Fastly, wiki: str) -> None:
    world = fastly.world

    table = as_user(fastly, "service", "list").ok().out.splitlines()
    described = as_user(fastly, "service", "describe", "--service-id", wiki).ok().out.splitlines()
    by_name = as_user(fastly, "service", "describe", "--service-name", "wiki", "--json").ok().out
    found = as_user(fastly, "service", "search", "--name", "wiki").ok().out.splitlines()

    assert [line.split()[:2] for line in table[1:]] == [[one["Name"], one["ServiceID"]] for one in services(fastly)]
    assert ["wiki", wiki] in [line.split()[:2] for line in table]
    assert [f"ID: {wiki}", "Name: wiki"] == described[:2]
    assert f"Customer ID: {world.customer_id}" in described
    assert [f"ID: {wiki}", "Name: wiki"] == found[:2]
    shown = json.loads(by_name)
    assert (shown["ServiceID"], shown["ActiveVersion"], shown["Versions"]) == (wiki, None, [])


def test_a_renamed_service_is_listed_under_its_new_name(fastly: Fastly, wiki: str) -> None:
    done = as_superuser(fastly, "service", "update", "--service-id", wiki, "--name", "pedia")

    assert done.ok().out.strip() == f"SUCCESS: Updated service {wiki}"
    assert [one["Name"] for one in services(fastly) if one["ServiceID"] == wiki] == ["pedia"]


@pytest.mark.parametrize("how", [(), ("--force",)])
def test_a_deleted_service_is_gone(fastly: Fastly, wiki: str, how: tuple[str, ...]) -> None:
    done = as_superuser(fastly, "service", "delete", "--service-id", wiki, *how)

    assert done.ok().out.strip() == f"SUCCESS: Deleted service ID {wiki}"
    again = as_user(fastly, "service", "describe", "--service-id", wiki)
    assert_refused(again, refusals.no_such("service", wiki))


def test_the_program_follows_the_pages_to_the_last(fastly: Fastly, wiki: str) -> None:
    done = as_user(fastly, "service", "list", "--page", "1", "--per-page", "1", "--json")

    assert json.loads(done.ok().out) == services(fastly)
    assert len(services(fastly)) > 2


# --- `fastly user` ------------------------------------------------------------------------------------------------------


def test_a_user_is_listed_and_described(fastly: Fastly, somebody: str) -> None:
    customer = ("--customer-id", fastly.world.customer_id)

    table = as_superuser(fastly, "user", "list", *customer).ok().out.splitlines()
    described = as_superuser(fastly, "user", "describe", "--id", somebody).ok().out.splitlines()

    assert table[0].split() == ["LOGIN", "NAME", "ROLE", "LOCKED", "ID"]
    assert ["somebody@example.com", "Some", "Body", "engineer", "false", somebody] in [line.split() for line in table]
    for line in (
        f"ID: {somebody}",
        "Login: somebody@example.com",
        "Name: Some Body",
        "Role: engineer",
        "Locked: false",
    ):
        assert line in described


def test_everybody_describes_themselves(fastly: Fastly) -> None:
    described = as_user(fastly, "user", "describe", "--current").ok().out.splitlines()

    for line in (
        f"Login: {fastly.world.user_login}",
        "Name: Demo user",
        "Role: user",
        "Two Factor Auth Enabled: false",
    ):
        assert line in described


def test_a_changed_user_is_described_as_changed(fastly: Fastly, somebody: str) -> None:
    done = as_superuser(fastly, "user", "update", "--id", somebody, "--name", "Any Body", "--role", "billing")

    assert done.ok().out.strip() == "SUCCESS: Updated user 'Any Body' (role: billing)"
    after = next(one for one in users(fastly) if one["UserID"] == somebody)
    assert (after["Name"], after["Role"], after["Login"]) == ("Any Body", "billing", "somebody@example.com")


def test_a_deleted_user_is_gone(fastly: Fastly, somebody: str) -> None:
    done = as_superuser(fastly, "user", "delete", "--id", somebody)

    assert done.ok().out.strip() == f"SUCCESS: Deleted user (id: {somebody})"
    again = as_superuser(fastly, "user", "describe", "--id", somebody)
    assert_refused(again, refusals.no_such("user", somebody))


# --- A token limited to services ----------------------------------------------------------------------------------------


def test_with_a_limited_token_the_program_sees_its_services_and_no_people(fastly: Fastly) -> None:
    world = fastly.world
    limited = fastly.create("--services", world.service_1).secret

    listed = json.loads(fastly.run("service", "list", "--json", token=limited).ok().out)
    reached = fastly.run("service", "describe", "--service-id", world.service_1, token=limited)
    other = fastly.run("service", "describe", "--service-id", world.service_2, token=limited)

    assert [one["ServiceID"] for one in listed] == [world.service_1]
    assert f"ID: {world.service_1}" in reached.ok().out.splitlines()
    assert_refused(other, refusals.no_such("service", world.service_2))
    assert_refused(fastly.run("user", "describe", "--current", token=limited), refusals.LIMITED)
    own = own_id(fastly, world.user_token)
    assert_refused(fastly.run("user", "describe", "--id", own, token=limited), refusals.LIMITED)
    assert fastly.run("whoami", token=limited).ok().out.strip() == f"Demo user <{world.user_login}>"


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Fastly], Done], Refusal]] = {
    "a new user by an ordinary one": (
        lambda fastly: as_user(fastly, "user", "create", "--login", "x@example.com", "--name", "x"),
        refusals.SUPERUSERS_ONLY,
    ),
    "everybody, as an ordinary user": (
        lambda fastly: as_user(fastly, "user", "list", "--customer-id", fastly.world.customer_id),
        refusals.NO_SUPERUSER,
    ),
    "another customer's people": (
        lambda fastly: as_superuser(fastly, "user", "list", "--customer-id", "nowhere"),
        refusals.NO_SUPERUSER,
    ),
    "a login that is taken": (
        lambda fastly: as_superuser(fastly, "user", "create", "--login", "USER@example.com", "--name", "x"),
        refusals.taken("USER@example.com"),
    ),
    "the last superuser": (
        lambda fastly: as_superuser(
            fastly, "user", "update", "--id", own_id(fastly, fastly.world.superuser_token), "--role", "user"
        ),
        refusals.LAST_SUPERUSER,
    ),
    "a password by mail": (
        lambda fastly: as_superuser(fastly, "user", "update", "--login", fastly.world.user_login, "--password-reset"),
        refusals.NOWHERE,
    ),
    "a service by an ordinary user": (
        lambda fastly: as_user(fastly, "service", "create", "--name", "x"),
        refusals.ENGINEERS_ONLY,
    ),
    "an unknown service": (
        lambda fastly: as_superuser(fastly, "service", "update", "--service-id", "nowhere", "--name", "x"),
        refusals.no_such("service", "nowhere"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_refusal_is_one_line_and_the_exit_code_is_1(fastly: Fastly, case: str) -> None:
    call, expected = REFUSED[case]

    done = call(fastly)

    assert_refused(done, expected)
    assert done.out.strip() == ""


def test_what_live_tokens_need_is_not_deleted_and_the_program_shows_why(fastly: Fastly) -> None:
    world = fastly.world
    token = fastly.create("--services", world.service_2)

    user_stays = as_superuser(fastly, "user", "delete", "--id", own_id(fastly, world.user_token))
    service_stays = as_superuser(fastly, "service", "delete", "--service-id", world.service_2)

    assert user_stays.code == 1
    assert "the Fastly API returned 409 Conflict: User has live tokens (" in user_stays.err
    assert token.id in user_stays.err
    # This command shows an answer in a way of its own, and wrongly suggests to try harder.
    assert service_stays.code == 1
    assert "ERROR: 409 - Conflict:" in service_stays.err.splitlines()
    assert f"Detail: {refusals.IN_USE.detail}" in service_stays.err
    with_force = as_superuser(fastly, "service", "delete", "--service-id", world.service_2, "--force")
    assert with_force.code == 1
    assert world.service_2 in [one["ServiceID"] for one in services(fastly)]


# --- The limit for writes -----------------------------------------------------------------------------------------------


def test_past_the_limit_a_write_is_refused_and_a_read_is_not(start: Start, node: str, tmp_path: Path) -> None:
    enough_of_the_hour()
    with start(writes_per_hour=1) as server:
        fastly = Fastly(node, World.of(server.values), tmp_path)

        as_superuser(fastly, "service", "create", "--name", "one").ok()
        refused = as_superuser(fastly, "service", "create", "--name", "two")
        in_full = as_superuser(fastly, "service", "delete", "--service-id", fastly.world.service_1)

        assert_refused(refused, refusals.TOO_MANY_WRITES)
        # It reads both headers, and shows them here.
        assert "RateLimitRemaining: 0" in in_full.err
        assert re.search(r"RateLimitReset: +\d+", in_full.err)
        assert {one["Name"] for one in services(fastly)} == {"shop", "blog", "one"}
        fastly.run("auth-token", "delete", "--current", token=fastly.world.user_token).ok()
