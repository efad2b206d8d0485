"""Receipts: that everybody had heard of a change, as its answer says it, and as it is read again."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from tallystick.client.models._read import decode, time, unreadable

_HEADER: Final = "tallystick-receipt"
_ITEM: Final = re.compile(r"\s*([a-z][a-z0-9_]*)=([0-9]{1,18})\s*", re.ASCII)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """That no process of the service answered by what was before, when a change was answered.

    `seq`: the number of the change, for `TokensApi.get_receipt`.  `verifiers`: how many had to hear of it.  `waited_ms`: how
    long the answer waited until all of them had.
    """

    seq: int
    verifiers: int
    waited_ms: int


class Changed(msgspec.Struct, frozen=True):
    """What a change was about: a `token` or a `user` by id, or a `customer` as a whole."""

    kind: str
    id: str


class ReceiptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that was read again.

    `heard_at`, `verifiers`, `waited_ms`: None until the service has noted that everybody has heard, which is within a second
    of the answer.  `changes`: a hundred at most of the `count` things that the change was about.
    """

    seq: int
    created_at: datetime
    heard_at: datetime | None
    verifiers: int | None
    waited_ms: int | None
    request_id: str | None
    count: int
    changes: tuple[Changed, ...]


class _WireReceipt(msgspec.Struct):
    seq: int
    created_at: str
    count: int
    changes: tuple[Changed, ...]
    heard_at: str | None = None
    verifiers: int | None = None
    waited_ms: int | None = None
    request_id: str | None = None


_RECEIPT: Final = msgspec.json.Decoder(_WireReceipt)


def told_receipt(headers: Mapping[str, str]) -> Receipt | None:
    """What came with an answer; None when nothing did, or nothing that can be read: the change is done all the same."""
    items = [_ITEM.fullmatch(each) for each in headers.get(_HEADER, "").split(",")]
    numbers = {item[1]: int(item[2]) for item in items if item is not None}
    if not {"seq", "verifiers", "waited_ms"} <= numbers.keys():
        return None
    return Receipt(seq=numbers["seq"], verifiers=numbers["verifiers"], waited_ms=numbers["waited_ms"])


def read_receipt(body: bytes) -> ReceiptRecord:
    """The answer of `GET /revocations/{seq}`.  Raises `TallystickError` if it is none."""
    wire = decode(_RECEIPT, body)
    created_at = time(wire.created_at)
    if created_at is None:
        raise unreadable("there is a receipt without a time in it")
    return ReceiptRecord(
        seq=wire.seq,
        created_at=created_at,
        heard_at=time(wire.heard_at),
        verifiers=wire.verifiers,
        waited_ms=wire.waited_ms,
        request_id=wire.request_id,
        count=wire.count,
        changes=wire.changes,
    )
