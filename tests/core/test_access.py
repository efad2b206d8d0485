"""Access rules: what a rule lets through, and what no rule ever does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core.access import host_of, normal_rule, read_rule, segments_of
from tallystick.core.errors import Invalid


def fits(rule: str, method: str, uri: str, host: str | None = None) -> bool:
    path = segments_of(uri)
    return path is not None and read_rule(rule).fits(method, host and host_of(host), path)


@pytest.mark.parametrize(
    "rule, method, uri",
    [
        ("GET /orders", "GET", "/orders"),
        ("GET /orders", "HEAD", "/orders"),
        ("GET /orders", "GET", "/orders?page=2#x"),
        ("GET /orders/*", "GET", "/orders/7"),
        ("get,post /orders/{id}", "POST", "/orders/7"),
        ("* /orders/{id}/lines", "DELETE", "/orders/7/lines"),
        ("* /files/**", "GET", "/files"),
        ("* /files/**", "GET", "/files/"),
        ("* /files/**", "GET", "/files/a/b/c"),
        ("* /**/raw", "GET", "/a/b/raw"),
        ("* /**/raw", "GET", "/raw"),
        ("* /a/**/z", "GET", "/a/b/c/z"),
        ("* /**", "GET", "/"),
        ("* /", "GET", "/"),
        ("GET /caf%C3%A9", "GET", "/caf\u00e9"),
        ("GET /a b", "GET", "/a%20b"),
        ("GET api.example.com/orders", "GET", "/orders"),
        ("GET API.Example.com/orders", "GET", "/orders"),
    ],
)
def test_a_rule_is_for_these(rule: str, method: str, uri: str) -> None:
    assert fits(rule, method, uri, "api.example.com:443")


@pytest.mark.parametrize(
    "rule, method, uri",
    [
        ("GET /orders", "POST", "/orders"),
        ("POST /orders", "HEAD", "/orders"),
        ("GET /orders", "get", "/orders"),
        ("GET /orders", "GET", "/orders/"),
        ("GET /orders", "GET", "/Orders"),
        ("GET /orders/*", "GET", "/orders/"),
        ("GET /orders/*", "GET", "/orders/7/lines"),
        ("GET /orders/*", "GET", "/orders"),
        ("* /files/**", "GET", "/filesystem"),
        ("* /a/**/z", "GET", "/z"),
        ("* /a/**/a", "GET", "/a"),
        ("* /orders/**", "GET", "//orders/7"),
        ("GET other.example.com/orders", "GET", "/orders"),
    ],
)
def test_a_rule_is_not_for_these(rule: str, method: str, uri: str) -> None:
    assert not fits(rule, method, uri, "api.example.com")


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "/public/../admin",
            "/public/./admin",
            "/public/%2e%2e/admin",
            "/public/.%2E/admin",
            "/..",
            "/public/..;/admin",
        ),
        *("/public/..;x=1/admin", "/public%2Fadmin", "/public%2fadmin", "/public\\admin", "/public%5Cadmin"),
        *("/public#/../admin", "/public/#", "/public#?x=1"),
        *("/a%00", "/a%0d%0ab", "/a\x7f", "/%ff", "/%zz", "/a%", "/a%2", "orders", "", "http://host/orders", "*"),
        "/" + "a" * 8192,
    ],
)
def test_what_may_be_read_in_two_ways_fits_no_rule(uri: str) -> None:
    assert segments_of(uri) is None
    assert not fits("* /**", "GET", uri)


@pytest.mark.parametrize("host", [None, "", "other.example.com", "api.example.com.evil.org"])
def test_a_rule_of_a_host_is_not_for_another_or_none(host: str | None) -> None:
    assert not fits("* api.example.com/**", "GET", "/", host)


@pytest.mark.parametrize(
    "text, cure",
    [
        ("", "write methods, a space and a path"),
        ("/orders", "write methods, a space and a path"),
        ("GET orders", "write methods, a space and a path"),
        ("GET, POST /orders", "write methods, a space and a path"),
        ("G3T /orders", "write methods, a space and a path"),
        ("GET /orders?x=1", "leave out what comes after"),
        ("GET /or*ers", "stand for a whole segment"),
        ("GET /{or ders}", "stand for a whole segment"),
        ("GET /**/a/**", "** can stand in a rule once"),
        ("GET /a/../b", "no part of a path that is sure"),
        ("GET /a%2Fb", "no part of a path that is sure"),
        ("GET host:80/a", "a host, without a port"),
        ("GET /" + "a" * 600, "more than 512 characters"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_would_be_one(text: str, cure: str) -> None:
    with pytest.raises(Invalid, match="is no access rule") as raised:
        read_rule(text)

    assert cure in str(raised.value)


def test_a_rule_is_kept_with_its_methods_in_capitals_and_without_spaces_around() -> None:
    assert normal_rule("  get,Post   /orders/{id} ") == "GET,POST /orders/{id}"


@given(
    st.lists(st.text(st.characters(exclude_characters="/\\%;?#*{}.", exclude_categories=["C"]), min_size=1), max_size=5)
)
def test_a_plain_path_is_a_rule_for_itself_and_for_nothing_longer(segments: list[str]) -> None:
    path = "/" + "/".join(segments)

    assert fits(f"GET {path.rstrip()}", "GET", path.rstrip()) or path != path.strip()
    assert not fits(f"GET {path.rstrip()}", "GET", f"{path.rstrip()}/more")


def test_a_long_path_is_looked_at_once_however_the_rule_is_made() -> None:
    class Counted(str):
        __slots__ = ()
        looks = 0

        def __eq__(self, other: object) -> bool:
            Counted.looks += 1
            return str.__eq__(self, other)

        def __ne__(self, other: object) -> bool:
            Counted.looks += 1
            return str.__ne__(self, other)

        __hash__ = str.__hash__

    path = [Counted("a") for _ in range(1000)]

    assert not read_rule("* /a/a/a/**/a/a/b").fits("GET", None, path)
    assert Counted.looks <= len(path)
