"""Moving house: all that one database holds, into an empty one, of whichever kind.

Whole rows go over, table by table in the order of their keys, so that nothing here knows what a record is.  Until everything is
there and has been compared, the new database says that it belongs to a key file that nobody has: no server starts on it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import msgspec

from tallystick.core.errors import Conflict, Invalid, NotFound, TallystickError

TABLES: Final = (
    "customer",
    "user",
    "service",
    "catalogue",
    "token",
    "usage",
    "token_use",
    "shadow",
    "event",
    "change",
    "receipt",
    "guess",
    "write_budget",
    "head",
    "meta",
)
"""All that is moved.  What refers comes after what it refers to."""

STAYING: Final = ("migration", "verifier", "counted")
"""What a database says of itself alone: how it was made, which processes it serves, and what it has of them."""

_META: Final = "meta"  # the last: it says whose the copy is
_BEGUN: Final = ("head",)  # has its row from the beginning
_KEY: Final = "key_fingerprint"
_UNFINISHED: Final = "unfinished copy "
_AT_ONCE: Final = 5_000  # rows: some megabytes, and seldom enough that the fsync behind them does not count

# Any: text, number, bytes or nothing, as the columns have it.
Row: TypeAlias = tuple[Any, ...]

Show: TypeAlias = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]
"""Shows how far it is: so many rows of which this is done; what it yields is called with every number that is."""


class Table(NamedTuple):
    """A table as it is in one database: the columns that are kept (not those that are computed), and those of its key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class House(Protocol):
    """A database that nobody else writes to while it is open."""

    async def tables(self) -> Sequence[Table]:
        """All that there are."""

    async def servers(self) -> int:
        """How many processes hold a lease from it now."""

    async def count(self, table: Table) -> int:
        """How many rows it has."""

    async def read(self, table: Table, *, after: Row | None, size: int) -> Sequence[Row]:
        """The first rows behind a key (None = of all), in the order of keys, by their bytes."""

    async def last(self, table: Table) -> Row | None:
        """The last key in that order."""

    async def write(self, table: Table, rows: Sequence[Row], *, instead: bool = False) -> None:
        """Add rows, in one transaction.  `instead`: of all that are there."""

    async def aclose(self) -> None:
        """Let others write again."""


class Copied(NamedTuple):
    """What became of a table: how many rows, and the digest of them all, the same on both sides."""

    table: str
    rows: int
    digest: str


def require_whole(fingerprint: str | None) -> None:
    """Raise `Invalid` for what a database says of its key file while it holds a part of a copy only."""
    if fingerprint is not None and fingerprint.startswith(_UNFINISHED):
        raise Invalid("this database holds a part of a copy: `tallystick admin copy`, run again, finishes it")


async def move(source: House, target: House, show: Show, *, at_once: int = _AT_ONCE) -> list[Copied]:
    """Copy all, `at_once` so many rows, compare all, then hand over.  After an interruption: go on where it was.

    Raises `NotFound` when there is nothing to copy; `Conflict` when a server is at work on the source, or the target is neither
    empty nor an interrupted copy of just this; `Invalid` when the two are not of one version; `TallystickError` when what has
    arrived differs.
    """
    tables = await _alike(source, target)
    if await source.servers():
        raise Conflict(
            "a server is at work on the source: stop it first; one that was killed counts for two seconds more"
        )
    said = await _said(source)
    counts = [await source.count(table) for table in tables]
    done = await _begin(target, tables, mark=_mark(counts, said))
    with show(sum(counts), "Copying") as moved:
        moved(done)
        for table in tables[:-1]:
            await _carry(source, target, table, moved, at_once)
    with show(2 * sum(counts), "Comparing") as moved:
        copied = [await _compared(source, target, table, moved) for table in tables[:-1]]
        await target.write(tables[-1], list(said.items()), instead=True)
        return [*copied, await _compared(source, target, tables[-1], moved)]


