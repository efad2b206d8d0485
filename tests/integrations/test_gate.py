"""Which paths need what, and what is taken for a token: what all frameworks have in common."""

import pytest

from tallystick import Invalid, Secret, Unavailable, Verdict
from tallystick.core.limits import Asked
from tallystick.core.proxies import Proxies
from tallystick.integrations import Need
from tallystick.integrations._gate import Came, Headers, Refusal, Rules, judged, presented, scoped, unasked

RULES = Rules(
    open=["/healthz", "/static/**", "OPTIONS /**", "GET /orders/{id}/picture"],
    needs={
        "GET /orders/**": "global:read",
        "/orders/*/lines": Need(scope="global"),
        "/purge/{service}": "purge_all",
        "/service/{service}/**": Need(),
        "/both": Need(scope="purge_all purge_select", service="one"),
    },
    scope="global",
)
OTHERWISE = Need(scope="global")


@pytest.mark.parametrize(
    "method, path, need",
    [
        ("GET", "/healthz", None),
        ("DELETE", "/healthz/", None),
        ("GET", "/healthz/more", OTHERWISE),
        ("GET", "/Healthz", OTHERWISE),
        ("GET", "/static", None),
        ("GET", "/static/a/b.css", None),
        ("GET", "/statics", OTHERWISE),
        ("OPTIONS", "/orders", None),
        ("OPTIONS", "/", None),
        ("GET", "/", OTHERWISE),
        ("GET", "", OTHERWISE),
        ("GET", "/orders/1/picture", None),
        ("HEAD", "/orders/1/picture", None),
        ("PUT", "/orders/1/picture", OTHERWISE),
        ("GET", "/orders", Need(scope="global:read")),
        ("HEAD", "/orders/1", Need(scope="global:read")),
        ("GET", "/orders/1/lines", Need(scope="global:read")),
        ("POST", "/orders/1/lines", Need(scope="global")),
        ("POST", "/purge/2SoMeId", Need(scope="purge_all", service="2SoMeId")),
        ("POST", "/purge/2SoMeId/", Need(scope="purge_all", service="2SoMeId")),
        ("POST", "/purge", OTHERWISE),
        ("GET", "/service/a/b/c", Need(service="a")),
        ("GET", "/both", Need(scope="purge_all purge_select", service="one")),
    ],
)
def test_the_first_rule_that_fits_says_what_is_needed(method: str, path: str, need: Need | None) -> None:
    assert RULES.need(method, path) == need


@pytest.mark.parametrize(
    "path",
    [
        "//purge/x", "/purge//x", "/static/../purge/x", "/static/./x", "/purge/x//", "purge/x", "*", "/static/..", "//", "/.",
        "/static\\..\\purge", "/purge/\x00", "/purge/x\n",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_is_refused_even_where_all_is_open(path: str) -> None:
    found = Rules(open=["/**"]).need("GET", path)

    assert isinstance(found, Refusal)
    assert found.status == 400


def test_without_a_word_everything_needs_a_token() -> None:
    assert Rules().need("GET", "/healthz") == Need()


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "orders",
        "get /orders",
        "GET  /orders",
        "GET",
        "/a/**/b",
        "/a*",
        "//a",
        "/a/../b",
        "/a/***",
        "/a b",
        "GET /a ",
    ],
)
def test_a_pattern_that_cannot_be_read_is_an_error_at_the_start(pattern: str) -> None:
    with pytest.raises(Invalid):
        Rules(open=[pattern])


def test_rules_that_contradict_themselves_are_errors_at_the_start() -> None:
    with pytest.raises(Invalid, match="list of patterns"):
        Rules(open="/healthz")
    with pytest.raises(Invalid, match="service"):
        Rules(open=["/purge/{service}"])
    with pytest.raises(Invalid, match="service"):
        Rules(needs={"/purge/{service}": Need(service="other")})


@pytest.mark.parametrize("scope", ["", " ", "a  b", 'a"b', "a\r\nb", "a,\N{SNOWMAN}", " a"])
def test_a_scope_that_could_not_be_had_or_said_is_an_error_at_the_start(scope: str) -> None:
    with pytest.raises(Invalid):
        Rules(scope=scope)


