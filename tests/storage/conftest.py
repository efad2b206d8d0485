"""Every store passes the same tests: those that take `store` run on each kind, with tests.core.world's people in it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from tallystick.core.ports import Store
from tallystick.storage.memory import MemoryStore
from tallystick.storage.postgresql.store import PostgresStore
from tallystick.storage.postgresql.target import parse
from tallystick.storage.sqlite import setup
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import populated
from tests.pooler import Pooler
from tests.postgres import emptied


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as `prepare` leaves it: copied, because to copy it is quicker than to make it."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    setup.prepare(path)
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "tally.db"))


@pytest.fixture
async def sqlite(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, busy_seconds=0.2)
    yield await populated(store)
    await store.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql", "pooled"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    kind: Literal["memory", "sqlite", "postgresql", "pooled"] = request.param
    store: Store
    match kind:
        case "memory":
            store = MemoryStore()
        case "sqlite":
            store = SqliteStore.open(request.getfixturevalue("path"))
        case "postgresql":
            url: str = request.getfixturevalue("shared_database")
            await emptied(url)
            store = await PostgresStore.open(parse(url))
        case "pooled":
            url = request.getfixturevalue("shared_database")
            pooler: Pooler = request.getfixturevalue("pooler")
            await emptied(url)
            store = await PostgresStore.open(parse(pooler.url(url.rpartition("/")[2])))
    yield await populated(store)
    await store.close()


Opened = Callable[[], Awaitable[Store]]
"""Opens an empty database, again and again, for those who ask whatever comes: one at a time."""


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    async def sqlite() -> Store:
        path = tmp_path_factory.mktemp("asked") / "tally.db"
        store = SqliteStore.open(Path(shutil.copy(request.getfixturevalue("template"), path)))
        connection = store._writer._connection
        assert connection is not None
        connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here: many more steps per second
        return store

    async def postgresql() -> Store:
        url: str = request.getfixturevalue("shared_database")
        await emptied(url)
        return await PostgresStore.open(parse(url))

    return sqlite if request.param == "sqlite" else postgresql


@pytest.fixture
async def server(postgres: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(parse(postgres))
    yield await populated(store)
    await store.close()
