"""The Tokens API for programs that run in an asyncio loop.  All logic is in `_calls.py`."""

import time
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallystick.client._calls import HEADERS, Calls
from tallystick.client._flow import Flow, Reply, Request, T, answered, lost
from tallystick.client._target import target
from tallystick.client.models import Identity, IssuedToken, Token
from tallystick.core.secret import Secret

if TYPE_CHECKING:
    import httpx2


class AsyncTokensApi:
    """`TokensApi` with `await` before every method.

        async with AsyncTokensApi(url="https://tokens.example.com") as api:
            issued = await api.create_token(name="ci purge", scope="purge_select", password=password)

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        url: str | None = None,
        timeout: float = 10.0,
        patience: float = 30.0,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        # Here, not above: see TokensApi.
        import httpx2

        self._calls = Calls(target(token, url), patience=patience)
        self._http = httpx2.AsyncClient(timeout=timeout, transport=transport, headers=HEADERS)
        self._accidents = (httpx2.HTTPError, httpx2.InvalidURL)

    @property
    def has_token(self) -> bool:
        """See `TokensApi.has_token`."""
        return self._calls.has_token

    async def bulk_revoke_tokens(self, ids: Iterable[str]) -> None:
        """See `TokensApi.bulk_revoke_tokens`."""
        return await self._run(self._calls.bulk_revoke_tokens(ids))

    async def create_token(
        self,
        *,
        name: str | None = None,
        scope: str | None = None,
        services: Iterable[str] = (),
        expires_at: datetime | str | None = None,
        username: str | None = None,
        password: str | None = None,
        otp: str | None = None,
    ) -> IssuedToken:
        """See `TokensApi.create_token`."""
        return await self._run(
            self._calls.create_token(
                name=name,
                scope=scope,
                services=services,
                expires_at=expires_at,
                username=username,
                password=password,
                otp=otp,
            )
        )

    async def get_token(self, token_id: str) -> Token:
        """See `TokensApi.get_token`."""
        return await self._run(self._calls.get_token(token_id))

    async def get_token_current(self) -> Token:
        """See `TokensApi.get_token_current`."""
        return await self._run(self._calls.get_token_current())

    async def list_tokens_customer(self, customer_id: str) -> list[Token]:
        """See `TokensApi.list_tokens_customer`."""
        return await self._run(self._calls.list_tokens_customer(customer_id))

    async def list_tokens_user(self) -> list[Token]:
        """See `TokensApi.list_tokens_user`."""
        return await self._run(self._calls.list_tokens_user())

    async def revoke_token(self, token_id: str) -> None:
        """See `TokensApi.revoke_token`."""
        return await self._run(self._calls.revoke_token(token_id))

    async def revoke_token_current(self) -> None:
        """See `TokensApi.revoke_token_current`."""
        return await self._run(self._calls.revoke_token_current())

    async def verify(self) -> Identity:
        """See `TokensApi.verify`."""
        return await self._run(self._calls.verify())

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
