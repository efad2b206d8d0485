"""npm `@fastly/cli`, unmodified: `fastly whoami`, `fastly auth`, and where the program goes."""

import json

import pytest

from tests.clients import refusals
from tests.clients.cli import NOWHERE, Fastly, assert_refused

pytestmark = pytest.mark.xdist_group("fastly cli auth")


# --- `fastly whoami` and `fastly auth` ----------------------------------------------------------------------------------


def test_whoami_names_the_user(fastly: Fastly) -> None:
    done = fastly.run("whoami", token=fastly.world.user_token)

    assert done.ok().out.strip() == f"Demo user <{fastly.world.user_login}>"


def test_whoami_in_full_names_customer_token_and_the_services_within_reach(fastly: Fastly) -> None:
    limited = fastly.create("--name", "shop only", "--services", fastly.world.service_1)

    done = fastly.run("whoami", "--verbose", token=limited.secret)

    shown = dict(line.split(": ", 1) for line in done.ok().out.splitlines() if ": " in line)
    assert (shown["Customer ID"], shown["Customer name"]) == (fastly.world.customer_id, "Demo")
    assert (shown["Token ID"], shown["Token name"], shown["Token scope"]) == (limited.id, "shop only", "global")
    assert shown["Service count"] == "1"
    assert f"\tshop ({fastly.world.service_1})" in done.out.splitlines()


def test_whoami_without_a_live_token_fails(fastly: Fastly) -> None:
    done = fastly.run("whoami", token="nonsense")

    assert done.code == 1
    assert refusals.NO_CREDENTIALS.msg in done.err


def test_a_stored_token_is_listed_used_and_revoked_by_its_name(fastly: Fastly) -> None:
    stored = fastly.create("--name", "laptop")

    added = fastly.run("auth", "add", "--api-token", stored.secret, token=None)
    listed = fastly.run("auth", "list", token=None)
    used = fastly.run("auth-token", "describe", token=None)
    revoked = fastly.run("auth", "revoke", "--name", "laptop", "--auto-yes", token=None)

    assert 'SUCCESS: Token "laptop" added' in added.ok().out
    assert listed.ok().out.strip() == f"* laptop ({fastly.world.user_login})"
    assert f"ID: {stored.id}" in used.ok().out.splitlines()
    assert 'SUCCESS: Revoked token "laptop"' in revoked.ok().out
    assert "No tokens stored" in fastly.run("auth", "list", token=None).ok().out
    assert_refused(fastly.run("auth-token", "describe", token=stored.secret), refusals.NO_CREDENTIALS)


def test_a_token_limited_to_services_can_be_stored_although_it_may_not_see_its_user(fastly: Fastly) -> None:
    limited = fastly.create("--services", fastly.world.service_1)

    added = fastly.run("auth", "add", "limited", "--api-token", limited.secret, token=None)

    assert 'SUCCESS: Token "limited" added' in added.ok().out
    assert fastly.run("auth", "list", token=None).ok().out.strip() == "* limited (static)"


def test_a_stored_token_limited_to_services_works_and_says_whose_it_is(fastly: Fastly) -> None:
    limited = fastly.create("--name", "shop only", "--services", fastly.world.service_1)
    fastly.run("auth", "add", "limited", "--api-token", limited.secret, token=None).ok()

    who = fastly.run("whoami", token=None)
    shown = fastly.run("auth", "show", "limited", token=None)

    assert who.ok().out.strip() == f"Demo user <{fastly.world.user_login}>"
    for line in ("API token name: shop only", "API token scope: global", f"API token ID: {limited.id}"):
        assert line in shown.ok().out.splitlines()


def test_on_a_terminal_a_login_stores_a_token_under_its_own_name(fastly: Fastly) -> None:
    own = fastly.create("--name", "laptop").secret

    done = fastly.converse("auth", "login", answers=[("Paste your API token: ", own)])

    said = f'SUCCESS: Authenticated as {fastly.world.user_login} (token stored as "laptop")'
    assert said in done.ok().out
    assert fastly.run("whoami", token=None).ok().out.strip() == f"Demo user <{fastly.world.user_login}>"


