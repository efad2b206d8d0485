"""npm `fastly`, unmodified: people, the customer, services, and what it makes of the limit for writes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.program import enough_of_the_hour
from tests.clients import refusals
from tests.clients.npm import Client, Rejected, refused
from tests.clients.refusals import Refusal
from tests.clients.world import Start, World

pytestmark = pytest.mark.xdist_group("npm fastly people")

NEW_PASSWORD = "battery staple, correct"


class Office:
    """The client with a superuser's token, or with another that is named."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.world = client.world

    def users(self, method: str, *, token: str | None = None, **options: Any) -> Any:
        return self.client.call(method, token or self.world.superuser_token, api="UserApi", **options)

    def customers(self, method: str, *, token: str | None = None, **options: Any) -> Any:
        return self.client.call(method, token or self.world.superuser_token, api="CustomerApi", **options)

    def services(self, method: str, *, token: str | None = None, **options: Any) -> Any:
        return self.client.call(method, token or self.world.superuser_token, api="ServiceApi", **options)

    def in_sudo(self) -> str:
        """Another token of the superuser's, raised: the one that the others use must not be."""
        proof = {"username": self.world.superuser_login, "password": self.world.superuser_password}
        secret: str = self.client.create(**proof)["access_token"]
        self.client.call("requestSudoAccess", secret, api="SudoApi", sudo_request=proof)
        return secret

    def person(self, login: str, **fields: str) -> Any:
        return self.users("createUser", login=login, **fields)


@pytest.fixture(scope="module")
def office(node: str, world: World) -> Iterator[Office]:
    with Client(node, world) as running:
        yield Office(running)


# Any, throughout: what the client makes of an answer.

# --- People -------------------------------------------------------------------------------------------------------------


def test_a_user_from_the_first_day_to_the_last(office: Office) -> None:
    made = office.person("first@example.com", name="First", role="engineer")

    office.users("updateUser", user_id=made["id"], name="Last", role="billing")
    no_sudo = refused(lambda: office.users("updateUser", user_id=made["id"], login="last@example.com"))
    changed = office.users("updateUser", token=office.in_sudo(), user_id=made["id"], login="last@example.com")
    read = office.users("getUser", user_id=made["id"])
    listed = office.customers("listUsers", customer_id=office.world.customer_id)
    gone = office.users("deleteUser", user_id=made["id"])

    assert (made["login"], made["name"], made["role"], made["locked"]) == (
        "first@example.com",
        "First",
        "engineer",
        False,
    )
    assert no_sudo == refusals.NO_SUDO
    assert changed == read == next(one for one in listed if one["id"] == made["id"])
    assert (read["login"], read["name"], read["role"]) == ("last@example.com", "Last", "billing")
    assert gone == {"status": "ok"}
    assert refused(lambda: office.users("getUser", user_id=made["id"])) == refusals.no_such("user", made["id"])


def test_the_user_behind_a_token_is_the_one_who_made_it(office: Office) -> None:
    own = office.users("getCurrentUser", token=office.world.user_token)

    assert own["login"] == office.world.user_login
    assert own["id"] == office.client.call("getTokenCurrent", office.world.user_token)["user_id"]


def test_a_password_is_changed_with_login_and_old_password_and_no_token(office: Office) -> None:
    world = office.world

    changed = office.client.change_password(world.user_login, world.user_password, NEW_PASSWORD)
    created = office.client.create(username=world.user_login, password=NEW_PASSWORD)
    office.client.change_password(world.user_login, NEW_PASSWORD, world.user_password)

    assert changed["login"] == world.user_login
    assert created["user_id"] == changed["id"]


# --- The customer -------------------------------------------------------------------------------------------------------


def test_the_customer_reads_the_same_by_its_id_and_as_ones_own_also_when_it_is_renamed(office: Office) -> None:
    customer_id = office.world.customer_id

    renamed = office.customers("updateCustomer", customer_id=customer_id, name="Universal")

    assert (
        renamed == office.customers("getCustomer", customer_id=customer_id) == office.customers("getLoggedInCustomer")
    )
    assert (renamed["id"], renamed["name"]) == (customer_id, "Universal")


# --- Services -----------------------------------------------------------------------------------------------------------


