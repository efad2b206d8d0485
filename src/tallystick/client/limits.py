"""What a token can be limited to beyond scope, services and expiry.  All of this is Tallystick's own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from tallystick.client._given import instant, several
from tallystick.core.errors import Invalid

_LISTS = ("networks", "rules", "shadow")


class LimitsToSet(TypedDict, total=False):
    """The limits, all of which must agree.  None, or an empty list, is as good as left out: it does not limit.

    `networks`: addresses and CIDR, such as `192.0.2.0/24` and `2001:db8::/32`.  `not_before`: an instant, a datetime with a
    time zone or RFC 3339.  `rules`: methods and a path, such as `GET,POST /orders/*`.  `per_second`, `per_minute`, `per_day`:
    so many requests.  `uses`: so many requests, ever.  `shadow`: the names of those that refuse nothing, and only report.
    """

    networks: Iterable[str]
    not_before: datetime | str | None
    rules: Iterable[str]
    per_second: int | None
    per_minute: int | None
    per_day: int | None
    uses: int | None
    shadow: Iterable[str]


def wished(limits: Mapping[str, object]) -> dict[str, Any]:  # Any: as JSON has them
    """`limits` as the wire has them: only what limits.

    Raises `TypeError` for a name that is none, and `Invalid` for a value that cannot be meant.
    """
    wish: dict[str, Any] = {}
    for name, value in limits.items():
        if name not in LimitsToSet.__annotations__:
            # Passed over, it would be a token that may more than was meant.
            raise TypeError(f"there is no limit {name!r}: there are {', '.join(LimitsToSet.__annotations__)}")
        told = _told(name, value)
        if told not in (None, []):
            wish[name] = told
    return wish


def _told(name: str, value: object) -> object:
    if value is None:
        return None
    if name in _LISTS:
        if not isinstance(value, Iterable):
            raise Invalid(f"{name} must be a list.")
        return several(value, name)
    if name == "not_before" and isinstance(value, datetime | str):
        return instant(value, name)
    if name == "not_before" or not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"{name} must be {'an instant' if name == 'not_before' else 'a number'}.")
    return value
