"""What we hand out to get back as it was, such as where a list goes on: a text that only we can make, of one kind.

It holds what its receiver has just been shown, and opens nothing: whose list it is, each request says and proves anew.
"""

import base64
import hmac
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from tallystick.core.errors import Invalid
from tallystick.core.secret import Digest, Secret

T = TypeVar("T")

_MARK_BYTES: Final = 16
_PURPOSE: Final = "sealed"  # no secret begins like this, so a mark is never the digest of one


def seal(position: object, digest: Callable[[Secret], Digest]) -> str:
    """A position as a cursor."""
    plain, kind = msgspec.json.encode(position), type(position)
    # By its type: two kinds that happen to have the same fields must not pass for each other.
    mark = digest(Secret(f"{_PURPOSE} {kind.__module__}.{kind.__qualname__} {plain.decode()}"))[:_MARK_BYTES]
    return base64.urlsafe_b64encode(mark + plain).decode().rstrip("=")


def unseal(cursor: str, into: type[T], digest: Callable[[Secret], Digest]) -> T:
    """The position again.  Raises `Invalid` for what `seal` has not made of an `into`, to the letter."""
    try:
        plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[_MARK_BYTES:]
        position = msgspec.json.decode(plain, type=into)
    except (ValueError, msgspec.DecodeError):
        raise _not_ours() from None
    if not hmac.compare_digest(seal(position, digest).encode(), cursor.encode()):
        raise _not_ours()
    return position


def _not_ours() -> Invalid:
    return Invalid("cursor must be passed on as it was given", code="invalid_request")
