"""Instants on the wire: written as Fastly writes them, read in every way that its clients do.

Inside, an instant is an integer: milliseconds since the epoch, UTC.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from tallystick.core.errors import Unprocessable

# RFC 3339 section 5.6 with what it allows besides the common form: lower case, a space for the T, any fraction, second 60.
# And the Ruby client's "2026-11-25 09:49:24 UTC" (plain Time#to_s).
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(?P<fraction>\d+))?"
    r" ?(?:(?P<utc>[Zz]|UTC)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))",
    re.ASCII,
)
_GO_ZERO: Final = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(instant: int | None) -> str | None:
    """`2026-02-03T04:05:06Z`, whole seconds; None stays None."""
    if instant is None:
        return None
    # Not strftime: its %Y writes the year 999 in three digits on Linux.
    return offset_stamp(instant).removesuffix("+00:00") + "Z"


def exact_stamp(instant: int) -> str:
    """`2026-02-03T04:05:06.789Z`, for what is told to the millisecond."""
    return f"{offset_stamp(instant).removesuffix('+00:00')}.{instant % 1000:03}Z"


def offset_stamp(instant: int) -> str:
    """`2026-02-03T04:05:06+00:00`, which is how `/sudo` alone writes it (Fastly wire, recorded)."""
    return datetime.fromtimestamp(instant // 1000, UTC).isoformat()


def read_instant(text: str, *, exact: bool = False) -> int | None:
    """The instant that `text` names, in whole seconds or `exact`; None for the zero time of Go, which means never.

    Raises `ValueError` when it is none: not RFC 3339 nor Ruby's form, no such day, or outside the years 1 to 9999.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an RFC 3339 date and time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = second == 60  # a leap second is the first instant of what follows
    try:
        local = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=_zone(match))
        moment = local.astimezone(UTC) + timedelta(seconds=leap)
    except OverflowError as error:
        raise ValueError("outside the years that can be written") from error
    if moment == _GO_ZERO:
        return None
    fraction = match["fraction"] if exact else None
    return (moment - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "")[:3].ljust(3, "0"))


def asked_instant(text: str | None, field: str) -> int | None:
    """The same for a field of a request, None when it did not come.  Raises `Unprocessable`, naming it."""
    if text is None:
        return None
    try:
        return read_instant(text)
    except ValueError as error:
        raise Unprocessable(
            f"{field} cannot be read: {error}", detail="Write it like 2031-01-01T00:00:00Z", code="invalid_request"
        ) from error


def _zone(match: re.Match[str]) -> timezone:
    if match["utc"]:
        return UTC
    hours, minutes = int(match["hours"]), int(match["minutes"])
    if hours > 23 or minutes > 59:
        raise ValueError("an offset has at most 23 hours and 59 minutes")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if match["sign"] == "-" else offset)
