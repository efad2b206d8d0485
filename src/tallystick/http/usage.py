"""How often a token was used, hour by hour.  Not Fastly's: a path and a shape of our own."""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import revoke
from tallystick.core.errors import Invalid
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.usage import Usage, added
from tallystick.http.queries import instant, read, require_known
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import stamp

_HOURS: Final = 24
_DAYS_MAX: Final = 31
QUERIES: Final = (
    instant("since", f"From the hour of this instant on; if not said, the last {_HOURS} hours up to `until`."),
    instant("until", f"Before this instant, at most {_DAYS_MAX} days later; now, if not said."),
)


class UsageHour(msgspec.Struct):
    """One hour, by when it began.  `allowed`: how often the token was let in.  The rest: how often not, and why.

    `expired`, `revoked`: it was over.  `locked`: its user was.  `scope`, `service`: `/check` said no to that question.
    `limited`: a limit of its own did.
    """

    hour: str
    allowed: int
    expired: int
    revoked: int
    locked: int
    scope: int
    service: int
    limited: int


class TokenUsage(msgspec.Struct):
    """What was counted of a token in the hours from `since` on, before `until`.  Hours without anything are left out."""

    token_id: str
    since: str
    until: str
    hours: list[UsageHour]


async def get_token_usage(ask: Ask) -> Response:
    """Get how often a token was used, hour by hour: one's own, or, as a superuser, one of the customer's.

    Also of a token that was revoked: who still tries it, shows here.  What other workers have counted comes at most a second
    later; counts are kept for 90 days.
    """
    since, until = _asked(ask)
    token_id = (await revoke.find_ever(ask.wiring.store.tokens, ask.caller, ask.token_id)).id
    found = await counted(ask, token_id, since=since, until=until)
    return json_answer(TokenUsage(token_id, _text(since), _text(until), [_shown(each) for each in found]))


async def counted(ask: Ask, token_id: str, *, since: int, until: int) -> list[Usage]:
    """What was counted of a token in the hours that began at `since` or later, before `until`; without empty ones."""
    uses = ask.wiring.uses
    if uses.writing is not None:
        with suppress(Exception):  # whoever writes tells; here it matters only on which side of the write we look
            await asyncio.shield(uses.writing)
    stored = await ask.wiring.store.usage.of_token(token_id, since=since, until=until)
    return added([*stored, *uses.unwritten(token_id, since=since, until=until)])


def _asked(ask: Ask) -> tuple[int, int]:
    """The hours that are asked for: they began at the first instant or later, and before the second."""
    require_known(ask.request, QUERIES)
    given = read(ask.request, QUERIES)
    until: int = given.get("until", ask.now)
    # Before 1970 nothing was counted, and before the year 1 nothing can be written.
    since = max(0, hour_of(given.get("since", until - 1 - (_HOURS - 1) * HOUR_MS)))
    if since >= until:
        raise Invalid("since must be before until", code="invalid_request")
    if until - since > _DAYS_MAX * 24 * HOUR_MS:
        raise Invalid(f"from since to until there are at most {_DAYS_MAX} days", code="invalid_request")
    return since, until


def _shown(usage: Usage) -> UsageHour:
    _, hour, *counts = msgspec.structs.astuple(usage)
    return UsageHour(_text(hour), *counts)


def _text(instant: int) -> str:
    return stamp(instant) or ""
