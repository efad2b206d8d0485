"""What the example has not: REST framework alone, functions, another way to be believed, and what nobody asks for."""

from typing import Any

from django.conf import settings
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="-",
    INSTALLED_APPS=["rest_framework", "tallystick.integrations.django.TallystickConfig"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["tallystick.integrations.drf.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["tallystick.integrations.drf.HasToken"],
        "UNAUTHENTICATED_USER": None,
    },
)

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.permissions import AllowAny  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402

from tallystick.integrations.drf import HasToken  # noqa: E402


class AsAnna(BaseAuthentication):  # type: ignore[misc]  # no types of its own
    """Believes everybody to be Anna, as a session would."""

    def authenticate(self, _request: Request) -> tuple[Any, None]:
        return "Anna", None


@api_view(["GET"])
def orders(request: Request) -> Response:
    return Response({"user": str(request.user), "of": request.auth.user_id})


@api_view(["POST"])
@permission_classes([HasToken.for_(scope="purge_all")])
def purge(_request: Request) -> Response:
    return Response({})


@api_view(["GET"])
@permission_classes([AllowAny])
def anybody(request: Request) -> Response:
    return Response({"user": str(request.user)})


@api_view(["GET"])
@authentication_classes([AsAnna])
def session(_request: Request) -> Response:
    return Response({})


@api_view(["POST"])
@authentication_classes([AsAnna])
@permission_classes([HasToken.for_(scope="purge_all")])
def purge_by_session(_request: Request) -> Response:
    return Response({})


urlpatterns = [
    path("orders", orders),
    path("purge", purge),
    path("anybody", anybody),
    path("session", session),
    path("purge-by-session", purge_by_session),
]
