"""Every error that the server can give: class → status → body.  Anything else is a 500 without detail."""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from tallystick.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TallystickError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)


class WrongMethod(TallystickError):
    """The path is there, but not with this method; `allow` lists those that are."""

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__("Method not allowed", detail=f"This path takes {', '.join(allow)}")
        self.allow = allow


class UnsupportedMedia(TallystickError):
    """The body is of a type that this path does not read."""


STATUS: Final[dict[type[TallystickError], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    WrongMethod: 405,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Unprocessable: 422,
    Throttled: 429,
    Unavailable: 503,
}


class Family(Enum):
    """In which shape errors come."""

    LEGACY = auto()  # most of Fastly's
    RECORDED = auto()  # its newer ones, where automation tokens are (RFC 9457)
    OWN = auto()  # the same, with a word for programs
    OAUTH = auto()  # and that word under the name that OAuth's clients read


# RFC 6749, 5.2, and what RFC 6750, 3.1, and RFC 6749, 4.1.2.1, have for the rest.
_OAUTH: Final = {
    401: "invalid_client",
    403: "insufficient_scope",
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}
PROBLEM: Final = "application/problem+json"  # without a charset: Go's client compares it exactly
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")  # RFC 6749, 3.3: what a scope can be, and be said to be
_OUR_FAULT: Final = "This is our fault, and it has been logged"
_TITLES: Final = {"invalid_request": "Invalid request", "invalid_scope": "Invalid scope"}

# Written out: what Python calls 413 and 422 depends on its version, and what a client reads must not.
_NAMES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Body(msgspec.Struct, omit_defaults=True):
    """Fastly's legacy error: `msg`, and where there is more to say `detail` and `code`."""

    msg: str
    detail: str | None = None
    code: str | None = None


class Problem(msgspec.Struct):
    """Fastly's newer error (RFC 9457), where automation tokens are: `title` names the status, `detail` says what is wrong.

    `code`: on our own paths a word for programs, where there is one.  `error`: on OAuth's, always (RFC 6749, 5.2).  Without a
    `type` it is about:blank.
    """

    title: str
    status: int
    detail: str
    errors: None = None
    code: str | UnsetType = UNSET
    error: str | UnsetType = UNSET


def answer(error: TallystickError, *, family: Family = Family.LEGACY) -> Response:
    """The answer for an error of ours; in the shape of its `family`.

    With a `code` there is always a `detail`: Fastly's own tools read the word from `code` or `msg`, the text from `detail`.
    Where the error has one sentence only it is the detail, under a title: Fastly's CLI prints both, one after the other.
    """
    status = STATUS[type(error)]
    headers = {"cache-control": "no-store", **hints(error)}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"  # RFC 9110, 11.6.1; RFC 6750, 3
    if family is not Family.LEGACY:
        said = error.msg if error.detail is None else f"{error.msg}: {error.detail}"
        return _problem(status, said, headers, family=family, code=error.code)
    return Response(msgspec.json.encode(_legacy(error)), status, headers, "application/json")


def hints(error: TallystickError) -> dict[str, str]:
    """Headers that say how to do better: by which method, and when."""
    headers = {}
    if isinstance(error, WrongMethod):
        headers["allow"] = ", ".join(error.allow)
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    return headers


def challenged(response: Response, error: TallystickError, *, came: bool) -> Response:
    """The same answer, with what is wrong with the token, if one `came`, for clients that know RFC 6750 (3.1)."""
    if isinstance(error, Unauthenticated) and came:
        response.headers["www-authenticate"] = 'Bearer error="invalid_token"'
    if isinstance(error, Forbidden) and error.scope is not None:
        would_do = f', scope="{error.scope}"' if _SCOPE.fullmatch(error.scope) else ""
        response.headers["www-authenticate"] = f'Bearer error="insufficient_scope"{would_do}'
    return response


def accident(*, family: Family = Family.LEGACY) -> Response:
    """The answer for everything that should not have happened: the log knows more, the caller does not."""
    headers = {"cache-control": "no-store"}
    if family is not Family.LEGACY:
        return _problem(500, _OUR_FAULT, headers, family=family, code=None)
    return Response(msgspec.json.encode(Body("Internal server error", _OUR_FAULT)), 500, headers, "application/json")


def _legacy(error: TallystickError) -> Body:
    msg, detail = error.msg, error.detail
    if error.code is not None and detail is None:
        msg, detail = _TITLES.get(error.code, error.msg), error.msg
    return Body(msg, detail, error.code)


def _problem(status: int, detail: str, headers: Mapping[str, str], *, family: Family, code: str | None) -> Response:
    body = Problem(_NAMES[status], status, detail)
    if family is Family.OAUTH:
        body.error = code or _OAUTH.get(status, "invalid_request")
    elif family is Family.OWN and code is not None:
        body.code = code
    return Response(msgspec.json.encode(body), status, headers, PROBLEM)
