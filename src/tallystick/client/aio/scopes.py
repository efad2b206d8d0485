"""The API of scopes for programs that run in an asyncio loop."""

from collections.abc import Iterable

from tallystick.client import _scopes
from tallystick.client.aio._api import AsyncApi
from tallystick.client.models import Receipt, ScopeDefinition


class AsyncScopesApi(AsyncApi):
    """`ScopesApi` with `await` before every method.

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    async def delete_scope(self, name: str, *, password: str | None = None, otp: str | None = None) -> Receipt | None:
        """See `ScopesApi.delete_scope`."""
        return await self._run(_scopes.delete_scope(self._line, name, password=password, otp=otp))

    async def list_scopes(self) -> list[ScopeDefinition]:
        """See `ScopesApi.list_scopes`."""
        return await self._run(_scopes.list_scopes(self._line))

    async def put_scope(
        self,
        name: str,
        *,
        description: str = "",
        includes: Iterable[str] = (),
        roles: Iterable[str] = (),
        password: str | None = None,
        otp: str | None = None,
    ) -> ScopeDefinition:
        """See `ScopesApi.put_scope`."""
        return await self._run(
            _scopes.put_scope(
                self._line,
                name,
                description=description,
                includes=includes,
                roles=roles,
                password=password,
                otp=otp,
            )
        )
