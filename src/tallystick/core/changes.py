"""What a verifier must hear: which remembered answers a change makes wrong.

Each transaction that changes what was there gets one number, in the order of commits (`receipt.py` tells what for).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from tallystick.core.events import Event

TOLD_MAX: Final = 100
"""What a change is about is kept for its receipt, up to so many tokens, users and customers."""


class Kind(StrEnum):
    """What a change is about: what is remembered of this token, of this user's tokens, of all tokens of this customer."""

    TOKEN = "token"
    USER = "user"
    CUSTOMER = "customer"


class Change(msgspec.Struct, frozen=True):
    """What is to be forgotten."""

    kind: Kind
    key: str


class Hearing(msgspec.Struct, frozen=True):
    """How many verifiers hold a lease, those inside other programs too; how many who speak in the store have not heard of a change."""

    verifiers: int
    missing: int


class Follower(msgspec.Struct, frozen=True):
    """A verifier that holds a lease: up to which change it has heard, and for how many ms its lease lasts."""

    id: str
    acked: int
    lease_ms: int


class Heard(msgspec.Struct, frozen=True):
    """That everybody had heard of a change: at which instant (ms since the epoch), how many that were, how long it took (ms)."""

    at: int
    verifiers: int
    waited_ms: int


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is kept: in whose account, when (`at`: ms since the epoch), by whom and by which token, in which request.

    `user_id`, `token_id`: as in its events.  `changes`: what it is about, by kind and key, the first `TOLD_MAX` of `count`.
    `heard`: None until it is noted that everybody has.
    """

    seq: int
    customer_id: str
    at: int
    user_id: str | None
    token_id: str | None
    request_id: str | None
    count: int
    changes: tuple[Change, ...]
    heard: Heard | None = None


class News(msgspec.Struct, frozen=True):
    """The changes up to one number.  `gap`: some that came before them are not kept any more."""

    changes: tuple[Change, ...]
    upto: int
    gap: bool = False


class Changes(Protocol):
    """The numbered changes, and who has heard of them.  Every change of what was there writes one, in its own transaction."""

    def stirred(self) -> bool:
        """Whether anything was written since this was asked last.  Cheap; never False for long when there is a new change."""

    async def head(self) -> int:
        """The number of the newest change, 0 = none yet."""

    async def after(self, seq: int) -> News:
        """All that came after `seq`."""

    async def of_request(self, request_id: str, *, since: int) -> int | None:
        """The newest change after `since` that this request made, if any."""

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int, speaks_for: int = 0) -> None:
        """This verifier may answer from memory for so long from now on; it has applied everything up to `acked`.

        `speaks_for`: so many others, inside other programs, may as well, and have.
        """

    async def ack(self, verifier_id: str, seq: int) -> None:
        """It has applied everything up to `seq`."""

    async def leave(self, verifier_id: str) -> None:
        """It answers from memory no more."""

    async def hearing(self, seq: int) -> Hearing:
        """Who has not heard of `seq`, of those who hold a lease now."""

    async def followers(self) -> list[Follower]:
        """All who hold a lease now, by id."""

    async def numbered(self, seq: int) -> Numbered | None:
        """What is kept of change `seq`, if anything is."""

    async def note_heard(self, heard: Sequence[tuple[int, Heard]]) -> None:
        """Note by their numbers that everybody has heard of these changes.  What was noted before stays; others are passed over."""

    async def trim(self, *, before: int) -> None:
        """Drop what followers need of changes, and leases, that are older than this instant (ms since the epoch)."""

    async def trim_numbered(self, *, before: int) -> None:
        """Drop what is kept of changes that are older than this instant."""


def changes_of(happened: Iterable[Event]) -> set[Change]:
    """What has to be forgotten after these events.  What is new was remembered by nobody, but for a customer's services."""
    return {change for event in happened if (change := _change(event)) is not None}


def hearing(leased: Sequence[tuple[int, int]], seq: int) -> Hearing:
    """Of those who hold a lease: how far each has heard, and for how many others it speaks."""
    return Hearing(sum(1 + speaks_for for _, speaks_for in leased), sum(acked < seq for acked, _ in leased))


def told(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Those that are kept of them."""
    return tuple(sorted(changes, key=lambda change: (change.kind, change.key))[:TOLD_MAX])


def _change(event: Event) -> Change | None:
    match event.target_kind:
        case "token":
            return None if event.action == "token.create" else Change(Kind.TOKEN, event.target_id)
        case "user":
            return None if event.action == "user.create" else Change(Kind.USER, event.target_id)
        case _:
            return Change(Kind.CUSTOMER, event.customer_id)
