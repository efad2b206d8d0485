"""PyPI `fastly`, unmodified: people, the customer, services, and what it makes of the limit for writes."""

from collections.abc import Callable, Iterator
from typing import Any

import fastly
import pytest
from fastly.api.sudo_api import SudoApi
from fastly.model.sudo_request import SudoRequest

from tests.cli.program import enough_of_the_hour
from tests.clients import refusals
from tests.clients.pypi import create, customers, granted, refused, services, tokens, users
from tests.clients.refusals import Refusal
from tests.clients.world import Start, World

pytestmark = pytest.mark.xdist_group("pypi fastly people")

NEW_PASSWORD = "battery staple, correct"


@pytest.fixture(autouse=True)
def no_token_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    # The client would take it from there.
    monkeypatch.delenv("FASTLY_API_TOKEN", raising=False)


@pytest.fixture
def somebody(world: World) -> Iterator[Any]:
    """A new user without tokens, gone after the test."""
    api = users(world, world.superuser_token)
    made = api.create_user(login="somebody@example.com", name="Some Body", role="engineer")
    yield made
    api.delete_user(made.id)


# --- People -------------------------------------------------------------------------------------------------------------


def test_a_new_user_reads_the_same_by_id_and_in_the_customers_list(world: World, somebody: Any) -> None:
    read = users(world, world.superuser_token).get_user(somebody.id)
    listed = customers(world, world.superuser_token).list_users(world.customer_id)

    same = [read, *(one for one in listed if one.id == somebody.id)]
    assert [(one.login, one.name, str(one.role), one.customer_id, one.locked) for one in same] == [
        ("somebody@example.com", "Some Body", "engineer", world.customer_id, False)
    ] * 2
    assert read.created_at == read.updated_at == somebody.created_at


def test_the_user_behind_a_token_is_the_one_who_made_it(world: World) -> None:
    who = users(world, world.user_token).get_current_user()

    assert (who.login, str(who.role), who.two_factor_auth_enabled) == (world.user_login, "user", False)
    assert who.id == tokens(world, world.user_token).get_token_current().user_id


def test_a_changed_user_is_answered_and_read_as_changed(world: World, somebody: Any) -> None:
    api = users(world, world.superuser_token)

    changed = api.update_user(somebody.id, name="Any Body", role="billing")

    for one in (changed, api.get_user(somebody.id)):
        assert (one.name, str(one.role), one.login) == ("Any Body", "billing", "somebody@example.com")


def test_another_login_takes_a_token_in_sudo(world: World, somebody: Any) -> None:
    proof = {"username": world.superuser_login, "password": world.superuser_password}
    api = users(world, create(world, **proof).access_token)

    without = refused(lambda: api.update_user(somebody.id, login="anybody@example.com"))
    SudoApi(api.api_client).request_sudo_access(sudo_request=SudoRequest(**proof))
    changed = api.update_user(somebody.id, login="anybody@example.com")

    assert without == refusals.NO_SUDO
    assert (changed.id, changed.login) == (somebody.id, "anybody@example.com")


def test_a_password_is_changed_with_login_and_old_password_and_no_token(world: World) -> None:
    # The client sends no token here, whatever it has: only Basic.
    proof = {"username": world.otp_login, "password": world.otp_password}
    api = users(world, "", **proof)
    api.api_client.default_headers["Fastly-OTP"] = world.one_time_code()

    changed = api.update_user_password(old_password=world.otp_password, new_password=NEW_PASSWORD)

    assert changed.login == world.otp_login
    code = world.one_time_code(steps_ahead=1)
    assert create(world, otp=code, username=world.otp_login, password=NEW_PASSWORD).user_id == changed.id


def test_a_deleted_user_is_not_found(world: World) -> None:
    api = users(world, world.superuser_token)
    gone = api.create_user(login="gone@example.com", name="Gone")

    assert api.delete_user(gone.id).status == "ok"

    assert refused(lambda: api.get_user(gone.id)) == refusals.no_such("user", gone.id)
    assert refused(lambda: api.delete_user(gone.id)) == refusals.no_such("user", gone.id)


# --- The customer -------------------------------------------------------------------------------------------------------


def test_the_customer_reads_the_same_by_its_id_and_as_ones_own(world: World) -> None:
    api = customers(world, world.user_token)

    own, by_id = api.get_logged_in_customer(), api.get_customer(world.customer_id)

    assert own.to_dict() == by_id.to_dict()
    assert (own.id, own.name, own.force_2fa, own.force_sso) == (world.customer_id, "Demo", False, False)


def test_a_renamed_customer_is_answered_and_read_as_renamed(world: World) -> None:
    api = customers(world, world.superuser_token)

    renamed = api.update_customer(world.customer_id, name="Universal")

    assert [renamed.name, api.get_customer(world.customer_id).name] == ["Universal"] * 2
    api.update_customer(world.customer_id, name="Demo")


# --- Services -----------------------------------------------------------------------------------------------------------


def test_a_service_from_its_first_name_to_its_last(world: World) -> None:
    api = services(world, world.superuser_token)

    # What we do not keep is accepted, and not pretended to be kept.
    made = api.create_service(name="wiki", type="vcl", comment="for all")
    found, full = api.search_service(name="wiki"), api.get_service_detail(made.id)
    renamed = api.update_service(made.id, name="pedia")
    read, listed = api.get_service(made.id), api.list_services()
    gone = api.delete_service(made.id)

    assert (made.name, made.comment, made.customer_id, made.versions) == ("wiki", None, world.customer_id, [])
    assert found.id == full.id == made.id
    assert full.active_version is None
    assert renamed.name == read.name == next(one for one in listed if one.id == made.id).name == "pedia"
    assert gone.status == "ok"
    assert refused(lambda: api.get_service(made.id)) == refusals.no_such("service", made.id)


