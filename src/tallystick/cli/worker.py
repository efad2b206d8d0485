"""What one worker process does, from its start to its end: the application, and what lives around it."""

import asyncio
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY
from msgspec.structs import replace

from tallystick.cli.chores import Chores
from tallystick.cli.clock import SystemClock
from tallystick.cli.keyfile import load_keys
from tallystick.cli.scratch import RATES
from tallystick.cli.settings import Hashing, Scraping
from tallystick.core.admission import Admission
from tallystick.core.budget import Budget
from tallystick.core.errors import TallystickError
from tallystick.core.ports import Store
from tallystick.core.proxies import Proxies
from tallystick.core.rates import LocalRates
from tallystick.core.secret import digester
from tallystick.core.use import Uses
from tallystick.http import guards
from tallystick.http.app import build_front
from tallystick.http.following import Memory
from tallystick.http.routes import Wiring
from tallystick.http.rsgi import Exchange, Scope
from tallystick.identity.accounts import Accounts
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords
from tallystick.identity.proof import InThread, Prover
from tallystick.storage import open_store
from tallystick.storage.rates import SharedRates
from tallystick.web.app import console

if TYPE_CHECKING:
    from tallystick.http.measuring import Measuring

_log = logging.getLogger(__name__)
HASHES_AT_ONCE: Final = 2  # each takes 64 MiB and one core
GUARDS: Final = {Scraping.OFF: guards.nobody, Scraping.TOKEN: guards.operator, Scraping.OPEN: guards.anyone}
PARAMETERS: Final = {Hashing.STANDARD: RFC_9106_LOW_MEMORY, Hashing.CHEAPEST: CHEAPEST}


class Plan(msgspec.Struct, frozen=True):
    """What a worker is told; it travels to another process, so the keys are not in it.

    `shared`: the directory in which the workers count together; None: each for itself.  `replica`: empty = none.
    `trusted_proxies`: networks, as CIDR.
    """

    database: str
    key_file: Path
    hashing: Hashing
    writes_per_hour: int
    metrics: Scraping = Scraping.OFF
    shared: Path | None = None
    replica: str = ""
    trusted_proxies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Plan(…)"  # the URLs may hold passwords


class Started(msgspec.Struct, frozen=True):
    """A worker tells its parent that it is about to listen, or why it cannot (`failure`)."""

    failure: str | None


def load(plan: Plan, parent: Connection, *, number: int) -> Any:  # as Granian wants it: callable, or with `__rsgi__`
    """The application, in the worker's process.  Nothing is opened yet: that needs the running loop.

    `number`: which of the workers it is, from 1; who takes a dead one's place has its number.
    """
    _let_requests_gather()  # before there are other threads, which do as this one does
    return Worker(plan, parent, number)


class Worker:
    """One process's share of the service: an RSGI application, which Granian tells when its loop begins and ends."""

    def __init__(self, plan: Plan, parent: Connection, number: int) -> None:
        self._plan = plan
        self._number = number
        self._parent = parent
        self._pool = ThreadPoolExecutor(HASHES_AT_ONCE, "hash")
        self._answer: Callable[[Scope, Exchange], Awaitable[None]]
        self._finish: Callable[[], Awaitable[None]]

    def __rsgi__(self, scope: Scope, exchange: Exchange) -> Awaitable[None]:
        return self._answer(scope, exchange)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Before it listens.  Where that fails the process ends here, and the parent says why."""
        try:
            loop.run_until_complete(self._start())
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent waits for a word
            if not isinstance(error, TallystickError):
                _log.error("a worker could not start", exc_info=error)
            self._parent.send(Started(str(error) or type(error).__name__))
            sys.exit(1)
        self._parent.send(Started(None))

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """When all requests have been answered."""
        loop.run_until_complete(self._finish())
        self._pool.shutdown()

    async def _start(self) -> None:
        _follow_parent()
        keys = load_keys(self._plan.key_file)
        store = await open_store(self._plan.database, replica=self._plan.replica or None)
        uses, clock = Uses(), SystemClock()
        measuring = _measuring(self._plan, self._number)
        wiring = wire(store, keys, uses, clock, self._plan, partial(_run_in, self._pool), measuring)
        wiring = replace(
            wiring,
            scraping=GUARDS[self._plan.metrics],
            proxies=Proxies(self._plan.trusted_proxies),
        )
        await wiring.memory.start()
        measure = partial(measuring.copy, wiring)
        await measure()
        self._answer = build_front(wiring, console(wiring)).__rsgi__
        chores = Chores(store, uses, clock, wiring.receipts, wiring.admission.shadows, measure)
        self._finish = partial(_finish, chores, wiring.memory, store)


async def _finish(chores: Chores, memory: Memory, store: Store) -> None:
    await chores.finish()
    await memory.finish()
    await store.close()


def wire(
    store: Store,
    keys: Keys,
    uses: Uses,
    clock: SystemClock,
    plan: Plan,
    in_thread: InThread,
    measuring: "Measuring",
) -> Wiring:
    """What the handlers work with."""
    passwords = Passwords(PARAMETERS[plan.hashing])
    prover = Prover(
        store.people,
        store.guesses,
        clock=clock,
        keys=keys,
        passwords=passwords,
        in_thread=in_thread,
        slot=asyncio.Semaphore(HASHES_AT_ONCE),
    )
    accounts = Accounts(store.people, keys=keys, passwords=passwords, in_thread=in_thread)
    budget = Budget(store.budgets, limit=plan.writes_per_hour)
    memory = Memory(store.tokens, store.changes)
    rates = LocalRates() if plan.shared is None else SharedRates.open(plan.shared / RATES)
    admission = Admission(store.limits, rates)
    digest = digester(keys.digests)
    return Wiring(store, clock, uses, digest, prover, accounts, budget, memory, admission, keys, measuring)


def _let_requests_gather() -> None:
    """When a thread of this process has something for another, let it go on with the next before the other begins.

    A request goes through three threads.  Else Linux takes the processor from one for the next at each, and gives it back a
    moment later: on one core that was two fifths of all the time.  Whoever said how we are to be scheduled is not contradicted.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _measuring(plan: Plan, number: int) -> "Measuring":
    # Here, not above: see `Wiring`.
    from tallystick.http.exposition import Exposition, Place
    from tallystick.http.measuring import Measuring

    return Measuring(Exposition(None if plan.shared is None else Place(plan.shared, number)))


def _follow_parent() -> None:
    """End when the parent ends, however that happened: an orphan would keep the port and answer from it."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is started by multiprocessing"
    loop, sentinel = asyncio.get_running_loop(), parent.sentinel

    def orphaned() -> None:
        loop.remove_reader(sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(sentinel, orphaned)


def _run_in(pool: ThreadPoolExecutor, call: Any, /, *args: Any) -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().run_in_executor(pool, call, *args)
