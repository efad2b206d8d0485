"""The API of services for programs that run in an asyncio loop."""

from collections.abc import AsyncIterator

from tallystick.client import _services
from tallystick.client.aio._api import AsyncApi
from tallystick.client.models import Service


class AsyncServicesApi(AsyncApi):
    """`ServicesApi` with `await` before every method.

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    async def create_service(self, *, name: str) -> Service:
        """See `ServicesApi.create_service`."""
        return await self._run(_services.create_service(self._line, name=name))

    async def delete_service(self, service_id: str) -> None:
        """See `ServicesApi.delete_service`."""
        return await self._run(_services.delete_service(self._line, service_id))

    async def get_service(self, service_id: str) -> Service:
        """See `ServicesApi.get_service`."""
        return await self._run(_services.get_service(self._line, service_id))

    def iter_services(self, *, per_page: int = 100) -> AsyncIterator[Service]:
        """See `ServicesApi.iter_services`."""
        return self._each(_services.page_services(self._line, per_page=per_page))

    async def list_services(self) -> list[Service]:
        """See `ServicesApi.list_services`."""
        return await self._run(_services.list_services(self._line))

    async def update_service(self, service_id: str, *, name: str) -> Service:
        """See `ServicesApi.update_service`."""
        return await self._run(_services.update_service(self._line, service_id, name=name))
