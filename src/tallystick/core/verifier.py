"""What a process remembers of tokens that it has seen, and when it may answer by it.  No I/O, one thread, nothing waits.

A driver holds a lease for it, reads the changes, and has it `hear` them.  While the lease lasts, memory is as good as the
store: whoever changes something waits until we have heard (`changes.py`).  When it has ended, memory has no answers.
"""

from collections.abc import Iterable
from typing import Final

from tallystick.core.changes import Change, Kind
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest

REMEMBERED_MAX: Final = 200_000
_NEVER: Final = -(2**63)


class Verifier:
    """The memory.  Instants are ms on the driver's steady clock, which counts suspension and never jumps."""

    def __init__(self, *, most: int = REMEMBERED_MAX) -> None:
        self._most = most
        self._grants: dict[Digest, Seen] = {}
        self._by: dict[tuple[Kind, str], set[Digest]] = {}
        self._under_way: dict[Digest, object] = {}
        self._lease_until = _NEVER
        self.applied = 0

    def holds_lease(self, steady: int) -> bool:
        """Whether memory may answer."""
        return steady < self._lease_until

    def recall(self, digest: Digest, steady: int) -> Seen | None:
        """What is remembered behind a digest, while the lease lasts.  None says nothing: ask the store."""
        if steady >= self._lease_until:
            return None
        return self._grants.get(digest)

    def ask(self, digest: Digest) -> object:
        """A look-up begins.  What it returns is the mark to `learn` with."""
        mark = object()
        self._under_way[digest] = mark
        return mark

    def learn(self, digest: Digest, mark: object, seen: Seen | None) -> None:
        """What the look-up read.  Kept only if nothing was heard since it began: it may be older than that.

        A token that is over, or unknown, is not kept: nobody can make us remember garbage.
        """
        if self._under_way.get(digest) is not mark:
            return
        del self._under_way[digest]
        if seen is None or seen.token.revoked_at is not None or (seen.user is not None and seen.user.locked):
            return
        if len(self._grants) >= self._most:
            self._drop(next(iter(self._grants)))
        self._drop(digest)
        self._grants[digest] = seen
        for key in _keys(seen):
            self._by.setdefault(key, set()).add(digest)

    def hear(self, changes: Iterable[Change], *, upto: int) -> None:
        """Forget what these changes are about, and what is being looked up right now: it may have been read before them."""
        self._under_way.clear()
        for change in changes:
            for digest in list(self._by.get((change.kind, change.key), ())):
                self._drop(digest)
        self.applied = max(self.applied, upto)

    def begin(self, *, at: int) -> None:
        """Forget everything, and go on from change `at`: nothing is remembered that it could be about."""
        self._grants.clear()
        self._by.clear()
        self._under_way.clear()
        self.applied = at

    def hold(self, *, until: int) -> None:
        """A lease is held until then.  Only after all changes that were there when it was won have been heard."""
        self._lease_until = until

    def let_go(self) -> None:
        """The lease is over."""
        self._lease_until = _NEVER

    def __len__(self) -> int:
        return len(self._grants)

    def _drop(self, digest: Digest) -> None:
        seen = self._grants.pop(digest, None)
        if seen is None:
            return
        for key in _keys(seen):
            same = self._by[key]
            same.discard(digest)
            if not same:
                del self._by[key]


def _keys(seen: Seen) -> tuple[tuple[Kind, str], ...]:
    token = seen.token
    of_user = () if token.user_id is None else ((Kind.USER, token.user_id),)
    return (Kind.TOKEN, token.id), (Kind.CUSTOMER, token.customer_id), *of_user
