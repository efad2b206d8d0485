"""Looking tokens up in PostgreSQL: from whichever server knows enough.

A server that is not the primary, or is no more, may not know what was revoked since.  What it says can be told from what it does
not know, because everything that takes something away has a number, and numbers are in the order in which things become visible,
on a copy too:

- While this process holds a lease, whoever changes something waits until we have heard of it.  So all that anybody was answered
  about before this look-up began has a number up to the one that we were told of last.  A statement that reads the token and the
  counter in one moment shows all of it if the counter is that far.  Then it does not matter which server it came from.
- Without a lease nobody waits for us.  Then the answer must come from a server that can still commit, after it was read: with a
  synchronous standby only one of them can.

A token that a copy does not know may be new, so for that the primary is asked.
"""

from typing import Final

from tallystick.core.errors import Unavailable
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest
from tallystick.steady import steady
from tallystick.storage import rows
from tallystick.storage.parts.tokens import SqlTokens
from tallystick.storage.postgresql.changes import Known
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.session import PostgresReads
from tallystick.storage.postgresql.statement import OWN, STATEMENTS, prepared
from tallystick.storage.transaction import Finds, Writes

_AS_OF: Final = OWN["as_of"].format(look_up=STATEMENTS.look_up)
_AS_OF_PRIMARY: Final = OWN["as_of_primary"].format(look_up=STATEMENTS.look_up)
_SEEN: Final = slice(1, 25)
_REST_MS: Final = 5000


class StaleError(OSError):
    """A server that has not seen what this process has been told of: a connection to it is of no use."""


class PostgresTokens(SqlTokens):
    """`ports.TokenStore`.  `replica`: where to look first; None = only in the primary."""

    def __init__(self, pool: Pool, replica: Pool | None, writes: Writes, finds: Finds, known: Known) -> None:
        super().__init__(PostgresReads(pool), writes, finds)
        self._pool = pool
        self._replica = replica
        self._replica_rests_until = 0
        self._known = known

    async def look_up(self, digest: Digest) -> Seen | None:
        if steady() >= self._known.until:
            return await _look_up(self._pool, _AS_OF_PRIMARY, digest, told=0)
        told = self._known.told
        if self._replica is not None and steady() >= self._replica_rests_until:
            seen = await self._from_copy(self._replica, digest, told=told)
            if seen is not None:
                return seen
        return await _look_up(self._pool, _AS_OF, digest, told=told)

    async def _from_copy(self, pool: Pool, digest: Digest, *, told: int) -> Seen | None:
        try:
            return await _look_up(pool, _AS_OF, digest, told=told, lagging_is_fine=True)
        except Unavailable:
            self._replica_rests_until = steady() + _REST_MS  # else each look-up would wait for it first
            return None


async def _look_up(pool: Pool, sql: str, digest: Digest, *, told: int, lagging_is_fine: bool = False) -> Seen | None:
    async with pool.connection() as connection:
        row: rows.Row | None = await connection.fetchrow(prepared(sql).text, digest, timeout=pool.seconds)
        if row is None or row[0] < told:
            if lagging_is_fine:
                return None
            raise StaleError
    return None if row[1] is None else rows.seen(row[_SEEN])
