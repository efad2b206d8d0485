"""What a worker does beside answering."""

import asyncio
from collections.abc import Sequence

import pytest

from tallystick.cli.chores import Chores, forget, write_uses
from tallystick.core import budget
from tallystick.core.errors import Unavailable
from tallystick.core.token import LastUse
from tallystick.core.use import Uses
from tallystick.identity import guess
from tallystick.storage.memory import MemoryEvents, MemoryGuesses, MemoryStore, MemoryTokens
from tallystick.storage.memory_changes import MemoryChanges
from tallystick.storage.memory_people import MemoryDirectory
from tallystick.testing import FakeClock


class Away(MemoryTokens):
    """A store that is away for some writes, and says which it took."""

    def __init__(self, *, failures: int) -> None:
        self.failures = failures
        self.took: list[str] = []
        self.taken = asyncio.Event()

    async def touch(self, uses: Sequence[tuple[str, LastUse]]) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise Unavailable("away")
        self.took += [token_id for token_id, _ in uses]
        self.taken.set()


class Forgets(MemoryGuesses):
    """A log of guesses that tells when it was cleaned."""

    def __init__(self) -> None:
        write = MemoryEvents(MemoryChanges().publish).write
        super().__init__(MemoryDirectory(write), write)
        self.cleaned = asyncio.Event()

    async def forget_older(self, *, before: int) -> None:
        await super().forget_older(before=before)
        self.cleaned.set()


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


async def test_the_task_outlives_a_store_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    tokens = Away(failures=2)
    chores = Chores(store_with(tokens), used("a"), FakeClock())

    await asyncio.wait_for(tokens.taken.wait(), 30)

    assert tokens.took == ["a"]
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)] * 2
    await chores.finish()


async def test_what_was_used_last_is_written_before_the_end() -> None:
    tokens, uses = Away(failures=0), Uses()
    chores = Chores(store_with(tokens), uses, FakeClock())
    uses.touch("late", at=1, ip=None, user_agent=None)

    await chores.finish()

    assert tokens.took == ["late"]


async def test_a_store_that_is_away_does_not_hinder_the_end() -> None:
    await Chores(store_with(Away(failures=9)), used("a"), FakeClock()).finish()


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
    hour = budget.hour_of(now)
    hours = [hour - 2 * budget.HOUR_MS, hour - budget.HOUR_MS, hour]
    for each in hours:
        await store.budgets.spend("somebody", hour=each)

    await forget(store, now=now)

    assert [await store.budgets.spend("somebody", hour=each) for each in hours] == [1, 2, 2]
