"""How often a token was used, as bars: what a template needs to draw them."""

import msgspec

from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.token import Token
from tallystick.core.usage import COUNTED, Usage
from tallystick.http.routes import Ask
from tallystick.http.usage import counted
from tallystick.web.words import counted as said

DAY_MS = 24 * HOUR_MS
_HEIGHT = 40


class Bar(msgspec.Struct, frozen=True):
    """What was counted in one hour or day, from `at` on, and how high that is drawn."""

    at: int
    allowed: int
    refused: int
    height: float
    refused_height: float


class Chart(msgspec.Struct, frozen=True):
    """Bars from the oldest to the newest, and the same in words.  `unit`: what one bar stands for."""

    bars: tuple[Bar, ...]
    unit: str
    allowed: int
    refused: int

    @property
    def label(self) -> str:
        """For who cannot see it."""
        span = f"the last {len(self.bars)} {self.unit}s"
        if not self.allowed and not self.refused:
            return f"Not used in {span}"
        refused = f", {self.refused:,} refused" if self.refused else ""
        most = max(self.bars, key=lambda bar: bar.allowed + bar.refused)
        return (
            f"{said(self.allowed, 'use')} in {span}{refused}; most in one {self.unit}: {most.allowed + most.refused:,}"
        )


async def of_day(ask: Ask, token: Token) -> Chart:
    """The last 24 hours."""
    return await _chart(ask, token, step=HOUR_MS, count=24, unit="hour")


async def of_month(ask: Ask, token: Token) -> Chart:
    """The last 30 days, UTC."""
    return await _chart(ask, token, step=DAY_MS, count=30, unit="day")


async def _chart(ask: Ask, token: Token, *, step: int, count: int, unit: str) -> Chart:
    newest = hour_of(ask.now) if step == HOUR_MS else ask.now - ask.now % step
    since = newest - (count - 1) * step
    found = await counted(ask, token.id, since=since, until=newest + step)
    allowed, refused = [0] * count, [0] * count
    for usage in found:
        allowed[(usage.hour - since) // step] += usage.allowed
        refused[(usage.hour - since) // step] += _refused(usage)
    highest = max(1, *map(int.__add__, allowed, refused))
    bars = tuple(_bar(since + n * step, allowed[n], refused[n], highest) for n in range(count))
    return Chart(bars, unit, sum(allowed), sum(refused))


def _refused(usage: Usage) -> int:
    total: int = sum(getattr(usage, name) for name in COUNTED)
    return total - usage.allowed


def _bar(at: int, allowed: int, refused: int, highest: int) -> Bar:
    # What was used at all is seen, be it ever so little beside the rest.
    height, low = ((max(1.5, _HEIGHT * each / highest) if each else 0) for each in (allowed, refused))
    return Bar(at, allowed, refused, round(height, 1), round(low, 1))
