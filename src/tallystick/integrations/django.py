"""Django: a middleware, under WSGI and ASGI.

    MIDDLEWARE = ["tallystick.integrations.django.TallystickMiddleware", ...]
    TALLYSTICK = {"open": ["/healthz"], "needs": {"POST /purge/**": "purge_all"}}      # see `Settings`

The views find the verdict in `request.token`; None where it is open.
"""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TypeAlias

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import AppConfig
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.response import HttpResponse

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Came, Need, Refusal
from tallystick.integrations._guard import Guard

Response: TypeAlias = HttpResponseBase | Awaitable[HttpResponseBase]


@cache
def guard() -> Guard:
    """The one of this program, by what `settings.TALLYSTICK` says and the environment.  Raises `Invalid` when that is not enough."""
    return Guard(**getattr(settings, "TALLYSTICK", {}))


def came(request: HttpRequest) -> Came:
    """A request, for a guard."""
    return Came(request.method, request.path, list(request.headers.items()), request.META.get("REMOTE_ADDR"))


class TallystickConfig(AppConfig):  # type: ignore[misc]  # Django has no types of its own
    """For INSTALLED_APPS, where there is no middleware (DRF alone): what is missing in the settings is said at the start."""

    name = "tallystick.integrations"
    label = "tallystick"

    def ready(self) -> None:
        """As Django calls it."""
        guard()


class TallystickMiddleware:
    """Lets through what has a good token, and what is open."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self._get_response = get_response
        self._guard = guard()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        """As Django calls it."""
        if self._is_async:
            return self._in_a_loop(request)
        return self._passed_on(request, self._judge(request))

    async def _in_a_loop(self, request: HttpRequest) -> HttpResponseBase:
        # In any thread: whoever has to ask the server must hold up neither the loop nor Django's one thread for its database.
        found = await sync_to_async(self._judge, thread_sensitive=False)(request)
        answer = self._passed_on(request, found)
        return answer if isinstance(answer, HttpResponseBase) else await answer

    def _judge(self, request: HttpRequest) -> Verdict | Refusal | None:
        found = self._guard.rules.need(request.method, request.path_info)
        return self._guard.judge(found, came(request)) if isinstance(found, Need) else found

    def _passed_on(self, request: HttpRequest, found: Verdict | Refusal | None) -> Response:
        if isinstance(found, Refusal):
            return HttpResponse(found.body, status=found.status, headers=dict(found.headers))
        request.token = found
        return self._get_response(request)
