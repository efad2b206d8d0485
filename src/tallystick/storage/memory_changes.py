"""The numbered changes of the memory store, and who has heard of them."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tallystick.core.changes import Change, Follower, Heard, Hearing, News, Numbered, changes_of, hearing, told
from tallystick.core.events import Event
from tallystick.steady import steady


class MemoryChanges:
    """`ports.Changes`."""

    def __init__(self, steady: Callable[[], int] = steady) -> None:
        self._steady = steady
        self._head = 0
        self._told: list[tuple[int, Change, Event]] = []
        self._numbered: dict[int, Numbered] = {}
        self._leases: dict[str, tuple[int, int, int]] = {}
        self._stirred = True

    def publish(self, *happened: Event) -> None:
        """Number what these events change, all of it together."""
        self._stirred = True
        if changes := changes_of(happened):
            self._head += 1
            self._told += [(self._head, change, happened[-1]) for change in changes]
            self._keep(changes, happened[-1])

    def _keep(self, changes: set[Change], event: Event) -> None:
        self._numbered[self._head] = Numbered(
            seq=self._head,
            customer_id=event.customer_id,
            at=event.by.at,
            user_id=event.by.user_id,
            token_id=event.by.token_id,
            request_id=event.by.request_id,
            count=len(changes),
            changes=told(changes),
        )

    def stirred(self) -> bool:
        stirred, self._stirred = self._stirred, False
        return stirred

    async def head(self) -> int:
        return self._head

    async def after(self, seq: int) -> News:
        kept = [number for number, _, _ in self._told]
        gap = self._head > seq and (not kept or kept[0] > seq + 1)
        return News(tuple(change for number, change, _ in self._told if number > seq), self._head, gap)

    async def of_request(self, request_id: str, *, since: int) -> int | None:
        made = [number for number, _, event in self._told if number > since and event.by.request_id == request_id]
        return max(made, default=None)

    async def lease(self, verifier_id: str, *, acked: int, lasts_ms: int, speaks_for: int = 0) -> None:
        self._leases[verifier_id] = (acked, self._steady() + lasts_ms, speaks_for)

    async def ack(self, verifier_id: str, seq: int) -> None:
        if verifier_id in self._leases:
            acked, until, speaks_for = self._leases[verifier_id]
            self._leases[verifier_id] = (max(acked, seq), until, speaks_for)

    async def leave(self, verifier_id: str) -> None:
        self._leases.pop(verifier_id, None)

    async def hearing(self, seq: int) -> Hearing:
        now = self._steady()
        held = [(acked, speaks_for) for acked, until, speaks_for in self._leases.values() if until > now]
        return hearing(held, seq)

    async def followers(self) -> list[Follower]:
        now = self._steady()
        held = sorted(self._leases.items())
        return [Follower(name, acked, until - now) for name, (acked, until, _) in held if until > now]

    async def numbered(self, seq: int) -> Numbered | None:
        return self._numbered.get(seq)

    async def note_heard(self, heard: Sequence[tuple[int, Heard]]) -> None:
        self._stirred = True
        for seq, each in heard:
            found = self._numbered.get(seq)
            if found is not None and found.heard is None:
                self._numbered[seq] = replace(found, heard=each)

    async def trim_numbered(self, *, before: int) -> None:
        self._numbered = {seq: each for seq, each in self._numbered.items() if each.at >= before}

    async def trim(self, *, before: int) -> None:
        self._told = [told for told in self._told if told[2].by.at >= before or told[0] == self._head]
        now = self._steady()
        self._leases = {name: lease for name, lease in self._leases.items() if lease[1] >= now}
