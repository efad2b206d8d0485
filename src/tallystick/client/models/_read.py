"""What all answers have in common: times, scopes, lists in envelopes, and being something else altogether."""

from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

from tallystick.core.errors import TallystickError

T = TypeVar("T")


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a long list an answer stands: by page, or by what to ask for next."""

    current_page: int | None = None
    total_pages: int | None = None
    next_cursor: str | None = None


class Envelope(msgspec.Struct, Generic[T]):
    """A list under `data`."""

    data: list[T]
    meta: Meta | None = None


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Raises `TallystickError` if it has another shape."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):  # msgspec raises three kinds of the first
        # Without a cause: its frames hold the body, and there may be a secret in it.
        raise unreadable("it has another shape") from None


def unwrap(wire: list[T] | Envelope[T]) -> tuple[list[T], Meta]:
    """The rows of a list, a bare array or one in an envelope, and where it stands."""
    if isinstance(wire, Envelope):
        return wire.data, wire.meta or Meta()
    return wire, Meta()


def time(text: str | None) -> datetime | None:
    """An instant in UTC, None for never."""
    if not text:
        return None
    try:
        # Ruby writes "2030-03-17 17:46:40 UTC", old servers leave the zone out: both mean UTC.
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
        if moment.tzinfo is not UTC:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        # Never None: to show a token that ends as one that does not is worse than to fail.
        raise unreadable("there is a time in it that is none") from None
    return moment if moment.year > 1 else None  # year 1 is how Go writes "never"


def known(id_: str, what: str) -> str:
    """The id of a record.  Raises `TallystickError` if it is empty."""
    if not id_:
        raise unreadable(f"there is a {what} without an id in it")
    return id_


def unreadable(reason: str) -> TallystickError:
    """The answer came from something that is not the API, or from one that we do not know."""
    return TallystickError(f"The answer is not what the Tokens API sends: {reason}.", detail="Is the address right?")
