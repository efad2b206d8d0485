"""Schemathesis makes requests out of our own description: none may be an accident, all answers must be as described.

Against a real server, since that is what the description promises; the same requests each time.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tallystick.http import openapi
from tallystick.http.app import ROUTES
from tallystick.testing import RunningServer, running_server

CHECKS = [
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
SCHEMA = schemathesis.openapi.from_dict(openapi.document(ROUTES))
# Met at least once, each: else the requests were all refused at the door, and a green run would mean nothing.
EXPECTED = {
    "POST /tokens": {200, 400, 422},
    "GET /tokens": {200, 400},
    "DELETE /tokens": {400, 404},
    "GET /tokens/self": {200},
    "DELETE /tokens/self": {204},
    "GET /tokens/{token_id}": {200, 404},
    "GET /tokens/{token_id}/usage": {200, 400, 404},
    "GET /tokens/{token_id}/limits": {200, 404},
    "PUT /tokens/{token_id}/limits": {400, 404},
    "GET /tokens/{token_id}/shadow": {200, 404},
    "GET /explain/{request_id}": {200, 400},
    "DELETE /tokens/{token_id}": {404},
    "GET /customer/{customer_id}/tokens": {200, 400, 403},
    "POST /sudo": {400, 403},
    "GET /current_user": {200},
    "GET /verify": {200},
    "POST /user": {200, 400},
    "GET /user/{user_id}": {200, 404},
    "PUT /user/{user_id}": {400, 404},
    "DELETE /user/{user_id}": {404},
    "POST /current_user/password": {400},
    "GET /customer/{customer_id}/users": {200, 403},
    "GET /current_customer": {200},
    "GET /customer/{customer_id}": {200, 403},
    "PUT /customer/{customer_id}": {403},
    "GET /service": {200, 400},
    "POST /service": {200, 400},
    "GET /service/search": {400, 404},
    "GET /service/{service_id}/details": {200, 404},
    "GET /service/{service_id}": {200, 404},
    "PUT /service/{service_id}": {404},
    "DELETE /service/{service_id}": {404},
    "POST /automation-tokens": {400},
    "GET /automation-tokens/{token_id}": {200, 404},
    "DELETE /automation-tokens/{token_id}": {404},
    "GET /automation-tokens/{token_id}/services": {200, 404},
    "GET /automation-tokens/{token_id}/workspaces": {200, 404},
    "GET /scopes": {200},
    "PUT /scopes/{scope_name}": {400},
    "DELETE /scopes/{scope_name}": {404},
    "POST /revocations": {200, 400},
    "GET /revocations/{seq}": {200, 404},
    "GET /events": {200, 400},
    "POST /check/batch": {403},
    "POST /verifiers/{verifier_id}/sync": {403},
    "DELETE /verifiers/{verifier_id}": {403},
    "POST /oauth/introspect": {403},
    "POST /oauth/revoke": {200, 400},
    "GET /metrics": {200},
}


class Asked:
    """The server, and with which statuses it has answered what."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.statuses: defaultdict[str, set[int]] = defaultdict(set)
        self.cases = 0
        self.main = self.token()
        key = {"Fastly-Key": self.main["access_token"]}
        proof = {"password": server["SUPERUSER_PASSWORD"]}
        raised = httpx2.post(f"{server.url}/sudo", headers=key, data=proof).raise_for_status()
        self.seq = raised.headers["tallystick-receipt"].removeprefix("seq=").partition(",")[0]
        self.refusal = httpx2.get(f"{server.url}/tokens/self").headers["tallystick-refusal"]
        wish = {"name": "ci", "role": "engineer"}
        made = httpx2.post(f"{server.url}/automation-tokens", headers=key, json=wish).raise_for_status().json()
        self.automation_id = made["id"]

    def token(self, who: str = "SUPERUSER") -> dict[str, str]:
        form = {"username": self.server[f"{who}_LOGIN"], "password": self.server[f"{who}_PASSWORD"]}
        made: dict[str, str] = httpx2.post(f"{self.server.url}/tokens", data=form).raise_for_status().json()
        return made

    def secret_for(self, operation: str) -> str:
        """A token that may: a fresh one where it ends itself, of somebody for whom no others are made up meanwhile."""
        return (self.token("USER") if operation == "DELETE /tokens/self" else self.main)["access_token"]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    with running_server() as server:
        made = Asked(server)
        yield made
    for operation, statuses in made.statuses.items():
        assert EXPECTED.get(operation, {200}) <= statuses, operation


@pytest.mark.xdist_group("schemathesis")
@SCHEMA.parametrize()
@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_is_an_accident_and_every_answer_is_as_described(case: Any, asked: Asked) -> None:
    operation = case.operation.label
    for name in ("Authorization", "Fastly-Key", "Content-Length"):
        # A made-up token beside ours is refused at the door (`ignored_auth` tries that by itself), a made-up length before it.
        case.headers.pop(name, None)
    asked.cases += 1
    # No made-up id is that of a token: every other one is ours.
    if operation.startswith("GET ") and asked.cases % 2:
        real = {
            "token_id": asked.automation_id if "automation" in operation else asked.main["id"],
            "customer_id": asked.server["CUSTOMER_ID"],
            "user_id": asked.main["user_id"],
            "service_id": asked.server["SERVICE_1"],
            "seq": asked.seq,
            "request_id": asked.refusal,
        }
        case.path_parameters.update({name: real[name] for name in case.path_parameters})

    response = case.call(base_url=asked.server.url, headers={"Fastly-Key": asked.secret_for(operation)})

    asked.statuses[operation].add(response.status_code)
    case.validate_response(response, checks=CHECKS)
