"""Scopes of your own: which can be defined, and what a token that carries some gives."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core.errors import Conflict, Forbidden, Invalid, NotFound
from tallystick.core.may import has_scope
from tallystick.core.people import Role
from tallystick.core.scope import WORDS, Scope, stored, told
from tallystick.core.scopes import NAME_CHARS_MAX, SCOPES_MAX, Catalogue, Defined, checked, resolved, wished

READ = Defined(name="orders:read", description="Read orders", roles=(Role.USER,))
WRITE = Defined(name="orders:write", description="Change orders", includes=("orders:read",), roles=(Role.ENGINEER,))
ALL = Defined(name="shop:all", includes=("orders:write", "stock:read"))
STOCK = Defined(name="stock:read")
SHOP = checked([ALL, WRITE, READ, STOCK])
CATALOGUE = Catalogue(customer_id="c", scopes=SHOP)


def given_by(text: str, role: Role | None = Role.SUPERUSER) -> Scope:
    return resolved(stored(text), SHOP, role)


# What can be defined


def test_a_catalogue_is_kept_by_name() -> None:
    assert [each.name for each in SHOP] == ["orders:read", "orders:write", "shop:all", "stock:read"]


@pytest.mark.parametrize(
    "name", ["orders:read", "a:b", "orders:read:own", "my-shop_2:x-1", "orders:2fa", "a" * 62 + ":b"]
)
def test_a_name_is_an_area_and_what_may_be_done_in_it(name: str) -> None:
    assert checked([Defined(name=name)])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "orders",
        "orders:",
        ":read",
        "Orders:read",
        "orders:Read",
        "orders read",
        "orders:read ",
        "1:a",
        "orders:réad",
        "orders:read\n",
        'a:"b"',
        "a:b\\",
        "a:b,c",
        "a:*",
        "a" * 63 + ":b",
        "a:\x00",
    ],
)
def test_what_is_no_name_is_refused_with_one_that_is(name: str) -> None:
    with pytest.raises(Invalid, match=r"such as orders:read"):
        checked([Defined(name=name)])


@pytest.mark.parametrize("name", ["global:write", "global:read", "purge:all", "verify:all", "fastly:x", "tallystick:x"])
def test_no_name_looks_like_what_is_built_in(name: str) -> None:
    with pytest.raises(Invalid, match=f"^{name}: what begins with .*: is kept"):
        checked([Defined(name=name)])


@given(st.text())
def test_every_name_is_a_scope_token_of_rfc_6749(name: str) -> None:
    try:
        checked([Defined(name=name)])
    except Invalid:
        return
    assert re.fullmatch(r"[\x21\x23-\x5B\x5D-\x7E]{3,}", name)
    assert len(name) <= NAME_CHARS_MAX
    assert name not in WORDS


@pytest.mark.parametrize("word", WORDS)
def test_nothing_includes_what_is_built_in(word: str) -> None:
    with pytest.raises(Invalid, match=f"^orders:read includes {word}: what is built in cannot be included"):
        checked([Defined(name="orders:read", includes=(word,))])


def test_what_is_included_must_be_there() -> None:
    with pytest.raises(Invalid, match=r"^orders:write includes 'orders:read', which is not there"):
        checked([WRITE])


@pytest.mark.parametrize("names", [("a:a",), ("a:a", "b:b"), ("a:a", "b:b", "c:c")])
def test_a_circle_is_refused_and_shown(names: tuple[str, ...]) -> None:
    circle = [Defined(name=one, includes=(other,)) for one, other in zip(names, (*names[1:], names[0]), strict=True)]

    with pytest.raises(Invalid, match="no scope can include itself, so take one of these out") as caught:
        checked([STOCK, *circle])

    shown = str(caught.value).partition(": no scope")[0]
    links = shown.replace(", which includes ", " includes ").split(" includes ")
    assert links[0] == links[-1]
    assert {*pairwise(links)} == {(each.name, each.includes[0]) for each in circle}


def test_a_long_chain_is_no_circle_and_takes_no_stack() -> None:
    chain = [Defined(name=f"a:{n:03}", includes=(f"a:{n + 1:03}",)) for n in range(SCOPES_MAX - 1)]

    kept = checked([*chain, Defined(name=f"a:{SCOPES_MAX - 1:03}")])

    assert len(resolved(stored("a:000"), kept, None).own) == SCOPES_MAX


def test_there_is_an_end_to_how_many_there_are() -> None:
    with pytest.raises(Invalid, match=f"at most {SCOPES_MAX} can be defined"):
        checked(Defined(name=f"a:{n}") for n in range(SCOPES_MAX + 1))


@pytest.mark.parametrize("description", ["two\nlines", "\x1b[31mred", "\u202eback", "x" * 201])
def test_a_description_is_one_short_line(description: str) -> None:
    with pytest.raises(Invalid, match=r"^orders:read: a description is one line"):
        checked([Defined(name="orders:read", description=description)])


def test_one_that_others_include_stays() -> None:
    with pytest.raises(Conflict, match="orders:read is included in orders:write: change that first"):
        CATALOGUE.without("orders:read")
    with pytest.raises(NotFound):
        CATALOGUE.without("orders:sell")

    assert ALL not in CATALOGUE.without("shop:all")


# What is given


def test_a_scope_gives_what_it_includes_and_what_that_includes() -> None:
    assert given_by("shop:all").own == ("shop:all", "orders:write", "stock:read", "orders:read")
    assert given_by("purge_all shop:all").given == "purge_all shop:all orders:write stock:read orders:read"
    assert has_scope(given_by("shop:all"), "orders:read stock:read")
    assert not has_scope(given_by("orders:read"), "orders:write")
    assert not has_scope(given_by("orders:write"), "shop:all")


@pytest.mark.parametrize("text", ["global", "global:read", "verify", "purge_all purge_select", "global verify"])
def test_no_word_that_is_built_in_gives_any_of_them(text: str) -> None:
    assert given_by(text).own == ()
    assert given_by(text).given == text
    assert not any(has_scope(given_by(text), each.name) for each in SHOP)


@given(st.lists(st.sampled_from([*WORDS, *(each.name for each in SHOP)]), min_size=1, unique=True))
def test_none_of_them_gives_a_word_that_is_built_in(words: list[str]) -> None:
    with_own, without = given_by(" ".join(words)), stored(" ".join(word for word in words if word in WORDS))

    assert (with_own.reads, with_own.writes) == (without.reads, without.writes)
    assert [has_scope(with_own, word) for word in WORDS] == [has_scope(without, word) for word in WORDS]


def test_a_word_gives_nothing_until_the_catalogue_was_asked_or_when_it_is_not_in_it() -> None:
    assert not has_scope(stored("orders:read"), "orders:read")
    assert given_by("orders:sold orders:read").given == "orders:read"
    assert not has_scope(given_by("global orders:sold"), "orders:sold")
    assert not has_scope(stored("global"), "nonsense")


def test_what_a_server_says_is_given_is_believed_as_it_is() -> None:
    scope = told(given_by("purge_all shop:all").given)

    assert has_scope(scope, "orders:read purge_all")
    assert not has_scope(scope, "global")
    assert not has_scope(told("global"), "orders:read")
    assert has_scope(told("global"), "purge_select")


def test_a_scope_is_given_only_to_whose_role_may_have_it_but_included_it_is_the_catalogues_word() -> None:
    assert given_by("orders:read orders:write", Role.USER).own == ("orders:read",)
    assert given_by("orders:write", Role.ENGINEER).own == ("orders:write", "orders:read")
    assert given_by("shop:all", Role.ENGINEER).own == ()
    assert len(given_by("shop:all", None).own) == 4, "a superuser has made it"


# What is asked for


def test_one_may_ask_for_what_ones_role_may_have() -> None:
    assert wished("orders:write purge_all", CATALOGUE, by=Role.ENGINEER).words == ("orders:write", "purge_all")
    assert wished("shop:all", CATALOGUE, by=Role.SUPERUSER).words == ("shop:all",)
    with pytest.raises(
        Forbidden, match=r"Only a user with role engineer or superuser may create tokens with scope orders:write"
    ):
        wished("orders:read orders:write", CATALOGUE, by=Role.USER)


def test_an_unknown_word_is_refused_as_ever_with_those_that_there_are() -> None:
    with pytest.raises(
        Invalid, match=r"unknown scope 'orders:sell': use one or more of global, .*, verify, orders:read"
    ) as caught:
        wished("orders:read orders:sell", CATALOGUE, by=Role.SUPERUSER)

    assert caught.value.code == "invalid_scope"
