"""What a process remembers of customers beside their tokens: their names and services, for as long as nothing about them changes.

It is as of a change's number, as all that is remembered (`verifier.py`), and is good for an answer together with a grant of
that customer: the grant says that there is a lease, and is void as soon as something about the customer was heard.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from tallystick.core.people import Customer, Service
from tallystick.core.verifier import Verifier, Whose

SIZE_MAX: Final = 100_000  # customers and their services, together
REACHED_MAX: Final = 10_000  # of one customer


class Known(msgspec.Struct):
    """One customer.  None: not known.  `services`: all of them.  `reached`: ids that are known to be among them."""

    as_of: int
    customer: Customer | None = None
    services: Sequence[Service] | None = None
    reached: set[str] = msgspec.field(default_factory=set)

    @property
    def size(self) -> int:
        """How many things are known."""
        return 1 + len(self.services or ()) + len(self.reached)


class Customers:
    """All that are known, bounded: the one that was learned first goes first."""

    # Any: whatever it remembers of tokens.
    def __init__(self, verifier: Verifier[Any], *, most: int = SIZE_MAX) -> None:
        self._verifier = verifier
        self._most = most
        self._known: dict[str, Known] = {}
        self._size = 0

    def recall(self, customer_id: str) -> Known | None:
        """What is known and still holds.  It goes on to hold for as long as a grant of this customer does that is one now."""
        known = self._known.get(customer_id)
        return known if known is not None and self._holds(customer_id, as_of=known.as_of) else None

    def learn(
        self,
        customer_id: str,
        *,
        as_of: int,
        customer: Customer | None = None,
        services: Sequence[Service] | None = None,
        reached: Iterable[str] = (),
    ) -> None:
        """Add what was read, which is all that there was up to change `as_of`, unless it holds no more."""
        if not self._holds(customer_id, as_of=as_of):
            return
        known = self.recall(customer_id) or Known(as_of)
        self._drop(customer_id)
        known.customer = customer or known.customer
        known.services = known.services if services is None else services
        if len(known.reached) >= REACHED_MAX:
            known.reached.clear()
        known.reached.update(reached)
        self._known[customer_id] = known
        self._size += known.size
        while self._size > self._most:
            self._drop(next(iter(self._known)))

    def _holds(self, customer_id: str, *, as_of: int) -> bool:
        return self._verifier.is_current(Whose("", None, customer_id), as_of=as_of)

    def _drop(self, customer_id: str) -> None:
        known = self._known.pop(customer_id, None)
        if known is not None:
            self._size -= known.size
