"""Each example, under the servers that such programs are run with: who is let in, and that a revoked token is not."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from tallystick import Secret
from tallystick.testing import RunningServer, running_server
from tests.cli.program import SECONDS_MAX, until
from tests.integrations.programs import EXAMPLES, GUNICORN, UVICORN, Program, environment, program, start
from tests.integrations.tokens import bearer, issued, limited, revoke, verifying

WAYS = {
    "asgi": ("asgi", *UVICORN, "app:app"),
    "fastapi": ("fastapi", *UVICORN, "app:app"),
    "wsgi": ("wsgi", *GUNICORN, "app:app"),
    "flask": ("flask", *GUNICORN, "app:app"),
    "flask-threads": ("flask", "flask", "--app", "app.py", "run", "--port", "0"),
    "django": ("django", *GUNICORN, "app:application"),
    "django-asgi": ("django", *UVICORN, "app:asgi"),
}
ASKED = 40  # connections: so many that each worker and thread gets some


@contextmanager
def example(way: str, server: RunningServer, key: str) -> Iterator[Program]:
    folder, *arguments = WAYS[way]
    with program(*arguments, cwd=EXAMPLES / folder, env=environment(server, key)) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def shop(request: pytest.FixtureRequest, server: RunningServer, key: str) -> Iterator[Program]:
    with example(request.param, server, key) as running:
        yield running


def ask(shop: Program, method: str, path: str, headers: dict[str, str] | list[tuple[str, str]]) -> httpx2.Response:
    """On a connection of its own."""
    return httpx2.request(method, shop.url + path, headers=headers, timeout=20)


def test_only_what_is_open_is_let_in_without_a_token(shop: Program) -> None:
    opened = ask(shop, "GET", "/healthz", {})
    refused = [ask(shop, "GET", "/orders", {}), ask(shop, "GET", "/orders", {"Authorization": "Basic YTpi"})]

    assert opened.status_code == 200
    for each in refused:
        assert (each.status_code, each.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert each.json() == {"msg": "Provided credentials are missing or invalid"}
        assert each.headers["Content-Type"] == "application/json"


def test_a_token_is_taken_from_either_header_and_the_program_learns_whose_it_is(
    shop: Program, server: RunningServer
) -> None:
    one = issued(server)
    ways: list[dict[str, str]] = [bearer(one), {"Fastly-Key": one.secret.reveal()}]

    answers = [ask(shop, "GET", "/orders", way) for way in ways]

    assert [(each.status_code, each.json()) for each in answers] == [(200, {"of": one.record.user_id})] * 2


def test_two_different_tokens_are_none(shop: Program, server: RunningServer) -> None:
    sent = {**bearer(issued(server)), "Fastly-Key": issued(server).secret.reveal()}

    answer = ask(shop, "GET", "/orders", sent)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (400, 'Bearer error="invalid_request"')


@pytest.mark.parametrize(
    "secret",
    ["nonsense", "tly_short", Secret.mint().reveal(), "a,Bearer b"],
    ids=["nonsense", "short", "unknown", "two"],
)
def test_what_is_no_token_is_refused_and_not_repeated(shop: Program, secret: str) -> None:
    answer = ask(shop, "GET", "/orders", bearer(secret))

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert secret not in answer.text
    assert secret not in "".join(shop.said)


def test_a_scope_that_is_wanting_is_named(shop: Program, server: RunningServer) -> None:
    one = issued(server, scope="global:read")

    answer = ask(shop, "POST", f"/purge/{server['SERVICE_1']}", bearer(one))

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="purge_all"'
    assert answer.json() == {"msg": "This takes a token with the scope purge_all"}


def test_a_token_reaches_the_services_that_it_is_limited_to_and_no_other(shop: Program, server: RunningServer) -> None:
    one = issued(server, scope="purge_all", services=[server["SERVICE_1"]])

    yes, no, unknown = (
        ask(shop, "POST", f"/purge/{service}", bearer(one))
        for service in (server["SERVICE_1"], server["SERVICE_2"], "nothing")
    )

    assert (yes.status_code, yes.json()) == (200, {"purged": server["SERVICE_1"]})
    assert (no.status_code, no.json()) == (403, {"msg": "This token does not reach that service"})
    assert (unknown.status_code, unknown.json()) == (403, {"msg": "This token does not reach that service"})


def test_a_token_is_for_the_networks_that_it_is_limited_to(shop: Program, server: RunningServer) -> None:
    here, there = limited(server, networks=["127.0.0.0/8"]), limited(server, networks=["198.51.100.0/24"])
    forwarded = {"X-Forwarded-For": "198.51.100.7"}

    assert ask(shop, "GET", "/orders", bearer(here)).status_code == 200
    # Nobody has said that whoever forwards is to be believed: then it is not sure who asks.
    for refused in (bearer(there), bearer(there) | forwarded, bearer(here) | forwarded):
        answer = ask(shop, "GET", "/orders", refused)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_a_token_is_for_the_requests_that_it_is_limited_to(shop: Program, server: RunningServer) -> None:
    one = limited(server, rules=["GET 127.0.0.1/orders"])
    headers = bearer(one)

    yes = [ask(shop, "GET", path, headers).status_code for path in ("/orders", "/orders?all=1", "/%6frders")]
    no = ask(shop, "POST", f"/purge/{server['SERVICE_1']}", headers)
    elsewhere = ask(shop, "GET", "/orders", headers | {"Host": "example.org"})

    assert yes == [200] * 3
    assert (no.status_code, no.json()) == (403, {"msg": "This token is not for this request"})
    assert elsewhere.status_code in {400, 403}  # Django does not take a host that it does not know


def test_a_token_makes_as_many_requests_as_it_is_limited_to(shop: Program, server: RunningServer) -> None:
    used, often = limited(server, uses=3), limited(server, per_day=3)

    by_uses, by_day = ([ask(shop, "GET", "/orders", bearer(one)) for _ in range(5)] for one in (used, often))

    assert [answer.status_code for answer in by_uses] == [200] * 3 + [401] * 2
    assert [answer.status_code for answer in by_day] == [200] * 3 + [429] * 2
    assert 0 < int(by_day[-1].headers["Retry-After"]) <= 86_400


def test_a_request_is_one_use_also_where_the_service_is_known_late(shop: Program, server: RunningServer) -> None:
    one = limited(server, uses=3)

    answers = [ask(shop, "POST", f"/purge/{server['SERVICE_1']}", bearer(one)) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 3 + [401] * 2


def test_a_revoked_token_is_let_in_by_no_worker_and_no_thread_once_its_204_has_come(
    shop: Program, server: RunningServer
) -> None:
    one = issued(server)
    before = [ask(shop, "GET", "/orders", bearer(one)).status_code for _ in range(ASKED)]

    revoke(server, one)

    assert before == [200] * ASKED
    assert [ask(shop, "GET", "/orders", bearer(one)).status_code for _ in range(ASKED)] == [401] * ASKED


def test_without_the_server_nobody_is_let_in_once_the_lease_is_over() -> None:
    with ExitStack() as stack:
        with running_server() as server:
            key, one = verifying(server), issued(server)
            shops = {way: stack.enter_context(example(way, server, key)) for way in WAYS}
            let_in = {way: ask(shop, "GET", "/orders", bearer(one)).status_code for way, shop in shops.items()}
        refused: dict[str, httpx2.Response] = {}

        def nobody_lets_in() -> bool:
            # All in one round: an answer that the server had sent before it ended may come to be read after the first refusal.
            refused.update({way: ask(shop, "GET", "/orders", bearer(one)) for way, shop in shops.items()})
            return all(answer.status_code == 503 for answer in refused.values())

        until(nobody_lets_in, "the leases are over")
        opened = {way: ask(shop, "GET", "/healthz", {}).status_code for way, shop in shops.items()}

    assert let_in == opened == dict.fromkeys(WAYS, 200)
    for answer in refused.values():
        assert answer.headers["Retry-After"] == "1"
        assert answer.json() == {"msg": "Tokens cannot be checked at this moment: try again"}
    for way, shop in shops.items():
        assert "No token can be checked: Cannot reach" in "".join(shop.said), way
        assert one.secret.reveal() not in "".join(shop.said)
        assert key not in "".join(shop.said)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "known, missing",
    [
        ({}, "There is no Tallystick server to ask: set TALLYSTICK_URL, or pass url."),
        ({"TALLYSTICK_URL": "http://127.0.0.1:1"}, "There is no token to ask with: set FASTLY_API_TOKEN"),
    ],
    ids=["whom to ask", "as whom"],
)
def test_a_program_that_was_not_told_whom_to_ask_or_as_whom_does_not_start(
    way: str, known: dict[str, str], missing: str
) -> None:
    folder, *arguments = WAYS[way]
    with start(*arguments, cwd=EXAMPLES / folder, env=known) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS_MAX)
        finally:
            process.kill()

    assert process.returncode != 0
    assert missing in said
