"""Revoking by rule in SQLite: what is found ends, in one transaction, however much it is."""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from tallystick.core.caller import Reach
from tallystick.core.changes import Change, Kind
from tallystick.core.events import Origin
from tallystick.core.find import Wanted
from tallystick.core.secret import redacted
from tallystick.storage import finding, rows
from tallystick.storage.sqlite.changes import in_turn
from tallystick.storage.sqlite.finder import asked_of
from tallystick.storage.sqlite.hearing import number

_DRIVER: Final = "sqlite3"


class Rule(NamedTuple):
    """Which tokens end, why, and who says so."""

    reach: Reach
    wanted: Wanted
    reason: str
    by: Origin


def revoke_matching(connection: sqlite3.Connection, rules: Sequence[Rule]) -> list[int]:
    """How many ended by each."""
    connection.create_function("redacted", 1, redacted, deterministic=True)
    return in_turn(connection, rules, _revoke)


def _revoke(connection: sqlite3.Connection, rule: Rule) -> int:
    of_owner, asked = asked_of(rule.reach, rule.wanted)
    asked |= {"reason": rule.reason, **rows.of_origin(rule.by)}
    try:
        connection.execute(finding.tell_end("sqlite", driver=_DRIVER, of_owner=of_owner), asked)
    except UnicodeEncodeError:
        return 0  # asked for text that no database can hold: no token has it
    ended = connection.execute(finding.end("sqlite", driver=_DRIVER, of_owner=of_owner), asked).rowcount
    if ended:
        # One change, however many: to look all of them up once more is cheaper than to name each.
        of = rule.reach.customer_id
        number(connection, [Change(Kind.CUSTOMER, of)], rule.by, of=of)
    return ended
