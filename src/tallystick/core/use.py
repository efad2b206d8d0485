"""7 · When, from where and by what a token was last used: kept in memory, written in batches.

Reads do not write.  A use is a dictionary entry here; a driver takes the batch now and then (`take`), writes it, and says
how it went (`written`, `failed`).  The node that saw a use shows it at once (`latest`), the others when it is written.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tallystick.core.secret import redacted
from tallystick.core.token import LastUse, Token

USER_AGENT_CHARS_MAX: Final = 1024  # real ones reach 300; what a stranger sends is not kept without a limit
REMEMBERED_MAX: Final = 100_000  # tokens whose use waits to be written; reached only while the store is away


class Uses:
    """The uses that are not written yet, newest per token.  Owned by one thread; nothing here waits."""

    def __init__(self) -> None:
        self._pending: dict[str, LastUse] = {}
        self._being_written: dict[str, LastUse] = {}

    def touch(self, token_id: str, *, at: int, ip: str | None, user_agent: str | None) -> LastUse:
        """Note a use at `at` (ms since the epoch)."""
        if len(self._pending) >= REMEMBERED_MAX and token_id not in self._pending:
            # The store has been away for long.  The oldest note goes: it is the one that says least about today.
            del self._pending[next(iter(self._pending))]
        use = self._pending[token_id] = LastUse(at, ip, user_agent and kept_agent(user_agent))
        return use

    def latest(self, token: Token) -> Token:
        """The token with the newest use that this node knows of."""
        use = self._pending.get(token.id) or self._being_written.get(token.id)
        if use is None or (token.last_use is not None and token.last_use.at > use.at):
            return token
        return msgspec.structs.replace(token, last_use=use)

    def take(self) -> Sequence[tuple[str, LastUse]]:
        """What is to be written now.  Call `written` or `failed` before the next `take`."""
        self._being_written, self._pending = self._pending, {}
        return list(self._being_written.items())

    def written(self) -> None:
        """The batch is in the store."""
        self._being_written = {}

    def failed(self) -> None:
        """The batch is not in the store: keep it for the next time, behind what came since."""
        kept = {**self._being_written, **self._pending}
        for token_id in list(kept)[: max(0, len(kept) - REMEMBERED_MAX)]:
            del kept[token_id]
        self._pending, self._being_written = kept, {}


def kept_agent(user_agent: str) -> str:
    """What is kept of what a program says that it is: no secret, and, when that is out, so much of it."""
    return redacted(user_agent)[:USER_AGENT_CHARS_MAX]
