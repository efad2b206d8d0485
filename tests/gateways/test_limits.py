"""Limits of tokens behind each gateway: which request and whose address it is, the gateway says, whatever the client does."""

import http.client
from typing import Any

import httpx2
import pytest

from tests.gateways.front import Front

pytestmark = pytest.mark.xdist_group("gateways")
OTHER = "tly_" + "0" * 38
ANOTHER_API = "another.example.com"


def limited(front: Front, **limits: Any) -> str:
    proof = {"username": front.server["USER_LOGIN"], "password": front.server["USER_PASSWORD"]}
    made = front.ask_service("POST", "/tokens", json={**proof, "limits": limits})
    assert made.status_code == 200, made.text
    secret: str = made.json()["access_token"]
    return secret


def statuses(front: Front, secret: str, *requests: str) -> list[int]:
    asked = [request.split(" ", 1) for request in requests]
    return [front.ask(method, path, secret).status_code for method, path in asked]


def test_rules_let_one_request_through_and_not_another(front: Front) -> None:
    secret = limited(front, rules=["GET,POST /orders/*", "* /files/**"])

    let = statuses(front, secret, "GET /orders/7?a=1", "POST /orders/7", "HEAD /orders/7", "DELETE /files/a/b")
    not_let = statuses(front, secret, "DELETE /orders/7", "GET /orders", "GET /orders/7/lines", "GET /admin", "GET /")

    assert let == [200] * 4
    assert not_let == [403] * 5
    assert {reached.path for reached in front.behind.reached[-4:]} == {"/orders/7?a=1", "/orders/7", "/files/a/b"}


@pytest.mark.parametrize(
    "path",
    [
        "/files/../admin",
        "/files/%2e%2e/admin",
        "/files/..;/admin",
        "/files%2f..%2fadmin",
        "/files/..%2fadmin",
        "//admin/files/",
        "/files/a#/../../admin",
        "/files/a\\..\\..\\admin",
    ],
)
def test_no_spelling_of_a_path_gets_round_them(front: Front, path: str) -> None:
    secret, before = limited(front, rules=["GET /files/**"]), len(front.behind.reached)

    connection = raw_get(front, path, secret)

    # A gateway may make another path of it, or refuse it, before it asks: then the API is not to see what is not in a rule.
    assert connection in (400, 403, 404) or "admin" not in front.behind.reached[-1].path
    assert connection != 200 or len(front.behind.reached) == before + 1


def raw_get(front: Front, path: str, secret: str) -> int:
    """The status for a path that no client library changes."""
    url = front.client.base_url
    connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


FORGED = [
    ("X-Original-URI", "/orders/7"),
    ("X-Original-Method", "GET"),
    ("X-Forwarded-Uri", "/orders/7"),
    ("X-Forwarded-Method", "GET"),
    ("X-Original-Url", "/orders/7"),
]


@pytest.mark.parametrize("spelt", [str, str.lower, lambda name: name.replace("-", "_")])
def test_what_a_client_says_of_its_request_is_not_believed(front: Front, spelt: Any) -> None:
    secret = limited(front, rules=["GET /orders/*"])
    forged = [(spelt(name), value) for name, value in FORGED]
    other = [(name, "/admin" if "/" in value else "DELETE") for name, value in forged]

    assert front.ask("GET", "/admin", secret, headers=forged).status_code == 403
    assert front.ask("GET", "/admin", secret, headers=forged * 2).status_code == 403
    assert front.ask("DELETE", "/orders/7", secret, headers=forged).status_code == 403
    assert front.ask("GET", "/orders/7", secret, headers=other).status_code == 200


def test_a_rule_can_be_for_one_of_several_hosts(front: Front) -> None:
    secret = limited(front, rules=[f"GET {ANOTHER_API}/**"])

    assert front.ask("GET", "/", secret, headers=[("Host", ANOTHER_API)]).status_code == 200
    assert front.ask("GET", "/", secret).status_code == 403
    assert front.ask("GET", "/", secret, headers=[("X-Forwarded-Host", ANOTHER_API)]).status_code == 403


