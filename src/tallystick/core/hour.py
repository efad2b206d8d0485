"""The hour of the clock: it begins at :00, for everybody."""

from typing import Final

HOUR_MS: Final = 60 * 60 * 1000


def hour_of(now: int) -> int:
    """When the hour of this instant began; both ms since the epoch."""
    return now - now % HOUR_MS
