"""`world` is the service over each store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tallystick.storage import open_store
from tests.http.world import World, a_world, sqlite_in
from tests.postgres import emptied

STORES: Final = ("memory", "sqlite", "postgresql")
DECIDED_BEFORE: Final = {
    "test_create_refused",
    "test_nul",
    "test_openapi",
    "test_routes",
    "test_rsgi",
    "test_tokens_presented",
}
"""Modules about what is decided before a store is asked: a third one would say nothing new, in a quarter of all the time."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        name = metafunc.module.__name__.rpartition(".")[2]
        metafunc.parametrize("world", STORES[:2] if name in DECIDED_BEFORE else STORES, indirect=True)


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "postgresql":
        url: str = request.getfixturevalue("shared_database")
        await emptied(url)
        store = await open_store(url)
    else:
        store = None
    async with a_world("memory:" if request.param == "memory" else sqlite_in(tmp_path), store=store) as made:
        yield made
