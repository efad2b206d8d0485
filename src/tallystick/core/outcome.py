"""How it ends when a store is asked to change something, and what becomes of what somebody leaves behind."""

from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import Final

import msgspec

from tallystick.core.people import Role

OUTCOME_UNKNOWN: Final = "outcome_unknown"
"""The code of an `Unavailable` when the store was lost at the commit and could not be asked again in time."""


class Added(Enum):
    """How an attempt to add a token ended."""

    DONE = auto()
    TOO_MANY = auto()  # the user already has `limit` live tokens
    PARENT_GONE = auto()  # the token that asked was revoked meanwhile
    PROOF_GONE = auto()  # its user was locked meanwhile, or the password that proved them changed
    SERVICE_GONE = auto()  # a service that it would be limited to is not the customer's, or not any more
    SCOPE_GONE = auto()  # a scope that is not built in is not in the customer's catalogue, or not any more


class Outcome(Enum):
    """How an attempt to change or delete something ended."""

    DONE = auto()
    UNKNOWN = auto()  # the customer has none with this id
    LAST_SUPERUSER = auto()  # nobody would be left who can look after the customer's people
    IN_USE = auto()  # live tokens stand in the way
    STALE = auto()  # what was decided about is not what is there now


class Removal(msgspec.Struct, frozen=True):
    """How an attempt to delete something ended.  `token_ids`: what stands in the way of it, oldest first."""

    outcome: Outcome
    token_ids: tuple[str, ...] = ()


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of somebody's live tokens, by id, and of them: locked, or with `delete` deleted.

    `moved`: become automation tokens of this `role`.  `ended`: revoked.
    """

    moved: tuple[str, ...]
    ended: tuple[str, ...]
    role: Role
    delete: bool

    def stale(self, live: AbstractSet[str]) -> tuple[str, ...]:
        """What does not fit those who are live: ids that it leaves out, that are not there (any more), or that it names twice."""
        moved, ended = set(self.moved), set(self.ended)
        return tuple(sorted((live ^ (moved | ended)) | (moved & ended)))
