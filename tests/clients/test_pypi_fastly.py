"""PyPI `fastly`, unmodified: through all operations, what it shows of an error, and its known faults."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import fastly
import pytest
from fastly.api.sudo_api import SudoApi
from fastly.api.tokens_api import TokensApi
from fastly.exceptions import ForbiddenException, NotFoundException, UnauthorizedException
from fastly.model.sudo_request import SudoRequest

from tests.clients import refusals
from tests.clients.pypi import FORM, client, create, granted, refused, tokens
from tests.clients.refusals import Refusal
from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("pypi fastly")


@pytest.fixture(autouse=True)
def no_token_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    # The client would take it from there.
    monkeypatch.delenv("FASTLY_API_TOKEN", raising=False)


# --- The operations -----------------------------------------------------------------------------------------------------


def test_a_created_token_reads_the_same_as_itself_and_by_its_id_and_in_the_list(world: World) -> None:
    created = granted(world, name="nightly purge", scope="purge_all")

    own = tokens(world, created.access_token)
    readings = [own.get_token_current(), own.get_token(created.id), *own.list_tokens_user()]

    same = [one for one in readings if one.id == created.id]
    assert [(one.name, one.scope, one.scopes, one.user_id, one.customer_id, one.services) for one in same] == [
        ("nightly purge", "purge_all", ["purge_all"], created.user_id, world.customer_id, [])
    ] * 3
    assert all("access_token" not in one for one in readings)


def test_a_superuser_lists_the_tokens_of_everybody(world: World) -> None:
    theirs = granted(world)

    listed = tokens(world, world.superuser_token).list_tokens_customer(world.customer_id)

    assert theirs.id in [one.id for one in listed]
    assert {one.customer_id for one in listed} == {world.customer_id}
    assert len({one.user_id for one in listed}) == 3


def test_an_ordinary_user_does_not_list_the_tokens_of_everybody(world: World) -> None:
    refusal = refused(lambda: tokens(world, world.user_token).list_tokens_customer(world.customer_id))

    assert refusal == refusals.NO_SUPERUSER


def test_a_token_revoked_by_its_id_is_gone_and_refused(world: World) -> None:
    doomed, own = granted(world), tokens(world, world.user_token)

    own.revoke_token(doomed.id)

    assert refused(lambda: own.get_token(doomed.id)) == refusals.no_such_token(doomed.id)
    assert refused(lambda: own.revoke_token(doomed.id)) == refusals.no_such_token(doomed.id)
    assert refused(tokens(world, doomed.access_token).get_token_current) == refusals.NO_CREDENTIALS


def test_a_token_that_revoked_itself_is_refused(world: World) -> None:
    doomed = tokens(world, granted(world).access_token)

    doomed.revoke_token_current()

    assert refused(doomed.get_token_current) == refusals.NO_CREDENTIALS


def test_tokens_revoked_in_bulk_are_gone(world: World) -> None:
    doomed, own = [granted(world) for _ in range(3)], tokens(world, world.user_token)

    own.bulk_revoke_tokens(request_body={"data": [{"type": "token", "id": one.id} for one in doomed]})

    assert not {one.id for one in doomed} & {one.id for one in own.list_tokens_user()}
    assert refused(tokens(world, doomed[2].access_token).get_token_current) == refusals.NO_CREDENTIALS


def test_a_bulk_with_an_unknown_id_revokes_nothing(world: World) -> None:
    spared, own = granted(world), tokens(world, world.user_token)
    ids = [{"type": "token", "id": spared.id}, {"type": "token", "id": "nowhere"}]

    refusal = refused(lambda: own.bulk_revoke_tokens(request_body={"data": ids}))

    assert refusal == refusals.no_such_tokens("nowhere")
    assert tokens(world, spared.access_token).get_token_current().id == spared.id


def test_a_token_is_raised_by_sudo_and_then_creates_another(world: World) -> None:
    first = granted(world)
    proof = SudoRequest(username=world.user_login, password=world.user_password)

    raised = SudoApi(client(world, first.access_token)).request_sudo_access(sudo_request=proof)
    second = create(world, first.access_token, name="second")

    assert timedelta(minutes=4) < raised.expiry_time - datetime.now(UTC) <= timedelta(minutes=5, seconds=1)
    assert second.name == "second"
    # Nothing to fill in, and still a token: its own method sends an empty form, which asks for the defaults.
    assert tokens(world, first.access_token).create_token().scope == "global"
    assert tokens(world, first.access_token).get_token_current().sudo_expires_at == raised.expiry_time


def test_login_and_password_by_basic_are_enough_for_a_token(world: World) -> None:
    # The client cannot leave the header for a token out: it sends an empty one.
    created = tokens(world, "", username=world.user_login, password=world.user_password).create_token()

    assert created.user_id == granted(world).user_id


def test_status_and_content_type_are_those_of_the_recorded_wire(world: World) -> None:
    basic = {"username": world.user_login, "password": world.user_password}

    created, create_status, create_headers = tokens(world, "", **basic).create_token(_return_http_data_only=False)
    own = tokens(world, created.access_token)
    _, read_status, read_headers = own.get_token_current(_return_http_data_only=False)
    _, revoke_status, revoke_headers = own.revoke_token_current(_return_http_data_only=False)

    assert (create_status, create_headers["content-type"]) == (200, "application/json")
    assert (read_status, read_headers["content-type"]) == (200, "application/json")
    assert (revoke_status, revoke_headers.get("content-type")) == (204, None)


# --- What fields do -----------------------------------------------------------------------------------------------------


def test_a_token_limited_to_services_keeps_their_order_and_creates_no_wider_one(world: World) -> None:
    asked = [world.service_2, world.service_1]
    limited = granted(world, services=asked)
    proven = {"username": world.user_login, "password": world.user_password}

    narrower = create(world, limited.access_token, services=[world.service_1], **proven)
    refusal = refused(lambda: create(world, limited.access_token, **proven))

    assert (limited.services, limited.service_id) == (asked, world.service_1)
    assert (narrower.services, narrower.service_id) == ([world.service_1], world.service_1)
    assert refusal == refusals.TOO_WIDE


def test_a_name_arrives_as_it_was_typed(world: World) -> None:
    assert granted(world, name="50% of a+b & Übermut").name == "50% of a+b & Übermut"


def test_an_expiry_with_an_offset_comes_back_in_utc(world: World) -> None:
    created = granted(world, expires_at="2031-09-15T23:00:00+02:00")

    assert created.expires_at == "2031-09-15T21:00:00Z"
    assert tokens(world, world.user_token).get_token(created.id).expires_at == "2031-09-15T21:00:00Z"


def test_the_list_shows_when_from_where_and_by_what_a_token_was_used(world: World) -> None:
    used, own = granted(world), tokens(world, world.user_token)
    before = next(one for one in own.list_tokens_user() if one.id == used.id)

    tokens(world, used.access_token).get_token_current()

    after = next(one for one in own.list_tokens_user() if one.id == used.id)
    assert "last_used_at" not in before
    assert (after.ip, after.user_agent) == ("127.0.0.1", "fastly-py/15.0.0")
    assert after.last_used_at >= after.to_dict()["created_at"]


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[World], object], Refusal]] = {
    "a wrong password": (
        lambda world: create(world, username=world.user_login, password="wrong"),
        refusals.WRONG_PASSWORD,
    ),
    "no password": (lambda world: create(world, username=world.user_login), refusals.NO_PASSWORD),
    "an unknown scope": (lambda world: granted(world, scope="all"), refusals.BAD_SCOPE),
    "an unknown service": (lambda world: granted(world, services=["nowhere"]), refusals.BAD_SERVICE),
    "an expiry in the past": (lambda world: granted(world, expires_at="2001-01-01T00:00:00Z"), refusals.PAST),
    "no token": (lambda world: tokens(world, "").get_token_current(), refusals.NO_CREDENTIALS),
    "no token and no password": (lambda world: tokens(world, "").create_token(), refusals.NO_CREDENTIALS),
    "a token of somebody else's": (lambda world: tokens(world, "x" * 32).get_token_current(), refusals.NO_CREDENTIALS),
    "a token not in sudo": (lambda world: tokens(world, granted(world).access_token).create_token(), refusals.NO_SUDO),
    "a token that only reads": (
        lambda world: tokens(world, granted(world, scope="global:read").access_token).create_token(),
        refusals.READ_ONLY,
    ),
    "a wrong password for sudo": (
        lambda world: SudoApi(client(world, world.user_token)).request_sudo_access(
            sudo_request=SudoRequest(username=world.user_login, password="wrong")
        ),
        refusals.WRONG_PASSWORD_FOR_SUDO,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_exception_carries_status_and_body_of_the_refusal(world: World, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(world)) == expected


@pytest.mark.parametrize(
    "error, call",
    [
        (UnauthorizedException, lambda world: tokens(world, "nonsense").list_tokens_user()),
        (ForbiddenException, lambda world: tokens(world, world.user_token).list_tokens_customer("nowhere")),
        (NotFoundException, lambda world: tokens(world, world.user_token).get_token("nowhere")),
    ],
)
def test_a_refusal_is_an_exception_of_its_own_kind(
    world: World, error: type[Exception], call: Callable[[World], object]
) -> None:
    with pytest.raises(error):
        call(world)


def test_a_user_with_two_factors_needs_a_new_code_for_each_proof(world: World) -> None:
    proof = {"username": world.otp_login, "password": world.otp_password}
    code, next_code = world.one_time_code(), world.one_time_code(steps_ahead=1)

    without = refused(lambda: create(world, **proof))
    created = create(world, otp=code, **proof)
    again = refused(lambda: create(world, otp=code, **proof))
    later = create(world, created.access_token, otp=next_code, **proof)

    assert without == again == refusals.NO_ONE_TIME_CODE
    assert created.user_id == later.user_id != granted(world).user_id


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


@pytest.fixture
def with_two_scopes(world: World) -> Iterator[str]:
    """The secret of a token with two scopes: raw, because the client cannot read it.  Its list cannot be read meanwhile."""
    form = {"username": world.user_login, "password": world.user_password, "scope": "purge_select purge_all"}
    answer = client(world, "").call_api(
        "/tokens",
        "POST",
        header_params=FORM,
        post_params=[*form.items()],
        _preload_content=False,
        _return_http_data_only=True,
    )
    created = json.loads(answer.data)
    yield created["access_token"]
    tokens(world, created["access_token"]).revoke_token_current()


def test_fault_a_token_with_two_scopes_cannot_be_read(world: World, with_two_scopes: str) -> None:
    own = tokens(world, with_two_scopes)

    for read in (own.get_token_current, own.list_tokens_user):
        with pytest.raises(fastly.ApiValueError, match=r"Invalid value for `scope` \(purge_select purge_all\)"):
            read()
        with pytest.raises(fastly.ApiValueError, match="Invalid value for `scope`"):
            read(_check_return_type=False)

    raw = own.get_token_current(_preload_content=False)
    assert json.loads(raw.data)["scope"] == "purge_select purge_all"


def test_fault_nulls_cannot_be_read_so_they_are_left_out_for_this_client_alone(world: World) -> None:
    fresh = granted(world)
    plain, disguised = client(world, fresh.access_token), client(world, fresh.access_token)
    disguised.user_agent = "something-else/1.0"

    token = TokensApi(plain).get_token_current()

    assert "expires_at" not in token
    assert token.to_dict().keys() >= {"sudo_expires_at", "service_id"}
    with pytest.raises(fastly.ApiValueError, match=r"NoneType at .*'expires_at'"):
        TokensApi(disguised).get_token_current()


def test_fault_the_time_of_creation_is_there_but_not_as_an_attribute(world: World) -> None:
    token = tokens(world, world.user_token).get_token_current()

    # Two of its models hold the value, one as text and one as a time, and then differ.
    with pytest.raises(fastly.ApiValueError, match="created_at"):
        _ = token.created_at
    assert datetime.fromisoformat(token.to_dict()["created_at"]) < datetime.now(UTC)


def test_fault_create_token_takes_no_fields(world: World) -> None:
    with pytest.raises(fastly.ApiTypeError):
        tokens(world, world.user_token).create_token(name="mine")


def test_fault_without_any_token_the_client_trips_over_itself(world: World) -> None:
    nobody = TokensApi(fastly.ApiClient(fastly.Configuration(host=world.api_url)))

    with pytest.raises(TypeError, match="NoneType"):
        nobody.get_token_current()
