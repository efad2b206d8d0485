"""FastAPI: what its document says, and where a dependency can stand."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tallystick.integrations.fastapi import Tallystick
from tallystick.testing import RunningServer
from tests.integrations.programs import EXAMPLES, UVICORN, Program, environment, program
from tests.integrations.tokens import bearer, issued, limited

APPS = Path(__file__).parent / "apps"


def loaded(path: Path) -> ModuleType:
    """A program, as its server would import it."""
    spec = importlib.util.spec_from_file_location("loaded", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def more(server: RunningServer, key: str) -> Iterator[Program]:
    with program(*UVICORN, "fastapi_more:app", cwd=APPS, env=environment(server, key)) as running:
        yield running


@pytest.mark.usefixtures("configured")
def test_the_document_says_which_routes_take_a_token_how_it_is_sent_and_with_which_scopes() -> None:
    document: Any = loaded(EXAMPLES / "fastapi" / "app.py").app.openapi()
    asked = {path: operation.get("security") for path, item in document["paths"].items() for operation in item.values()}

    assert document["components"]["securitySchemes"] == {
        "Bearer": {"type": "http", "scheme": "bearer"},
        "Fastly-Key": {"type": "apiKey", "in": "header", "name": "Fastly-Key"},
    }
    assert asked == {
        "/healthz": None,
        "/orders": [{"Bearer": []}, {"Fastly-Key": []}],
        "/purge/{service_id}": [{"Bearer": ["purge_all"]}, {"Fastly-Key": ["purge_all"]}],
    }
    for path in ("/orders", "/purge/{service_id}"):
        names = [
            each["name"] for operation in document["paths"][path].values() for each in operation.get("parameters", ())
        ]
        assert names == (["service_id"] if "{" in path else [])


def test_scopes_of_the_program_the_router_and_the_route_must_all_be_had(more: Program, server: RunningServer) -> None:
    path, services = f"/purge/{server['SERVICE_1']}", [server["SERVICE_1"]]
    statuses = {
        scope: httpx2.post(more.url + path, headers=bearer(issued(server, scope=scope, services=services))).status_code
        for scope in (
            "global:read purge_all purge_select",
            "global",
            "purge_all purge_select",
            "global:read purge_all",
            "global:read purge_select",
        )
    }
    elsewhere = httpx2.post(
        f"{more.url}/purge/{server['SERVICE_2']}", headers=bearer(issued(server, services=services))
    )

    assert list(statuses.values()) == [200, 200, 403, 403, 403]
    assert elsewhere.status_code == 403


def test_a_dependency_of_the_program_closes_every_route(more: Program, server: RunningServer) -> None:
    refused, let_in = httpx2.get(f"{more.url}/orders"), httpx2.get(f"{more.url}/orders", headers=bearer(issued(server)))

    assert (refused.status_code, refused.headers["WWW-Authenticate"], let_in.status_code) == (401, "Bearer", 200)


def test_a_request_is_one_use_however_many_dependencies_look_at_it(more: Program, server: RunningServer) -> None:
    """Here three: of the program, of the router, of the route."""
    used, often, elsewhere = (
        limited(server, **own) for own in ({"uses": 3}, {"per_day": 3}, {"uses": 3, "networks": ["198.51.100.1"]})
    )

    by_uses, by_day, by_place = (
        [httpx2.post(f"{more.url}/purge/{server['SERVICE_1']}", headers=bearer(one)).status_code for _ in range(5)]
        for one in (used, often, elsewhere)
    )

    assert (by_uses, by_day) == ([200] * 3 + [401] * 2, [200] * 3 + [429] * 2)
    assert by_place == [401] * 5


def test_a_websocket_depends_on_it_too(more: Program, server: RunningServer) -> None:
    one, url = issued(server), more.url.replace("http", "ws")

    with connect(f"{url}/talk", additional_headers=bearer(one)) as opened:
        said = opened.recv()
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{url}/talk")

    assert said == one.record.user_id
    assert refused.value.response.status_code == 401


def test_a_refusal_can_be_answered_in_a_form_of_ones_own(server: RunningServer, key: str) -> None:
    with program(*UVICORN, "fastapi_more:own", cwd=APPS, env=environment(server, key)) as running:
        refused = httpx2.get(f"{running.url}/orders")

    assert (refused.status_code, refused.text) == (401, "No: Provided credentials are missing or invalid")


@pytest.mark.usefixtures("configured")
def test_paths_are_not_for_its_dependency() -> None:
    with pytest.raises(TypeError, match="middlewares"):
        Tallystick(open=["/healthz"])
