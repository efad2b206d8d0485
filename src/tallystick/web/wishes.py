"""What people ask for in the form of a new token: what each field means, and the wish that they make together."""

from datetime import UTC, date, datetime, time
from typing import Final

import msgspec

from tallystick.core import scopes
from tallystick.core.errors import Invalid
from tallystick.core.issue import Wish
from tallystick.core.people import Role
from tallystick.core.scope import MEANINGS, VERIFY
from tallystick.core.scopes import Catalogue
from tallystick.web import limits
from tallystick.web.charts import DAY_MS
from tallystick.web.forms import Form

PRESETS: Final = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
DEFAULT_PRESET: Final = "30"


class Word(msgspec.Struct, frozen=True):
    """A word of a scope, and what it lets a token do."""

    word: str
    meaning: str


def words(role: Role) -> tuple[Word, ...]:
    """Those that somebody with this role may ask for."""
    return tuple(Word(*each) for each in MEANINGS.items() if each[0] != VERIFY or role is Role.SUPERUSER)


def own_words(catalogue: Catalogue, role: Role) -> tuple[Word, ...]:
    """The same of those that are not built in."""
    return tuple(Word(each.name, _meaning(each)) for each in catalogue.scopes if each.is_for(role))


def wish(form: Form, catalogue: Catalogue, *, by: Role, now: int) -> Wish:
    """The token that a form asks for.  `by`: the role of who asks.

    Raises `Invalid` for what does not fit together, and what the core raises for scopes and limits; the rest it checks later.
    """
    if not form.has("name"):
        raise Invalid("Give it a name: you will know it by that when you have many")
    if not form.all("scope"):
        raise Invalid("Choose at least one scope")
    expires_at = _expires_at(form, now)
    return Wish(
        name=form.one("name"),
        scope=scopes.wished(" ".join(form.all("scope")), catalogue, by=by),
        services=_services(form),
        expires_at=expires_at,
        limits=limits.wished(form, expires_at=expires_at),
    )


def _meaning(defined: scopes.Defined) -> str:
    included = f"Includes {', '.join(defined.includes)}." if defined.includes else ""
    return " ".join(filter(None, (defined.description, included)))


def _services(form: Form) -> tuple[str, ...]:
    ticked = tuple(dict.fromkeys((*form.all("services"), *form.one("service_ids").split())))
    match form.one("reach"):
        case "all" if not ticked:
            return ()
        case "some" if ticked:
            return ticked
        case "some":
            raise Invalid("Tick the services that it is for, or choose all of them")
        case _:
            # Which of the two was meant must never be a guess.
            raise Invalid("You ticked services, and chose all of them: choose “only these”, or tick none")


def _expires_at(form: Form, now: int) -> int | None:
    ends = form.one("ends")
    if ends == "never":
        return None
    if ends in PRESETS:
        return now + int(ends) * DAY_MS
    try:
        day = date.fromisoformat(form.one("on"))
    except ValueError as error:
        raise Invalid("Choose the day on which it ends") from error
    # Its last second: what ends "on Friday" is expected to work on Friday, and to say so.
    return int(datetime.combine(day, time(23, 59, 59), UTC).timestamp()) * 1000
