"""A server for each file of them (all tests together would make more tokens than a user can have), and a token that may ask it."""

from collections.abc import Iterator

import pytest

from tallystick.testing import RunningServer, running_server
from tests.integrations.tokens import verifying


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    return verifying(server)


@pytest.fixture
def configured(server: RunningServer, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For programs in this process: whom to ask, and as whom."""
    monkeypatch.setenv("TALLYSTICK_URL", server.url)
    monkeypatch.setenv("FASTLY_API_TOKEN", key)
