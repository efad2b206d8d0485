"""Request bodies: read with a limit, decode into a type that can only hold what the operation understands.

JSON and forms end as the same type.  Services come in four spellings (`services[]=A`, `services=A`, `services[0]=A`,
`services[][0]=A`), depending on which client sent the form.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from tallystick.core.errors import Invalid, TooLarge
from tallystick.http.errors import UnsupportedMedia

BODY_BYTES_MAX: Final = 1024 * 1024
BODY_SECONDS_MAX: Final = 30  # as long as Granian waits for a head
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = ("application/json", "application/vnd.api+json")
_SERVICES: Final = re.compile(r"services(?:\[\])?(?:\[\d*\])?")
# How a limit of a token begins, however it goes on (`service_id`, `Scope[]`, ` expiry`), and what it is called.
_LIMITS: Final = {
    "service": "services",
    "scope": "scope",
    "expir": "expires_at",
    "limits": "limits",
    "network": "limits",
    "rule": "limits",
    "not_before": "limits",
    "shadow": "limits",
    "per_": "limits",
    "uses": "limits",
}
_NEARLY: Final = re.compile(rf"[\W_]*({'|'.join(_LIMITS)})", re.IGNORECASE | re.ASCII)
_NUL_SIGNS: Final = (b"\0", b"%00", b"\\u0000")  # raw, in a form, in JSON: without one of them there is no need to look
_FIELDS_MAX: Final = 2000

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")


async def whole(request: Request) -> Request:
    """The same request, when all of its body has come.  Raises `TooLarge`, or `Invalid` when it does not come."""
    body = await _read_bytes(request)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


async def read(request: Request, into: type[T], *, forms: bool = True) -> T:
    """The body of a `whole` request as an `into`.  An empty body, of whatever type, is one without any field.

    Raises `UnsupportedMedia`, or `Invalid` for what cannot be decoded.
    """
    body = await request.body()
    if not body:
        return _decoded(body, lambda: msgspec.convert({}, into))
    kind = _kind(request)
    if kind == FORM and forms:
        return _decoded(body, lambda: msgspec.convert(_form(body, into.__struct_fields__), into))
    _require_json(kind, FORM if forms else None)
    return _decoded(body, lambda: _json(body, into, known=into.__struct_fields__))


async def read_fields(request: Request) -> dict[str, list[str]]:
    """The form that is the body of a `whole` request: each name with all its values.  Raises as `read` does."""
    body, kind = await request.body(), _kind(request)
    if body and kind != FORM:
        raise UnsupportedMedia("Unsupported content type", detail=f"Send the body as {FORM}")
    fields: dict[str, list[str]] = {}
    for name, value in _decoded(body, lambda: _pairs(body)):
        fields.setdefault(name, []).append(value)
    return fields


async def read_list(request: Request, of: type[T]) -> list[T]:
    """The body of a `whole` request as a JSON list of `of`.  Raises as `read` does."""
    body = await request.body()
    _require_json(_kind(request), None)
    return _decoded(body, lambda: _json(body, list[of], known=of.__struct_fields__))  # type: ignore[valid-type]


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _require_json(kind: str, other: str | None) -> None:
    if kind not in JSON:
        readable = " or ".join([*JSON, *([other] if other else [])])
        raise UnsupportedMedia("Unsupported content type", detail=f"Send the body as {readable}")


def _decoded(body: bytes, decode: Callable[[], V]) -> V:
    try:
        value = decode()
    except UnicodeDecodeError as error:
        raise Invalid("the body is not valid UTF-8", code="invalid_request") from error
    except msgspec.ValidationError as error:
        raise Invalid(f"the body does not fit: {error}", code="invalid_request") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("the body is not valid JSON", code="invalid_request") from error
    if any(sign in body for sign in _NUL_SIGNS) and _holds_nul(value):
        # No name, login or password has one, and a database may refuse it.
        raise Invalid("the body holds a NUL character", code="invalid_request")
    return value


def _json(body: bytes, into: type[V], *, known: tuple[str, ...]) -> V:
    value = msgspec.json.decode(body, type=into)
    # Of two of a name msgspec takes the last, and what it does not know it passes over.  (str: for numbers of any length.)
    _require_clear(json.loads(body.decode(), object_pairs_hook=_Pairs, parse_int=str), known)
    return value


async def _read_bytes(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise _too_large()
                parts.append(part)
    except TimeoutError as error:
        raise Invalid(f"the body took longer than {BODY_SECONDS_MAX} seconds", code="invalid_request") from error
    except ClientDisconnect as error:
        # Nobody hears the answer; but it is no accident of ours.
        raise Invalid("the body ended before it was whole", code="invalid_request") from error
    return b"".join(parts)


def _form(body: bytes, known: tuple[str, ...]) -> dict[str, Any]:
    """The known fields of a form.  One given twice is refused: which of the two was checked must never be a question."""
    fields: dict[str, Any] = {}
    for name, value in _pairs(body):
        if _SERVICES.fullmatch(name):
            fields.setdefault("services", []).append(value)
        elif name in fields:
            raise _given_twice(name)
        elif name in known:
            fields[name] = value
        else:
            _require_no_misspelling(name, known, form=True)
    return fields


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise Invalid(f"the form has more than {_FIELDS_MAX} fields", code="invalid_request") from error


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: each name as often as it stands there."""


def _require_clear(body: object, known: tuple[str, ...]) -> None:
    """As for forms: each field of a JSON object once, and no limit under a name that is not read.

    (What stands within `limits` has a type that takes no other names.)
    """
    objects: list[tuple[object, bool]] = [(body, False)]
    while objects:
        value, in_limits = objects.pop()
        if isinstance(value, _Pairs):
            seen: set[str] = set()
            for name, _ in value:
                if name in seen:
                    raise _given_twice(name)
                if name not in known and not in_limits:
                    _require_no_misspelling(name, known, form=False)
                seen.add(name)
            objects += [(part, name == "limits") for name, part in value]
        elif isinstance(value, list):
            objects += [(part, in_limits) for part in value]


def _given_twice(name: str) -> Invalid:
    return Invalid(f"{name} was given more than once", code="invalid_request")


def _require_no_misspelling(name: str, known: tuple[str, ...], *, form: bool) -> None:
    """Raise `Invalid` for what is nearly a limit: to pass over it would make a token without the limit that was meant."""
    match = _NEARLY.match(name)
    right = None if match is None else _LIMITS[match[1].lower()]
    if right in known:
        written = "services[]" if form and right == "services" else right
        raise Invalid(f"{name} is not understood: write {written}", code="invalid_request")


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, msgspec.Struct):
        return any(_holds_nul(part) for part in msgspec.structs.astuple(value))
    return isinstance(value, (list, tuple)) and any(_holds_nul(part) for part in value)


def _too_large() -> TooLarge:
    return TooLarge("Request body too large", detail=f"At most {BODY_BYTES_MAX} bytes are read")