@pytest.mark.parametrize(
    "forged", [[], ["203.0.113.7"], ["203.0.113.7, 127.0.0.2"], ["127.0.0.2", "203.0.113.7"], ["nonsense"]]
)
def test_a_token_limited_to_networks_is_let_in_from_there_whatever_the_client_says(
    front: Front, forged: list[str]
) -> None:
    told = [("X-Forwarded-For", value) for value in forged]
    inside, outside = limited(front, networks=["127.0.0.2"]), limited(front, networks=["203.0.113.0/24"])

    for _ in range(2):  # from memory, too
        assert front.ask("GET", "/", inside, headers=told).status_code == 200
        assert front.ask("GET", "/", outside, headers=told).status_code == 401


@pytest.mark.parametrize("forged", [[], ["203.0.113.7"], ["203.0.113.7, 127.0.0.1"], ["127.0.0.1", "203.0.113.7"]])
def test_who_has_the_address_of_a_trusted_proxy_is_no_proxy(front: Front, forged: list[str]) -> None:
    told = [("X-Forwarded-For", value) for value in forged]
    inside, outside = limited(front, networks=["127.0.0.1"]), limited(front, networks=["203.0.113.0/24"])

    for secret, status in ((inside, 200), (outside, 401)):
        headers = [("Authorization", f"Bearer {secret}"), *told]
        assert httpx2.get(front.client.base_url, headers=headers).status_code == status


def test_who_asks_too_often_is_told_so_and_for_how_long(front: Front) -> None:
    secret = limited(front, per_day=2)

    answers = [front.ask("GET", "/", secret) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 86_400


def test_a_number_of_uses_is_used_up(front: Front) -> None:
    secret = limited(front, uses=2)

    assert statuses(front, secret, "GET /", "POST /", "GET /", "GET /") == [200, 200, 401, 401]


def test_a_token_that_was_narrowed_is_refused_at_the_next_request(front: Front) -> None:
    made = front.token()
    assert statuses(front, made["access_token"], *["GET /"] * 3) == [200] * 3

    path = f"/tokens/{made['id']}/limits"
    narrowed = front.ask_service("PUT", path, front.server["USER_TOKEN"], json={"rules": ["GET /orders/*"]})

    assert narrowed.status_code == 200
    assert statuses(front, made["access_token"], "GET /", "GET /", "GET /orders/7") == [403, 403, 200]


def test_a_shadow_lets_through_and_tells_of_it(front: Front) -> None:
    secret = limited(front, rules=["GET /orders/*"], shadow=["rules"])
    token_id = front.ask_service("GET", "/tokens/self", secret).json()["id"]

    assert statuses(front, secret, "DELETE /orders/7?x=1", "GET /orders/7") == [200, 200]

    found: list[dict[str, Any]] = []
    while not found:  # the process that was asked may hear of it a second later
        report = front.ask_service("GET", f"/tokens/{token_id}/shadow", front.server["USER_TOKEN"]).json()
        found = report["would_refuse"]
    assert [(each["limit"], each["detail"], each["ip"]) for each in found] == [
        ("rules", "DELETE /orders/7", "127.0.0.2")
    ]


def test_every_refusal_can_be_explained(front: Front) -> None:
    key = front.server["SUPERUSER_TOKEN"]
    refused = {
        "missing": front.ask("GET", "/"),
        "malformed": front.ask("GET", "/", OTHER),
        "scope": front.ask("GET", "/", front.token("global:read")["access_token"]),
        "rules": front.ask("GET", "/admin", limited(front, rules=["GET /orders"])),
        "networks": front.ask("GET", "/", limited(front, networks=["203.0.113.0/24"])),
    }
    busy = limited(front, per_day=1)
    refused["per_day"] = [front.ask("GET", "/", busy) for _ in range(2)][1]

    for why, answer in refused.items():
        (name,) = answer.headers.get_list("tallystick-refusal")
        assert front.ask_service("GET", f"/explain/{name}", key).json()["why"] == why
