"""What a process remembers of tokens that it has seen, and when it may answer by it.  No I/O; nothing waits.

A driver holds a lease for it, reads the changes, and has it `hear` them.  While the lease lasts, memory is as good as the
store: whoever changes something waits until we have heard (`changes.py`).  When it has ended, memory has no answers.

All that is remembered, and all that is read to be remembered, is as of a change's number: what was read as of 7 says nothing
of what change 8 is about.  One thread at a time may call what changes anything; `recall` may be called beside it.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

import msgspec

from tallystick.core.changes import Change, Kind
from tallystick.core.secret import Digest

REMEMBERED_MAX: Final = 200_000
BYTES_MAX: Final = 256 * 1024 * 1024
FOREVER: Final = 2**63 - 1
_NEVER: Final = -(2**63)
_HEARD_MAX: Final = 10_000

T = TypeVar("T")


class Whose(msgspec.Struct, frozen=True):
    """Which changes are about a token: its own, its user's (an automation token has none), its customer's."""

    token_id: str
    user_id: str | None
    customer_id: str

    def about(self) -> tuple[tuple[Kind, str], ...]:
        """The same, as changes name it."""
        of_user = () if self.user_id is None else ((Kind.USER, self.user_id),)
        return (Kind.TOKEN, self.token_id), (Kind.CUSTOMER, self.customer_id), *of_user


class Party(msgspec.Struct):
    """A user, or a customer for its automation tokens: when something changes about them, all their grants are void at once."""

    user_id: str | None
    customer_id: str
    grants: int = 0
    over: bool = False


# Without the collector: a grant is part of no cycle, and there are many.
class Grant(msgspec.Struct, Generic[T], gc=False):
    """One remembered token.  `until`: steady ms at which it expires.

    `hits` is the driver's to count with; `prepared`, to keep what it would else make again for each answer.
    """

    what: T
    token_id: str
    party: Party
    until: int
    recent: bool = False
    hits: int = 0
    prepared: object = None


class Verifier(Generic[T]):
    """The memory.  Instants are ms on the driver's steady clock, which counts suspension and never jumps.

    `size` estimates the bytes of what is remembered.  What is over the limits goes: the oldest first, but not what was
    asked for since it was last looked at.  `evicted` counts those.
    """

    def __init__(
        self, *, size: Callable[[T], int] = lambda _: 0, most: int = REMEMBERED_MAX, most_bytes: int = BYTES_MAX
    ) -> None:
        self._size = size
        self._most = most
        self._most_bytes = most_bytes
        self._grants: dict[Digest, Grant[T]] = {}
        self._by_token: dict[str, Digest] = {}
        self._parties: dict[str, dict[str | None, Party]] = {}  # customer → user → party
        self._customer_of: dict[str, str] = {}
        self._heard: dict[tuple[Kind, str], int] = {}  # what each change after `_heard_from` was about
        self._heard_from = 0
        self._lease_until = _NEVER
        self.applied = 0
        self.bytes = 0
        self.evicted = 0

    @property
    def lease_until(self) -> int:
        """When the lease ends, or has ended."""
        return self._lease_until

    def holds_lease(self, steady: int) -> bool:
        """Whether memory may answer."""
        return steady < self._lease_until

    def recall(self, digest: Digest, steady: int) -> Grant[T] | None:
        """What is remembered behind a digest, while the lease lasts.  None says nothing: ask the store."""
        grant = self._grants.get(digest)
        if grant is None or steady >= self._lease_until or steady >= grant.until or grant.party.over:
            return None
        grant.recent = True
        return grant

    def is_current(self, whose: Whose | None, *, as_of: int) -> bool:
        """Whether nothing was heard after `as_of` that is about this; None, of what is unknown: whether nothing was heard at all."""
        if whose is None:
            return self.applied <= as_of
        return as_of >= self._heard_from and all(self._heard.get(key, 0) <= as_of for key in whose.about())

    def learn(self, digest: Digest, what: T, whose: Whose, *, as_of: int, until: int = FOREVER) -> None:
        """Remember what was read, which is all that there was up to change `as_of`, unless it is not current any more."""
        if not self.is_current(whose, as_of=as_of):
            return
        self._drop(digest)
        if (before := self._by_token.get(whose.token_id)) is not None:
            self._drop(before)
        party = self._party(whose)
        party.grants += 1
        self._grants[digest] = Grant(what, whose.token_id, party, until)
        self._by_token[whose.token_id] = digest
        self.bytes += self._size(what)
        while (len(self._grants) > self._most or self.bytes > self._most_bytes) and len(self._grants) > 1:
            self._make_room(newest=digest)

    def hear(self, changes: Iterable[Change], *, upto: int) -> None:
        """Forget what these changes are about, which are all that came after what was heard before, up to `upto`."""
        for change in changes:
            self._heard[change.kind, change.key] = max(upto, self._heard.get((change.kind, change.key), 0))
            self._forget(change)
        self.applied = max(self.applied, upto)
        if len(self._heard) > _HEARD_MAX:
            self._heard.clear()
            self._heard_from = self.applied

    def begin(self, *, at: int) -> None:
        """Forget everything, and go on from change `at`: what was read before it will not be learned."""
        self._grants.clear()
        self._by_token.clear()
        self._parties.clear()
        self._customer_of.clear()
        self._heard.clear()
        self.bytes = 0
        self.applied = self._heard_from = at

    def hold(self, *, until: int) -> None:
        """A lease is held until then.  Only after all changes that were there when it was won have been heard."""
        self._lease_until = until

    def let_go(self) -> None:
        """The lease is over."""
        self._lease_until = _NEVER

    def __len__(self) -> int:
        return len(self._grants)

    def _party(self, whose: Whose) -> Party:
        of_customer = self._parties.setdefault(whose.customer_id, {})
        party = of_customer.get(whose.user_id)
        if party is None:
            party = of_customer[whose.user_id] = Party(whose.user_id, whose.customer_id)
            if whose.user_id is not None:
                self._customer_of[whose.user_id] = whose.customer_id
        return party

    def _forget(self, change: Change) -> None:
        if change.kind is Kind.TOKEN:
            if (digest := self._by_token.get(change.key)) is not None:
                self._drop(digest)
        elif change.kind is Kind.USER:
            self._end(self._parties.get(self._customer_of.get(change.key, ""), {}).get(change.key))
        else:
            for party in list(self._parties.get(change.key, {}).values()):
                self._end(party)

    def _end(self, party: Party | None) -> None:
        """Its grants stay until they are looked at or make room, but nobody recalls them."""
        if party is None:
            return
        party.over = True
        self._leave_out(party)

    def _leave_out(self, party: Party) -> None:
        of_customer = self._parties.get(party.customer_id, {})
        if of_customer.get(party.user_id) is party:
            del of_customer[party.user_id]
            if not of_customer:
                del self._parties[party.customer_id]
            if party.user_id is not None:
                del self._customer_of[party.user_id]

    def _drop(self, digest: Digest) -> None:
        grant = self._grants.pop(digest, None)
        if grant is None:
            return
        del self._by_token[grant.token_id]
        self.bytes -= self._size(grant.what)
        grant.party.grants -= 1
        if grant.party.grants == 0:
            self._leave_out(grant.party)

    def _make_room(self, *, newest: Digest) -> None:
        """A sixty-fourth more than must be: a dict is slow when its first entry is taken again and again."""
        most, most_bytes = self._most - self._most // 64, self._most_bytes - self._most_bytes // 64
        for digest, grant in list(self._grants.items()):
            if len(self._grants) <= most and self.bytes <= most_bytes:
                return
            if digest == newest or (grant.recent and not grant.party.over):
                grant.recent = False
                self._grants[digest] = self._grants.pop(digest)
            else:
                self._drop(digest)
                self.evicted += 1
