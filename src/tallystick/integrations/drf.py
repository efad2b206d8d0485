"""Django REST framework: an authentication class, and permissions.

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["tallystick.integrations.drf.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["tallystick.integrations.drf.HasToken"],
    }

    class Purge(APIView):
        permission_classes = [HasToken.for_(scope="purge_all", service="service_id")]

`request.auth` is the verdict, `request.user` a `TokenUser`.
"""

from typing import Any, Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Need, Refusal, presented, scoped
from tallystick.integrations.django import came, guard

_ANY: Final = Need()


class TokenUser:
    """Whom a token stands for, in the place of a user of Django's own.  `pk`: the user's id, None for an automation token's."""

    is_authenticated = is_active = True
    is_anonymous = is_staff = is_superuser = False

    def __init__(self, token: Verdict) -> None:
        self.token = token
        self.pk = self.id = token.user_id

    def __str__(self) -> str:
        return self.token.user_id or f"token {self.token.token_id}"


class Refused(APIException):  # type: ignore[misc]  # DRF has no types of its own
    """What is answered; DRF reads these names."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__({"msg": refusal.msg})
        self.status_code = refusal.status
        self.auth_header, self.wait = refusal.challenge, refusal.retry_after


class TokenAuthentication(BaseAuthentication):  # type: ignore[misc]  # DRF has no types of its own
    """Believes a token.  Who sends none is left to the next class, and to the permissions."""

    def authenticate(self, request: Request) -> tuple[TokenUser, Verdict] | None:
        """As DRF calls it."""
        verdict = getattr(request._request, "token", None)  # noqa: SLF001 - DRF's documented way to Django's request
        if isinstance(verdict, Verdict):
            return TokenUser(verdict), verdict
        if isinstance(secret := presented(request.headers.items()), Refusal) and secret.status == 401:
            return None
        verdict = _judged(request, _ANY)
        return TokenUser(verdict), verdict

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF passes it
        """As DRF calls it, for a 401 that is not ours."""
        return "Bearer"


class HasToken(BasePermission):  # type: ignore[misc]  # DRF has no types of its own
    """A good token came, by `TokenAuthentication`.  `for_` asks for more."""

    scope: str | None = None
    service: str | None = None

    @classmethod
    def for_(cls, *, scope: str | None = None, service: str | None = None) -> type["HasToken"]:
        """The token has that scope, and reaches the service whose id is the argument of the view named `service`."""
        return type(cls.__name__, (cls,), {"scope": Need(scope=scope).scope, "service": service})

    def has_permission(self, request: Request, view: Any) -> bool:  # Any: every class of views
        """As DRF calls it."""
        if self.service is not None:
            need = Need(scope=self.scope, service=str(view.kwargs[self.service]))
            _judged(request, need, again=isinstance(request.auth, Verdict))
        elif not isinstance(request.auth, Verdict):
            _judged(request, _ANY)
        elif isinstance(refusal := scoped(request.auth, self.scope), Refusal):
            raise Refused(refusal)
        # Whoever was believed for another reason, such as a session, has no token, even if one came as well.
        return isinstance(request.auth, Verdict)


def _judged(request: Request, need: Need, *, again: bool = False) -> Verdict:
    found = guard().judge(need, came(request), again=again)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found
