"""PyPI `fastly`, unmodified: automation tokens from the first day to the last, and what of them it cannot read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import fastly
import pytest
from fastly.model.automation_token_create_request import AutomationTokenCreateRequest

from tests.clients import refusals
from tests.clients.pypi import create, in_sudo, machine, machines, refused, services, tokens, users
from tests.clients.refusals import Refusal
from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("pypi fastly automation")

UNCHECKED = {"_check_return_type": False}


@pytest.fixture(autouse=True)
def no_token_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    # The client would take it from there.
    monkeypatch.delenv("FASTLY_API_TOKEN", raising=False)


@pytest.fixture
def api(world: World) -> Any:
    """The operations, as the superuser with a token that is not in sudo."""
    return machines(world, world.superuser_token)


@pytest.fixture
def made(world: World, api: Any) -> Iterator[Any]:
    """An automation token for one service, gone after the test."""
    token = machine(world, services=[world.service_1], expires_at=datetime(2031, 1, 1, tzinfo=UTC))
    yield token
    api.revoke_automation_token_id(token.id)


# --- The operations -----------------------------------------------------------------------------------------------------


def test_unchecked_a_created_token_reads_the_same_by_its_id_and_in_the_list(world: World, api: Any, made: Any) -> None:
    read = api.get_automation_token_id(made.id, **UNCHECKED)
    listed = next(one for one in api.list_automation_tokens(**UNCHECKED) if one.id == made.id)

    same = [one.to_dict() for one in (made, read, listed)]
    expected = ("ci", "engineer", [world.service_1], "2031-01-01T00:00:00Z", made.to_dict()["created_at"])
    assert [(one["name"], one["role"], one["services"], one["expires_at"], one["created_at"]) for one in same] == [
        expected
    ] * 3
    assert [one["access_token"] for one in same[1:]] == ["", ""]
    assert (listed.to_dict()["customer_id"], listed.tls_access) == (world.customer_id, False)


@pytest.mark.parametrize("options", [{}, UNCHECKED], ids=["checked", "unchecked"])
def test_its_services_and_workspaces_are_read(world: World, api: Any, made: Any, options: Any) -> None:
    assert api.get_automation_tokens_id_services(made.id, **options).data == [world.service_1]
    workspaces = api.get_automation_tokens_id_workspaces(made.id, **options)
    assert (workspaces.data, workspaces.limit_workspaces) == ([], False)


def test_the_list_comes_in_pages(world: World, api: Any, made: Any) -> None:
    second = machine(world, name="second")

    pages = [[one.id for one in api.list_automation_tokens(page=page, per_page=1, **UNCHECKED)] for page in (1, 2, 3)]

    assert sorted(pages) == sorted([[made.id], [second.id], []])
    assert pages[2] == []
    api.revoke_automation_token_id(second.id)


def test_it_reads_itself_and_stands_without_a_user_among_the_tokens_of_everybody(world: World, made: Any) -> None:
    own, root = tokens(world, made.access_token), tokens(world, world.superuser_token)

    listed = root.list_tokens_customer(world.customer_id)
    readings = [own.get_token_current(), *own.list_tokens_user(), root.get_token(made.id), *listed]

    same = [one for one in readings if one.id == made.id]
    assert [(one.name, one.scope, one.services, "user_id" in one) for one in same] == [
        ("ci", "global", [world.service_1], False)
    ] * 4
    assert sum("user_id" not in one for one in listed) == 1


def test_its_role_decides_what_it_may_change(world: World) -> None:
    engineer, user = (machine(world, name=role, role=role) for role in ("engineer", "user"))

    service = services(world, engineer.access_token).create_service(name="made by a machine")

    assert refused(lambda: services(world, user.access_token).create_service(name="x")) == refusals.ENGINEERS_ONLY
    services(world, engineer.access_token).delete_service(service.id)
    for own in (engineer, user):
        tokens(world, own.access_token).revoke_token_current()


@pytest.mark.parametrize("way", ["revoke_automation_token_id", "revoke_token"])
def test_a_revoked_one_is_gone_and_refused(world: World, api: Any, way: str) -> None:
    doomed = machine(world)
    revoke = getattr(api if way == "revoke_automation_token_id" else tokens(world, world.superuser_token), way)

    revoke(doomed.id)

    assert refused(tokens(world, doomed.access_token).get_token_current) == refusals.NO_CREDENTIALS
    assert refused(lambda: api.get_automation_token_id(doomed.id)) == refusals.no_such_token(doomed.id).problem
    assert doomed.id not in [one.id for one in api.list_automation_tokens(**UNCHECKED)]


def test_defaults_that_are_spelled_out_are_accepted(world: World, api: Any) -> None:
    spelled = machine(
        world, roles=["billing"], scope="global", limit_services=False, limit_workspaces=True, tls_access=False
    )

    assert (spelled.role, spelled.services, spelled.scope) == ("billing", [], "global")
    api.revoke_automation_token_id(spelled.id)


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[World], object], Refusal]] = {
    "no sudo": (lambda world: wished(world, create_plain(world)), refusals.NO_SUDO),
    "an ordinary user": (lambda world: wished(world, world.user_token), refusals.NO_MACHINES),
    "no role": (lambda world: wished(world, in_sudo(world), role=None), refusals.NO_ROLE),
    "a superuser's role": (lambda world: wished(world, in_sudo(world), roles=["superuser"]), refusals.SUPER_MACHINE),
    "an expiry in the past": (
        lambda world: wished(world, in_sudo(world), expires_at=datetime(2001, 1, 1, tzinfo=UTC)),
        Refusal(422, "expires_at must be in the future"),
    ),
    "an unknown service": (
        lambda world: wished(world, in_sudo(world), services=["nowhere"]),
        Refusal(400, "no such service: nowhere"),
    ),
    "a token of somebody else's": (
        lambda world: machines(world, "x" * 32).list_automation_tokens(),
        refusals.NO_CREDENTIALS,
    ),
    "the list, as an ordinary user": (
        lambda world: machines(world, world.user_token).list_automation_tokens(),
        refusals.NO_SUPERUSER,
    ),
    "an unknown one": (
        lambda world: machines(world, world.superuser_token).revoke_automation_token_id("nowhere"),
        refusals.no_such_token("nowhere").problem,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_exception_carries_status_and_problem_of_the_refusal(world: World, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(world)) == expected


def test_an_automation_token_makes_no_other_and_reaches_no_person(world: World, made: Any) -> None:
    secret = made.access_token

    for call in (lambda: wished(world, secret), users(world, secret).get_current_user):
        assert refused(call) == refusals.NOT_FOR_MACHINES
    assert refused(tokens(world, secret).create_token) == refusals.NOT_FOR_MACHINES
    assert refused(machines(world, secret).list_automation_tokens) == refusals.NO_SUPERUSER


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


def test_fault_checked_nothing_with_an_id_can_be_read_and_what_was_asked_for_is_done(
    world: World, api: Any, made: Any
) -> None:
    # Its models want an object where there is the id.
    wish = AutomationTokenCreateRequest(name="unread", role="user", expires_at=datetime(2031, 1, 1, tzinfo=UTC))
    root = machines(world, in_sudo(world))
    reads: list[Callable[[], object]] = [
        lambda: root.create_automation_token(automation_token_create_request=wish),
        lambda: api.get_automation_token_id(made.id),
        api.list_automation_tokens,
    ]

    for read in reads:
        with pytest.raises(fastly.ApiValueError, match=r"type is ReadOnlyId .*passed type was str at .*'id'"):
            read()

    unread = [one for one in api.list_automation_tokens(**UNCHECKED) if one.name == "unread"]
    assert len(unread) == 1
    api.revoke_automation_token_id(unread[0].id)


def test_fault_it_does_not_even_ask_for_two_scopes(world: World) -> None:
    with pytest.raises(fastly.ApiValueError, match="Invalid value for `scope`"):
        AutomationTokenCreateRequest(name="x", role="user", scope="purge_all global:read", expires_at=None)


def create_plain(world: World) -> str:
    """A token of the superuser's that is not in sudo."""
    secret: str = create(world, username=world.superuser_login, password=world.superuser_password).access_token
    return secret


def wished(world: World, token: str, **fields: Any) -> Any:
    """A create that is to fail."""
    given = {"name": "x", "role": "user", "expires_at": None} | fields
    wish = AutomationTokenCreateRequest(**{name: value for name, value in given.items() if name != "role" or value})
    return machines(world, token).create_automation_token(automation_token_create_request=wish)
