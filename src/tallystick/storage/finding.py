"""The statements that find tokens, or end what is found, put together from the pieces in `sql/*/find.sql` and `rule.sql`.

Eleven conditions, two reaches, four things to sort by and two directions would be thousands of statements that say nearly
the same.  Nothing but those pieces ever becomes SQL: what a caller sends is a parameter.
"""

from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from tallystick.core.caller import Reach
from tallystick.core.find import Sort, Wanted
from tallystick.storage import rows
from tallystick.storage.statements import SQL, read

_DIRECTIONS: Final = {False: {"past": ">", "direction": "ASC"}, True: {"past": "<", "direction": "DESC"}}


_CONDITIONS: Final = (
    *("created_before", "created_after", "used_before", "used_after", "expires_before", "unused_since"),
    *("search", "is_of_person", "of_person", "service_id", "other_than"),
)
_KEPT: Final = 1000  # of each kind of statement: who asks chooses which there are


class Question(NamedTuple):
    """What decides about a statement's text.  `of_owner`: it is about one owner, in whose index it is then looked for, else
    about a customer; `given`: the conditions, by the names of their parameters.
    """

    of_owner: bool
    given: tuple[str, ...] = ()


@lru_cache(_KEPT)
def page(dialect: str, question: Question, *, sort: Sort, goes_on: bool) -> str:
    """A page of the tokens that are wanted.  `goes_on`: after a place, `:value` and `:id`."""
    pieces = _pieces(dialect)
    order = {"key": pieces[f"by_{sort.by}"], **_DIRECTIONS[sort.descending]}
    rest = pieces["past" if goes_on else "from_the_start"].format_map(order)
    return _whole(pieces["page"], pieces, question, rest=rest, **order)


@lru_cache(_KEPT)
def count(dialect: str, question: Question) -> str:
    """How many tokens are wanted, up to `:most`."""
    pieces = _pieces(dialect)
    return _whole(pieces["count"], pieces, question)


@lru_cache(_KEPT)
def tell_end(dialect: str, question: Question) -> str:
    """The events of `end`, which comes after it in the same transaction."""
    pieces = _pieces(dialect)
    return _whole(pieces["tell_end"], pieces, question)


@lru_cache(_KEPT)
def end(dialect: str, question: Question) -> str:
    """Revoke all tokens that are wanted."""
    pieces = _pieces(dialect)
    return _whole(pieces["end"], pieces, question)


# Any: the parameters of a statement.
def asked_of(reach: Reach, wanted: Wanted) -> tuple[Question, dict[str, Any]]:
    """The question, and what is asked of all its statements."""
    owner_id = reach.owner_id or wanted.user_id
    asked = rows.of_wanted(wanted)
    question = Question(owner_id is not None, tuple(name for name in _CONDITIONS if asked[name] is not None))
    return question, {**asked, "customer_id": reach.customer_id, "owner_id": owner_id}


def _whole(statement: str, pieces: dict[str, str], question: Question, **more: str) -> str:
    within = pieces["of_owner" if question.of_owner else "of_customer"]
    wanted = " AND ".join(pieces[f"if_{name}"] for name in question.given) or "true"
    return statement.format_map({"within": within, "wanted": wanted, **more})


@cache
def _pieces(dialect: str) -> dict[str, str]:
    return read([SQL / dialect / "find.sql", SQL / dialect / "rule.sql"])
