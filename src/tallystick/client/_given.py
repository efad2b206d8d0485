"""What callers pass, checked and written out before anything is sent."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from tallystick.client.errors import NEEDS_OTP
from tallystick.core.errors import Invalid

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")  # a dot or a slash in it would make it another path
_OTP: Final = re.compile(r"[A-Za-z0-9]{1,64}")


def checked_id(value: str, what: str) -> str:
    """Raises `Invalid` for what would not be one segment of a path."""
    if _ID.fullmatch(value) is None:
        raise Invalid(f"The {what} must be 1 to 128 letters, digits, - or _.")
    return value


def several(values: Iterable[str], what: str) -> list[str]:
    """Raises `Invalid` for a single string."""
    if isinstance(values, str):
        # It would be taken apart into letters, and each letter is a fine id.
        raise Invalid(f"{what} is one string: pass a list of them.")
    return list(values)


def instant(value: datetime | str | None, what: str) -> str | None:
    """RFC 3339, or as it came.  Raises `Invalid` for a datetime without a time zone."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise Invalid(f"{what} has no time zone: which midnight is meant?")
    return value.isoformat()


def one_time_code(code: str | None) -> str | None:
    """Without the spaces that people put in.  Raises `Invalid` for what cannot be a header."""
    if code is None:
        return None
    digits = code.replace(" ", "")
    if _OTP.fullmatch(digits) is None:
        raise Invalid("The one-time code must be letters and digits.", code=NEEDS_OTP)
    return digits
