"""REST framework by itself, without the middleware."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tallystick import TokensApi
from tallystick.testing import RunningServer
from tests.cli.program import SECONDS_MAX, until
from tests.integrations.programs import GUNICORN, Program, environment, program, start
from tests.integrations.tokens import bearer, issued

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="module")
def rest(server: RunningServer, key: str) -> Iterator[Program]:
    with program(*GUNICORN, "django_more:application", cwd=APPS, env=environment(server, key)) as running:
        yield running


def test_a_view_learns_whose_token_it_is(rest: Program, server: RunningServer) -> None:
    one = issued(server)

    assert httpx2.get(f"{rest.url}/orders", headers=bearer(one)).json() == {
        "user": one.record.user_id,
        "of": one.record.user_id,
    }


def test_without_a_token_only_those_are_let_in_whom_a_view_lets_in(rest: Program) -> None:
    closed, opened = httpx2.get(f"{rest.url}/orders"), httpx2.get(f"{rest.url}/anybody")
    wrong = httpx2.get(f"{rest.url}/anybody", headers=bearer("nonsense"))

    assert (closed.status_code, closed.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert closed.json() == {"msg": "Provided credentials are missing or invalid"}
    assert (opened.status_code, opened.json()) == (200, {"user": "None"})
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_a_scope_is_asked_of_functions_too(rest: Program, server: RunningServer) -> None:
    narrow, wide = issued(server, scope="global:read"), issued(server, scope="purge_all")

    no, yes = (httpx2.post(f"{rest.url}/purge", headers=bearer(one)) for one in (narrow, wide))

    assert (no.status_code, yes.status_code) == (403, 200)
    assert no.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="purge_all"'


@pytest.mark.parametrize("method, path", [("GET", "/session"), ("POST", "/purge-by-session")])
def test_who_is_believed_for_another_reason_has_no_token(
    rest: Program, server: RunningServer, method: str, path: str
) -> None:
    without = httpx2.request(method, rest.url + path)
    narrow = httpx2.request(method, rest.url + path, headers=bearer(issued(server, scope="global:read")))

    assert (without.status_code, narrow.status_code) == (401, 403)


def test_a_request_counts_as_one_use(rest: Program, server: RunningServer) -> None:
    one = issued(server, scope="purge_all")
    for _ in range(20):
        httpx2.post(f"{rest.url}/purge", headers=bearer(one)).raise_for_status()

    def counted() -> int:
        return sum(hour.allowed for hour in api.get_token_usage(one.record.id).hours)

    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        until(lambda: counted() >= 20, "all are counted")
        assert counted() == 20


def test_what_is_missing_in_the_settings_is_said_at_the_start() -> None:
    with start(*GUNICORN, "django_more:application", cwd=APPS, env={}) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS_MAX)
        finally:
            process.kill()

    assert process.returncode != 0
    assert "There is no Tallystick server to ask" in said
