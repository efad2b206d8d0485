"""What the parts of a store ask of a database, whichever it is: to read, and to write within a transaction."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from tallystick.core.changes import Change
from tallystick.core.errors import Conflict, NotFound, TallystickError
from tallystick.core.events import Event, Origin
from tallystick.storage.rows import Row
from tallystick.storage.statements import Statements

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")

# Any: whatever the statement takes, by name.  One that it does not name is passed over.
Parameters: TypeAlias = dict[str, Any]


class Reads(Protocol):
    """Reads what is committed, or what a transaction sees.  Nothing is found under text that no database can hold."""

    @property
    def dialect(self) -> str:
        """Which language `sql` is in: a folder below `sql/`."""

    @property
    def sql(self) -> Statements:
        """The statements of this database."""

    async def one(self, sql: str, parameters: Parameters) -> Row | None:
        """The only row, or None.  Raises `Unavailable`."""

    async def all(self, sql: str, parameters: Parameters) -> Sequence[Row]:
        """All rows.  Raises `Unavailable`."""


class Finds(Protocol):
    """Reads what may look at very many rows, so that it holds up nobody else."""

    @property
    def dialect(self) -> str:
        """As of `Reads`."""

    @property
    def sql(self) -> Statements:
        """As of `Reads`."""

    async def find(self, sql: str, parameters: Parameters, read: Callable[[Row | None], R], *, of: str) -> R:
        """What `read` makes of the only row.  `of`: the id of whose records it looks at; they have one question at a time."""


class Number(NamedTuple):
    """Changes that get one number together: whose they are (`of`, a customer's id), and who is behind them."""

    changes: frozenset[Change]
    by: Origin
    of: str


class Happened(NamedTuple):
    """What a transaction tells at its end: events, each of which numbers what it changes, and what is numbered without."""

    events: list[Event]
    numbers: list[Number]


class Transaction(Reads, Protocol):
    """A transaction that is under way."""

    @property
    def happened(self) -> Happened:
        """What it has to tell before it is committed."""

    async def run(self, sql: str, parameters: Parameters) -> int:
        """Carry out; how many rows there were.  Raises `Refused`."""

    async def announce(self, *, count: int, changes: str, kept: str) -> None:
        """Take the next `count` numbers, and write down what they are about.

        `changes`, `kept`: rows for `change` and `receipt` as one JSON array each, which begin with 1 for the first number.
        """


class Refused(Exception):
    """A key refused a row: what it refers to is missing, or else what it names is taken."""

    def __init__(self, *, missing: bool) -> None:
        super().__init__()
        self._missing = missing

    def as_ours(self, *, taken: str, missing: str) -> TallystickError:
        """What to say: `taken` (Conflict) or `missing` (NotFound)."""
        return NotFound(missing) if self._missing else Conflict(taken)


class Separately(Exception):
    """These items cannot be written as one: try each by itself."""


Work: TypeAlias = Callable[[Transaction, Sequence[I]], Awaitable[Sequence[R]]]
"""Writes all items, in order, and says how each went.  If it raises, nothing is kept, and each item is tried by itself."""


class Within(NamedTuple):
    """Whose records must stand still while something is written, where several can write at once.

    `customers`, `users`, `tokens`: by id; of a user or token it is their customer's.  `adds_to`: nothing is changed, only a
    token added, for this owner: the customer's others may do the same meanwhile.  `patience`: how many times as long as
    usual it may take, because of how much it is.
    """

    customers: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    adds_to: str | None = None
    patience: int = 1


ALONE = Within()
"""It needs nobody to stand still: what must hold is in the one statement that writes."""


class Writes(Protocol):
    """Has things written, and answers when they are on disk."""

    def submit(self, work: Work[I, R], item: I, within: Within = ALONE) -> Awaitable[R]:
        """Have `item` written.  To cancel it only stops the waiting.  Raises `Unavailable` when it cannot be."""


async def value(reads: Reads, sql: str, parameters: Parameters) -> Any:  # Any: what the statement selects
    """The one value of the one row that a statement always has."""
    row = await reads.one(sql, parameters)
    assert row is not None, "it selects one row"
    return row[0]
