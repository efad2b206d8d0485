"""The promise for verifiers inside other programs, in every order that chance comes up with (see `test_promise.py`).

Two far-away memories over two processes over one store.  They follow now the one and now the other, and look up wherever they come
to; each question takes time on its way, and on its way back.  Then the rules for them are broken one by one.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.changes import Change
from tallystick.core.errors import Unavailable
from tallystick.core.ports import Seen
from tallystick.core.sponsor import Sponsor, veil
from tallystick.core.verifier import Verifier, Whose
from tallystick.http.following import Granted, Memory
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, NOW, add, at, populated
from tests.http.test_promise import DIGEST, ONE, SECRET, Gated, Schedule

SCHEDULES = 300
STEPS = 500
VEILED = Whose(veil(ONE.id), veil(ONE.owner_id), veil(ONE.customer_id))


class Far:
    """A verifier inside another program."""

    def __init__(self, name: str, schedule: Schedule) -> None:
        self.name = name
        self.schedule = schedule
        self.verifier = Verifier[Seen]()
        self.acked: int | None = None

    async def follow(self, memories: list[Memory]) -> None:
        while True:
            memory = self.schedule.random.choice(memories)
            noted = self.schedule.now
            await self.schedule.turn()
            asked_at = self.schedule.now
            try:
                if self.acked is not None:
                    await memory.confirm(self.name, self.acked)
                granted = await memory.grant(self.name, self.acked, asked_at=asked_at)
            except Unavailable:
                continue
            await self.schedule.turn()
            self.take(granted, noted)

    def take(self, granted: Granted, noted: int) -> None:
        if granted.begin:
            self.verifier.begin(at=granted.upto)
        else:
            self.verifier.hear(granted.changes, upto=granted.upto)
        self.acked = self.verifier.applied
        self.verifier.hold(until=noted + granted.lease_ms)

    async def look_up(self, memories: list[Memory]) -> None:
        while True:
            memory = self.schedule.random.choice(memories)
            await self.schedule.turn()
            as_of = memory.verifier.applied
            seen = await memory.look_up(DIGEST)
            await self.schedule.turn()
            if seen is not None and seen.token.revoked_at is None:
                self.verifier.learn(DIGEST, seen, VEILED, as_of=as_of)


class CountsFromArrival(Far):
    def take(self, granted: Granted, noted: int) -> None:
        super().take(granted, self.schedule.now)


class SaysItHasHeardBeforeItHas(Far):
    def take(self, granted: Granted, noted: int) -> None:
        super().take(replace(granted, changes=()), noted)


class LearnsWhateverItIsTold(Far):
    def __init__(self, name: str, schedule: Schedule) -> None:
        super().__init__(name, schedule)
        self.verifier.is_current = lambda whose, *, as_of: True  # type: ignore[method-assign]


class NobodyIsWaitedFor(Sponsor):
    def heard(self, applied: int, *, steady: int) -> int:
        return applied


class TellsNothing(Sponsor):
    def after(self, acked: int, *, applied: int) -> tuple[Change, ...] | None:
        return ()


async def accepted_after_it_settled(
    seed: int, far: Callable[[str, Schedule], Far] = Far, sponsor: Callable[[], Sponsor] = Sponsor
) -> bool:
    """Whether, in this schedule, a memory far away still had the token when its revocation had settled."""
    schedule = Schedule(seed)
    store = await populated(MemoryStore(steady=schedule.steady))
    await add(store, ONE, SECRET)
    memories = [
        Memory(
            Gated(store.tokens, schedule), Gated(store.changes, schedule), steady=schedule.steady, pause=schedule.turn
        )
        for _ in range(2)
    ]
    for memory in memories:
        memory.sponsor = sponsor()
    fars = [far(f"far {n}", schedule) for n in range(2)]
    revoked = asyncio.Event()

    async def revoke() -> None:
        for _ in range(schedule.random.randrange(80)):
            await schedule.turn()
        await Gated(store.tokens, schedule).revoke(ONE.id, reach=Reach(ACME.id, None), by=at(NOW, request_id="r"))
        await memories[0].settle("r", since=0)
        revoked.set()

    work = [each.start() for each in memories]
    work += [step for each in fars for step in (each.follow(memories), each.look_up(memories))]
    tasks = [asyncio.create_task(each) for each in (*work, revoke())]
    await schedule.run(STEPS, until=revoked.is_set)
    broken = False
    if revoked.is_set():
        for _ in range(60):
            broken = broken or any(each.verifier.recall(DIGEST, schedule.now) is not None for each in fars)
            await schedule.run(1)
    for task in [*tasks, *(each._task for each in memories if each._task is not None)]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return broken


async def test_in_no_schedule_does_a_verifier_far_away_accept_what_was_answered_as_revoked() -> None:
    assert [seed for seed in range(SCHEDULES) if await accepted_after_it_settled(seed)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"far": CountsFromArrival},
        {"far": SaysItHasHeardBeforeItHas},
        {"far": LearnsWhateverItIsTold},
        {"sponsor": NobodyIsWaitedFor},
        {"sponsor": TellsNothing},
    ],
    ids=lambda broken: next(iter(broken.values())).__name__,
)
async def test_each_rule_that_is_broken_breaks_the_promise(broken: dict[str, Any]) -> None:
    for seed in range(SCHEDULES * 4):
        if await accepted_after_it_settled(seed, **broken):
            return
    pytest.fail("no schedule found it")
