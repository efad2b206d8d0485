"""Revoking tokens by id, few or many."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import click

from tallystick.cli import output, progress, terminal
from tallystick.client.models import Receipt
from tallystick.core.errors import TallystickError

BULK: Final = 1_000
"""Ids in one request: few enough that each is quick, and that a failure leaves most of the work done."""

yes = click.option("--yes", is_flag=True, help="Do not ask before revoking more than one.")


def wanted(ids: Sequence[str], *, yes: bool) -> list[str]:
    """The ids, once each; - stands for those on standard input, one a line.  Asks before more than one, unless `yes`."""
    found = list(dict.fromkeys(_expanded(ids)))
    if len(found) > 1 and not yes:
        terminal.confirm(f"Revoke {output.count(len(found))}?")
    return found


def revoke(
    ids: Sequence[str], *, one: Callable[[str], Receipt | None], many: Callable[[Sequence[str]], Receipt | None]
) -> None:
    """Revoke them, and say how far it came.  `one`, `many`: how a single one ends, and several in one request."""
    receipts = [one(ids[0])] if len(ids) == 1 else _revoke_many(ids, many)
    output.show_revoked(len(ids), of=len(ids), receipts=receipts)


def _revoke_many(ids: Sequence[str], many: Callable[[Sequence[str]], Receipt | None]) -> list[Receipt | None]:
    done, receipts = 0, list[Receipt | None]()
    try:
        with progress.steps(len(ids), "Revoking") as advance:
            for start in range(0, len(ids), BULK):
                some = ids[start : start + BULK]
                receipts.append(many(some))
                done += len(some)
                advance(len(some))
    except TallystickError:
        if done:
            output.show_revoked(done, of=len(ids))
        raise
    return receipts


def _expanded(ids: Sequence[str]) -> Iterator[str]:
    for each in ids:
        if each == "-":
            lines = (line.decode("ascii", "replace").strip() for line in sys.stdin.buffer)
            yield from (line for line in lines if line)
        else:
            yield each
