"""Instants, durations and numbers, as people say them.  The browser says them again in its own language (static/console.js)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from markupsafe import Markup

from tallystick.core.issue import is_session
from tallystick.core.token import Token
from tallystick.http.times import stamp

SOON_MS: Final = 14 * 24 * 3600 * 1000
# Up to how many of a unit are told in it, and how many make one of the next: "in 30 days" says more than "in 1 month".
_STEPS: Final = (
    (60, 60, "second"),
    (60, 60, "minute"),
    (48, 24, "hour"),
    (60, 30.44, "day"),
    (24, 12, "month"),
    (10**9, 1, "year"),
)


def distance(instant: int, now: int) -> str:
    """`in 9 days`, `3 minutes ago`, `just now`; both in ms since the epoch."""
    amount = abs(instant - now) / 1000
    if amount < 5:
        return "just now"
    unit = ""
    for most, size, unit in _STEPS:  # noqa: B007 - what it ends with is used
        if amount < most - 0.5:
            break
        amount /= size
    count = round(amount)
    said = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {said}" if instant > now else f"{said} ago"


def exact(instant: int) -> str:
    """`2026-02-03 04:05:06 UTC`."""
    return (stamp(instant) or "").replace("T", " ").replace("Z", " UTC")


def ago(instant: int | None, now: int, never: str = "never") -> Markup:
    """The distance as a `<time>` that also says the instant itself."""
    return _time(instant, never, lambda at: distance(at, now), "relative")


def at(instant: int | None, never: str = "never") -> Markup:
    """The instant itself."""
    return _time(instant, never, exact, "exact")


def day(instant: int) -> Markup:
    """Its day."""
    return _time(instant, "", lambda at: exact(at)[:10], "day")


def urgency(token: Token, now: int) -> str:
    """How the end of a token is shown: `over`, `soon`, or nothing."""
    if token.expires_at is None:
        return ""
    if token.is_expired(now):
        return "over"
    if is_session(token):
        return ""  # it ends soon, as it is meant to
    return "soon" if token.expires_at - now < SOON_MS else ""


def program(user_agent: str | None) -> str:
    """The first product of a user agent, or the browser that it is: what people know it by."""
    if not user_agent:
        return "an unknown program"
    for sign, name in _BROWSERS.items():
        if sign in user_agent:
            return name
    return user_agent.split(" ")[0][:60]


_BROWSERS: Final = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}


def counted(number: int, what: str) -> str:
    """`1 token`, `2,000 tokens`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "ago": ago,
    "at": at,
    "day": day,
    "urgency": urgency,
    "program": program,
    "counted": counted,
}


_HOW: Final = {"relative": "", "exact": Markup(" data-how=exact"), "day": Markup(" data-how=day")}


def _time(instant: int | None, never: str, say: Callable[[int], str], how: str) -> Markup:
    if instant is None:
        return Markup("<span>{}</span>").format(never)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        stamp(instant), exact(instant), _HOW[how], say(instant)
    )
