"""The session in the browser: a cookie with the secret of an ordinary token of the user, and the mark that forms carry."""

import hmac
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tallystick.core.issue import SESSION_MS
from tallystick.core.secret import Digester, Secret, random_base62
from tallystick.http.routes import Ask

COOKIE: Final = "tallystick_session"
_VISIT: Final = "tallystick_visit"  # of who has not signed in yet, so that their form carries a mark too
_NAME: Final = re.compile(r"[0-9A-Za-z]{22}")
_PATH: Final = "/console"


def secret_of(request: Request) -> Secret | None:
    """The secret that came with the cookie; None when there is none."""
    value = request.cookies.get(COOKIE)
    return Secret(value) if value else None


def begin(response: Response, ask: Ask, secret: Secret) -> Response:
    """The answer, which leaves the session's secret in the browser and nowhere else."""
    _set(response, ask, COOKIE, secret.reveal(), SESSION_MS // 1000)
    return response


def end(response: Response) -> Response:
    """The answer, which takes it away."""
    response.delete_cookie(COOKIE, path=_PATH)
    return response


def visit(request: Request) -> str:
    """The name of a visit of who has not signed in: the one that came, or a new one."""
    given = request.cookies.get(_VISIT, "")
    return given if _NAME.fullmatch(given) else random_base62(22)


def keep_visit(response: Response, ask: Ask, name: str) -> Response:
    """The answer, which leaves that name in the browser."""
    _set(response, ask, _VISIT, name, None)
    return response


def mark(request: Request, digest: Digester, *, visiting: str | None = None) -> str:
    """What a form must carry: only who can read our pages of this session knows it."""
    secret = secret_of(request)
    whose = secret.reveal() if secret is not None and visiting is None else f"visit {visiting}"
    # No secret begins like this, so a mark is never the digest of one.
    return digest(Secret(f"console form {whose}"))[:16].hex()


def is_marked(request: Request, digest: Digester, given: str, *, visiting: str | None = None) -> bool:
    """Whether a form that came carries it."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), mark(request, digest, visiting=visiting).encode()
    )


def is_from_elsewhere(request: Request) -> bool:
    """Whether another site led here: then no cookie of ours comes, though there may be one."""
    return request.headers.get("sec-fetch-site") == "cross-site"


def is_private(ask: Ask) -> bool:
    """Whether the browser speaks TLS, with us or, as it says, with a proxy that is trusted."""
    request = ask.request
    peer = request.client.host if request.client else None
    told = request.headers.getlist("x-forwarded-proto")
    return request.scope["scheme"] == "https" or ask.wiring.proxies.is_private(peer, told)


def _set(response: Response, ask: Ask, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path=_PATH, secure=is_private(ask), httponly=True, samesite="strict"
    )