@pytest.mark.parametrize(
    "headers, secret",
    [
        ([("Authorization", "Bearer abc")], "abc"),
        ([("authorization", "bearer  abc ")], "abc"),
        ([("FASTLY-KEY", " abc ")], "abc"),
        ([("fastly-key", "abc"), ("authorization", "Bearer abc")], "abc"),
        ([("fastly-key", ""), ("authorization", "Bearer abc")], "abc"),
        ([("fastly-key", "abc"), ("authorization", "Basic YTpi")], "abc"),
    ],
)
def test_a_secret_is_taken_from_either_header(headers: Headers, secret: str) -> None:
    found = presented(headers)

    assert isinstance(found, Secret)
    assert found.reveal() == secret


@pytest.mark.parametrize(
    "headers, status",
    [
        ([], 401),
        ([("authorization", "Bearer")], 401),
        ([("authorization", "Bearer ")], 401),
        ([("authorization", "abc")], 401),
        ([("cookie", "abc")], 401),
        ([("fastly-key", "abc"), ("fastly-key", "def")], 400),
        ([("fastly-key", "abc"), ("authorization", "Bearer def")], 400),
    ],
)
def test_no_secret_and_several_are_refused(headers: Headers, status: int) -> None:
    found = presented(headers)

    assert isinstance(found, Refusal)
    assert found.status == status


def test_a_refusal_says_what_is_wrong_and_is_kept_by_nobody() -> None:
    expired = judged(Verdict(ok=False, reason="expired"), Need())

    assert isinstance(expired, Refusal)
    assert dict(expired.headers) == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "WWW-Authenticate": 'Bearer error="invalid_token"',
    }
    assert expired.body == b'{"msg":"This token has expired"}'


def test_who_learns_the_scope_later_says_the_same_of_it() -> None:
    read, need = Verdict(ok=True, scope="global:read"), Need(scope="purge_all")

    assert scoped(read, "purge_all") == judged(Verdict(ok=False, reason="scope"), need)
    assert scoped(read, None) is scoped(read, "global:read") is read


def test_how_long_to_wait_is_told_in_whole_seconds() -> None:
    assert unasked(Unavailable("away", retry_after=2.2)).retry_after == 3
    assert unasked(Unavailable("away", retry_after=0)).retry_after == 1


@pytest.mark.parametrize(
    "reason, status",
    [("networks", 401), ("not_before", 401), ("uses", 401), ("rules", 403), ("per_second", 429), ("per_day", 429)],
)
def test_a_limit_refuses_as_the_server_does(reason: str, status: int) -> None:
    found = judged(Verdict(ok=False, reason=reason, retry_after=7 if status == 429 else None), Need())

    assert isinstance(found, Refusal)
    assert found.status == status
    assert (found.retry_after, found.challenge is not None) == (7 if status == 429 else None, status == 401)


@pytest.mark.parametrize(
    "believed, peer, forwarded, ip",
    [
        ([], "192.0.2.1", [], "192.0.2.1"),
        ([], "192.0.2.1", ["203.0.113.7"], None),
        (["192.0.2.0/24"], "192.0.2.1", ["203.0.113.7"], "203.0.113.7"),
        (["192.0.2.0/24"], "192.0.2.1", ["198.51.100.1, 203.0.113.7", "192.0.2.2"], "203.0.113.7"),
        (["192.0.2.0/24"], "192.0.2.1", [], None),
        (["192.0.2.0/24"], "198.51.100.1", ["203.0.113.7"], None),
        (["192.0.2.0/24"], None, ["203.0.113.7"], None),
        (None, "198.51.100.1", ["203.0.113.7"], "198.51.100.1"),
        (None, None, [], None),
    ],
)
def test_an_address_is_taken_from_whom_it_was_said_to_take_it(
    believed: list[str] | None, peer: str | None, forwarded: list[str], ip: str | None
) -> None:
    came = Came("GET", "/", [("x-Forwarded-For", each) for each in forwarded], peer)

    assert came.asked(None if believed is None else Proxies(believed)).ip == ip


@pytest.mark.parametrize(
    "path, uri",
    [("", "/"), ("/a b/%2e", "/a%20b/%252e"), ("/\u00e9", "/%C3%A9"), ("/x?y", "/x%3Fy"), ("/../x", "/../x")],
)
def test_a_path_is_what_the_program_takes_it_for(path: str, uri: str) -> None:
    assert Came("GET", path, [("Host", "a.example")], None).asked(None) == Asked(None, "GET", uri, "a.example")


def test_a_host_that_is_said_twice_is_not_known() -> None:
    assert Came("GET", "/", [("host", "a.example"), ("Host", "b.example")], None).asked(None).host is None
