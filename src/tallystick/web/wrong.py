"""What went wrong, in the words of a page: the API's own, but for those that are about its fields and its clients."""

import re
from typing import Final, NamedTuple

from tallystick.core.budget import OVER
from tallystick.core.errors import TallystickError
from tallystick.core.issue import SUDO_NEEDED
from tallystick.http.errors import STATUS
from tallystick.http.proving import CODE_WRONG, NOT_PROVEN
from tallystick.web.words import distance

_FIELDS: Final = {
    "expires_at": "the end",
    "not_before": "the beginning",
    "per_second": "the number of requests a second",
    "per_minute": "the number of requests a minute",
    "per_day": "the number of requests a day",
    "uses": "the number of requests, ever,",
}
# As the first word of a sentence, or its last: what people typed stands in quotes, or after a colon.
_FIELD: Final = re.compile(r"^(?:{0})(?= must | cannot )|(?<=must be before )(?:{0})$".format("|".join(_FIELDS)))


class Words(NamedTuple):
    """One sentence, and a second one if there is more to say; without their full stops."""

    title: str
    detail: str | None = None

    def __str__(self) -> str:
        return ". ".join(filter(None, self))


def status_of(error: TallystickError) -> int:
    """As the API has it, or the status of what it is a kind of."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def words_of(error: TallystickError, *, known: bool) -> Words:
    """What a page says of an error.  `known`: to somebody who has signed in."""
    if error.msg == SUDO_NEEDED:
        return Words("Confirm with your password that it is you")
    if error.code == CODE_WRONG:
        return Words("That one-time code does not fit", "Each one works once: wait for the next one")
    if error.msg == NOT_PROVEN:
        return Words("That is not your password" if known else "The login or the password is wrong")
    if error.msg == OVER:
        soon = distance(round((error.retry_after or 0) * 1000), 0)
        return Words("You have made all the changes that you may make in an hour", f"The next ones you can make {soon}")
    return Words(_named(error.msg), error.detail and _named(error.detail))


def _named(text: str) -> str:
    """The same, with fields called as pages call them."""
    if text == "login is missing":
        return "Give them a login"
    named = _FIELD.sub(lambda found: _FIELDS[found[0]], text)
    return named if named == text else named[0].upper() + named[1:]