def test_services_come_in_pages(world: World) -> None:
    api = services(world, world.user_token)
    everything = [one.id for one in api.list_services()]

    pages = [[one.id for one in api.list_services(page=page, per_page=1)] for page in (1, 2, 3)]

    assert pages == [[everything[0]], [everything[1]], []]


# --- A token limited to services ----------------------------------------------------------------------------------------


def test_a_limited_token_knows_itself_and_its_services_and_no_people(world: World) -> None:
    limited = granted(world, services=[world.service_1])
    secret, own_id = limited.access_token, limited.user_id

    api = users(world, secret)

    assert refused(api.get_current_user) == refused(lambda: api.get_user(own_id)) == refusals.LIMITED
    assert tokens(world, secret).get_token_current().id == limited.id
    assert [one.id for one in services(world, secret).list_services()] == [world.service_1]
    assert refused(lambda: services(world, secret).get_service(world.service_2)).status == 404
    assert customers(world, secret).get_logged_in_customer().id == world.customer_id


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[World], object], Refusal]] = {
    "another user": (
        lambda world: users(world, world.user_token).get_user("nobody"),
        refusals.SUPERUSERS_ONLY,
    ),
    "a new user by an ordinary one": (
        lambda world: users(world, world.user_token).create_user(login="x@example.com"),
        refusals.SUPERUSERS_ONLY,
    ),
    "a role for oneself": (
        lambda world: users(world, world.user_token).update_user(own_id(world, world.user_token), role="superuser"),
        refusals.SUPERUSERS_ONLY,
    ),
    "everybody, as an ordinary user": (
        lambda world: customers(world, world.user_token).list_users(world.customer_id),
        refusals.NO_SUPERUSER,
    ),
    "an unknown user": (
        lambda world: users(world, world.superuser_token).get_user("nobody"),
        refusals.no_such("user", "nobody"),
    ),
    "a login that is taken": (
        lambda world: users(world, world.superuser_token).create_user(login="USER@example.com"),
        refusals.taken("USER@example.com"),
    ),
    "the last superuser": (
        lambda world: users(world, world.superuser_token).update_user(
            own_id(world, world.superuser_token), role="user"
        ),
        refusals.LAST_SUPERUSER,
    ),
    "a password with a token alone": (
        lambda world: users(world, world.user_token).update_user_password(
            old_password=world.user_password, new_password=NEW_PASSWORD
        ),
        refusals.NO_CREDENTIALS,
    ),
    "a password by mail": (
        lambda world: users(world, world.superuser_token).request_password_reset(world.user_login),
        refusals.NOWHERE,
    ),
    "a service by an ordinary user": (
        lambda world: services(world, world.user_token).create_service(name="x"),
        refusals.ENGINEERS_ONLY,
    ),
    "an unknown service": (
        lambda world: services(world, world.superuser_token).update_service("nowhere", name="x"),
        refusals.no_such("service", "nowhere"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_exception_carries_status_and_body_of_the_refusal(world: World, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(world)) == expected


def test_what_live_tokens_need_is_not_deleted(world: World) -> None:
    login = "owner@example.com"
    api = users(world, world.superuser_token)
    token = granted(world, services=[world.service_2])
    owner = api.create_user(login=login, name="Owner")

    service_stays = refused(lambda: services(world, world.superuser_token).delete_service(world.service_2))
    user_stays = refused(lambda: api.delete_user(token.user_id))
    tokens(world, token.access_token).revoke_token_current()

    assert service_stays == refusals.IN_USE
    assert (user_stays.status, user_stays.msg) == (409, "User has live tokens")
    assert token.id in (user_stays.detail or "")
    assert api.delete_user(owner.id).status == "ok"


# --- The limit for writes -----------------------------------------------------------------------------------------------


def test_the_client_reads_how_many_writes_are_left_and_past_the_limit_it_raises(start: Start) -> None:
    enough_of_the_hour()
    with start(writes_per_hour=2) as server:
        world = World.of(server.values)
        api = services(world, world.superuser_token)

        api.create_service(name="one")
        after_a_write = api.api_client.rate_limit_remaining, int(api.api_client.rate_limit_reset) % 3600
        api.list_services()
        after_a_read = api.api_client.rate_limit_remaining
        api.create_service(name="two")
        last = api.api_client.rate_limit_remaining
        with pytest.raises(fastly.ApiException) as caught:
            api.create_service(name="three")

        assert (after_a_write, after_a_read, last) == ((1, 0), 1, 0)
        assert caught.value.headers["fastly-ratelimit-remaining"] == "0"
        assert int(caught.value.headers["fastly-ratelimit-reset"]) % 3600 == 0
        assert refused(lambda: api.create_service(name="three")) == refusals.TOO_MANY_WRITES
        # Reads, and other people's writes, go on.
        assert {one.name for one in api.list_services()} == {"shop", "blog", "one", "two"}
        tokens(world, world.user_token).revoke_token_current()


def own_id(world: World, token: str) -> str:
    found: str = users(world, token).get_current_user().id
    return found
