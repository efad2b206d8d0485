"""No route without a guard, no error without a status, and JSON wherever one looks."""

import inspect
from typing import Any

import msgspec
import pytest

from tallystick.core import errors as core_errors
from tallystick.core.errors import TallystickError
from tallystick.http import errors
from tallystick.http.app import ROUTES
from tallystick.http.guards import (
    about_itself,
    any_token,
    anyone,
    asked_token,
    client_token,
    ending_itself,
    maybe_token,
    scraper,
)
from tallystick.http.routes import Route
from tests.core.world import ANNA
from tests.http.world import PASSWORD, World, error_of, filled, nameless

# Written out: a route that becomes open has to be written here too.
# `POST /oauth/revoke` takes the secret of what it ends, in the body.
OPEN = {"GET /", "GET /docs", "GET /healthz", "GET /openapi.json", "GET /readyz", "POST /oauth/revoke"}
# They take a password instead; see test_create.py and test_users.py.
BY_PASSWORD = {"POST /tokens", "POST /current_user/password"}
ASKED = {f"{method} /check" for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
PATHS = sorted({route.path for route in ROUTES})


def names(*guards: Any) -> set[str]:
    return {f"{route.method} {route.path}" for route in ROUTES if route.guard in guards}


def test_the_open_routes_are_these() -> None:
    assert names(anyone) == OPEN
    assert names(maybe_token) == BY_PASSWORD
    assert names(asked_token) == ASKED
    assert names(scraper) == {"GET /metrics"}
    assert names(client_token) == {"POST /oauth/introspect"}
    assert names(about_itself) == {"GET /tokens/self", "GET /verify"}
    assert names(ending_itself) == {"DELETE /tokens/self"}
    others = {"GET /metrics", "POST /oauth/introspect"} | names(about_itself) | names(ending_itself)
    rest = {f"{route.method} {route.path}" for route in ROUTES} - OPEN - BY_PASSWORD - ASKED - others
    assert names(any_token) == rest


def test_the_guards_are_these_eight() -> None:
    about_tokens = {any_token, about_itself, ending_itself, maybe_token, asked_token, client_token}
    assert {route.guard for route in ROUTES} == {anyone, *about_tokens, scraper}


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.guard is not anyone], ids=lambda r: r.method + r.path
)
async def test_every_other_route_refuses_without_a_token_before_it_looks_at_anything(
    world: World, route: Route
) -> None:
    refused = 'Bearer error="invalid_token"' if route.challenges else "Bearer"
    for headers, challenge in (
        ({}, "Bearer"),
        ({"Fastly-Key": "nonsense"}, refused),
        ({"Authorization": "Bearer tly_x"}, refused),
        ({"Authorization": "Basic Og=="}, "Bearer"),
    ):
        response = await world.ask(route.method, filled(route.path), headers=headers)

        assert response.status_code == 401
        assert error_of(response) == {"msg": "Provided credentials are missing or invalid"}
        assert response.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("route", [route for route in ROUTES if route.guard is anyone], ids=lambda r: r.method + r.path)
async def test_an_open_route_answers_whatever_token_comes(world: World, route: Route) -> None:
    more = {} if route.takes is None else {"data": {"token": "nonsense"}}

    assert (await world.ask(route.method, route.path, "nonsense", **more)).status_code == 200


def test_every_error_that_can_be_raised_has_a_status() -> None:
    classes = [
        thing
        for module in (core_errors, errors)
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, TallystickError) and thing is not TallystickError
    ]

    assert set(errors.STATUS) == set(classes)


@pytest.mark.parametrize(
    "kind", [kind for kind in errors.STATUS if kind is not errors.WrongMethod], ids=lambda k: k.__name__
)
def test_every_error_is_answered_with_its_status_and_its_sentence(kind: type[TallystickError]) -> None:
    response = errors.answer(kind("what to change", detail="more", code="word"))

    assert response.status_code == errors.STATUS[kind]
    assert response.body == b'{"msg":"what to change","detail":"more","code":"word"}'
    assert response.headers["content-type"] == "application/json"


TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def test_the_title_of_a_problem_is_the_same_whatever_python_calls_the_status() -> None:
    """Some of the names in `HTTPStatus` are others from Python 3.13 on."""
    wrong = [kind("no") if kind is not errors.WrongMethod else errors.WrongMethod(("GET",)) for kind in errors.STATUS]
    problems = [msgspec.json.decode(errors.answer(error, family=errors.Family.RECORDED).body) for error in wrong]

    assert {problem["status"]: problem["title"] for problem in problems} == TITLES
    assert msgspec.json.decode(errors.accident(family=errors.Family.RECORDED).body)["title"] == "Internal Server Error"


def test_a_code_never_comes_without_a_detail() -> None:
    assert (
        errors.answer(core_errors.Invalid("said", code="word")).body == b'{"msg":"said","detail":"said","code":"word"}'
    )
    assert errors.answer(core_errors.Invalid("said", code="invalid_scope")).body == (
        b'{"msg":"Invalid scope","detail":"said","code":"invalid_scope"}'
    )
    assert errors.answer(core_errors.Invalid("said")).body == b'{"msg":"said"}'


@pytest.mark.parametrize("wait, said", [(None, "1"), (0.2, "1"), (30, "30"), (59.6, "60")])
def test_a_retry_is_at_least_a_second_away(wait: float | None, said: str) -> None:
    assert errors.answer(core_errors.Throttled("later", retry_after=wait)).headers["retry-after"] == said


# --- Paths and methods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/tokens/", "/tokens/self/", "/Tokens", "/services", "/customer/x/people", "/docs/"),
        *("/realms/fastly/.well-known/openid-configuration", "/robots.txt", "/%00", "/%ff", "/" + "x" * 5000),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_404_in_json(world: World, method: str, path: str) -> None:
    response = await world.ask(method, path)

    assert response.status_code == 404
    assert error_of(response) == {
        "msg": "Not found",
        "detail": "There is nothing at this path: GET /openapi.json lists what there is",
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_a_wrong_method_is_405_with_what_is_allowed(world: World, method: str, path: str) -> None:
    allowed = {route.method for route in ROUTES if route.path == path}
    allowed |= {"HEAD"} if "GET" in allowed else set()

    response = await world.ask(method, filled(path), ANNA)

    assert (response.status_code == 405) is (method not in allowed)
    if method not in allowed:
        assert response.headers["allow"] == ", ".join(sorted(allowed))
        assert method == "HEAD" or error_of(response)["msg"] == "Method not allowed"


@pytest.mark.parametrize("path", [path for path in PATHS if any(r.path == path and r.method == "GET" for r in ROUTES)])
async def test_head_says_what_get_would_without_a_body(world: World, path: str) -> None:
    got = await world.ask("GET", filled(path), ANNA)

    head = await world.ask("HEAD", filled(path), ANNA)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert nameless(head.headers.items()) == nameless(got.headers.items())


async def test_head_of_a_long_list_has_no_body_either(world: World) -> None:
    for number in range(300):
        await world.give(ANNA, f"n{number}")

    start, *rest = await world.messages("HEAD", "/tokens", ANNA)

    assert start["status"] == 200
    assert dict(start["headers"])[b"content-type"] == b"application/json"
    assert [message.get("body", b"") for message in rest] == [b""] * len(rest)
    assert rest[-1].get("more_body", False) is False


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.method + r.path)
async def test_every_answer_is_json_without_a_charset_and_not_stored_but_for_pages_of_text(
    world: World, route: Route
) -> None:
    for who in (None, ANNA):
        response = await world.ask(route.method, filled(route.path), who)

        # Only text names its charset: two official clients compare the type of JSON exactly.
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/"):
            kind, _, rest = kind.partition(";")
            assert rest.endswith(" charset=utf-8")
        failed = "application/problem+json" if route.problems else "application/json"
        assert kind == ("" if response.status_code == 204 else route.media if response.is_success else failed)
        assert response.headers["cache-control"] == "no-store"


