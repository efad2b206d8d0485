"""What a worker does beside answering."""

import asyncio
from collections.abc import Sequence

import pytest

from tallystick.cli.chores import Chores, forget, write_down, write_uses
from tallystick.core import receipts
from tallystick.core.changes import Heard
from tallystick.core.errors import Unavailable
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.outcome import OUTCOME_UNKNOWN
from tallystick.core.receipt import Receipt
from tallystick.core.receipts import Receipts
from tallystick.core.token import LastUse
from tallystick.core.usage import KEPT_MS, Once, Usage, added
from tallystick.core.use import Uses
from tallystick.identity import guess
from tallystick.storage.memory import MemoryEvents, MemoryGuesses, MemoryStore, MemoryTokens
from tallystick.storage.memory_changes import MemoryChanges
from tallystick.storage.memory_people import MemoryDirectory
from tallystick.testing import FakeClock
from tests.core.world import ACME, NOW, add, at, populated, token


class Away(MemoryTokens):
    """A store that is away for some writes, and says which it took."""

    def __init__(self, *, failures: int, code: str | None = None) -> None:
        self.failures = failures
        self.code = code
        self.asked: list[Once | None] = []
        self.took: list[str] = []
        self.counted: list[Usage] = []
        self.taken = asyncio.Event()

    async def touch(
        self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = (), *, once: Once | None = None
    ) -> None:
        self.asked.append(once)
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("away", code=self.code)
        self.took += [token_id for token_id, _ in uses]
        self.counted += usage
        self.taken.set()


class Slow(Away):
    """A store that writes when it is told to."""

    def __init__(self) -> None:
        super().__init__(failures=0)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def touch(
        self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = (), *, once: Once | None = None
    ) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().touch(uses, usage, once=once)


class Forgets(MemoryGuesses):
    """A log of guesses that tells when it was cleaned."""

    def __init__(self) -> None:
        write = MemoryEvents(MemoryChanges().publish).write
        super().__init__(MemoryDirectory(write), write)
        self.cleaned = asyncio.Event()

    async def forget_older(self, *, before: int) -> None:
        await super().forget_older(before=before)
        self.cleaned.set()


class Deaf(MemoryChanges):
    """A store that is away when it is to note who has heard."""

    async def note_heard(self, heard: Sequence[tuple[int, Heard]]) -> None:
        raise Unavailable("away")


async def with_a_change() -> MemoryStore:
    """A store with one change in it, of long ago."""
    store = MemoryStore()
    await store.people.add_customer(ACME, by=at(0))
    return store


def store_with(tokens: MemoryTokens | None = None, guesses: MemoryGuesses | None = None) -> MemoryStore:
    store = MemoryStore()
    store.tokens, store.guesses = tokens or store.tokens, guesses or store.guesses
    return store


def used(*token_ids: str) -> Uses:
    uses = Uses()
    for token_id in token_ids:
        uses.touch(token_id, at=1, ip=None, user_agent=None)
    return uses


async def test_uses_that_could_not_be_written_are_written_the_next_time() -> None:
    tokens, uses = Away(failures=1), used("a", "b")
    with pytest.raises(Unavailable):
        await write_uses(store_with(tokens), uses)
    uses.touch("c", at=2, ip=None, user_agent=None)

    await write_uses(store_with(tokens), uses)

    assert tokens.took == ["a", "b", "c"]
    assert added(tokens.counted) == [Usage(token_id, 0, allowed=1) for token_id in "abc"]


async def test_a_batch_of_which_nobody_knows_is_sent_again_as_it_is_and_then_what_came_since() -> None:
    tokens, uses = Away(failures=1, code=OUTCOME_UNKNOWN), used("a")
    with pytest.raises(Unavailable):
        await write_uses(store_with(tokens), uses)
    uses.touch("a", at=2, ip=None, user_agent=None)
    tokens.failures, tokens.code = 1, None
    with pytest.raises(Unavailable):  # this time it was not done; the first time is still unknown
        await write_uses(store_with(tokens), uses)

    await write_uses(store_with(tokens), uses)
    flushed_first = uses.flushed_at
    await write_uses(store_with(tokens), uses)

    first, second, third, fourth = tokens.asked
    assert first == second == third
    assert first is not None
    assert fourth == Once(first.writer, 2)
    assert tokens.counted == [Usage("a", 0, allowed=1)] * 2
    assert (flushed_first, uses.flushed_at is None) == (None, False)


async def test_counts_that_were_written_are_not_written_again() -> None:
    tokens, uses = Away(failures=0), used("a")
    await write_uses(store_with(tokens), uses)

    await write_uses(store_with(tokens), uses)

    assert tokens.counted == [Usage("a", 0, allowed=1)]


async def test_who_stops_waiting_for_a_batch_does_not_make_it_count_twice() -> None:
    tokens, uses = Slow(), used("a")
    writing = asyncio.create_task(write_uses(store_with(tokens), uses))
    await tokens.begun.wait()

    writing.cancel()
    await asyncio.wait([writing])
    under_way = uses.writing
    assert under_way is not None
    tokens.go_on.set()
    await under_way

    await write_uses(store_with(tokens), uses)
    assert tokens.counted == [Usage("a", 0, allowed=1)]


