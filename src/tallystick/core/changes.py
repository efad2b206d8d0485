"""What a verifier must hear: which remembered answers a change makes wrong.

Each transaction that changes what was there gets one number, in the order of commits (`receipt.py` tells what for).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

import msgspec

from tallystick.core.events import Event


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
    """How many verifiers hold a lease, and how many of them have not heard of a change."""

    verifiers: int
    missing: int


class News(msgspec.Struct, frozen=True):
    """The changes up to one number.  `gap`: some that came before them are not kept any more."""

    changes: tuple[Change, ...]
    upto: int
    gap: bool = False


class Changes(Protocol):
    """The numbered changes, and who has heard of them.  Every change of what was there writes one, in its own transaction."""

    def stirred(self) -> bool:
        """Whether anything was written since this was asked last.  Cheap; never False when there is a new change."""

    async def head(self) -> int:
        """The number of the newest change, 0 = none yet."""

    async def after(self, seq: int) -> News:
        """All that came after `seq`."""

    async def of_request(self, request_id: str, *, since: int) -> int | None:
        """The newest change after `since` that this request made, if any."""

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int) -> None:
        """This verifier may answer from memory for so long from now on; it has applied everything up to `acked`."""

    async def ack(self, verifier_id: str, seq: int) -> None:
        """It has applied everything up to `seq`."""

    async def leave(self, verifier_id: str) -> None:
        """It answers from memory no more."""

    async def hearing(self, seq: int) -> Hearing:
        """Who has not heard of `seq`, of those who hold a lease now."""

    async def trim(self, *, before: int) -> None:
        """Drop changes and leases that are older than this instant (ms since the epoch)."""


def changes_of(happened: Iterable[Event]) -> set[Change]:
    """What has to be forgotten after these events.  What is new was remembered by nobody, but for a customer's services."""
    return {change for event in happened if (change := _change(event)) is not None}


def _change(event: Event) -> Change | None:
    match event.target_kind:
        case "token":
            return None if event.action == "token.create" else Change(Kind.TOKEN, event.target_id)
        case "user":
            return None if event.action == "user.create" else Change(Kind.USER, event.target_id)
        case _:
            return Change(Kind.CUSTOMER, event.customer_id)
