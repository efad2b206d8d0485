"""Fastly's own clients, unmodified, against the real thing: a server process, real sockets, real passwords, each database.

Each module has a world of its own on each: a one-time code works once, a user has at most 100 tokens, and one of the clients cannot
read what another one makes.  `xdist_group` only saves starting that world in several test processes.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.testing import running_server
from tests.clients.cli import Fastly
from tests.clients.world import Start, World
from tests.postgres import Cluster

HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def start(request: pytest.FixtureRequest) -> Start:
    """`running_server`, each time over a new database of one kind."""
    if request.param == "sqlite":
        return running_server
    cluster: Cluster = request.getfixturevalue("cluster")
    return lambda **more: running_server(database=cluster.dsn(cluster.new_database()), **more)


@pytest.fixture(scope="module")
def world(start: Start) -> Iterator[World]:
    with start() as server:
        yield World.of(server.values)


@pytest.fixture(scope="session")
def node() -> str:
    """Where node is; skips, saying how to get it, when it or the npm clients are not there."""
    found = shutil.which("node")
    if found is None:
        pytest.skip(
            "the official npm clients need node: apt-get install nodejs npm, or brew install node; then make test"
        )
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        pytest.skip("the official npm clients are not installed: make test does it (cd tests/clients && npm ci)")
    return found


@pytest.fixture
def fastly(node: str, world: World, tmp_path: Path) -> Fastly:
    """The program `fastly`, with an empty profile."""
    return Fastly(node, world, tmp_path)
