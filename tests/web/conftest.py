from collections.abc import AsyncIterator

import pytest

from tests.web.world import Visit, a_visit


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    async with a_visit() as made:
        yield made
