"""What lists can be narrowed to and sorted by.  All of this is Tallystick's own: Fastly has no filters.

Instants are datetimes with a time zone, or RFC 3339.  None is as good as left out.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from tallystick.client._given import instant
from tallystick.core.errors import Invalid


class TokenFilters(TypedDict, total=False):
    """Which tokens are meant: those that all of these are true of.

    `…_before`: strictly earlier.  `…_after`: at that instant or later.  `used_…`: only those that were ever used.
    `expires_before`: only those that expire.  `unused_since`: neither used nor created at that instant or later.
    `search`: part of the name, capital letters or not, or the exact id.  `kind`: `user` or `automation`.
    `service_id`: those limited to that service by name, not those that reach all.
    """

    created_before: datetime | str | None
    created_after: datetime | str | None
    used_before: datetime | str | None
    used_after: datetime | str | None
    expires_before: datetime | str | None
    unused_since: datetime | str | None
    search: str | None
    kind: str | None
    user_id: str | None
    service_id: str | None


class TokenListing(TokenFilters, total=False):
    """The same, in which order, and how many at a time.

    `sort`: `created_at` (the default), `last_used_at`, `expires_at` or `name`; with `-` in front the other way round.
    `limit`: tokens in one answer, 1 to 1,000, 100 if left out.  An iterator goes on to the end all the same.
    """

    sort: str | None
    limit: int | None


class EventListing(TypedDict, total=False):
    """Which events are meant: those that all of these are true of.

    `user_id`, `token_id`: who did it, and by which token.  `target_id`: what it was done to.  `action`: such as
    `token.create`, or `token` for all that begin so.  `since`, `until`: instants.  `limit`: events in one answer, 1 to
    1,000, 100 if left out.  An iterator goes on to the end all the same.
    """

    user_id: str | None
    token_id: str | None
    target_id: str | None
    action: str | None
    since: datetime | str | None
    until: datetime | str | None
    request_id: str | None
    limit: int | None


def written(filters: Mapping[str, object], kind: type) -> dict[str, str]:
    """`filters` as the wire has them.  `kind`: the class above that says which there are.

    Raises `TypeError` for a name that is not among them, and `Invalid` for a value that cannot be meant.
    """
    text: dict[str, str] = {}
    for name, value in filters.items():
        if name not in kind.__annotations__:
            # It would be passed over, and everything would be listed, or revoked.
            raise TypeError(f"there is no filter {name!r}: there are {', '.join(kind.__annotations__)}")
        if value is not None:
            text[name] = _text(name, value)
    return text


def _text(name: str, value: object) -> str:
    if isinstance(value, datetime | str):
        text = instant(value, name)
        if not text:
            raise Invalid(f"{name} is empty: leave it out, or pass None.")
        return text
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Invalid(f"{name} must be text, a number or an instant.")
