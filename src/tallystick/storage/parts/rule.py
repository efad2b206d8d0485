"""Revoking by rule: what is found ends, in one transaction, however much it is."""

from collections.abc import Sequence
from typing import NamedTuple

from tallystick.core.caller import Reach
from tallystick.core.changes import Change, Kind
from tallystick.core.events import Origin
from tallystick.core.find import Wanted
from tallystick.storage import event_rows, finding
from tallystick.storage.parts.changing import in_turn
from tallystick.storage.text import is_storable
from tallystick.storage.transaction import Number, Transaction


class Rule(NamedTuple):
    """Which tokens end, why, and who says so."""

    reach: Reach
    wanted: Wanted
    reason: str
    by: Origin


async def revoke_matching(tx: Transaction, rules: Sequence[Rule]) -> list[int]:
    """How many ended by each."""
    return await in_turn(tx, rules, _revoke)


async def _revoke(tx: Transaction, rule: Rule) -> int:
    question, asked = finding.asked_of(rule.reach, rule.wanted)
    if not all(is_storable(each) for each in asked.values() if isinstance(each, str)):
        return 0  # no token has it
    asked |= {"reason": rule.reason, **event_rows.of_origin(rule.by)}
    await tx.run(finding.tell_end(tx.dialect, question), asked)
    ended = await tx.run(finding.end(tx.dialect, question), asked)
    if ended:
        # One change, however many: to look all of them up once more is cheaper than to name each.
        of = rule.reach.customer_id
        tx.happened.numbers.append(Number(frozenset({Change(Kind.CUSTOMER, of)}), rule.by, of))
    return ended
