"""Distances in time as people say them."""

import pytest

from tallystick.web.words import distance
from tests.core.world import DAY, MINUTE, NOW

HOUR = 60 * MINUTE


@pytest.mark.parametrize(
    "away, said",
    [
        (0, "just now"),
        (-4_900, "just now"),
        (-6_000, "6 seconds ago"),
        (59_000, "in 59 seconds"),
        (59_600, "in 1 minute"),
        (-59 * MINUTE, "59 minutes ago"),
        (-HOUR, "1 hour ago"),
        (36 * HOUR, "in 36 hours"),
        (47 * HOUR, "in 47 hours"),
        (2 * DAY, "in 2 days"),
        (30 * DAY - 1, "in 30 days"),
        (59 * DAY, "in 59 days"),
        (90 * DAY, "in 3 months"),
        (365 * DAY, "in 12 months"),
        (-730 * DAY, "2 years ago"),
    ],
)
def test_a_distance_is_told_in_a_unit_that_says_enough(away: int, said: str) -> None:
    assert distance(NOW + away, NOW) == said