async def test_a_welcome_says_where_to_read_on(world: World) -> None:
    response = await world.ask("GET", "/")

    assert response.json() == {
        "service": "tallystick",
        "console": "/console",
        "docs": "/docs",
        "openapi": "/openapi.json",
    }


async def test_it_says_that_it_is_alive_and_ready(world: World) -> None:
    assert (await world.ask("GET", "/healthz")).json() == {"status": "alive"}
    assert (await world.ask("GET", "/readyz")).json() == {"status": "ready"}


# --- Bodies ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [r for r in ROUTES if r.takes is not None], ids=lambda r: r.method + r.path)
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_one_mebibyte_is_413(world: World, route: Route, announced: bool) -> None:
    body = b'{"name":"' + b"x" * (1024 * 1024) + b'"}'

    async def parts() -> Any:
        for at in range(0, len(body), 65536):
            yield body[at : at + 65536]

    content = body if announced else parts()
    response = await world.ask(
        route.method, route.path, ANNA, content=content, headers={"content-type": "application/json"}
    )

    assert response.status_code == 413
    assert error_of(response) == {"msg": "Request body too large", "detail": "At most 1048576 bytes are read"}


async def test_a_body_of_exactly_one_mebibyte_is_read(world: World) -> None:
    start, end = b'{"password":"' + PASSWORD.encode() + b'","padding":"', b'"}'
    body = start + b"x" * (1024 * 1024 - len(start) - len(end)) + end

    response = await world.ask("POST", "/sudo", ANNA, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "", "json", "application/json2"]
)
@pytest.mark.parametrize("path", ["/tokens", "/sudo"])
async def test_a_wrong_content_type_is_415_naming_the_right_ones(world: World, path: str, kind: str) -> None:
    response = await world.ask("POST", path, ANNA, content=b'{"password":"x"}', headers={"content-type": kind})

    assert response.status_code == 415
    assert error_of(response)["detail"] == (
        "Send the body as application/json or application/vnd.api+json or application/x-www-form-urlencoded"
    )


@pytest.mark.parametrize(
    "kind, content",
    [
        ("application/json", b'{"name":"\xff"}'),
        ("application/json", b'{"name":"\\ud800"}'),
        ("application/x-www-form-urlencoded", b"name=\xff"),
        ("application/x-www-form-urlencoded", b"name=%ff"),
        ("application/x-www-form-urlencoded", b"name=%ED%A0%80"),
        ("application/x-www-form-urlencoded", b"name=%00"),
        ("application/x-www-form-urlencoded", b"name=a&name=b"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % n for n in range(2001))),
        ("application/json", b"[" * 100_000),
        ("application/json", b"null"),
        ("application/json", b'"text"'),
        ("application/json", b"{"),
    ],
    ids=range(12),
)
@pytest.mark.parametrize("path", ["/tokens", "/sudo"])
async def test_what_cannot_be_decoded_is_400(world: World, path: str, kind: str, content: bytes) -> None:
    response = await world.ask("POST", path, ANNA, content=content, headers={"content-type": kind})

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_content_type_without_a_body_does_not_matter(world: World, method: str) -> None:
    for kind in ("application/json", "text/plain", "nonsense"):
        made, secret = await world.give(ANNA, kind.replace("/", ""))
        response = await world.ask(method, f"/tokens/{made.id}", secret, headers={"content-type": kind})

        assert response.is_success


async def test_a_body_on_a_read_is_not_read(world: World) -> None:
    response = await world.ask(
        "GET", "/tokens/self", ANNA, content=b"\xff" * 100, headers={"content-type": "text/plain"}
    )

    assert response.status_code == 200


async def test_a_body_that_is_broken_off_is_no_accident(world: World, caplog: pytest.LogCaptureFixture) -> None:
    part = {"type": "http.request", "body": b'{"data":', "more_body": True}

    start, _ = await world.messages("DELETE", "/tokens", ANNA, part, {"type": "http.disconnect"})

    assert start["status"] == 400
    assert not caplog.records, "what callers do wrong does not fill the log"