async def test_the_task_outlives_a_store_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    tokens = Away(failures=2)
    chores = Chores(store_with(tokens), used("a"), FakeClock())

    await asyncio.wait_for(tokens.taken.wait(), 30)

    assert tokens.took == ["a"]
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)] * 2
    await chores.finish()


async def test_after_each_round_it_is_measured_also_while_the_store_is_away_and_whatever_comes_of_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    measured, enough = list[int](), asyncio.Event()

    async def measure() -> None:
        measured.append(len(measured))
        if len(measured) == 2:
            enough.set()
        raise RuntimeError("no room for metrics")

    chores = Chores(store_with(Away(failures=9)), used("a"), FakeClock(), measure=measure)
    await asyncio.wait_for(enough.wait(), 30)

    await chores.finish()
    assert len(measured) >= 2
    assert "no room for metrics" in caplog.text


async def test_when_all_was_written_is_known_and_stays_while_the_store_is_away() -> None:
    uses = used("a")
    await write_uses(store_with(Away(failures=0)), uses)
    written = uses.flushed_at
    uses.touch("a", at=1, ip=None, user_agent=None)
    with pytest.raises(Unavailable):
        await write_uses(store_with(Away(failures=1)), uses)

    assert written is not None
    assert uses.flushed_at == written
    uses.flushed_at = None
    uses.take()
    uses.written()
    await write_uses(store_with(Away(failures=0)), uses)
    assert uses.flushed_at is not None, "there is nothing to write, which is as good"


async def test_what_was_used_last_is_written_before_the_end() -> None:
    tokens, uses = Away(failures=0), Uses()
    chores = Chores(store_with(tokens), uses, FakeClock())
    uses.touch("late", at=1, ip=None, user_agent=None)

    await chores.finish()

    assert tokens.took == ["late"]


async def test_a_store_that_is_away_does_not_hinder_the_end() -> None:
    await Chores(store_with(Away(failures=9)), used("a"), FakeClock()).finish()


async def test_receipts_are_written_with_the_uses_and_before_the_end() -> None:
    store, noted = await with_a_change(), Receipts()
    chores = Chores(store, Uses(), FakeClock(), noted)
    noted.note(Receipt(1, 2, 3), at=4)

    await chores.finish()

    kept = await store.changes.numbered(1)
    assert kept is not None
    assert kept.heard == Heard(4, 2, 3)


async def test_that_uses_cannot_be_written_does_not_hinder_receipts_nor_the_other_way_round() -> None:
    store, noted, uses = await with_a_change(), Receipts(), used("a")
    store.tokens = tokens = Away(failures=1)
    noted.note(Receipt(1, 2, 3), at=4)

    with pytest.raises(Unavailable):
        await write_down(store, uses, noted)

    kept = await store.changes.numbered(1)
    assert kept is not None
    assert kept.heard is not None
    store.changes, kept_changes = Deaf(), store.changes
    noted.note(Receipt(2, 2, 3), at=4)
    with pytest.raises(Unavailable):
        await write_down(store, uses, noted)
    assert tokens.took == ["a"]
    store.changes = kept_changes
    assert [seq for seq, _ in noted.take()] == [2]


async def test_receipts_are_kept_for_longer_than_what_followers_need() -> None:
    store, now = await with_a_change(), FakeClock().now()
    await store.people.rename_customer(ACME.id, name="Apex", by=at(now - receipts.KEPT_MS))

    await forget(store, now=now)

    assert [await store.changes.numbered(seq) is not None for seq in (1, 2)] == [False, True]
    assert (await store.changes.after(0)).gap


async def test_guesses_that_are_long_over_are_forgotten_and_others_are_not() -> None:
    guesses, clock = Forgets(), FakeClock()
    await guesses.note_failure(["old"], now=clock.now() - guess.KEPT_MS - 1)
    await guesses.note_failure(["recent"], now=clock.now() - guess.KEPT_MS + 1)
    chores = Chores(store_with(guesses=guesses), Uses(), clock)

    await asyncio.wait_for(guesses.cleaned.wait(), 30)

    assert await guesses.failures("old") is None
    assert await guesses.failures("recent") is not None
    await chores.finish()


async def test_hours_are_forgotten_but_not_the_one_in_which_another_nodes_clock_may_still_be() -> None:
    store, now = MemoryStore(), FakeClock().now()
    hour = hour_of(now)
    hours = [hour - 2 * HOUR_MS, hour - HOUR_MS, hour]
    for each in hours:
        await store.budgets.spend("somebody", hour=each)

    await forget(store, now=now)

    assert [await store.budgets.spend("somebody", hour=each) for each in hours] == [1, 2, 2]


async def test_counts_are_forgotten_after_ninety_days() -> None:
    store, now = await populated(MemoryStore()), NOW
    one = await add(store, token())
    hours = [hour_of(now - KEPT_MS) - HOUR_MS, hour_of(now - KEPT_MS), hour_of(now - KEPT_MS) + HOUR_MS]
    await store.tokens.touch([], [Usage(one.id, hour, allowed=1) for hour in hours])

    await forget(store, now=now)

    left = await store.usage.of_token(one.id, since=0, until=now)
    assert [each.hour for each in left] == hours[2:]
