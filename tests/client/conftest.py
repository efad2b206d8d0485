"""What every test of the client gets: an empty environment, and both drivers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx2
import pytest

from tallystick import AsyncTokensApi, Secret, TokensApi

Token = str | Secret | None
Handler = Callable[[httpx2.Request], httpx2.Response]


class Drive(Protocol):
    """Run `use` on a client whose server is `handler`, and return what it returns."""

    def __call__(self, handler: Handler, use: Callable[[Any], Any], token: Token = "key", **options: Any) -> Any: ...


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASTLY_API_TOKEN", "TALLYSTICK_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(params=["sync", "async"])
def drive(request: pytest.FixtureRequest) -> Drive:
    return drive_sync if request.param == "sync" else drive_async


def drive_sync(handler: Handler, use: Callable[[Any], Any], token: Token = "key", **options: Any) -> Any:
    with TokensApi(token, transport=httpx2.MockTransport(handler), **options) as api:
        return use(api)


def drive_async(handler: Handler, use: Callable[[Any], Awaitable[Any]], token: Token = "key", **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncTokensApi(token, transport=httpx2.MockTransport(handler), **options) as api:
            return await use(api)

    return asyncio.run(main())
