"""How often within a second, a minute, a day: never more than the limit, in whatever process, and told exactly."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.core.rates import NO_LIMIT, LocalRates, Rates, ends_in
from tallystick.storage.rates import SharedRates

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2
ANY = (NO_LIMIT, NO_LIMIT, NO_LIMIT)


@pytest.fixture(params=["local", "shared"])
def rates(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rates]:
    if request.param == "local":
        yield LocalRates()
        return
    shared = SharedRates.open(tmp_path / "rates")
    yield shared
    shared.close()


def let_in(rates: Rates, at: int, most: tuple[int, int, int], token_id: str = "t") -> bool:
    return all(count < limit for count, limit in zip(rates.take(token_id, at=at, most=most), most, strict=True))


def test_what_was_before_is_told_of_each_window(rates: Rates) -> None:
    told = [rates.take("t", at=at, most=ANY) for at in (NOON, NOON + 999, NOON + 1000, NOON + 60_000, NOON + DAY)]

    assert told == [(0, 0, 0), (1, 1, 1), (0, 2, 2), (0, 0, 3), (0, 0, 0)]


@pytest.mark.parametrize(
    "window, most", [(0, (3, NO_LIMIT, NO_LIMIT)), (1, (NO_LIMIT, 3, NO_LIMIT)), (2, (NO_LIMIT, NO_LIMIT, 3))]
)
def test_so_many_are_let_in_and_no_more_until_the_window_ends(
    rates: Rates, window: int, most: tuple[int, int, int]
) -> None:
    assert [let_in(rates, NOON, most) for _ in range(5)] == [True, True, True, False, False]
    ends = NOON + ends_in(window, NOON)
    assert not let_in(rates, ends - 1, most)
    assert let_in(rates, ends, most)


def test_what_is_refused_takes_nothing_of_the_other_windows(rates: Rates) -> None:
    most = (1, 2, NO_LIMIT)

    assert [let_in(rates, NOON, most) for _ in range(9)] == [True] + [False] * 8
    assert let_in(rates, NOON + 1000, most)
    assert not let_in(rates, NOON + 2000, most)


def test_each_token_has_its_own(rates: Rates) -> None:
    most = (1, NO_LIMIT, NO_LIMIT)

    assert [let_in(rates, NOON, most, token_id=name) for name in ("a", "b", "a", "b")] == [True, True, False, False]


def test_a_clock_that_was_set_back_by_a_moment_gives_nothing_back(rates: Rates) -> None:
    most = (1, NO_LIMIT, NO_LIMIT)

    assert let_in(rates, NOON, most)
    assert not let_in(rates, NOON - 1, most)


def test_a_clock_that_was_far_ahead_locks_nobody_out(rates: Rates) -> None:
    most = (1, 1, 1)

    assert let_in(rates, NOON + 400 * DAY, most)
    assert let_in(rates, NOON, most)


def test_how_much_of_a_window_is_left() -> None:
    assert [ends_in(window, NOON + 1) for window in (0, 1, 2)] == [999, 59_999, DAY // 2 - 1]


def test_a_process_remembers_the_tokens_that_were_used_last() -> None:
    rates = LocalRates(most=2)
    for name in ("a", "b", "a", "c"):
        rates.take(name, at=NOON, most=ANY)

    assert [rates.take(name, at=NOON, most=ANY)[0] for name in ("a", "b")] == [2, 0]


def _take_all(path: Path, most: int, told: "multiprocessing.SimpleQueue[int]") -> None:
    shared = SharedRates.open(path)
    told.put(sum(let_in(shared, NOON, (NO_LIMIT, NO_LIMIT, most)) for _ in range(2000)))


def test_however_many_processes_ask_together_they_get_the_limit_exactly(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    asking = [spawn.Process(target=_take_all, args=(tmp_path / "rates", 4321, told)) for _ in range(4)]
    for process in asking:
        process.start()
    got = [told.get() for _ in asking]
    for process in asking:
        process.join()

    assert sum(got) == 4321


def _die_within(path: Path) -> None:
    shared = SharedRates.open(path)

    def die(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "_find", die)  # while it holds the lock
        shared.take("t", at=NOON, most=ANY)


def test_a_process_that_is_killed_keeps_nobody_out_and_takes_nothing_with_it(tmp_path: Path) -> None:
    shared = SharedRates.open(tmp_path / "rates")
    shared.take("t", at=NOON, most=ANY)
    killed = multiprocessing.get_context("spawn").Process(target=_die_within, args=(tmp_path / "rates",))
    killed.start()
    killed.join()

    assert killed.exitcode == -signal.SIGKILL
    assert shared.take("t", at=NOON, most=ANY) == (1, 1, 1)
    shared.close()


def test_when_there_is_no_room_the_one_that_was_used_longest_ago_begins_anew(tmp_path: Path) -> None:
    shared = SharedRates.open(tmp_path / "rates")
    count = 100_000
    for number in range(count):
        shared.take(str(number), at=NOON + number, most=ANY)

    assert shared.take(str(count - 1), at=NOON + count, most=ANY)[2] == 1
    assert shared.take("0", at=NOON + count, most=ANY)[2] == 0
    shared.close()


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    SharedRates.open(tmp_path / "rates").close()

    assert (tmp_path / "rates").stat().st_mode & 0o777 == 0o600
