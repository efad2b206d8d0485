"""Looking tokens up in PostgreSQL: in a copy first, where there is one and it knows enough (`knowing.py`).

A token that a copy does not know may be new, so for that the primary is asked.
"""

from typing import Final

from tallystick.core.errors import Unavailable
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest
from tallystick.steady import steady
from tallystick.storage import rows
from tallystick.storage.parts.tokens import SqlTokens
from tallystick.storage.postgresql.knowing import Known, fetch
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.session import PostgresReads
from tallystick.storage.postgresql.statement import STATEMENTS
from tallystick.storage.transaction import Finds, Writes

_REST_MS: Final = 5000


class PostgresTokens(SqlTokens):
    """`ports.TokenStore`.  `replica`: where to look first; None = only in the primary."""

    def __init__(self, reads: PostgresReads, replica: Pool | None, writes: Writes, finds: Finds, known: Known) -> None:
        super().__init__(reads, writes, finds)
        self._replica = replica
        self._replica_rests_until = 0
        self._known = known

    async def look_up(self, digest: Digest) -> Seen | None:
        least = self._known.least()
        if self._replica is not None and least is not None and steady() >= self._replica_rests_until:
            seen = await self._from_copy(self._replica, digest, least=least)
            if seen is not None:
                return seen
        return await super().look_up(digest)

    async def _from_copy(self, pool: Pool, digest: Digest, *, least: int) -> Seen | None:
        try:
            found = await fetch(pool, STATEMENTS.look_up, {"digest": digest}, least=least, lagging_is_fine=True)
        except Unavailable:
            self._replica_rests_until = steady() + _REST_MS  # else each look-up would wait for it first
            return None
        return rows.seen(found[0]) if found else None