async def _alike(source: House, target: House) -> list[Table]:
    """The tables of the source, in the order in which they go."""
    ours, theirs = [{table.name: table for table in await house.tables()} for house in (source, target)]
    for found in (ours, theirs):
        if odd := found.keys() ^ {*TABLES, *STAYING}:
            raise Invalid(f"not the tables of this version of Tallystick: {', '.join(sorted(odd))}")
    for name in TABLES:
        if set(ours[name].columns) != set(theirs[name].columns):
            raise Invalid(f"the two databases are not of one version: they differ in the table {name}")
    return [ours[name] for name in TABLES]


async def _said(house: House) -> dict[str, str]:
    """What is said of a database as a whole, by name."""
    (table,) = [table for table in await house.tables() if table.name == _META]
    said = {row[0]: row[1] for row in await house.read(table, after=None, size=_AT_ONCE)}
    require_whole(said.get(_KEY))
    return said


def _mark(counts: Sequence[int], said: dict[str, str]) -> str:
    """What tells this source, as it stands now, from others.  What changed in place only is found when all is compared."""
    if _KEY not in said:
        raise NotFound("there is nothing to copy: the source has not been set up")
    return _UNFINISHED + blake2b(msgspec.json.encode([counts, said]), digest_size=16).hexdigest()


async def _begin(target: House, tables: Sequence[Table], *, mark: str) -> int:
    """Mark an empty target as taken; or find the mark.  Returns how many rows are there already."""
    done = sum([await target.count(table) for table in tables if table.name not in (*_BEGUN, _META)])
    found = await target.read(tables[-1], after=None, size=2)
    if list(found) == [(_KEY, mark)]:
        return done
    if any(value.startswith(_UNFINISHED) for _, value in found):
        raise Conflict(
            "the target holds a part of a copy of another database, or of this one as it was: empty it, and begin anew"
        )
    if found or done:
        raise Conflict("the target is not empty")
    await target.write(tables[-1], [(_KEY, mark)])
    return 0


async def _carry(source: House, target: House, table: Table, moved: Callable[[int], None], at_once: int) -> None:
    begun = table.name in _BEGUN
    after = None if begun else await target.last(table)
    while rows := await source.read(table, after=after, size=at_once):
        await target.write(table, rows, instead=begun)
        moved(len(rows))
        after = key_of(table, rows[-1])


async def _compared(source: House, target: House, table: Table, moved: Callable[[int], None]) -> Copied:
    ours, theirs = [await _summed(house, table, moved) for house in (source, target)]
    if ours != theirs:
        raise TallystickError(
            f"the copy is not what the source is: table {table.name} has {theirs.rows:,} rows of {ours.rows:,}, or others;"
            " empty the target, and begin anew"
        )
    return ours


async def _summed(house: House, table: Table, moved: Callable[[int], None]) -> Copied:
    digest, count, after = blake2b(digest_size=16), 0, None
    while rows := await house.read(table, after=after, size=_AT_ONCE):
        for row in rows:
            digest.update(msgspec.msgpack.encode(row))
        moved(len(rows))
        count, after = count + len(rows), key_of(table, rows[-1])
    return Copied(table.name, count, digest.hexdigest())


def key_of(table: Table, row: Row) -> Row:
    """What a row is found by."""
    return tuple(row[table.columns.index(name)] for name in table.key)


def reading(table: Table, *, after: bool) -> str:
    """The statement that reads the first rows in the order of keys, of all or `after` a key: it takes that, and how many."""
    order = quoted(table.key)
    places = [f"${number}" for number in range(1, len(table.key) + 2)]
    behind = f" WHERE ({order}) > ({', '.join(places[:-1])})" if after else ""
    limit = places[-1] if after else places[0]
    return f'SELECT {quoted(table.columns)} FROM "{table.name}"{behind} ORDER BY {order} LIMIT {limit}'


def last_of(table: Table) -> str:
    """The statement that reads the last row in that order."""
    backwards = ", ".join(f'"{name}" DESC' for name in table.key)
    return f'SELECT {quoted(table.columns)} FROM "{table.name}" ORDER BY {backwards} LIMIT 1'


def quoted(names: Sequence[str]) -> str:
    """Names, as a list within a statement."""
    return ", ".join(f'"{name}"' for name in names)
