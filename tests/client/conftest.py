"""What every test of the client gets: an empty environment, and both drivers."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol

import httpx2
import pytest

import tallystick
from tallystick import Secret

Token = str | Secret | None
Handler = Callable[[httpx2.Request], httpx2.Response]


class Drive(Protocol):
    """Run `use` on a client whose server is `handler`, and return what it returns.

    `api`: `TokensApi` or another, whose async twin is taken in turn.  An iterator comes back as a list.
    """

    def __call__(
        self,
        handler: Handler,
        use: Callable[[Any], Any],
        token: Token = "key",
        api: str = "TokensApi",
        **options: Any,
    ) -> Any: ...


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASTLY_API_TOKEN", "TALLYSTICK_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(params=["sync", "async"])
def drive(request: pytest.FixtureRequest) -> Drive:
    return drive_sync if request.param == "sync" else drive_async


def drive_sync(
    handler: Handler, use: Callable[[Any], Any], token: Token = "key", api: str = "TokensApi", **options: Any
) -> Any:
    with getattr(tallystick, api)(token, transport=httpx2.MockTransport(handler), **options) as client:
        result = use(client)
        return list(result) if inspect.isgenerator(result) else result


def drive_async(
    handler: Handler, use: Callable[[Any], Any], token: Token = "key", api: str = "TokensApi", **options: Any
) -> Any:
    async def main() -> Any:
        async with getattr(tallystick, f"Async{api}")(
            token, transport=httpx2.MockTransport(handler), **options
        ) as client:
            return await awaited(use(client))

    return asyncio.run(main())


async def awaited(result: Any) -> Any:
    """What an async client gives, whole: an iterator's items in a list."""
    if inspect.isasyncgen(result):
        return [item async for item in result]
    return await result if inspect.isawaitable(result) else result
