"""How often a token was used, as bars: what a template needs to draw them."""

from collections.abc import Sequence

import msgspec

from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.token import Token
from tallystick.core.usage import COUNTED, Usage
from tallystick.http.routes import Ask
from tallystick.http.usage import counted
from tallystick.web.words import counted as said

DAY_MS = 24 * HOUR_MS
_HEIGHT = 40
_STEP = 4


class Chart(msgspec.Struct, frozen=True):
    """Bars from the oldest to the newest as paths of an SVG, and the same in words.

    `unit`: what one of the `count` bars stands for; `most`: the highest; `idle`: marks where there is nothing.
    """

    count: int
    unit: str
    allowed: int
    refused: int
    most: int
    allowed_path: str
    refused_path: str
    idle_path: str

    @property
    def width(self) -> int:
        """Of the picture."""
        return self.count * _STEP

    @property
    def label(self) -> str:
        """For who cannot see it."""
        span = f"the last {self.count} {self.unit}s"
        if not self.most:
            return f"Not used in {span}"
        refused = f", {self.refused:,} refused" if self.refused else ""
        return f"{said(self.allowed, 'use')} in {span}{refused}; most in one {self.unit}: {self.most:,}"


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
    most = max(map(int.__add__, allowed, refused))
    low = [_height(each, most) for each in allowed]
    high = [_height(each, most) for each in refused]
    idle = [0 if one or other else 1 for one, other in zip(low, high, strict=True)]
    paths = _path(low, [0] * count), _path(high, low), _path(idle, [0] * count)
    return Chart(count, unit, sum(allowed), sum(refused), most, *paths)


def _refused(usage: Usage) -> int:
    total: int = sum(getattr(usage, name) for name in COUNTED)
    return total - usage.allowed


def _height(count: int, most: int) -> float:
    # What was used at all is seen, be it ever so little beside the rest.
    return max(1.5, round(_HEIGHT * count / most, 1)) if count else 0


def _path(heights: Sequence[float], below: Sequence[float]) -> str:
    """Bars on top of others, all as one path: a tenth of what rectangles take."""
    bars = (
        f"M{n * _STEP} {_HEIGHT - under:g}v{-height:g}h3v{height:g}z"
        for n, (height, under) in enumerate(zip(heights, below, strict=True))
        if height
    )
    return "".join(bars)