def test_a_service_from_its_first_name_to_its_last(office: Office) -> None:
    # What we do not keep is accepted, and not pretended to be kept.
    made = office.services("createService", name="wiki", type="vcl", comment="for all")
    found = office.services("searchService", name="wiki")
    full = office.services("getServiceDetail", service_id=made["id"])
    renamed = office.services("updateService", service_id=made["id"], name="pedia")
    read, listed = office.services("getService", service_id=made["id"]), office.services("listServices")
    gone = office.services("deleteService", service_id=made["id"])

    assert (made["name"], made["comment"], made["versions"]) == ("wiki", None, [])
    assert found["id"] == full["id"] == made["id"]
    assert renamed["name"] == "pedia"
    assert read == next(one for one in listed if one["id"] == made["id"])
    assert gone == {"status": "ok"}
    refusal = refused(lambda: office.services("getService", service_id=made["id"]))
    assert refusal == refusals.no_such("service", made["id"])


def test_services_come_in_pages(office: Office) -> None:
    everything = [one["id"] for one in office.services("listServices")]

    pages = [[one["id"] for one in office.services("listServices", page=page, per_page=1)] for page in (1, 2, 3)]

    assert pages == [[everything[0]], [everything[1]], []]


# --- A token limited to services ----------------------------------------------------------------------------------------


def test_a_limited_token_knows_itself_and_its_services_and_no_people(office: Office) -> None:
    world, limited = office.world, office.client.granted(services=[office.world.service_1])
    secret = limited["access_token"]

    own = refused(lambda: office.users("getCurrentUser", token=secret))
    by_id = refused(lambda: office.users("getUser", token=secret, user_id=limited["user_id"]))

    assert own == by_id == refusals.LIMITED
    assert office.client.call("getTokenCurrent", secret)["id"] == limited["id"]
    assert [one["id"] for one in office.services("listServices", token=secret)] == [world.service_1]
    assert office.customers("getLoggedInCustomer", token=secret)["id"] == world.customer_id


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Office], object], Refusal]] = {
    "a new user by an ordinary one": (
        lambda office: office.users("createUser", token=office.world.user_token, login="x@example.com"),
        refusals.SUPERUSERS_ONLY,
    ),
    "everybody, as an ordinary user": (
        lambda office: office.customers(
            "listUsers", token=office.world.user_token, customer_id=office.world.customer_id
        ),
        refusals.NO_SUPERUSER,
    ),
    "an unknown user": (
        lambda office: office.users("updateUser", user_id="nobody", name="x"),
        refusals.no_such("user", "nobody"),
    ),
    "a login that is taken": (
        lambda office: office.person("USER@example.com"),
        refusals.taken("USER@example.com"),
    ),
    "the last superuser": (
        lambda office: office.users("updateUser", user_id=office.users("getCurrentUser")["id"], role="user"),
        refusals.LAST_SUPERUSER,
    ),
    "a password with a token alone": (
        lambda office: office.users(
            "updateUserPassword", old_password=office.world.superuser_password, new_password=NEW_PASSWORD
        ),
        refusals.NO_CREDENTIALS,
    ),
    "a password by mail": (
        lambda office: office.users("requestPasswordReset", user_login=office.world.user_login),
        refusals.NOWHERE,
    ),
    "a service by an ordinary user": (
        lambda office: office.services("createService", token=office.world.user_token, name="x"),
        refusals.ENGINEERS_ONLY,
    ),
    "an unknown service": (
        lambda office: office.services("deleteService", service_id="nowhere"),
        refusals.no_such("service", "nowhere"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_promise_is_rejected_with_status_and_body_of_the_refusal(office: Office, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(office)) == expected


def test_what_live_tokens_need_is_not_deleted(office: Office) -> None:
    token = office.client.granted(services=[office.world.service_2])

    service_stays = refused(lambda: office.services("deleteService", service_id=office.world.service_2))
    user_stays = refused(lambda: office.users("deleteUser", user_id=token["user_id"]))

    assert service_stays == refusals.IN_USE
    assert (user_stays.status, user_stays.msg) == (409, "User has live tokens")
    assert token["id"] in (user_stays.detail or "")


# --- The limit for writes -----------------------------------------------------------------------------------------------


def test_the_client_reads_how_many_writes_are_left_and_past_the_limit_it_rejects(start: Start, node: str) -> None:
    enough_of_the_hour()
    with start(writes_per_hour=2) as server, Client(node, World.of(server.values)) as client:
        office = Office(client)

        office.services("createService", name="one")
        after_a_write = client.left, (client.resets or 1) % 3600
        office.services("createService", name="two")
        last = client.left
        refusal = refused(lambda: office.services("createService", name="three"))

        assert (after_a_write, last) == ((1, 0), 0)
        assert refusal == refusals.TOO_MANY_WRITES
        # Reads, and other people's writes, go on.
        assert {one["name"] for one in office.services("listServices")} == {"shop", "blog", "one", "two"}
        client.call("revokeTokenCurrent", office.world.user_token)
        with pytest.raises(Rejected, match="Too Many Requests"):
            office.services("createService", name="three")
