"""`world` is the service over each store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick.storage import open_store
from tests.http.world import World, a_world, sqlite_in
from tests.postgres import emptied


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "postgresql":
        url: str = request.getfixturevalue("shared_database")
        await emptied(url)
        store = await open_store(url)
    else:
        store = None
    async with a_world("memory:" if request.param == "memory" else sqlite_in(tmp_path), store=store) as made:
        yield made
