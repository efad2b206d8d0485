"""What a transaction has to tell, told at its end: events, and the numbers of what they change.

If it cannot be told, nothing of it happened.  At the end, because whoever takes a number holds up all others who take one
until the commit: so the numbers are in the order of commits.
"""

from collections.abc import Sequence
from typing import TypeVar

from tallystick.core.changes import changes_of, told
from tallystick.core.events import Event, Origin
from tallystick.storage import event_rows, rows
from tallystick.storage.text import readable
from tallystick.storage.transaction import Number, Transaction, Work

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")


def write(tx: Transaction, events: Sequence[Event]) -> None:
    """Tell them when this transaction ends.

    What they change is numbered there as well, so that no change can be without a number.
    """
    tx.happened.events.extend(events)


async def carry_out(work: Work[I, R], tx: Transaction, items: Sequence[I]) -> Sequence[R]:
    """Do the work, then tell what happened."""
    results = await work(tx, items)
    events, numbers = tx.happened
    if events:
        await tx.run(tx.sql.add_events, {"events": rows.json([event_rows.of_event(event) for event in events])})
    if numbers := [*_numbered(events), *numbers]:
        await _announce(tx, numbers)
    return results


def _numbered(events: Sequence[Event]) -> list[Number]:
    """What these events change: what each is behind gets a number of its own."""
    behind: dict[tuple[Origin, str], list[Event]] = {}
    for event in events:
        behind.setdefault((event.by, event.customer_id), []).append(event)
    numbers = (Number(frozenset(changes_of(theirs)), by, of) for (by, of), theirs in behind.items())
    return [number for number in numbers if number.changes]


async def _announce(tx: Transaction, numbers: Sequence[Number]) -> None:
    changes, kept = [], []
    for nth, number in enumerate(numbers, 1):
        by, request_id = number.by, readable(number.by.request_id)
        changes += [(nth, change.kind, change.key, by.at, request_id) for change in number.changes]
        about = rows.json([(change.kind, change.key) for change in told(number.changes)])
        kept.append((nth, number.of, by.at, by.user_id, by.token_id, request_id, len(number.changes), about))
    await tx.announce(count=len(numbers), changes=rows.json(changes), kept=rows.json(kept))
