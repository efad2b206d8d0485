"""What limits a token further, as fields of a form, and as people read it."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tallystick.core.errors import Invalid
from tallystick.core.limits import Limit, Limits
from tallystick.http import limiting
from tallystick.http.limiting import LimitsForm
from tallystick.http.times import stamp
from tallystick.web.forms import Form

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class Field(msgspec.Struct, frozen=True):
    """A limit in a form.  `kind`: how it is filled in, `lines`, `instant` or `count`; `example`: what can stand there."""

    label: str
    hint: str
    kind: str = "count"
    example: str = ""


FIELDS: Final[Mapping[Limit, Field]] = {
    Limit.NETWORKS: Field(
        "Networks", "From where it may be used: an address or a network on each line.", "lines", "192.0.2.0/24"
    ),
    Limit.RULES: Field(
        "Requests of your own API",
        "Methods and a path on each line; * is one segment, ** all below. Then it can do nothing else here but see and revoke itself.",
        "lines",
        "GET,POST /orders/*",
    ),
    Limit.PER_SECOND: Field("Requests a second", "Within one second of the clock."),
    Limit.PER_MINUTE: Field("Requests a minute", "Within one minute of the clock."),
    Limit.PER_DAY: Field("Requests a day", "From midnight, UTC."),
    Limit.USES: Field("Requests, ever", "With 1 it works once."),
    Limit.NOT_BEFORE: Field("Not before", "UTC.", "instant"),
}


def wished(form: Form, *, expires_at: int | None) -> Limits | None:
    """The limits that a form asks for; None for none.  Raises as `limiting.wished` does."""
    asked = LimitsForm(
        networks=_lines(form, Limit.NETWORKS),
        not_before=_instant(form),
        rules=_lines(form, Limit.RULES),
        per_second=_count(form, Limit.PER_SECOND),
        per_minute=_count(form, Limit.PER_MINUTE),
        per_day=_count(form, Limit.PER_DAY),
        uses=_count(form, Limit.USES),
        # Who ticked that beside an empty field wants nothing reported.
        shadow=[limit for limit in Limit if limit in form.all("shadow") and form.has(limit)],
    )
    return limiting.wished(asked, expires_at=expires_at)


def filled_in(limits: Limits | None) -> Form:
    """The form that asks for these."""
    limits = limits or Limits()
    fields = {limit.value: [_said(limits, limit)] for limit in Limit if limits.has(limit)}
    return Form({**fields, "shadow": list(limits.shadow)})


class Told(msgspec.Struct, frozen=True):
    """A limit that a token has.  `text`: a line each; of an instant `at` instead, ms since the epoch."""

    label: str
    text: str
    at: int | None
    only_reports: bool


def told(limits: Limits | None) -> list[Told]:
    """Those that there are."""
    if limits is None:
        return []
    return [
        Told(
            field.label,
            _said(limits, limit),
            limits.not_before if limit is Limit.NOT_BEFORE else None,
            limit in limits.shadow,
        )
        for limit, field in FIELDS.items()
        if limits.has(limit)
    ]


def _said(limits: Limits, limit: Limit) -> str:
    value: tuple[str, ...] | int = getattr(limits, limit)
    if isinstance(value, tuple):
        return "\n".join(value)
    return (stamp(value) or "").removesuffix("Z") if limit is Limit.NOT_BEFORE else str(value)


def _lines(form: Form, limit: Limit) -> list[str]:
    # Not splitlines: it splits also where a path may have a character of its own.
    return [line.strip() for line in _LINE_END.split(form.one(limit)) if line.strip()]


def _instant(form: Form) -> str | None:
    """What a field for day and time says, which is UTC here; browsers leave seconds out that are 0."""
    given = form.one(Limit.NOT_BEFORE)
    if not given:
        return None
    given = given.removesuffix("Z")  # where there is no such field, people write it out
    return f"{given}:00Z" if given.count(":") == 1 else f"{given}Z"


def _count(form: Form, limit: Limit) -> int | None:
    given = form.one(limit)
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= 10):
        raise Invalid(f"{FIELDS[limit].label}: write a whole number, or nothing")
    return int(given)
