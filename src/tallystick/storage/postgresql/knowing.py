"""Which server's answer counts.

A server that is not the primary, or is no more, may not know what was changed since.  What it says can be told from what it does
not know, because everything that takes something away has a number, and numbers are in the order in which things become visible,
on a copy too:

- While this process holds a lease, whoever changes something waits until we have heard of it.  So all that anybody was answered
  about before a question was asked has a number up to the one that we were told of last.  A statement that reads what is asked for
  and the counter in one moment shows all of it if the counter is that far.  Then it does not matter which server it came from.
- Without a lease nobody waits for us.  Then the answer must come from a server that can still commit, after it was read: with a
  synchronous standby only one of them can.

Numbers of two servers are never taken for each other's.  A server that takes over goes on in a new timeline, and with it begins a
range of numbers that is above all that were given before, and above what the old one may still give to changes that nobody was
answered about.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from tallystick.steady import steady
from tallystick.storage.postgresql.pool import Pool
from tallystick.storage.postgresql.statement import OWN, finds_nothing, prepared
from tallystick.storage.rows import Row
from tallystick.storage.transaction import Parameters

_BEFORE_IT: Final = 2  # columns: the counter, and whether this is a row at all


class StaleError(OSError):
    """A server that has not seen what this process has been told of: a connection to it is of no use."""


class Known:
    """What this process has been told of, and until when (steady ms) whoever changes something waits for it.

    Until then all that others were answered about is among the changes up to `told`: what is read must not be older.
    """

    def __init__(self) -> None:
        self.told = 0
        self.until = 0
        self.won = 0  # a lease until then, which counts when all has been read that came before it

    def least(self) -> int | None:
        """Up to which change an answer to what is asked now must show everything; None: its server must commit after it."""
        return self.told if steady() < self.until else None

    def tell(self, upto: int, *, until: int = 0) -> None:
        """There are changes up to there.  `until`: it has read all of them, under a lease until then."""
        self.told = max(self.told, upto)
        self.until = max(self.until, until)

    def let_go(self) -> None:
        """It is not waited for any more."""
        self.until = self.won = 0


async def fetch(
    pool: Pool, sql: str, parameters: Parameters, *, least: int | None, lagging_is_fine: bool = False
) -> Sequence[Row]:
    """What a statement finds, on a server that shows all up to change `least`, or, None, that commits after it.

    Raises `Unavailable`, also when this one has not got that far; with `lagging_is_fine` it has found nothing then.
    """
    statement = prepared(as_of_primary(sql) if least is None else as_of(sql))
    values = statement.values(parameters)
    if finds_nothing(values):
        return []
    async with pool.connection() as connection:
        found: list[Row] = await connection.fetch(statement.text, *values, timeout=pool.seconds)
        if least is not None and found[0][0] < least:
            if lagging_is_fine:
                return []
            raise StaleError
    return [row[_BEFORE_IT:] for row in found if row[1]]


@cache
def as_of(sql: str) -> str:
    """The statement that finds the same, and up to which change it shows everything."""
    return OWN["as_of"].format(asked=sql)


@cache
def as_of_primary(sql: str) -> str:
    """The statement that finds the same where something can be written after it."""
    return OWN["as_of_primary"].format(asked=sql)
