"""7 · When, from where and by what a token was last used, and how often: kept in memory, written in batches.

Reads do not write.  A use is an entry in memory here; a driver takes the batch now and then (`take`), writes it, and says
how it went (`written`, `failed`, `lost`).  The node that saw a use shows it at once (`latest`, `unwritten`), the others when it is
written.  A process that is killed takes with it what was not: the uses since the last batch, and never a token.
"""

from collections.abc import Awaitable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.secret import PREFIX, new_id, redacted
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Counts, Once, Usage, Why, added

USER_AGENT_CHARS_MAX: Final = 1024  # real ones reach 300; what a stranger sends is not kept without a limit
REMEMBERED_MAX: Final = 100_000  # tokens whose use waits to be written; reached only while the store is away


class Batch(msgspec.Struct, frozen=True):
    """What is to be written at once: last uses by token, and what is to be added to the counts.

    `again`: it was taken before, and nobody knows what became of it.
    """

    last: Sequence[tuple[str, LastUse]]
    usage: Sequence[Usage]
    once: Once
    again: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.last and not self.usage


class Uses:
    """The uses that are not written yet, newest per token.  Owned by one thread; nothing here waits.

    `writing`: what a driver is writing right now, for whoever has to know which side a use is on.  `flushed_at`: when, on its
    steady clock, all uses up to then had been written.
    """

    def __init__(self) -> None:
        self._pending: dict[str, LastUse] = {}
        self._being_written: dict[str, LastUse] = {}
        self._id = new_id()
        self._taken = 0
        self._unknown: Batch | None = None
        self.counts = Counts()
        self._allow = self.counts.allow
        self.writing: Awaitable[object] | None = None
        self.flushed_at: int | None = None

    def touch(self, token_id: str, *, at: int, ip: str | None, user_agent: str | None) -> LastUse:
        """Note and count one use at `at` (ms since the epoch)."""
        self._allow(token_id, at)
        if token_id not in self._pending:
            self._make_room()
        use = self._pending[token_id] = LastUse(at, ip, user_agent and kept_agent(user_agent))
        return use

    def note(self, token_id: str, *, at: int, ip: str | None, user_agent: str | None) -> LastUse:
        """Note a use that is not let in for what it asks, and so not counted as if it were."""
        if token_id not in self._pending:
            self._make_room()
        use = self._pending[token_id] = LastUse(at, ip, user_agent and kept_agent(user_agent))
        return use

    def refuse(self, token_id: str, *, at: int, why: Why, count: int = 1) -> None:
        """Count so many that were not let in."""
        self.counts.add(token_id, at=at, count=count, why=why)

    def add(self, token_id: str, *, at: int, count: int, ip: str | None, user_agent: str | None) -> None:
        """Note and count uses in a sum, as others report them: the last of them was at `at`, all are of its hour."""
        self.counts.add(token_id, at=at, count=count)
        known = self._pending.get(token_id)
        if known is None or known.at <= at:
            self.note(token_id, at=at, ip=ip, user_agent=user_agent)

    def latest(self, token: Token) -> Token:
        """The token with the newest use that this node knows of."""
        use = self._pending.get(token.id) or self._being_written.get(token.id)
        if use is None or (token.last_use is not None and token.last_use.at > use.at):
            return token
        return replace(token, last_use=use)

    def unwritten(self, token_id: str, *, since: int, until: int) -> list[Usage]:
        """What was counted of one token in hours that began at `since` or later, before `until`, and is not written yet."""
        return [each for each in added(self.counts.of_token(token_id)) if since <= each.hour < until]

    def take(self) -> Batch:
        """What is to be written now.  Call `written`, `failed` or `lost` before the next `take`."""
        if self._unknown is not None:
            return self._unknown
        self._taken += 1
        self._being_written, self._pending = self._pending, {}
        return Batch(list(self._being_written.items()), self.counts.take(), Once(self._id, self._taken))

    def written(self) -> None:
        """The batch is in the store."""
        self._unknown, self._being_written = None, {}
        self.counts.written()

    def failed(self) -> None:
        """The batch is not in the store: keep it for the next time, behind what came since."""
        self._unknown = None
        kept = {**self._being_written, **self._pending}
        for token_id in list(kept)[: max(0, len(kept) - REMEMBERED_MAX)]:
            del kept[token_id]
        self._pending, self._being_written = kept, {}
        self.counts.failed()

    def lost(self, batch: Batch) -> None:
        """The store was lost while it wrote: the next batch is this one as it is, which the store counts once."""
        self._unknown = replace(batch, again=True)

    def __len__(self) -> int:
        return max(len(self._pending), len(self.counts))

    def _make_room(self) -> None:
        if len(self._pending) >= REMEMBERED_MAX:
            # The store has been away for long.  The oldest note goes: it is the one that says least about today.
            del self._pending[next(iter(self._pending))]


def kept_agent(user_agent: str) -> str:
    """What is kept of what a program says that it is: no secret, and, when that is out, so much of it."""
    if PREFIX not in user_agent and len(user_agent) <= USER_AGENT_CHARS_MAX:
        return user_agent  # as all but always; this is asked for each request
    return redacted(user_agent)[:USER_AGENT_CHARS_MAX]