def test_profiles_are_made_switched_listed_and_deleted(fastly: Fastly) -> None:
    own, other = fastly.create("--name", "own"), fastly.world.superuser_token

    made = fastly.converse("profile", "create", "one", answers=[("Fastly API token: ", own.secret)])
    also = fastly.converse("profile", "create", "two", answers=[("[y/N] ", "n"), ("Fastly API token: ", other)])
    listed = json.loads(fastly.run("profile", "list", "--json", token=None).ok().out)
    first = fastly.run("whoami", token=None).ok().out.strip()
    fastly.run("profile", "switch", "two", token=None).ok()
    second = fastly.run("whoami", token=None).ok().out.strip()
    fastly.run("profile", "delete", "two", token=None).ok()

    assert "SUCCESS: Profile 'one' created" in made.ok().out
    assert "SUCCESS: Profile 'two' created" in also.ok().out
    assert {name: one["email"] for name, one in listed.items()} == {
        "one": fastly.world.user_login,
        "two": fastly.world.superuser_login,
    }
    assert (first, second) == (
        f"Demo user <{fastly.world.user_login}>",
        f"Demo superuser <{fastly.world.superuser_login}>",
    )
    assert list(json.loads(fastly.run("profile", "list", "--json", token=None).ok().out)) == ["one"]


def test_no_profile_is_made_with_a_dead_token(fastly: Fastly) -> None:
    done = fastly.converse("profile", "create", "dead", answers=[("Fastly API token: ", "nonsense")])

    assert done.code == 1
    assert f"ERROR: {refusals.NO_CREDENTIALS.sentence}" in done.out.splitlines()
    assert fastly.run("profile", "list", token=None).code == 1


def test_a_dead_token_is_not_stored(fastly: Fastly) -> None:
    done = fastly.run("auth", "add", "dead", "--api-token", "nonsense", token=None)

    assert_refused(done, refusals.NO_CREDENTIALS)


@pytest.mark.parametrize("way", ["--current", "--token-value", "--id", "--file"])
def test_every_way_to_revoke_ends_the_token(fastly: Fastly, way: str) -> None:
    doomed, own = fastly.create(), fastly.world.user_token
    ways: dict[str, tuple[list[str], str]] = {
        "--current": ([], doomed.secret),
        "--token-value": ([doomed.secret], own),
        "--id": ([doomed.id], own),
        # Blank lines are skipped here; `auth-token delete` sends them, see below.
        "--file": ([fastly.file_of("", doomed.id, "")], own),
    }
    rest, token = ways[way]

    fastly.run("auth", "revoke", way, *rest, token=token).ok()

    assert_refused(fastly.run("auth-token", "describe", token=doomed.secret), refusals.NO_CREDENTIALS)


@pytest.mark.parametrize("way", ["--token-value", "--id"])
def test_revoking_what_is_revoked_already_is_a_warning(fastly: Fastly, way: str) -> None:
    doomed = fastly.create()
    command = ["auth", "revoke", way, doomed.secret if way == "--token-value" else doomed.id]
    fastly.run(*command, token=fastly.world.user_token).ok()

    again = fastly.run(*command, token=fastly.world.user_token)

    assert "WARNING: Token was already revoked remotely" in (again.ok().out + again.err)


# --- Where it goes ------------------------------------------------------------------------------------------------------


def test_hidden_flags_aim_it_as_the_environment_does(fastly: Fastly) -> None:
    there, here = fastly.world.api_url, {"FASTLY_API_ENDPOINT": NOWHERE, "FASTLY_ACCOUNT_ENDPOINT": NOWHERE}

    done = fastly.run("--api", there, "--account", there, "whoami", token=fastly.world.user_token, **here)

    assert "Demo user" in done.ok().out


def test_it_first_asks_the_account_endpoint_and_any_json_will_do(fastly: Fastly) -> None:
    # Ours is a 404 in JSON.  Where nothing answers, no command that needs a token goes on.
    token = fastly.world.user_token

    there = fastly.run("auth-token", "list", token=token)
    nowhere = fastly.run("auth-token", "list", token=token, FASTLY_ACCOUNT_ENDPOINT=NOWHERE)

    assert there.code == 0
    assert nowhere.code == 1
    assert "failed to configure authentication processes" in nowhere.err
