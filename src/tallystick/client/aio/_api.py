"""What every API for programs that run in an asyncio loop is made of.  All logic is in the flows."""

import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallystick.client._flow import Flow, Reply, Request, T, answered, lost
from tallystick.client._line import HEADERS, Line
from tallystick.client._pages import Page
from tallystick.client._target import target
from tallystick.core.secret import Secret

if TYPE_CHECKING:
    import httpx2


class AsyncApi:
    """One server, one token, some connections.  `TokensApi` says what the arguments mean."""

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        url: str | None = None,
        timeout: float = 10.0,
        patience: float = 30.0,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        # Here, not above: see Api.
        import httpx2

        self._line = Line(target(token, url), patience=patience)
        self._http = httpx2.AsyncClient(timeout=timeout, transport=transport, headers=HEADERS)
        self._accidents = (httpx2.HTTPError, httpx2.InvalidURL)

    @property
    def has_token(self) -> bool:
        """See `TokensApi.has_token`."""
        return self._line.has_token

    async def aclose(self) -> None:
        """Close the connections.  `async with` does it too."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(self, flow: Flow[T]) -> T:
        try:
            request = next(flow)
            while True:
                request = flow.send(await self._exchange(request))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _each(self, flow: Flow[Page[T]]) -> AsyncIterator[T]:
        page = await self._run(flow)
        for item in page.items:
            yield item
        while page.then is not None:
            page = await self._run(page.then())
            for item in page.items:
                yield item

    async def _exchange(self, request: Request) -> Reply:
        if request.after:
            import asyncio  # rarely needed here, and a fifth of the import time of a program that is not async

            await asyncio.sleep(request.after)  # noqa: TID251  (the server said how long)
        try:
            response = await self._http.request(
                request.method, request.url, headers=request.headers, content=request.content or None
            )
        except self._accidents as error:
            return lost(error, request)
        return answered(response, now=time.time())
