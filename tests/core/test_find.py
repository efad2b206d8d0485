"""Which tokens a wish matches, and in which order they stand: the specification, by example."""

from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.core.find import Kind, Sort, SortBy, Wanted, page
from tallystick.core.people import Role
from tallystick.core.token import LastUse, Token
from tests.core.world import ANNA, BERT, BLOG, NOW, SHOP, token

USED = token(name="used", created_at=NOW - 5, last_use=LastUse(NOW, None, None))
FRESH = token(name="fresh", created_at=NOW)
OLD = token(name="old", created_at=NOW - 1, expires_at=NOW)


@pytest.mark.parametrize(
    "field, found_at",
    [
        ("created_before", {NOW - 5: [], NOW - 1: [USED], NOW: [USED, OLD], NOW + 1: [USED, FRESH, OLD]}),
        ("created_after", {NOW - 5: [USED, FRESH, OLD], NOW - 1: [FRESH, OLD], NOW: [FRESH], NOW + 1: []}),
        ("used_before", {NOW: [], NOW + 1: [USED]}),
        ("used_after", {NOW - 9: [USED], NOW: [USED], NOW + 1: []}),
        ("expires_before", {NOW: [], NOW + 1: [OLD], 2**62: [OLD]}),
        ("unused_since", {NOW - 1: [], NOW: [OLD], NOW + 1: [USED, FRESH, OLD]}),
    ],
)
def test_before_is_strictly_earlier_and_after_is_then_or_later(field: str, found_at: dict[int, list[Token]]) -> None:
    for instant, found in found_at.items():
        wanted = Wanted(**{field: instant})  # type: ignore[arg-type]  # one of those that take an instant

        assert [one for one in (USED, FRESH, OLD) if wanted.matches(one)] == found


@pytest.mark.parametrize(
    "search, found",
    [
        *(("deploy", True), ("DEPLOY", True), ("ploy s", True), ("straße", True), ("", True)),
        *(("STRASSE", False), ("STRAẞE", False), ("deploy%", False), ("deploy_straße", False), ("\ud800", False)),
    ],
)
def test_a_part_of_the_name_is_found_whatever_the_case_of_its_ascii_letters(search: str, found: bool) -> None:
    assert Wanted(search=search).matches(token(name="Deploy Straße")) is found


def test_an_id_is_found_whole_and_in_its_own_case_only() -> None:
    one = replace(token(name="x"), id="aB3")

    assert [text for text in ("aB3", "ab3", "aB", "aB3x") if Wanted(search=text).matches(one)] == ["aB3"]


@pytest.mark.parametrize(
    "wanted, found",
    [
        (Wanted(), True),
        (Wanted(user_id=ANNA.id), True),
        (Wanted(user_id=BERT.id), False),
        (Wanted(kind=Kind.USER), True),
        (Wanted(kind=Kind.AUTOMATION), False),
        (Wanted(service_id=SHOP.id), True),
        (Wanted(service_id=BLOG.id), False),
        (Wanted(service_id=SHOP.id[:-1]), False),
        (Wanted(user_id=ANNA.id, service_id=SHOP.id, kind=Kind.USER, search="t"), True),
        (Wanted(user_id=ANNA.id, service_id=SHOP.id, kind=Kind.USER, search="u"), False),
    ],
)
def test_everything_that_is_asked_for_must_hold(wanted: Wanted, found: bool) -> None:
    assert wanted.matches(token(services=(SHOP.id,))) is found


def test_an_automation_token_is_of_its_kind_and_of_no_user() -> None:
    one = token(user_id=None, role=Role.ENGINEER, creator_id=ANNA.id)

    assert Wanted(kind=Kind.AUTOMATION).matches(one)
    assert not Wanted(kind=Kind.USER).matches(one)
    assert not Wanted(user_id=ANNA.id).matches(one)
    assert not Wanted(user_id=one.id).matches(one)


def test_a_token_for_all_services_is_not_limited_to_one() -> None:
    assert not Wanted(service_id=SHOP.id).matches(token(services=()))


@pytest.mark.parametrize(
    "by, field, values",
    [
        (SortBy.CREATED_AT, "created_at", [-1, 0, NOW]),
        (SortBy.LAST_USED_AT, "last_use", [None, LastUse(-1, None, None), LastUse(NOW, None, None)]),
        (SortBy.EXPIRES_AT, "expires_at", [-1, NOW, None]),
        (SortBy.NAME, "name", ["", "A", "B", "a", "z", "é", "\uffff", "🗝"]),
    ],
)
def test_never_used_comes_first_and_never_expiring_last_and_ids_decide_ties(
    by: SortBy, field: str, values: Any
) -> None:
    order = [replace(token(), id=token_id, **{field: value}) for value in values for token_id in ("1", "2")]

    assert sorted(order[1::2] + order[::2], key=Sort(by).place) == order
    assert sorted(order, key=Sort(by, descending=True).place, reverse=True) == order[::-1]
    for sort, whole in ((Sort(by), order), (Sort(by, descending=True), order[::-1])):
        assert [one for one in whole if sort.is_past(one, sort.place(whole[2]))] == whole[3:]
        assert all(sort.is_past(one, None) for one in whole)


def test_a_page_says_where_it_ends_only_when_there_is_more() -> None:
    some = [replace(token(), id=str(number)) for number in range(3)]

    assert page(some, sort=Sort(), size=2).last == Sort().place(some[1])
    assert page(some, sort=Sort(), size=2).tokens == (some[0], some[1])
    assert page(some, sort=Sort(), size=3).last is None
    assert page([], sort=Sort(), size=3).last is None
