"""An API behind each gateway: who has a live token gets through, under its name and no other; everybody else stays out."""

import signal
from pathlib import Path

import httpx2
import pytest

from tallystick.testing import RunningServer, running_server
from tests.gateways.front import Front
from tests.gateways.parts import GATEWAYS, api, free_port, gateway, silence

pytestmark = pytest.mark.xdist_group("gateways")
OTHER = "tly_" + "0" * 38
# What a client is told when the service is not there, and when it says nothing.
AWAY = {"nginx": 503, "caddy": 502, "envoy": 503, "traefik": 500}
SILENT = AWAY | {"caddy": 504}
NAMES = ("token", "customer", "user", "scope")


@pytest.fixture(params=GATEWAYS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_live_token_gets_through_and_the_api_hears_whose_it_is(front: Front, method: str) -> None:
    made = front.token()

    answer = front.ask(method, "/orders/7?a=1&a=%2F", made["access_token"], content=b'{"amount": 1}' * 1000)

    assert answer.status_code == 200
    reached = front.behind.reached[-1]
    assert (reached.method, reached.path, reached.body) == (method, "/orders/7?a=1&a=%2F", '{"amount": 1}' * 1000)
    assert {name: reached.all(f"tallystick-{name}") for name in NAMES} == {
        "token": [made["id"]],
        "customer": [front.server["CUSTOMER_ID"]],
        "user": [made["user_id"]],
        "scope": ["global"],
    }


def test_head_and_a_body_in_chunks_get_through(front: Front) -> None:
    secret = front.token()["access_token"]

    assert front.ask("HEAD", "/orders", secret).status_code == 200
    assert front.ask("POST", "/orders", secret, content=iter([b"one", b"two"])).status_code == 200
    assert front.behind.reached[-1].body == "onetwo"


def test_the_secret_itself_does_not_reach_the_api(front: Front) -> None:
    secret = front.token()["access_token"]

    assert front.ask("GET", "/", secret).status_code == 200
    assert front.ask("GET", "/", headers=[("Fastly-Key", secret)]).status_code == 200

    assert [reached for reached in front.behind.reached if secret in str(reached)] == []


@pytest.mark.parametrize("name", ["Tallystick-{}", "TALLYSTICK-{}", "tallystick-{}", "Tallystick_{}", "tallystick_{}"])
def test_nobody_gets_through_under_a_name_of_their_own_choice(front: Front, name: str) -> None:
    forged = [(name.format(each), "root") for each in NAMES] * 2
    user, machine = front.token()["access_token"], front.automation_token()

    assert [front.ask("GET", "/", secret, headers=forged).status_code for secret in (user, machine)] == [200, 200]

    for reached in front.behind.reached[-2:]:
        assert [len(reached.all(f"tallystick-{each}")) for each in ("token", "customer", "scope")] == [1, 1, 1]
        assert "root" not in [value for each in NAMES for value in reached.all(f"tallystick-{each}")]
    assert front.behind.reached[-1].all("tallystick-user") == [], "an automation token has no user"


@pytest.mark.parametrize(
    "hops", [["Tallystick-User"], ["close, tallystick-user", "TALLYSTICK-TOKEN, Tallystick-Scope"]]
)
def test_nobody_has_their_name_taken_off_on_the_way(front: Front, hops: list[str]) -> None:
    made = front.token()

    answer = front.ask("GET", "/", made["access_token"], headers=[("Connection", value) for value in hops])

    assert answer.status_code == 200
    reached = front.behind.reached[-1]
    assert reached.all("tallystick-user") == [made["user_id"]], "without it, this would be an automation token"
    assert reached.all("tallystick-token") == [made["id"]]
    assert reached.all("tallystick-scope") == ["global"]


@pytest.mark.parametrize("protocols", [["h2c"], ["H2C, websocket"], ["h2c", "websocket"], ["websocket", "h2c"]])
def test_nobody_gets_a_connection_of_their_own_to_the_api(front: Front, protocols: list[str]) -> None:
    """Over which more requests would come, without a question for each of them."""
    asked = [("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    before = len(front.behind.reached)

    front.ask("GET", "/", front.token()["access_token"], headers=asked + [("Upgrade", each) for each in protocols])

    assert "h2c" not in str([reached.all("upgrade") for reached in front.behind.reached[before:]]).lower()


def test_without_a_live_token_nobody_gets_through(front: Front) -> None:
    before = len(front.behind.reached)
    ended = front.token()
    front.ask_service("DELETE", "/tokens/self", ended["access_token"])

    refused = {
        "none": front.ask("GET", "/orders"),
        "garbage": front.ask("POST", "/orders", "garbage", content=b"x"),
        "unknown": front.ask("GET", "/orders", OTHER),
        "revoked": front.ask("DELETE", "/orders", ended["access_token"]),
        "two": front.ask("GET", "/orders", OTHER, headers=[("Fastly-Key", front.server["USER_TOKEN"])]),
    }

    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 401)
    assert refused.pop("none").headers.get_list("www-authenticate") == ["Bearer"]
    challenges = [answer.headers.get_list("www-authenticate") for answer in refused.values()]
    assert challenges == [['Bearer error="invalid_token"']] * 4
    assert len(front.behind.reached) == before


def test_a_token_without_the_scope_is_told_which_it_takes(front: Front) -> None:
    before = len(front.behind.reached)

    answer = front.ask("GET", "/orders", front.token("global:read")["access_token"])

    assert answer.status_code == 403
    assert answer.headers.get_list("www-authenticate") == ['Bearer error="insufficient_scope", scope="purge_all"']
    assert len(front.behind.reached) == before


@pytest.mark.parametrize("path", ["/?scope=global:read", "/check?scope=global:read", "/_tallystick?x=1", "/?scop=1"])
def test_what_is_asked_for_does_not_change_what_it_takes(front: Front, path: str) -> None:
    before = len(front.behind.reached)
    # One of the gateways has this path for itself.
    none = [404, 404] if front.kind == "nginx" and path.startswith("/_tallystick") else None

    asked = [front.ask("GET", path, front.token(scope)["access_token"]) for scope in ("global:read", "global")]

    assert [answer.status_code for answer in asked] == (none or [403, 200])
    assert len(front.behind.reached) == before + (none is None)


def test_a_revoked_token_is_refused_at_once(front: Front) -> None:
    for _ in range(10):
        made = front.token()
        assert [front.ask("GET", "/", made["access_token"]).status_code for _ in range(3)] == [200] * 3

        assert front.ask_service("DELETE", f"/tokens/{made['id']}", front.server["SUPERUSER_TOKEN"]).status_code == 204

        assert [front.ask("GET", "/", made["access_token"]).status_code for _ in range(3)] == [401] * 3


@pytest.mark.parametrize("forged", [[], ["198.51.100.1"], ["198.51.100.1, 127.0.0.1"], ["198.51.100.1", "127.0.0.1"]])
def test_the_address_of_the_client_is_its_own_whatever_it_says(front: Front, forged: list[str]) -> None:
    made = front.token()

    front.ask("GET", "/", made["access_token"], headers=[("X-Forwarded-For", value) for value in forged])

    shown: dict[str, str | None] = {"ip": None}
    while shown["ip"] is None:  # the process that was asked may hear of it a second later
        shown = front.ask_service("GET", f"/tokens/{made['id']}", front.server["USER_TOKEN"]).json()
    assert shown["user_agent"] is not None
    assert shown["ip"] == "127.0.0.2"
    assert shown["user_agent"].startswith("python-httpx")


def test_what_the_api_hears_of_the_client_is_what_the_gateway_saw(front: Front) -> None:
    told = {"x-forwarded-for": "203.0.113.7", "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "https"}

    assert front.ask("GET", "/", front.token()["access_token"], headers=list(told.items())).status_code == 200

    reached = front.behind.reached[-1]
    assert reached.all("x-forwarded-for") == ["127.0.0.2"]
    assert reached.all("x-forwarded-host") == reached.all("host")
    assert reached.all("x-forwarded-proto") == ["http"]


# --- Without the service --------------------------------------------------------------------------------------------------


def test_when_the_service_is_killed_nobody_gets_through(kind: str, tmp_path: Path) -> None:
    with running_server() as server, api() as behind:
        port = httpx2.URL(server.url).port or 0
        with gateway(kind, tmp_path, service=port, upstream=behind.port) as url, httpx2.Client(base_url=url) as client:
            headers = {"Fastly-Key": server["USER_TOKEN"]}
            assert client.get("/?scop=1", headers=headers).status_code == 200, (
                "what the client asks is not what is asked"
            )

            server.process.send_signal(signal.SIGKILL)
            _until_it_is_gone(server)

            assert [client.get("/", headers=headers).status_code // 100 for _ in range(3)] == [5] * 3
            assert len(behind.reached) == 1


def test_where_there_is_no_service_nobody_gets_through(kind: str, tmp_path: Path) -> None:
    with api() as behind, gateway(kind, tmp_path, service=free_port(), upstream=behind.port) as url:
        answer = httpx2.get(url, headers={"Fastly-Key": OTHER})

        assert (answer.status_code, behind.reached) == (AWAY[kind], [])


def test_when_the_service_is_cut_off_nobody_gets_through(kind: str, tmp_path: Path) -> None:
    with api() as behind, silence() as port, gateway(kind, tmp_path, service=port, upstream=behind.port) as url:
        answer = httpx2.get(url, headers={"Fastly-Key": OTHER}, timeout=60)

        assert (answer.status_code, behind.reached) == (SILENT[kind], [])


def test_nothing_but_yes_is_taken_for_it(kind: str, tmp_path: Path) -> None:
    with (
        api() as behind,
        api() as instead,
        gateway(kind, tmp_path, service=instead.port, upstream=behind.port) as url,
        httpx2.Client(base_url=url) as client,
    ):
        for status in (302, 400, 401, 403, 404, 405, 429, 500, 503):
            instead.status, before = status, len(instead.reached)
            answer = client.get("/", headers={"Fastly-Key": OTHER})
            assert not answer.is_success
            assert answer.status_code == status or status not in (401, 403, 429, 503), "these are for the client"
            assert len(instead.reached) > before, "it was asked"

        assert behind.reached == []


def test_a_second_node_is_asked_when_the_first_is_away_and_what_it_says_is_told(tmp_path: Path) -> None:
    """The others have a list of nodes in a place of their own; nginx tells what all of them said, in one line."""
    with api() as behind, api() as instead:

        def one_more(printed: str) -> str:
            node = f"server 127.0.0.1:{instead.port};"
            return printed.replace(node, f"server 127.0.0.1:{free_port()}; {node}")

        with gateway("nginx", tmp_path, service=instead.port, upstream=behind.port, change=one_more) as url:
            for status in (429, 403, 401, 200):
                instead.status = status
                assert {httpx2.get(url).status_code for _ in range(2)} == {status}


def _until_it_is_gone(server: RunningServer) -> None:
    """Its workers end by themselves, a moment after it."""
    while True:
        try:
            httpx2.get(f"{server.url}/healthz")
        except httpx2.TransportError:
            return
