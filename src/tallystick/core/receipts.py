"""Receipts that can be read again: the proof that everybody had heard of a change, for whom it concerns.

That everybody has heard is known a little after the change is on disk.  It is a dictionary entry here, and a driver writes
down what has gathered (`take`, then `written` or `failed`): no answer waits for that.  The process that waited for a change
shows its receipt at once (`latest`), the others when it is written.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from tallystick.core.caller import Caller
from tallystick.core.changes import Changes, Heard, Kind, Numbered
from tallystick.core.errors import NotFound
from tallystick.core.ports import TokenStore
from tallystick.core.receipt import Receipt

KEPT_MS: Final = 30 * 24 * 3600 * 1000
REMEMBERED_MAX: Final = 10_000  # that wait to be written; reached only while the store is away


class Receipts:
    """Those that are not written yet, by the numbers of their changes.  Owned by one thread; nothing here waits."""

    def __init__(self) -> None:
        self._pending: dict[int, Heard] = {}
        self._being_written: dict[int, Heard] = {}

    def note(self, receipt: Receipt, *, at: int) -> None:
        """Everybody has heard, at this instant (ms since the epoch)."""
        seq, noted = heard(receipt, at=at)
        self._pending[seq] = noted
        self._drop_oldest()

    def latest(self, change: Numbered) -> Numbered:
        """The change with what this process knows of who has heard of it."""
        known = self._pending.get(change.seq) or self._being_written.get(change.seq)
        return change if change.heard is not None or known is None else replace(change, heard=known)

    def take(self) -> Sequence[tuple[int, Heard]]:
        """What is to be written now.  Call `written` or `failed` before the next `take`."""
        self._being_written, self._pending = self._pending, {}
        return list(self._being_written.items())

    def written(self) -> None:
        """It is in the store."""
        self._being_written = {}

    def failed(self) -> None:
        """It is not, or nobody knows: keep it for the next time.  What is noted twice is noted once."""
        self._pending, self._being_written = {**self._being_written, **self._pending}, {}
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        for seq in list(self._pending)[: max(0, len(self._pending) - REMEMBERED_MAX)]:
            del self._pending[seq]


def heard(receipt: Receipt, *, at: int) -> tuple[int, Heard]:
    """A receipt as the store notes it.  `at`: when everybody had heard, ms since the epoch."""
    return receipt.seq, Heard(at, receipt.verifiers, receipt.waited_ms)


async def find(changes: Changes, tokens: TokenStore, caller: Caller, seq: int) -> Numbered:
    """The change with this number, if it concerns the caller.

    Raises `NotFound` alike for a number that is unknown, not kept any more, or of a change that is none of theirs.
    """
    change = await changes.numbered(seq)
    if change is None or change.customer_id != caller.customer_id or not await _concerns(change, tokens, caller):
        raise no_such(str(seq))
    return change


def no_such(seq: str) -> NotFound:
    """What is said of a number that names nothing for whoever asks."""
    return NotFound("Record not found", detail=f"Cannot find receipt {seq!r}")


async def _concerns(change: Numbered, tokens: TokenStore, caller: Caller) -> bool:
    """What a token did it may see, and what became of another one of its owner's.  The rest tells of people: as for events,
    that takes a scope that reads and no limits, and then a user sees what they did, a superuser everything.
    """
    token = caller.token
    if change.token_id == token.id or await _is_about_one_of(token.owner_id, change, tokens):
        return True
    return token.scope.reads and not token.services and (caller.is_superuser or change.user_id == token.owner_id)


async def _is_about_one_of(owner_id: str, change: Numbered, tokens: TokenStore) -> bool:
    """Whether it is about one token of theirs, and nothing else."""
    if change.count != 1 or change.changes[0].kind is not Kind.TOKEN:
        return False
    about = await tokens.get(change.changes[0].key)
    return about is not None and about.owner_id == owner_id
