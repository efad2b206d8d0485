"""Which tokens are wanted, in which order, and from where on: what can be asked of a list beyond "all of them".

What stands here is the specification: the memory store runs it, every other store says the same in its own language.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from tallystick.core.token import Token

NEVER_USED: Final = -(2**63)
"""The use of a token that was never used: before all others."""

NEVER_EXPIRES: Final = 2**63 - 1
"""The end of a token that has none: after all others."""


EVERY: Final = 2**63 - 1
"""How many are counted at most, where all of them are."""


class Kind(StrEnum):
    """Whether a token acts for a person, or for nobody but itself."""

    USER = "user"
    AUTOMATION = "automation"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which tokens: those for which everything that is not None holds.  Instants are ms since the epoch, UTC.

    *before* is strictly earlier, *after* at that instant or later.  `used_…` holds only for tokens that were used,
    `expires_before` only for those that expire.  `unused_since`: neither used nor created then or later.  `search`: a part
    of the name, whatever the case of its ASCII letters, or the whole id.  `service_id`: limited to this service by name.
    `other_than`: not the one with this id.
    """

    created_before: int | None = None
    created_after: int | None = None
    used_before: int | None = None
    used_after: int | None = None
    expires_before: int | None = None
    unused_since: int | None = None
    search: str | None = None
    kind: Kind | None = None
    user_id: str | None = None
    service_id: str | None = None
    other_than: str | None = None

    def matches(self, token: Token) -> bool:
        """Whether `token` is one of them."""
        used_at = None if token.last_use is None else token.last_use.at
        newest = token.created_at if used_at is None else max(token.created_at, used_at)
        return (
            _is_between(token.created_at, self.created_after, self.created_before)
            and _is_between(used_at, self.used_after, self.used_before)
            and _is_between(token.expires_at, None, self.expires_before)
            and _is_between(newest, None, self.unused_since)
            and (self.search is None or folded(self.search) in folded(token.name) or self.search == token.id)
            and self.kind in (None, _kind_of(token))
            and self.user_id in (None, token.user_id)
            and (self.service_id is None or self.service_id in token.services)
            and self.other_than != token.id
        )


class SortBy(StrEnum):
    """What a list is sorted by."""

    CREATED_AT = "created_at"
    LAST_USED_AT = "last_used_at"
    EXPIRES_AT = "expires_at"
    NAME = "name"


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a token stands in a sorted list: by what it is sorted by, and among equals by its id."""

    value: int | str
    token_id: str


class Sort(msgspec.Struct, frozen=True):
    """An order.  `descending` is the other one turned round, ids and all."""

    by: SortBy = SortBy.CREATED_AT
    descending: bool = False

    def place(self, token: Token) -> Place:
        """Where `token` stands.  Names are compared by their code points."""
        match self.by:
            case SortBy.CREATED_AT:
                return Place(token.created_at, token.id)
            case SortBy.LAST_USED_AT:
                return Place(NEVER_USED if token.last_use is None else token.last_use.at, token.id)
            case SortBy.EXPIRES_AT:
                return Place(NEVER_EXPIRES if token.expires_at is None else token.expires_at, token.id)
            case SortBy.NAME:
                return Place(token.name, token.id)

    def is_past(self, token: Token, place: Place | None) -> bool:
        """Whether `token` comes after `place`; everything comes after None."""
        if place is None:
            return True
        own = self.place(token)
        return own < place if self.descending else own > place


class Page(msgspec.Struct, frozen=True):
    """A piece of a sorted list.  `last`: where it ends, if more comes after it; None = it was the last piece."""

    tokens: tuple[Token, ...]
    last: Place | None


def page(found: Sequence[Token], *, sort: Sort, size: int) -> Page:
    """The first `size` of what was found, for which one more than that has been looked for."""
    kept = tuple(found[:size])
    return Page(kept, sort.place(kept[-1]) if len(found) > size else None)


def folded(text: str) -> bytes:
    """Without the case of ASCII letters, and of no others: databases differ about those."""
    return text.encode("utf-8", "surrogatepass").lower()


def _is_between(instant: int | None, since: int | None, before: int | None) -> bool:
    if since is None and before is None:
        return True
    return instant is not None and (since is None or instant >= since) and (before is None or instant < before)


def _kind_of(token: Token) -> Kind:
    return Kind.AUTOMATION if token.user_id is None else Kind.USER
