"""npm `@fastly/cli`, unmodified, with an automation token as its own, and with a superuser's who looks after them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import pypi, refusals
from tests.clients.cli import Fastly, assert_refused
from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("fastly cli automation")


@pytest.fixture
def machine(world: World) -> Iterator[Any]:
    """An automation token for one service, gone after the test."""
    made = pypi.machine(world, name="deploy", services=[world.service_1])
    yield made
    pypi.tokens(world, world.superuser_token).bulk_revoke_tokens(
        request_body={"data": [{"type": "token", "id": made.id}]}
    )


# --- As its own ---------------------------------------------------------------------------------------------------------


def test_whoami_shows_its_name_where_a_user_would_be(fastly: Fastly, machine: Any) -> None:
    brief = fastly.run("whoami", token=machine.access_token)
    full = fastly.run("whoami", "--verbose", token=machine.access_token)

    assert brief.ok().out.strip() == "deploy <>"
    shown = dict(line.split(":", 1) for line in full.ok().out.splitlines() if ":" in line)
    assert (shown["Customer name"].strip(), shown["User name"].strip(), shown["User login"].strip()) == (
        "Demo",
        "deploy",
        "",
    )
    assert (shown["Token ID"].strip(), shown["Token scope"].strip()) == (machine.id, "global")
    assert f"\tshop ({fastly.world.service_1})" in full.out.splitlines()


def test_it_describes_and_lists_itself_and_nobody_else(fastly: Fastly, machine: Any) -> None:
    described, listed = fastly.describe(machine.access_token), fastly.list(machine.access_token)

    shown = {"Name": "deploy", "TokenID": machine.id, "UserID": None, "Services": [fastly.world.service_1]}
    assert described.items() >= shown.items()
    assert [one["TokenID"] for one in listed] == [machine.id]
    everybody = fastly.run("auth-token", "list", "--customer-id", fastly.world.customer_id, token=machine.access_token)
    assert_refused(everybody, refusals.NO_SUPERUSER)


def test_it_is_stored_used_and_revoked_by_its_name(fastly: Fastly, machine: Any) -> None:
    added = fastly.run("auth", "add", "--api-token", machine.access_token, token=None)
    listed = fastly.run("auth", "list", token=None)
    used = fastly.run("whoami", token=None)
    revoked = fastly.run("auth", "revoke", "--name", "deploy", "--auto-yes", token=None)

    assert 'SUCCESS: Token "deploy" added' in added.ok().out
    # It has no login to show.
    assert listed.ok().out.strip() == "* deploy (static)"
    assert used.ok().out.strip() == "deploy <>"
    assert 'SUCCESS: Revoked token "deploy"' in revoked.ok().out
    assert_refused(fastly.run("auth-token", "describe", token=machine.access_token), refusals.NO_CREDENTIALS)


def test_it_creates_no_token(fastly: Fastly, machine: Any) -> None:
    done = fastly.run(*fastly.creating(), token=machine.access_token)

    assert_refused(done, refusals.NOT_FOR_MACHINES)


def test_it_revokes_nobody_else_and_itself(fastly: Fastly, machine: Any) -> None:
    spared = fastly.create()

    other = fastly.run("auth-token", "delete", "--id", spared.id, token=machine.access_token)
    itself = fastly.run("auth-token", "delete", "--current", token=machine.access_token)

    assert_refused(other, refusals.no_such_token(spared.id))
    assert itself.ok().out.strip() == "SUCCESS: Deleted current token"
    assert_refused(fastly.run("auth-token", "describe", token=machine.access_token), refusals.NO_CREDENTIALS)


# --- As a superuser -----------------------------------------------------------------------------------------------------


def test_a_superuser_sees_it_without_a_user_among_the_tokens_of_everybody(fastly: Fastly, machine: Any) -> None:
    world = fastly.world

    listed = fastly.list(world.superuser_token, "--customer-id", world.customer_id)

    assert [(one["TokenID"], one["Name"]) for one in listed if one["UserID"] is None] == [(machine.id, "deploy")]


@pytest.mark.parametrize("command", [["auth-token", "delete", "--id"], ["auth", "revoke", "--id"]])
def test_a_superuser_revokes_it_by_its_id_and_an_ordinary_user_does_not(
    fastly: Fastly, machine: Any, command: list[str]
) -> None:
    refused = fastly.run("auth-token", "delete", "--id", machine.id, token=fastly.world.user_token)
    alive = fastly.describe(machine.access_token)["TokenID"]

    done = fastly.run(*command, machine.id, token=fastly.world.superuser_token)

    assert_refused(refused, refusals.no_such_token(machine.id))
    assert alive == machine.id
    assert done.code == 0
    assert_refused(fastly.run("auth-token", "describe", token=machine.access_token), refusals.NO_CREDENTIALS)


def test_a_superuser_revokes_it_in_bulk_with_tokens_of_people(fastly: Fastly, machine: Any) -> None:
    person = fastly.create()
    file = fastly.file_of(machine.id, person.id)

    done = fastly.run("auth-token", "delete", "--file", file, token=fastly.world.superuser_token)

    assert done.ok().out.strip() == "SUCCESS: Deleted tokens"
    for secret in (machine.access_token, person.secret):
        assert_refused(fastly.run("auth-token", "describe", token=secret), refusals.NO_CREDENTIALS)


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


def test_fault_it_has_no_command_for_automation_tokens(fastly: Fastly) -> None:
    told = fastly.run("help", "--format", "json", token=None).ok().out

    commands = [one["name"] for one in json.loads(told)["commands"]]
    assert "auth" in commands
    assert not [name for name in commands if "automation" in name]
