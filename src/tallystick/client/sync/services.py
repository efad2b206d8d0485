"""The API of services for programs that wait for their answers."""

from collections.abc import Iterator

from tallystick.client import _services
from tallystick.client.models import Service
from tallystick.client.sync._api import Api


class ServicesApi(Api):
    """What tokens can be limited to, against a Tallystick server or Fastly itself.

        with ServicesApi(url="https://tokens.example.com") as api:
            shop = api.create_service(name="shop")

    Made and closed like `TokensApi`, with the same arguments and the same errors.
    """

    def create_service(self, *, name: str) -> Service:
        """Create a service, as an engineer or a superuser."""
        return self._run(_services.create_service(self._line, name=name))

    def delete_service(self, service_id: str) -> None:
        """Delete a service, as an engineer or a superuser.  `Conflict` while live tokens are limited to it."""
        return self._run(_services.delete_service(self._line, service_id))

    def get_service(self, service_id: str) -> Service:
        """A service by its id.  `NotFound` if there is none, or none that the token of this client reaches."""
        return self._run(_services.get_service(self._line, service_id))

    def iter_services(self, *, per_page: int = 100) -> Iterator[Service]:
        """The services that the token of this client reaches, one after the other, asked for page by page when needed."""
        return self._each(_services.page_services(self._line, per_page=per_page))

    def list_services(self) -> list[Service]:
        """The services that the token of this client reaches: all of them, however many pages that takes."""
        return self._run(_services.list_services(self._line))

    def update_service(self, service_id: str, *, name: str) -> Service:
        """Rename a service, as an engineer or a superuser."""
        return self._run(_services.update_service(self._line, service_id, name=name))
