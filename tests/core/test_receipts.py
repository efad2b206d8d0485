"""Receipts wait in memory until they are written: bounded, seen at once, not lost when the store is away."""

from msgspec.structs import replace

from tallystick.core.changes import Change, Heard, Kind, Numbered
from tallystick.core.receipt import Receipt
from tallystick.core.receipts import REMEMBERED_MAX, Receipts
from tests.core.world import ACME, NOW

CHANGE = Numbered(
    seq=7,
    customer_id=ACME.id,
    at=NOW,
    user_id=None,
    token_id=None,
    request_id=None,
    count=1,
    changes=(Change(Kind.TOKEN, "one"),),
)
HEARD = Heard(NOW + 5, 2, 4)


def noted(*seqs: int) -> Receipts:
    receipts = Receipts()
    for seq in seqs:
        receipts.note(Receipt(seq, 2, 4), at=NOW + 5)
    return receipts


def test_a_receipt_is_seen_at_once_while_it_is_being_written_and_gone_from_memory_after() -> None:
    receipts = noted(7)
    assert receipts.latest(CHANGE) == replace(CHANGE, heard=HEARD)

    assert list(receipts.take()) == [(7, HEARD)]

    assert receipts.latest(CHANGE) == replace(CHANGE, heard=HEARD)
    receipts.written()
    assert receipts.latest(CHANGE) == CHANGE
    assert list(receipts.take()) == []


def test_of_another_change_nothing_is_known() -> None:
    assert noted(6, 8).latest(CHANGE) == CHANGE


def test_what_the_store_has_noted_is_what_counts() -> None:
    stored = replace(CHANGE, heard=Heard(NOW + 1, 3, 1))

    assert noted(7).latest(stored) == stored


def test_a_failed_batch_is_kept_for_the_next_time() -> None:
    receipts = noted(7)
    receipts.take()
    receipts.note(Receipt(8, 2, 4), at=NOW + 5)

    receipts.failed()

    assert list(receipts.take()) == [(7, HEARD), (8, HEARD)]


def test_while_the_store_is_away_the_newest_are_kept_and_no_more_than_so_many() -> None:
    receipts = noted(*range(REMEMBERED_MAX))
    receipts.take()
    receipts.note(Receipt(REMEMBERED_MAX, 2, 4), at=NOW + 5)

    receipts.failed()
    receipts.note(Receipt(REMEMBERED_MAX + 1, 2, 4), at=NOW + 5)

    assert [seq for seq, _ in receipts.take()] == list(range(2, REMEMBERED_MAX + 2))
