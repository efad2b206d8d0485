"""`world` is the service over each store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http.world import World, a_world, sqlite_in
from tests.postgres import emptied


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    match request.param:
        case "memory":
            url = "memory:"
        case "sqlite":
            url = sqlite_in(tmp_path)
        case _:
            url = request.getfixturevalue("shared_database")
            await emptied(url)
    async with a_world(url) as made:
        yield made
