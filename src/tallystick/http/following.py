"""Keeps one process's memory true: holds its lease, has it hear what changed, and waits for the others after a change of its own."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec

from tallystick.core.changes import Change, Changes
from tallystick.core.errors import Unavailable
from tallystick.core.known import Customers
from tallystick.core.ports import Seen, TokenStore
from tallystick.core.receipt import LEASE_MS, MARGIN_MS, RENEW_MS, Receipt, settle
from tallystick.core.secret import Digest, new_id
from tallystick.core.sponsor import Sponsor, veiled
from tallystick.core.verifier import FOREVER, Verifier, Whose
from tallystick.steady import steady

_log = logging.getLogger(__name__)
_WAITED_MAX: Final = 10_000
_LOOK_SECONDS: Final = 0.004  # to ask whether anything was written takes 2 µs


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251 - other processes' writes are no event here: they are looked for


class _Found(msgspec.Struct, frozen=True):
    """What a look-up read, and the change up to which that is all there was."""

    seen: Seen | None
    as_of: int


class Granted(msgspec.Struct, frozen=True):
    """A lease for one whom we speak for: it lasts so many ms from when it began to ask for it.

    `changes`: what it must forget before it uses it, which is all up to `upto`.  `begin`: everything.
    """

    upto: int
    changes: tuple[Change, ...]
    begin: bool
    lease_ms: int


class Memory:
    """What this process remembers of tokens, over a store.

    How it went is counted: where look-ups were answered (`recalled`, `looked_up`, `without_lease`, `shared`), `heard` changes,
    `lapses` of the lease, and how long those who changed something `waited` (ms, the last ones, for whoever takes them out).
    """

    def __init__(
        self,
        tokens: TokenStore,
        changes: Changes,
        *,
        steady: Callable[[], int] = steady,
        pause: Callable[[float], Awaitable[None]] = _pause,
    ) -> None:
        self.verifier = Verifier[Seen]()
        self.customers = Customers(self.verifier)
        self._steady = steady
        self._pause = pause
        self._tokens = tokens
        self._changes = changes
        self._id = new_id()
        self._under_way: dict[Digest, asyncio.Future[_Found | Unavailable | None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self.sponsor = Sponsor()
        self._news = asyncio.Event()
        self._said = 0
        self._renew_at = 0
        self._task: asyncio.Task[None] | None = None
        self.recalled = self.looked_up = self.without_lease = self.shared = 0
        self.heard = self.lapses = 0
        self.waited: deque[int] = deque(maxlen=_WAITED_MAX)

    async def look_up(self, digest: Digest) -> Seen | None:
        """What is behind a digest: from memory while the lease lasts, else from the store, and then remembered.

        Who asks for a digest that is being looked up waits for that, and takes it if it still holds then: it was read before
        they asked, so it is good for them only as memory is, while there is a lease and nothing was heard of it.
        """
        while True:
            if (grant := self.verifier.recall(digest, self._steady())) is not None:
                self.recalled += 1
                return grant.what
            under_way = self._under_way.get(digest)
            if under_way is None:
                return await self._ask(digest)
            found = await under_way
            if isinstance(found, Unavailable):
                # All who waited are told at once: one after the other would wait for the store in turn.
                raise Unavailable(found.msg) from found
            if found is not None and self._still_holds(found):
                self.shared += 1
                return found.seen

    async def _ask(self, digest: Digest) -> Seen | None:
        under_way = self._under_way[digest] = asyncio.get_running_loop().create_future()
        found: _Found | Unavailable | None = None
        as_of = self.verifier.applied
        if self.verifier.holds_lease(self._steady()):
            self.looked_up += 1
        else:
            self.without_lease += 1
        try:
            seen = await self._tokens.look_up(digest)
            found = _Found(seen, as_of)
        except Unavailable as error:
            found = error
            raise
        finally:
            del self._under_way[digest]
            under_way.set_result(found)
        if seen is not None and _is_good(seen):
            self.verifier.learn(digest, seen, _whose(seen), as_of=as_of)
        return seen

    def _still_holds(self, found: "_Found") -> bool:
        whose = None if found.seen is None else _whose(found.seen)
        return self.verifier.holds_lease(self._steady()) and self.verifier.is_current(whose, as_of=found.as_of)

    async def start(self) -> None:
        """Begin to answer from memory.  Raises `Unavailable`."""
        self.verifier.begin(at=await self._changes.head())
        self._said = self.verifier.applied
        await self._renew()
        self._task = asyncio.create_task(self._follow())

    async def finish(self) -> None:
        """Answer from memory no more, and say so, so that nobody waits for us."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.verifier.let_go()
        if self.sponsor.heard(FOREVER, steady=self._steady()) < FOREVER:
            return  # those whom we speak for may hold leases yet: ours stays, and ends after theirs
        with suppress(Unavailable):
            await self._changes.leave(self._id)

    async def confirm(self, name: str, acked: int) -> None:
        """One whom we speak for has heard of everything up to there."""
        self.sponsor.confirm(name, acked, steady=self._steady())
        await self._say_heard()

    async def let_go_of(self, name: str) -> None:
        """One whom we speak for answers from memory no more."""
        self.sponsor.leave(name)
        await self._say_heard()

    async def wait_for_news(self, acked: int, *, seconds: float) -> None:
        """Wait until there is something to tell who has heard up to `acked`, but no longer than this."""
        if acked >= self.verifier.applied:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)

    async def grant(self, name: str, acked: int | None, *, asked_at: int) -> Granted:
        """A lease for one whom we speak for, and what it must hear of before it uses it.

        `acked`: up to where it has heard; None: it begins.  `asked_at`: when it came to us (steady ms).  Raises `Throttled`,
        and `Unavailable` while we hold no lease ourselves.
        """
        told = await self._told(acked)
        # From here on nothing waits: what it is told is all that we have heard, and so all that we may have said to have heard.
        now, until = self._steady(), self.verifier.lease_until - MARGIN_MS
        if until <= now:
            raise Unavailable("this server cannot answer from memory now")
        upto = self.verifier.applied
        self.sponsor.grant(name, upto=upto, until=until, steady=now)
        return Granted(upto, told or (), told is None, until - asked_at)

    async def _told(self, acked: int | None) -> tuple[Change, ...] | None:
        """What came after `acked`, up to what we have applied; None when it has to begin."""
        if acked is not None and acked > self.verifier.applied:
            await self._catch_up()  # it comes from a server that has seen more of the same, a moment before us
        if acked is None or acked > self.verifier.applied:
            return None
        told = self.sponsor.after(acked, applied=self.verifier.applied)
        if told is not None:
            return told
        news = await self._changes.after(acked)
        later = self.sponsor.after(news.upto, applied=self.verifier.applied)
        return None if news.gap or later is None else (*map(veiled, news.changes), *later)

    async def settle(self, request_id: str, *, since: int) -> Receipt | None:
        """Wait until everybody has heard of what this request changed after `since`.  None when it changed nothing."""
        seq = await self._changes.of_request(request_id, since=since)
        if seq is None:
            return None
        if self._task is not None:
            await self._catch_up()
        receipt = await settle(self._changes, seq, steady=self._steady, pause=self._pause)
        self.waited.append(receipt.waited_ms)
        return receipt

    async def _follow(self) -> None:
        while True:
            try:
                if self._steady() >= self._renew_at:
                    await self._renew()
                elif self._changes.stirred():
                    await self._catch_up()
                elif self._said < self.verifier.applied:
                    await self._say_heard()  # one whom we waited for may hold no lease any more
            except Unavailable:
                # Nothing to do: the lease ends by itself, and then every request asks the store.
                _log.warning("the store is away: nothing is answered from memory when the lease has ended")
                await self._pause(RENEW_MS / 1000)
            except Exception:  # noqa: BLE001 - without this task memory would have no answers any more
                _log.exception("following the changes failed")
                await self._pause(RENEW_MS / 1000)
            await self._pause(_LOOK_SECONDS)

    async def _renew(self) -> None:
        """The lease runs from before it was asked for, and is used only when everything has been heard that came before it."""
        noted = self._steady()
        heard = self.sponsor.heard(self.verifier.applied, steady=noted)
        others = self.sponsor.count(steady=noted)
        await self._changes.lease(self._id, acked=heard, lasts_ms=LEASE_MS, speaks_for=others)
        await self._catch_up()
        if self._task is not None and not self.verifier.holds_lease(self._steady()):
            self.lapses += 1
        self.verifier.hold(until=noted + LEASE_MS - MARGIN_MS)
        self._renew_at = noted + RENEW_MS

    async def _catch_up(self) -> None:
        async with self._one_at_a_time:
            before = self.verifier.applied
            news = await self._changes.after(before)
            if news.gap:
                self.verifier.begin(at=news.upto)
                self.sponsor.begin()
            elif news.upto > before:
                self.verifier.hear(news.changes, upto=news.upto)
                self.sponsor.hear(news.changes, since=before, upto=news.upto)
                self.heard += len(news.changes)
            if news.upto > before:
                self._news.set()
                self._news = asyncio.Event()
        await self._say_heard()

    async def _say_heard(self) -> None:
        """Say in the store up to where we have heard, and all whom we speak for."""
        if self._said >= self.verifier.applied:
            return  # all is said: as nearly always when somebody asks again
        heard = self.sponsor.heard(self.verifier.applied, steady=self._steady())
        if heard > self._said:
            await self._changes.ack(self._id, heard)
            self._said = max(self._said, heard)


def _is_good(seen: Seen) -> bool:
    """What is over, or unknown, is not remembered: nobody can make us remember garbage."""
    return seen.token.revoked_at is None and not (seen.user is not None and seen.user.locked)


def _whose(seen: Seen) -> Whose:
    return Whose(seen.token.id, seen.token.user_id, seen.token.customer_id)
