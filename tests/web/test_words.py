"""Distances in time as people say them."""

import re
from importlib.resources import files

import pytest

from tallystick.core.errors import Invalid, NotFound, TallystickError, Unprocessable
from tallystick.web.words import _STEPS, distance
from tallystick.web.wrong import words_of
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


def test_the_browser_tells_distances_by_the_same_steps() -> None:
    script = files("tallystick.web").joinpath("static/console.js").read_text(encoding="utf-8")
    table = re.search(r"const steps = \[(.*?)\n  \];", script, re.DOTALL)
    assert table is not None
    told = re.findall(r"\[(\w+), ([\d.]+), \"(\w+)\"\]", table[1])

    assert [(float(most), float(size), unit) for most, size, unit in told[:-1]] == list(_STEPS[:-1])
    assert told[-1] == ("Infinity", "1", _STEPS[-1][-1])


@pytest.mark.parametrize(
    "error, said",
    [
        (Unprocessable("expires_at must be in the future"), "The end must be in the future"),
        (Unprocessable("not_before must be before expires_at"), "The beginning must be before the end"),
        (Invalid("per_day must be from 1 to 9"), "The number of requests a day must be from 1 to 9"),
        (Invalid("login is missing"), "Give them a login"),
        (Invalid("no such service: per_day"), "no such service: per_day"),
        (Invalid("Nobody here has the login 'uses@example.com'"), "Nobody here has the login 'uses@example.com'"),
        (NotFound("Record not found", detail="Cannot find it"), "Record not found. Cannot find it"),
    ],
)
def test_errors_call_fields_as_pages_do_and_leave_what_people_typed(error: TallystickError, said: str) -> None:
    assert str(words_of(error, known=True)) == said
