"""The statements that find tokens, or end what is found, put together from the pieces in `sql/*/find.sql` and `rule.sql`.

One condition, two reaches, four things to sort by and two directions would be dozens of statements that say nearly the
same.  Nothing but those pieces ever becomes SQL: what a caller sends is a parameter.
"""

from functools import cache
from typing import Any, Final

from tallystick.core.caller import Reach
from tallystick.core.find import Sort, Wanted
from tallystick.storage import rows
from tallystick.storage.statements import SQL, read

_DIRECTIONS: Final = {False: {"past": ">", "direction": "ASC"}, True: {"past": "<", "direction": "DESC"}}


@cache
def page(dialect: str, *, of_owner: bool, sort: Sort, goes_on: bool) -> str:
    """A page of an owner's or a customer's tokens.  `goes_on`: after a place, `:value` and `:id`."""
    pieces = _pieces(dialect)
    order = {"key": pieces[f"by_{sort.by}"], **_DIRECTIONS[sort.descending]}
    rest = pieces["past" if goes_on else "from_the_start"].format_map(order)
    return _whole(pieces["page"], pieces, of_owner=of_owner, rest=rest, **order)


@cache
def count(dialect: str, *, of_owner: bool) -> str:
    """How many of an owner's or a customer's tokens are wanted."""
    pieces = _pieces(dialect)
    return _whole(pieces["count"], pieces, of_owner=of_owner)


@cache
def tell_end(dialect: str, *, of_owner: bool) -> str:
    """The events of `end`, which comes after it in the same transaction."""
    pieces = _pieces(dialect)
    return _whole(pieces["tell_end"], pieces, of_owner=of_owner)


@cache
def end(dialect: str, *, of_owner: bool) -> str:
    """Revoke all of an owner's or a customer's tokens that are wanted."""
    pieces = _pieces(dialect)
    return _whole(pieces["end"], pieces, of_owner=of_owner)


# Any: the parameters of a statement.
def asked_of(reach: Reach, wanted: Wanted) -> tuple[bool, dict[str, Any]]:
    """Whether it is about one owner, in whose index it is then looked for, and what is asked of all statements."""
    owner_id = reach.owner_id or wanted.user_id
    return owner_id is not None, {**rows.of_wanted(wanted), "customer_id": reach.customer_id, "owner_id": owner_id}


def _whole(statement: str, pieces: dict[str, str], *, of_owner: bool, **more: str) -> str:
    within = pieces["of_owner" if of_owner else "of_customer"]
    return statement.format_map({"within": within, "wanted": pieces["wanted"], **more})


@cache
def _pieces(dialect: str) -> dict[str, str]:
    return read([SQL / dialect / "find.sql", SQL / dialect / "rule.sql"])
