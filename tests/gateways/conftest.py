"""A service for all, and each gateway once for each file."""

from collections.abc import Iterator

import httpx2
import pytest

from tallystick.testing import RunningServer, running_server
from tests.gateways.front import Front
from tests.gateways.parts import GATEWAYS, api, gateway

WANTED = ("--scope", "purge_all")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(workers=2, trusted_proxies=["127.0.0.1"]) as made:
        yield made


@pytest.fixture(scope="module", params=GATEWAYS)
def front(
    request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    port = httpx2.URL(server.url).port or 0
    folder = tmp_path_factory.mktemp(request.param)
    with api() as behind, gateway(request.param, folder, service=port, upstream=behind.port, wanted=WANTED) as url:
        made = Front(request.param, url, behind, server)
        with made.client:
            yield made


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test made is over when it is."""
    yield
    if "front" in request.fixturenames:
        request.getfixturevalue("front").forget_tokens()
