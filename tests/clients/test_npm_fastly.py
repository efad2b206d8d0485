"""npm `fastly`, unmodified: through all operations, what it shows of an error, and its known faults."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import refusals
from tests.clients.npm import Client, Rejected, refused
from tests.clients.refusals import Refusal
from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("npm fastly")


@pytest.fixture(scope="module")
def client(node: str, world: World) -> Iterator[Client]:
    with Client(node, world) as running:
        yield running


# --- The operations -----------------------------------------------------------------------------------------------------


def test_a_created_token_reads_the_same_as_itself_and_by_its_id_and_in_the_list(client: Client) -> None:
    created = client.granted(name="nightly purge", scope="purge_all")
    secret = created["access_token"]

    itself = client.call("getTokenCurrent", secret)
    by_id = client.call("getToken", secret, token_id=created["id"])
    listed = client.call("listTokensUser", secret)

    same = [one for one in [itself, by_id, *listed] if one["id"] == created["id"]]
    assert [(one["name"], one["scope"], one["user_id"], one["created_at"]) for one in same] == [
        ("nightly purge", "purge_all", created["user_id"], created["created_at"])
    ] * 3
    assert all("access_token" not in one for one in [itself, by_id, *listed])


def test_a_superuser_lists_the_tokens_of_everybody(client: Client) -> None:
    theirs, world = client.granted(), client.world

    listed = client.call("listTokensCustomer", world.superuser_token, customer_id=world.customer_id)

    assert theirs["id"] in [one["id"] for one in listed]
    assert len({one["user_id"] for one in listed}) == 3


def test_an_ordinary_user_does_not_list_the_tokens_of_everybody(client: Client) -> None:
    world = client.world

    refusal = refused(lambda: client.call("listTokensCustomer", world.user_token, customer_id=world.customer_id))

    assert refusal == refusals.NO_SUPERUSER


def test_a_token_revoked_by_its_id_is_gone_and_refused(client: Client) -> None:
    doomed, own = client.granted(), client.world.user_token

    done = client.call("revokeToken", own, token_id=doomed["id"])

    assert done is None
    gone = refusals.no_such_token(doomed["id"])
    assert refused(lambda: client.call("getToken", own, token_id=doomed["id"])) == gone
    assert refused(lambda: client.call("revokeToken", own, token_id=doomed["id"])) == gone
    assert refused(lambda: client.call("getTokenCurrent", doomed["access_token"])) == refusals.NO_CREDENTIALS


def test_a_token_that_revoked_itself_is_refused(client: Client) -> None:
    doomed = client.granted()["access_token"]

    client.call("revokeTokenCurrent", doomed)

    assert refused(lambda: client.call("getTokenCurrent", doomed)) == refusals.NO_CREDENTIALS


def test_tokens_revoked_in_bulk_are_gone(client: Client) -> None:
    doomed, own = [client.granted() for _ in range(3)], client.world.user_token

    client.call("bulkRevokeTokens", own, request_body=_bulk(*(one["id"] for one in doomed)))

    assert not {one["id"] for one in doomed} & {one["id"] for one in client.call("listTokensUser", own)}
    assert refused(lambda: client.call("getTokenCurrent", doomed[2]["access_token"])) == refusals.NO_CREDENTIALS


def test_a_bulk_with_an_unknown_id_revokes_nothing(client: Client) -> None:
    spared, own = client.granted(), client.world.user_token

    refusal = refused(lambda: client.call("bulkRevokeTokens", own, request_body=_bulk(spared["id"], "nowhere")))

    assert refusal == refusals.no_such_tokens("nowhere")
    assert client.call("getTokenCurrent", spared["access_token"])["id"] == spared["id"]


def test_a_token_is_raised_by_sudo_and_then_creates_another(client: Client) -> None:
    first = client.granted()["access_token"]
    proof = {"username": client.world.user_login, "password": client.world.user_password}

    raised = client.call("requestSudoAccess", first, api="SudoApi", sudo_request=proof)
    second = client.create(first, name="second")

    left = datetime.fromisoformat(raised["expiry_time"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5, seconds=1)
    assert second["name"] == "second"
    # Nothing to fill in, and still a token: its own method sends an empty form, which asks for the defaults.
    assert client.call("createToken", first)["scope"] == "global"


def test_login_and_password_by_basic_are_enough_for_a_token(client: Client) -> None:
    created = client.create_by_basic(client.world.user_login, client.world.user_password)

    assert created["user_id"] == client.granted()["user_id"]


# --- What fields do -----------------------------------------------------------------------------------------------------


def test_a_token_with_two_scopes_keeps_both(client: Client) -> None:
    created = client.granted(scope="purge_select purge_all")

    read = client.call("getTokenCurrent", created["access_token"])
    listed = client.call("listTokensUser", created["access_token"])

    assert created["scope"] == read["scope"] == "purge_select purge_all"
    assert "purge_select purge_all" in [one["scope"] for one in listed]


def test_a_token_limited_to_services_keeps_their_order_and_creates_no_wider_one(client: Client) -> None:
    world = client.world
    asked, proof = [world.service_2, world.service_1], {"username": world.user_login, "password": world.user_password}
    limited = client.granted(services=asked)
    secret = limited["access_token"]

    narrower = client.create(secret, services=[world.service_1], **proof)
    refusal = refused(lambda: client.create(secret, **proof))

    assert limited["services"] == client.call("getTokenCurrent", secret)["services"] == asked
    assert narrower["services"] == [world.service_1]
    assert refusal == refusals.TOO_WIDE


def test_a_name_arrives_as_it_was_typed(client: Client) -> None:
    assert client.granted(name="50% of a+b & Übermut")["name"] == "50% of a+b & Übermut"


def test_an_expiry_with_an_offset_comes_back_in_utc(client: Client) -> None:
    created = client.granted(expires_at="2031-09-15T23:00:00+02:00")

    read = client.call("getTokenCurrent", created["access_token"])

    assert created["expires_at"] == read["expires_at"] == "2031-09-15T21:00:00Z"


def test_the_list_shows_when_from_where_and_by_what_a_token_was_used(client: Client) -> None:
    used = client.granted()
    before = _listed(client, used["id"])

    client.call("getTokenCurrent", used["access_token"])

    after = _listed(client, used["id"])
    assert (before["last_used_at"], before["ip"], before["user_agent"], before["expires_at"]) == (None,) * 4
    assert (after["ip"], after["user_agent"]) == ("127.0.0.1", "fastly-js/13.0.0")
    assert after["last_used_at"] >= after["created_at"]


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Client], object], Refusal]] = {
    "a wrong password": (
        lambda client: client.create(username=client.world.user_login, password="wrong"),
        refusals.WRONG_PASSWORD,
    ),
    "no password": (lambda client: client.create(username=client.world.user_login), refusals.NO_PASSWORD),
    "an unknown scope": (lambda client: client.granted(scope="all"), refusals.BAD_SCOPE),
    "an unknown service": (lambda client: client.granted(services=["nowhere"]), refusals.BAD_SERVICE),
    "an expiry in the past": (lambda client: client.granted(expires_at="2001-01-01T00:00:00Z"), refusals.PAST),
    "no token": (lambda client: client.call("getTokenCurrent"), refusals.NO_CREDENTIALS),
    "no token and no password": (lambda client: client.call("createToken"), refusals.NO_CREDENTIALS),
    "a token of somebody else's": (lambda client: client.call("getTokenCurrent", "x" * 32), refusals.NO_CREDENTIALS),
    "a token not in sudo": (
        lambda client: client.call("createToken", client.granted()["access_token"]),
        refusals.NO_SUDO,
    ),
    "a token that only reads": (
        lambda client: client.call("createToken", client.granted(scope="global:read")["access_token"]),
        refusals.READ_ONLY,
    ),
    "a wrong password for sudo": (
        lambda client: client.call(
            "requestSudoAccess", client.world.user_token, api="SudoApi", sudo_request={"password": "wrong"}
        ),
        refusals.WRONG_PASSWORD_FOR_SUDO,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_rejection_carries_status_and_body_of_the_refusal(client: Client, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(client)) == expected


def test_a_user_with_two_factors_needs_a_new_code_for_each_proof(client: Client) -> None:
    world = client.world
    proof = {"username": world.otp_login, "password": world.otp_password}
    code, next_code = world.one_time_code(), world.one_time_code(steps_ahead=1)

    without = refused(lambda: client.create(**proof))
    created = client.create(otp=code, **proof)
    again = refused(lambda: client.create(otp=code, **proof))
    later = client.create(created["access_token"], otp=next_code, **proof)

    assert without == again == refusals.NO_ONE_TIME_CODE
    assert created["user_id"] == later["user_id"] != client.granted()["user_id"]


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


def test_fault_what_its_models_do_not_name_is_dropped(client: Client) -> None:
    created = client.granted()

    read = client.call("getTokenCurrent", created["access_token"])

    assert not {"customer_id", "service_id", "scopes", "sudo_expires_at"} & (created.keys() | read.keys())


def test_fault_create_token_ignores_its_fields(client: Client) -> None:
    created = client.create_by_basic(client.world.user_login, client.world.user_password)
    first = created["access_token"]
    client.call("requestSudoAccess", first, api="SudoApi", sudo_request={"password": client.world.user_password})

    ignored = client.call("createToken", first, name="mine", scope="purge_all")

    assert (ignored["name"], ignored["scope"]) == (f"token {ignored['id'][:6]}", "global")


def test_fault_it_cannot_be_aimed_at_another_server_by_a_setting(client: Client) -> None:
    # There is a list of addresses, and it has one entry.  The field `basePath` is passed over: driver.mjs sets it, and looks.
    with pytest.raises(Rejected, match="Invalid index 1 when selecting the host settings"):
        client.call("getTokenCurrent", client.world.user_token, _base_path_index=1)


def _bulk(*ids: str) -> dict[str, list[dict[str, str]]]:
    return {"data": [{"type": "token", "id": one} for one in ids]}


# Any: see `Client.call`.
def _listed(client: Client, token_id: str) -> Any:
    listed = client.call("listTokensUser", client.world.user_token)
    return next(one for one in listed if one["id"] == token_id)
