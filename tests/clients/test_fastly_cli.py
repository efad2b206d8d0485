"""npm `@fastly/cli`, unmodified: `fastly auth-token` through all operations, what it shows of an error, its known faults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients import pypi, refusals
from tests.clients.cli import Done, Fastly, assert_refused
from tests.clients.refusals import Refusal

pytestmark = pytest.mark.xdist_group("fastly cli")


# --- `fastly auth-token`: the operations --------------------------------------------------------------------------------


def test_a_created_token_describes_itself_and_is_in_the_list(fastly: Fastly) -> None:
    created = fastly.create("--name", "nightly purge", "--scope", "purge_all")

    described = fastly.describe(created.secret)
    listed = fastly.list(created.secret)

    shown: dict[str, object] = {
        "Name": "nightly purge",
        "Scope": "purge_all",
        "TokenID": created.id,
        "Services": [],
        "ExpiresAt": None,
    }
    assert (created.name, created.scope, created.expires) == ("nightly purge", "purge_all", "never")
    for one in (described, next(one for one in listed if one["TokenID"] == created.id)):
        assert one.items() >= shown.items()
        assert one["AccessToken"] is None


def test_a_superuser_lists_the_tokens_of_everybody(fastly: Fastly) -> None:
    world, theirs = fastly.world, fastly.create()

    listed = fastly.list(world.superuser_token, "--customer-id", world.customer_id)

    assert theirs.id in [one["TokenID"] for one in listed]
    assert len({one["UserID"] for one in listed}) == 3


def test_an_ordinary_user_does_not_list_the_tokens_of_everybody(fastly: Fastly) -> None:
    world = fastly.world

    done = fastly.run("auth-token", "list", "--customer-id", world.customer_id, token=world.user_token)

    assert_refused(done, refusals.NO_SUPERUSER)


def test_a_token_revoked_by_its_id_is_gone_and_refused(fastly: Fastly) -> None:
    own, doomed = fastly.world.user_token, fastly.create()

    done = fastly.run("auth-token", "delete", "--id", doomed.id, token=own)

    assert done.ok().out.strip() == f"SUCCESS: Deleted token '{doomed.id}'"
    again = fastly.run("auth-token", "delete", "--id", doomed.id, token=own)
    assert_refused(again, refusals.no_such_token(doomed.id))
    assert_refused(fastly.run("auth-token", "describe", token=doomed.secret), refusals.NO_CREDENTIALS)


@pytest.mark.parametrize("scope", ["global", "global:read"])
def test_a_token_that_revoked_itself_is_refused(fastly: Fastly, scope: str) -> None:
    doomed = fastly.create("--scope", scope)

    done = fastly.run("auth-token", "delete", "--current", token=doomed.secret)

    assert done.ok().out.strip() == "SUCCESS: Deleted current token"
    assert_refused(fastly.run("auth-token", "delete", "--current", token=doomed.secret), refusals.NO_CREDENTIALS)


def test_tokens_revoked_in_bulk_are_gone(fastly: Fastly) -> None:
    own, doomed = fastly.world.user_token, [fastly.create() for _ in range(2)]

    done = fastly.run("auth-token", "delete", "--file", fastly.file_of(*(one.id for one in doomed)), token=own)

    assert done.ok().out.strip() == "SUCCESS: Deleted tokens"
    assert not {one.id for one in doomed} & {one["TokenID"] for one in fastly.list(own)}
    assert_refused(fastly.run("auth-token", "describe", token=doomed[1].secret), refusals.NO_CREDENTIALS)


def test_a_bulk_with_an_unknown_id_revokes_nothing(fastly: Fastly) -> None:
    spared = fastly.create()
    file = fastly.file_of(spared.id, "nowhere")

    done = fastly.run("auth-token", "delete", "--file", file, token=fastly.world.user_token)

    assert_refused(done, refusals.no_such_tokens("nowhere"))
    assert fastly.describe(spared.secret)["TokenID"] == spared.id


# --- What fields do -----------------------------------------------------------------------------------------------------


def test_two_scopes_two_services_and_an_expiry_are_kept(fastly: Fastly) -> None:
    world = fastly.world
    services = f"{world.service_2},{world.service_1}"

    created = fastly.create(
        "--scope",
        "purge_select",
        "--scope",
        "global:read",
        "--services",
        services,
        "--expires",
        "2031-09-15T23:00:00+02:00",
    )

    described = fastly.describe(created.secret)
    assert described["Scope"] == created.scope == "purge_select global:read"
    assert described["Services"] == [world.service_2, world.service_1]
    assert described["ExpiresAt"] == "2031-09-15T21:00:00Z"
    assert created.expires == "2031-09-15 21:00:00 +0000 UTC"


def test_a_token_limited_to_services_creates_no_wider_one(fastly: Fastly) -> None:
    limited = fastly.create("--services", fastly.world.service_1)

    narrow = fastly.create("--services", fastly.world.service_1, token=limited.secret)
    wide = fastly.run(*fastly.creating(), token=limited.secret)

    assert fastly.describe(narrow.secret)["Services"] == [fastly.world.service_1]
    assert_refused(wide, refusals.TOO_WIDE)


def test_a_name_arrives_as_it_was_typed(fastly: Fastly) -> None:
    created = fastly.create("--name", "50% of a+b & Übermut")

    assert fastly.describe(created.secret)["Name"] == created.name == "50% of a+b & Übermut"


def test_another_client_sees_when_from_where_and_by_what_a_token_was_used(fastly: Fastly) -> None:
    used = fastly.create()
    before = next(one for one in fastly.list(fastly.world.user_token) if one["TokenID"] == used.id)

    after = fastly.describe(used.secret)

    assert (before["LastUsedAt"], before["IP"]) == (None, None)
    assert after["LastUsedAt"] >= after["CreatedAt"]
    assert after["IP"] == "127.0.0.1"
    # The program does not show this one; it is longer than most.
    agent = pypi.tokens(fastly.world, fastly.world.user_token).get_token(used.id).user_agent
    assert agent.startswith("FastlyCLI/v16.1.0, FastlyGo/17.3.1 (+github.com/fastly/go-fastly; go")
    assert agent.endswith(")")


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Fastly], Done], Refusal]] = {
    "a wrong password": (
        lambda fastly: fastly.run(*fastly.creating(password="wrong"), token=fastly.world.user_token),
        refusals.WRONG_PASSWORD_FOR_SUDO,
    ),
    "an empty password": (
        lambda fastly: fastly.run(*fastly.creating(password=""), token=fastly.world.user_token),
        refusals.EMPTY_PASSWORD,
    ),
    "an unknown service": (
        lambda fastly: fastly.run(*fastly.creating("--services", "nowhere"), token=fastly.world.user_token),
        refusals.BAD_SERVICE,
    ),
    "an expiry in the past": (
        lambda fastly: fastly.run(*fastly.creating("--expires", "2001-01-01T00:00:00Z"), token=fastly.world.user_token),
        refusals.PAST,
    ),
    "a token of somebody else's": (
        lambda fastly: fastly.run("auth-token", "list", token="x" * 32),
        refusals.NO_CREDENTIALS,
    ),
    "a token that only reads": (
        lambda fastly: fastly.run(*fastly.creating(), token=fastly.create("--scope", "global:read").secret),
        refusals.READ_ONLY,
    ),
    "a token that only purges": (
        lambda fastly: fastly.run(*fastly.creating(), token=fastly.create("--scope", "purge_all").secret),
        refusals.PURGE_ONLY,
    ),
    "a user with two factors": (
        lambda fastly: fastly.run(*fastly.creating(password=fastly.world.otp_password), token=fastly.world.otp_token),
        refusals.NO_ONE_TIME_CODE,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_refusal_is_one_line_and_the_exit_code_is_1(fastly: Fastly, case: str) -> None:
    call, expected = REFUSED[case]

    done = call(fastly)

    assert_refused(done, expected)
    assert done.out.strip() == ""


def test_an_expired_token_is_told_since_when(fastly: Fastly) -> None:
    expiry = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    brief = pypi.granted(fastly.world, expires_at=expiry)

    done = fastly.run("auth-token", "describe", token=brief.access_token)
    while done.code == 0:  # nobody can hurry it
        done = fastly.run("auth-token", "describe", token=brief.access_token)

    assert_refused(done, refusals.expired(brief.id, expiry))


def test_the_hint_fits_the_refusal(fastly: Fastly) -> None:
    bad_token = fastly.run("auth-token", "list", token="nonsense")
    bad_password = fastly.run(*fastly.creating(password="wrong"), token=fastly.world.user_token)

    assert "missing, incorrect, or expired Fastly API token" in bad_token.err
    assert "insufficient token permissions" in bad_password.err


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


def test_fault_a_blank_line_in_a_file_becomes_a_token_without_an_id_and_nothing_is_revoked(fastly: Fastly) -> None:
    spared = fastly.create()

    done = fastly.run("auth-token", "delete", "--file", fastly.file_of(spared.id, ""), token=fastly.world.user_token)

    assert_refused(done, refusals.NO_ID)
    assert fastly.describe(spared.secret)["TokenID"] == spared.id


def test_fault_it_has_no_option_for_a_one_time_code(fastly: Fastly) -> None:
    world = fastly.world
    proof = {"username": world.otp_login, "password": world.otp_password}

    told = fastly.run("auth-token", "create", "--help", token=None)

    assert not any(word in (told.ok().out + told.err).lower() for word in ("otp", "one-time", "2fa", "factor"))
    # A token that was made elsewhere does work.
    elsewhere = pypi.create(world, otp=world.one_time_code(), **proof)
    assert world.otp_login in fastly.run("whoami", token=elsewhere.access_token).ok().out


def test_fault_without_a_token_it_asks_a_terminal_and_not_the_service(fastly: Fastly) -> None:
    done = fastly.run("auth-token", "list", token=None)

    assert done.code == 1
    assert "error reading token input" in done.err
