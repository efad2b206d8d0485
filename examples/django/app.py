"""A Django program in one file: the middleware for its own views, REST framework's classes for the rest.

Run it: gunicorn --chdir examples/django app:application, or uvicorn --app-dir examples/django app:asgi.
"""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not used: there are no sessions here",
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["tallystick.integrations.django.TallystickMiddleware"],
    TALLYSTICK={"open": ["/healthz"]},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["tallystick.integrations.drf.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["tallystick.integrations.drf.HasToken"],
        "UNAUTHENTICATED_USER": None,
    },
)

# Only now: they read the settings.
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
asgi = get_asgi_application()

from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from tallystick.integrations.drf import HasToken  # noqa: E402


def health(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


def orders(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"of": request.token.user_id})


class Purge(APIView):  # type: ignore[misc]  # REST framework has no types of its own
    """Empties the cache of a service."""

    permission_classes = (HasToken.for_(scope="purge_all", service="service_id"),)

    def post(self, _request: Request, service_id: str) -> Response:
        """What REST framework calls for POST."""
        return Response({"purged": service_id})


urlpatterns = [
    path("healthz", health),
    path("orders", orders),
    path("purge/<service_id>", Purge.as_view()),
]
