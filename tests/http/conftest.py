"""`world` is the service over each store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http.world import World, a_world, sqlite_in


@pytest.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    url = "memory:" if request.param == "memory" else sqlite_in(tmp_path)
    async with a_world(url) as made:
        yield made
