"""Instants: written as Fastly writes them, read in every way that its clients do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.http.times import exact_stamp, offset_stamp, read_instant, stamp

MOMENT = 1_770_091_506_000  # 2026-02-03T04:05:06Z
FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp() * 1000)
LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000) + 999
INSTANTS = st.integers(FIRST + 1000, LAST)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T04:05:06Z",
        "2026-02-03t04:05:06z",
        "2026-02-03 04:05:06Z",
        "2026-02-03 04:05:06 UTC",
        "2026-02-03T04:05:06.999999999Z",
        "2026-02-03T04:05:06+00:00",
        "2026-02-03T04:05:06-00:00",
        "2026-02-03T06:05:06+02:00",
        "2026-02-02T23:35:06-04:30",
        "2026-02-03T04:05:06+0000",
        " 2026-02-03T04:05:06Z\n",
    ],
)
def test_one_instant_in_all_its_spellings(text: str) -> None:
    assert read_instant(text) == MOMENT


@pytest.mark.parametrize(
    "fraction, milliseconds", [("", 0), (".7", 700), (".78", 780), (".789", 789), (".7899999999", 789), (".0", 0)]
)
def test_an_exact_instant_has_its_milliseconds(fraction: str, milliseconds: int) -> None:
    assert read_instant(f"2026-02-03T04:05:06{fraction}Z", exact=True) == MOMENT + milliseconds


@given(INSTANTS)
def test_what_is_written_exactly_is_read_as_it_was(instant: int) -> None:
    assert read_instant(exact_stamp(instant), exact=True) == instant


def test_a_leap_second_is_the_first_instant_of_what_follows() -> None:
    assert read_instant("2016-12-31T23:59:60Z") == read_instant("2017-01-01T00:00:00Z")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0001-01-01T02:00:00+02:00", "0001-01-01 00:00:00 UTC"])
def test_the_zero_time_of_go_means_never(text: str) -> None:
    assert read_instant(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026", "2026-02-03", "2026-02-03T04:05Z", "2026-02-03T04:05:06", "1770091506", "1770091506000"),
        *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-02-03T24:00:00Z", "2026-02-03T04:60:00Z"),
        *(
            "2026-02-03T04:05:61Z",
            "2026-02-03T04:05:06+24:00",
            "2026-02-03T04:05:06+99:00",
            "2026-02-03T04:05:06+01:60",
        ),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z"),
        *("٢٠٢٦-02-03T04:05:06Z", "2026-02-03T04:05:06Zx", "2026-02-03T04:05:06,5Z", "2026-02-03  04:05:06Z"),
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_instant(text)

    assert "timedelta" not in str(caught.value), "the sentence is for whoever sent it"


@given(INSTANTS)
def test_what_is_written_reads_back_as_its_whole_second(instant: int) -> None:
    whole = instant // 1000 * 1000

    assert read_instant(stamp(instant) or "") == whole
    assert read_instant(offset_stamp(instant)) == whole


@given(INSTANTS)
def test_a_stamp_has_twenty_characters_and_an_offset_stamp_twenty_five(instant: int) -> None:
    assert len(stamp(instant) or "") == 20
    assert (stamp(instant) or "")[:-1] + "+00:00" == offset_stamp(instant)


def test_no_instant_has_no_stamp() -> None:
    assert stamp(None) is None


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.integers(-23 * 60 - 59, 23 * 60 + 59))  # noqa: DTZ001 - the offset comes with the other strategy
def test_every_offset_is_read(local: datetime, minutes: int) -> None:
    moment = local.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))

    assert read_instant(moment.isoformat()) == int(
        (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    )


@given(st.text() | st.from_regex(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]| UTC|[+-]\d\d:?\d\d)"))
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    try:
        instant = read_instant(text)
    except ValueError:
        return
    assert instant is None or FIRST < instant <= LAST
