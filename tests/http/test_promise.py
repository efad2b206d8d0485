"""The promise, in every order that chance comes up with: once a revocation has settled, no memory accepts the token.

Two processes' memories over one store, with the real driver.  Before and after each question to the store, and at each pause,
everybody waits until the schedule lets them go on; between two steps the clock may jump ahead.  The rules of the protocol are
then broken one by one: if a schedule did not find that, finding nothing would mean nothing.
"""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tallystick.core.caller import Reach
from tallystick.core.changes import Change
from tallystick.core.ports import Seen
from tallystick.core.receipt import LEASE_MS, MARGIN_MS, RENEW_MS
from tallystick.core.secret import Secret, digester
from tallystick.core.verifier import Verifier, Whose
from tallystick.http.following import Memory
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, NOW, add, at, populated, token

SCHEDULES = 400
STEPS = 250
SECRET = Secret.mint()
DIGEST = digester(bytes(32))(SECRET)
ONE = token()


class Schedule:
    """Who may go on, and what time it is, is for `random` to say."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0
        self.waiting: list[asyncio.Future[None]] = []
        self.still: asyncio.Future[None] | None = None
        self.still_for = 0

    def steady(self) -> int:
        return self.now

    async def turn(self, _seconds: float = 0) -> None:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        await future

    async def run(self, steps: int, *, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(steps):
            await _idle()
            if until():
                return
            if self.random.random() < 0.04:
                self.now += self.random.choice([1, 50, RENEW_MS, LEASE_MS - MARGIN_MS, LEASE_MS])
            self._let_one_go_on()

    def _let_one_go_on(self) -> None:
        """Often one stands still for a while, as a process that was stopped: what goes wrong takes several steps of others."""
        if self.still_for > 0:
            self.still_for -= 1
        elif self.waiting:
            self.still, self.still_for = self.random.choice(self.waiting), self.random.randrange(40)
        ready = [each for each in self.waiting if each is not self.still or self.still_for == 0]
        if ready:
            chosen = self.random.choice(ready)
            self.waiting.remove(chosen)
            chosen.set_result(None)


class Gated:
    """A part of a store, as it is reached over a network: every question takes time on its way, and on its way back."""

    def __init__(self, part: Any, schedule: Schedule) -> None:
        self._part = part
        self._schedule = schedule

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def gated(*args: Any, **more: Any) -> Any:
            await self._schedule.turn()
            answer = await method(*args, **more)
            await self._schedule.turn()
            return answer

        return gated


class KeepsWhatWasReadBefore(Verifier[Seen]):
    def is_current(self, whose: Whose | None, *, as_of: int) -> bool:
        return True


class UsesALeaseAtOnce(Memory):
    async def _renew(self) -> None:
        noted = self._steady()
        await self._changes.lease(self._id, acked=self.verifier.applied, lasts_ms=LEASE_MS)
        self.verifier.hold(until=noted + LEASE_MS - MARGIN_MS)
        await self._catch_up()
        self._renew_at = noted + RENEW_MS


class SaysItHasHeardBeforeItHas(Memory):
    async def _catch_up(self) -> None:
        news = await self._changes.after(self.verifier.applied)
        await self._changes.ack(self._id, news.upto)
        self.verifier.hear(news.changes, upto=news.upto)


class CountsALeaseFromItsArrival(Memory):
    async def _renew(self) -> None:
        await self._changes.lease(self._id, acked=self.verifier.applied, lasts_ms=LEASE_MS)
        await self._catch_up()
        self.verifier.hold(until=self._steady() + LEASE_MS - MARGIN_MS)
        self._renew_at = self._steady() + RENEW_MS


class SharesWhatWasReadBefore(Memory):
    def _still_holds(self, found: Any) -> bool:
        return True


class HearsNothing(Verifier[Seen]):
    def hear(self, changes: Any, *, upto: int) -> None:
        del changes
        super().hear(list[Change](), upto=upto)


async def accepted_after_it_settled(
    seed: int, memory: type[Memory] = Memory, verifier: type[Verifier[Seen]] = Verifier
) -> bool:
    """Whether, in this schedule, a memory still had the token when its revocation had settled."""
    schedule = Schedule(seed)
    store = await populated(MemoryStore(steady=schedule.steady))
    await add(store, ONE, SECRET)
    memories = [
        memory(
            Gated(store.tokens, schedule), Gated(store.changes, schedule), steady=schedule.steady, pause=schedule.turn
        )
        for _ in range(2)
    ]
    for each in memories:
        each.verifier = verifier()
    revoked = asyncio.Event()

    accepted: list[Memory] = []

    async def ask(each: Memory) -> None:
        while True:
            was_revoked = revoked.is_set()
            seen = await each.look_up(DIGEST)
            if was_revoked and seen is not None and seen.token.revoked_at is None:
                accepted.append(each)
            await schedule.turn()

    async def revoke() -> None:
        for _ in range(schedule.random.randrange(40)):
            await schedule.turn()
        await Gated(store.tokens, schedule).revoke(ONE.id, reach=Reach(ACME.id, None), by=at(NOW, request_id="r"))
        await memories[0].settle("r", since=0)
        revoked.set()

    askers = [_started(each, lambda each: asyncio.gather(*(ask(each) for _ in range(3)))) for each in memories]
    tasks = [asyncio.create_task(each) for each in (*askers, revoke())]
    await schedule.run(STEPS, until=revoked.is_set)
    broken = False
    if revoked.is_set():
        tasks += [asyncio.create_task(ask(each)) for each in memories]
        for _ in range(60):
            broken = broken or any(each.verifier.recall(DIGEST, schedule.now) is not None for each in memories)
            await schedule.run(1)
    broken = broken or bool(accepted)
    for task in [*tasks, *(each._task for each in memories if each._task is not None)]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return broken


async def _started(memory: Memory, then: Callable[[Memory], Awaitable[Any]]) -> None:
    await memory.start()
    await then(memory)


async def _idle() -> None:
    """Let everybody go on who can."""
    for _ in range(6):
        await _now()


def _now() -> Awaitable[None]:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    return future


async def test_in_no_schedule_is_a_token_accepted_after_its_revocation_has_settled() -> None:
    assert [seed for seed in range(SCHEDULES) if await accepted_after_it_settled(seed)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"verifier": KeepsWhatWasReadBefore},
        {"verifier": HearsNothing},
        {"memory": UsesALeaseAtOnce},
        {"memory": SaysItHasHeardBeforeItHas},
        {"memory": SharesWhatWasReadBefore},
        {"memory": CountsALeaseFromItsArrival},
    ],
    ids=lambda broken: next(iter(broken.values())).__name__,
)
async def test_each_rule_that_is_broken_breaks_the_promise(broken: dict[str, Any]) -> None:
    for seed in range(SCHEDULES):
        if await accepted_after_it_settled(seed, **broken):
            return
    pytest.fail("no schedule found it")
