"""What a refusal becomes on this side of the wire: status → the class it came from, a lost connection → `Unavailable`.

Four families of bodies are in use, under any content type: `{"msg", "detail"}`, JSON:API `{"errors": [...]}`, problem+json
`{"title", "detail"}` and a bare `{"code"}`; and proxies answer with text or HTML.  All of them become the same three fields.
"""

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

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

STATUS: Final[Mapping[int, type[TallystickError]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Unprocessable,
    429: Throttled,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""Any other status is a `TallystickError` that carries it."""

NEEDS_OTP: Final = "2fa.verify"
"""The `code` of an error that a current one-time code would have avoided."""

NEEDS_SUDO: Final = "POST /sudo"
"""What the message of a 403 says (Fastly wire, recorded) when the token has to be raised first.  It has no code."""

# Some servers send these words as `msg`, some as `code` only.  They are for programs; readers get the sentence.
_SENTENCES: Final = {
    "invalid_grant": "The username or the password is wrong.",
    "invalid_request": "The username or the password is missing.",
    "invalid_scope": "There is no such scope.",
    "account_locked": "The account is locked.",
    NEEDS_OTP: "A current one-time code is needed: pass it as otp.",
}

# Some names are older than others, and which of them Python knows depends on its version.
_PHRASES: Final = {each.value: {each.phrase} for each in HTTPStatus} | {
    413: {"Request Entity Too Large", "Content Too Large", "Payload Too Large"},
    422: {"Unprocessable Entity", "Unprocessable Content"},
}
_LONGEST: Final = 500  # A page of HTML is not a message.
_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")  # a number for programs, in front of the sentence
# What an answer says must not steer a terminal, forge a second line in a log, or turn the rest of its line around (bidi).
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def refusal(
    status: int, body: bytes, *, retry_after: float | None = None, hidden: Iterable[str] = ()
) -> TallystickError:
    """The error that an answer with this `status` stands for.

    `body`: as it came, in any shape or none.  `retry_after`: seconds.  `hidden`: what was sent and must not be shown, even
    if the other side repeats it (debug pages of proxies do).
    """
    said = _said(body)
    msg, detail, code = (clean(said.get(field), hidden) for field in ("msg", "detail", "code"))
    if msg in _PHRASES.get(status, ()) and detail is not None:
        msg = detail  # a problem's title (RFC 9457) is often only the status, in words
    if code is None and msg in _SENTENCES:
        code = msg
    if code is None and status == 400 and "one-time password" in f"{msg} {detail}".lower():
        code = NEEDS_OTP
    if msg is None or msg in _SENTENCES:
        msg = _SENTENCES.get(code or "") or detail or f"The server answered {status} without saying why."
    kind = STATUS.get(status, TallystickError)
    return kind(msg, detail=detail if detail != msg else None, code=code, status=status, retry_after=retry_after)


def _said(body: bytes) -> dict[str, object]:
    try:
        data: object = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        text = body[: 4 * _LONGEST].decode("utf-8", "replace").strip()
        return {} if text.startswith("<") else {"msg": text}
    if not isinstance(data, dict):
        return {}
    errors = data.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        data = data | errors[0]
    return {"msg": data.get("msg") or data.get("title"), "detail": data.get("detail"), "code": data.get("code")}


def clean(text: object, hidden: Iterable[str] = ()) -> str | None:
    """What the other side wrote, fit to be shown: one line, nothing `hidden`, no control characters.  None if nothing is left."""
    if not isinstance(text, str):
        return None
    for secret in hidden:
        # A shorter one would turn every third word into dots, and it is no secret any more.
        if len(secret) >= 6:
            text = text.replace(secret, "…")
    text = _UNSHOWABLE.sub(" ", text).strip()
    return text[:_LONGEST] or None


def retry_after(status: int, headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds until it makes sense to ask again, as told with a refusal; None if nothing was told.

    `Retry-After` (RFC 9110, 10.2.3: seconds or a date) wins over `Fastly-RateLimit-Reset`, an instant in Unix seconds which
    comes with every write and counts with a 429 only.  `now`: Unix seconds.
    """
    told = headers.get("retry-after", "").strip()
    if _is_number(told):
        return float(told)
    if told:
        try:
            return max(0.0, parsedate_to_datetime(told).timestamp() - now)
        except (ValueError, OverflowError):
            return None
    reset = headers.get("fastly-ratelimit-reset", "").strip()
    if status == 429 and _is_number(reset):
        return max(0.0, float(reset) - now)
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def unreachable(error: Exception, *, origin: str, hidden: Iterable[str] = ()) -> Unavailable:
    """`Unavailable`, in words, for what httpx2 raised while talking to `origin` (`https://host:port`).

    Its cause is a copy without the request and without the frames: the original holds the token and the body.
    """
    import httpx2

    reason = clean(_ERRNO.sub("", str(error)), hidden) or type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout):
        msg = f"Cannot reach {origin}: no connection in time."
    elif isinstance(error, httpx2.TimeoutException):
        msg = f"{origin} did not answer in time."
    elif isinstance(error, httpx2.ConnectError):
        msg = f"Cannot reach {origin}: {reason}"
    else:
        msg = f"The exchange with {origin} failed: {reason}"
    detail = "The request had been sent and may have been carried out." if was_sent(error) else None
    unavailable = Unavailable(msg, detail=detail)
    unavailable.__cause__ = type(error)(reason)
    return unavailable


def was_sent(error: Exception) -> bool:
    """Whether the server may have seen the request, and so may have carried it out."""
    import httpx2

    never = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.LocalProtocolError,
        httpx2.UnsupportedProtocol,
        httpx2.ProxyError,
        httpx2.InvalidURL,
    )
    return not isinstance(error, never)


def is_final(error: Exception) -> bool:
    """Whether trying again is pointless: the time that the caller allowed is over, or it would fail the same way."""
    import httpx2

    return isinstance(
        error, httpx2.TimeoutException | httpx2.LocalProtocolError | httpx2.UnsupportedProtocol | httpx2.InvalidURL
    )
