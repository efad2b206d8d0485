"""What a worker does beside answering: write down when tokens were used and who has heard of what, and forget what is long over."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from tallystick.core import receipts, usage
from tallystick.core.errors import Unavailable
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.outcome import OUTCOME_UNKNOWN
from tallystick.core.ports import Clock, Store
from tallystick.core.receipts import Receipts
from tallystick.core.shadow import Shadows
from tallystick.core.use import Batch, Uses
from tallystick.identity import guess
from tallystick.steady import steady

_log = logging.getLogger(__name__)
WRITE_USES_SECONDS: Final = 0.5  # invariant: a use is visible everywhere within a second
FORGET_SECONDS: Final = 3600
CHANGES_KEPT_MS: Final = 3_600_000  # for followers; receipts are kept by their own age


class Chores:
    """Both, in one task, until `finish`.  `measure`: what copies the metrics to where they are read, after each round."""

    def __init__(
        self,
        store: Store,
        uses: Uses,
        clock: Clock,
        noted: Receipts | None = None,
        shadows: Shadows | None = None,
        measure: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._measure = measure
        self._uses = uses
        self._noted = Receipts() if noted is None else noted
        self._shadows = Shadows() if shadows is None else shadows
        self._clock = clock
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def finish(self) -> None:
        """Stop, and write what has gathered since.  Call it when no more requests are answered."""
        self._over.set()
        await self._task
        try:
            for _ in range(2):  # the first may be a batch of before
                await write_down(self._store, self._uses, self._noted, self._shadows)
        except Unavailable:
            _log.warning("the store is away: when tokens were last used was not written down")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while not await self._is_over(within=WRITE_USES_SECONDS):
            try:
                await write_down(self._store, self._uses, self._noted, self._shadows)
                if loop.time() >= forget_at:
                    forget_at = loop.time() + FORGET_SECONDS
                    await forget(self._store, now=self._clock.now())
            except Unavailable:
                _log.warning("the store is away: uses are kept in memory until it is back")
            except Exception:  # noqa: BLE001 - see below
                # The next round may do better; without this task nothing would be written any more.
                _log.exception("a chore failed")
            await self._tell()

    async def _tell(self) -> None:
        try:
            if self._measure is not None:
                await self._measure()
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the metrics could not be written")

    async def _is_over(self, *, within: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), within)
        return self._over.is_set()


async def forget(store: Store, *, now: int) -> None:
    """Drop what no longer says anything.  The hour before this one is kept: another node's clock may still be in it."""
    await store.guesses.forget_older(before=now - guess.KEPT_MS)
    await store.budgets.forget_older(before=hour_of(now) - HOUR_MS)
    await store.usage.forget_older(before=now - usage.KEPT_MS)
    await store.changes.trim(before=now - CHANGES_KEPT_MS)
    await store.changes.trim_numbered(before=now - receipts.KEPT_MS)


async def write_down(store: Store, uses: Uses, noted: Receipts, shadows: Shadows | None = None) -> None:
    """Write what waits of all three, at the same time: they share a commit."""
    writing = (write_uses(store, uses), write_receipts(store, noted), write_shadows(store, shadows or Shadows()))
    ended = await asyncio.gather(*writing, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error


async def write_uses(store: Store, uses: Uses) -> None:
    """Write the uses that wait.  Whatever goes wrong, they are kept for the next time.

    To give up waiting does not stop the store: what becomes of the batch is noted when it is known, so that nothing is
    counted twice.
    """
    batch, began = uses.take(), steady()
    if batch.is_empty:
        uses.flushed_at = began
        return
    writing = uses.writing = asyncio.ensure_future(store.tokens.touch(batch.last, batch.usage, once=batch.once))
    writing.add_done_callback(partial(_note_end, uses, batch, began))
    await asyncio.shield(writing)


def _note_end(uses: Uses, batch: Batch, began: int, writing: "asyncio.Future[None]") -> None:
    uses.writing = None
    error = None if writing.cancelled() else writing.exception()
    if writing.cancelled() or (batch.again and error is not None) or _is_unknown(error):
        uses.lost(batch)
    elif error is not None:
        uses.failed()
    else:
        uses.written()
        if not batch.again:  # else it is of before
            uses.flushed_at = began


def _is_unknown(error: BaseException | None) -> bool:
    return isinstance(error, Unavailable) and error.code == OUTCOME_UNKNOWN


async def write_receipts(store: Store, noted: Receipts) -> None:
    """The same for what is known of who has heard."""
    batch = noted.take()
    if not batch:
        return
    try:
        await store.changes.note_heard(batch)
    except BaseException:
        noted.failed()
        raise
    noted.written()


async def write_shadows(store: Store, shadows: Shadows) -> None:
    """The same for what limits would have refused."""
    batch = shadows.take()
    if not batch:
        return
    try:
        await store.limits.report(batch)
    except BaseException:
        shadows.failed()
        raise
    shadows.written()
