"""npm `fastly`, unmodified: automation tokens from the first day to the last, and what of them it cannot read."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients import refusals
from tests.clients.npm import Client, refused
from tests.clients.refusals import Refusal
from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("npm fastly automation")


class Workshop:
    """The client with a superuser's token in sudo, or with another that is named."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.world = client.world
        self.proof = {"username": self.world.superuser_login, "password": self.world.superuser_password}
        self.root: str = client.create(**self.proof)["access_token"]
        client.call("requestSudoAccess", self.root, api="SudoApi", sudo_request=self.proof)

    # Any, throughout: what the client makes of an answer.
    def machines(self, method: str, *, token: str | None = None, **options: Any) -> Any:
        return self.client.call(method, token or self.root, api="AutomationTokensApi", **options)

    def made(self, *, token: str | None = None, **fields: Any) -> Any:
        wish = {"name": "ci", "role": "engineer"} | fields
        return self.machines("createAutomationToken", token=token, automation_token_create_request=wish)

    def id_of(self, made: Any) -> str:
        """The client has no place for it, see below: the token itself knows."""
        found: str = self.client.call("getTokenCurrent", made["access_token"])["id"]
        return found


@pytest.fixture(scope="module")
def workshop(node: str, world: World) -> Iterator[Workshop]:
    with Client(node, world) as running:
        yield Workshop(running)


# --- The operations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True], ids=["flat", "in attributes"])
def test_a_token_from_the_first_day_to_the_last(workshop: Workshop, wrapped: bool) -> None:
    fields = {"name": "deploy", "role": "user", "services": [workshop.world.service_1], "scope": "global"}
    fields |= {"expires_at": "2031-01-01T00:00:00Z"}
    wish = {"attributes": fields} if wrapped else fields

    made = workshop.machines("createAutomationToken", automation_token_create_request=wish)
    own_id = workshop.id_of(made)
    read = workshop.machines("getAutomationTokenId", id=own_id)
    services = workshop.machines("getAutomationTokensIdServices", id=own_id)
    listed = workshop.machines("listAutomationTokens")
    gone = workshop.machines("revokeAutomationTokenId", id=own_id)

    told = {"name": "deploy", "role": "user", "services": [workshop.world.service_1]}
    told |= {"expires_at": "2031-01-01T00:00:00Z"}
    assert made["access_token"].startswith("tly_")
    for one in (made, read, next(one for one in listed if one["name"] == "deploy")):
        assert one.items() >= told.items()
    assert services["data"] == [workshop.world.service_1]
    assert gone is None
    assert refused(lambda: workshop.client.call("getTokenCurrent", made["access_token"])) == refusals.NO_CREDENTIALS
    again = refused(lambda: workshop.machines("revokeAutomationTokenId", id=own_id))
    assert again == refusals.no_such_token(own_id).problem


def test_it_never_ends_and_was_never_used_as_null(workshop: Workshop) -> None:
    made = workshop.made(expires_at=None)

    assert (made["expires_at"], made["last_used_at"], made["user_agent"]) == (None, None, None)
    workshop.machines("revokeAutomationTokenId", id=workshop.id_of(made))


def test_it_stands_without_a_user_among_the_tokens_of_everybody(workshop: Workshop) -> None:
    made = workshop.made(services=[workshop.world.service_2])
    customer_id = workshop.world.customer_id

    own = workshop.client.call("getTokenCurrent", made["access_token"])
    listed = workshop.client.call("listTokensCustomer", workshop.root, customer_id=customer_id)

    assert [(one["id"], one["name"]) for one in listed if one["user_id"] is None] == [(own["id"], "ci")]
    assert (own["user_id"], own["services"]) == (None, [workshop.world.service_2])
    workshop.client.call("revokeToken", workshop.root, token_id=own["id"])
    assert refused(lambda: workshop.client.call("getTokenCurrent", made["access_token"])) == refusals.NO_CREDENTIALS


def test_the_list_comes_in_pages(workshop: Workshop) -> None:
    made = [workshop.made(name=name) for name in ("one", "two")]

    pages = [workshop.machines("listAutomationTokens", page=page, per_page=1) for page in (1, 2, 3)]

    assert sorted(one["name"] for one in pages[0] + pages[1]) == ["one", "two"]
    assert [len(page) for page in pages] == [1, 1, 0]
    for one in made:
        workshop.client.call("revokeTokenCurrent", one["access_token"])


# --- Errors -------------------------------------------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Workshop], object], Refusal]] = {
    "no sudo": (
        lambda workshop: workshop.made(token=workshop.client.create(**workshop.proof)["access_token"]),
        refusals.NO_SUDO,
    ),
    "an ordinary user": (lambda workshop: workshop.made(token=workshop.world.user_token), refusals.NO_MACHINES),
    "an automation token": (
        lambda workshop: workshop.made(token=workshop.made(expires_at="2031-01-01T00:00:00Z")["access_token"]),
        refusals.NOT_FOR_MACHINES,
    ),
    "no role": (lambda workshop: workshop.made(role=None), refusals.NO_ROLE),
    "a superuser's role": (lambda workshop: workshop.made(role="superuser"), refusals.SUPER_MACHINE),
    "an expiry in the past": (
        lambda workshop: workshop.made(expires_at="2001-01-01T00:00:00Z"),
        Refusal(422, "expires_at must be in the future"),
    ),
    "a token of somebody else's": (
        lambda workshop: workshop.machines("listAutomationTokens", token="x" * 32),
        refusals.NO_CREDENTIALS,
    ),
    "the list, as an ordinary user": (
        lambda workshop: workshop.machines("listAutomationTokens", token=workshop.world.user_token),
        refusals.NO_SUPERUSER,
    ),
    "an unknown one": (
        lambda workshop: workshop.machines("getAutomationTokenId", id="nowhere"),
        refusals.no_such_token("nowhere").problem,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_promise_is_rejected_with_status_and_problem_of_the_refusal(workshop: Workshop, case: str) -> None:
    call, expected = REFUSED[case]

    assert refused(lambda: call(workshop)) == expected


# --- Known faults of this client.  When one of these fails, the client has learned something: say so in the docs. -------


def test_fault_the_id_is_an_empty_object(workshop: Workshop) -> None:
    # Its models want an object where there is the id.
    made = workshop.made()
    own_id = workshop.id_of(made)

    read = workshop.machines("getAutomationTokenId", id=own_id)
    listed = workshop.machines("listAutomationTokens")

    assert made["id"] == made["customer_id"] == read["id"] == {}
    assert {repr(one["id"]) for one in listed} == {"{}"}
    workshop.client.call("revokeTokenCurrent", made["access_token"])
