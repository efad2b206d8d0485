"""What is remembered of customers: what was read and still holds, and no more of it than there is room for."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from tallystick.core.changes import Change, Kind
from tallystick.core.known import Customers, Known
from tallystick.core.ports import Seen
from tallystick.core.verifier import Verifier
from tests.core.world import ACME, ANNA, BLOG, OTHER, SHOP

ABOUT_ACME = Change(Kind.CUSTOMER, ACME.id)


@pytest.fixture
def verifier() -> Verifier[Seen]:
    return Verifier[Seen]()


def hear(verifier: Verifier[Seen], *changes: Change) -> None:
    verifier.hear(changes, upto=verifier.applied + 1)


def reached(customers: Customers, customer_id: str = ACME.id) -> Iterable[str]:
    known = customers.recall(customer_id)
    return set() if known is None else known.reached


def test_what_was_learned_is_recalled_all_together(verifier: Verifier[Seen]) -> None:
    customers = Customers(verifier)
    customers.learn(ACME.id, as_of=0, customer=ACME, services=[SHOP, BLOG])
    customers.learn(ACME.id, as_of=0, reached=[SHOP.id])
    customers.learn(ACME.id, as_of=0, reached=[BLOG.id])

    assert customers.recall(ACME.id) == Known(0, ACME, [SHOP, BLOG], {SHOP.id, BLOG.id})
    assert customers.recall(OTHER.id) is None


@pytest.mark.parametrize("change, holds", [(ABOUT_ACME, False), (Change(Kind.CUSTOMER, OTHER.id), True)])
def test_it_holds_until_something_is_heard_about_that_customer(
    verifier: Verifier[Seen], change: Change, holds: bool
) -> None:
    customers = Customers(verifier)
    customers.learn(ACME.id, as_of=0, customer=ACME)

    hear(verifier, change)

    assert (customers.recall(ACME.id) is not None) is holds


def test_what_somebody_holds_of_it_gets_nothing_that_came_after_a_change(verifier: Verifier[Seen]) -> None:
    customers = Customers(verifier)
    customers.learn(ACME.id, as_of=0, customer=ACME, reached=[SHOP.id])
    before = customers.recall(ACME.id)
    hear(verifier, ABOUT_ACME)

    customers.learn(ACME.id, as_of=1, customer=replace(ACME, name="new"))

    assert before == Known(0, ACME, None, {SHOP.id})
    assert customers.recall(ACME.id) == Known(1, replace(ACME, name="new"))


def test_what_was_read_before_a_change_is_not_learned_after_it(verifier: Verifier[Seen]) -> None:
    customers = Customers(verifier)
    hear(verifier, ABOUT_ACME)

    customers.learn(ACME.id, as_of=0, customer=ACME)
    assert customers.recall(ACME.id) is None

    customers.learn(ACME.id, as_of=1, customer=replace(ACME, name="new"))
    customers.learn(ACME.id, as_of=0, customer=ACME)
    assert customers.recall(ACME.id) == Known(1, replace(ACME, name="new"))


def test_what_changes_about_users_and_tokens_is_not_about_it(verifier: Verifier[Seen]) -> None:
    customers = Customers(verifier)
    customers.learn(ACME.id, as_of=0, customer=ACME)

    hear(verifier, Change(Kind.USER, ANNA.id), Change(Kind.TOKEN, "some"))

    assert customers.recall(ACME.id) is not None


def test_it_is_bounded_and_what_was_learned_first_goes_first(verifier: Verifier[Seen]) -> None:
    customers = Customers(verifier, most=10)
    customers.learn("a", as_of=0, reached=["1", "2", "3", "4"])
    customers.learn("b", as_of=0, reached=["1", "2", "3"])
    assert (reached(customers, "a"), reached(customers, "b")) == ({"1", "2", "3", "4"}, {"1", "2", "3"})

    customers.learn("b", as_of=0, reached=["4", "5"])
    assert (reached(customers, "a"), reached(customers, "b")) == (set(), {"1", "2", "3", "4", "5"})

    customers.learn("c", as_of=0, services=[SHOP] * 10)
    assert [customers.recall(each) for each in "abc"] == [None, None, None], "too much to be kept"
