"""`AsyncVerifier`: may this token do that?  For programs that run in an asyncio loop."""

import os
import weakref
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final, TypedDict

from tallystick.client._flow import Flow
from tallystick.client._verify import CLOSED, Memory, Verdict
from tallystick.client.aio._api import AsyncApi
from tallystick.core.errors import TallystickError, Unavailable
from tallystick.core.secret import Secret
from tallystick.steady import steady

if TYPE_CHECKING:
    import asyncio

    import httpx2

_AGAIN_SECONDS: Final = 0.3


class _To(TypedDict):
    """Where to, and as whom."""

    token: str | Secret | None
    url: str | None
    timeout: float
    patience: float
    transport: "httpx2.AsyncBaseTransport | None"


class _Follower(AsyncApi):
    """A connection of its own, for one at a time: see the other one."""

    async def carry_out(self, flow: Flow[None]) -> None:
        """Send it, and take in the answer."""
        await self._run(flow)


class AsyncVerifier(AsyncApi):
    """`Verifier` for one asyncio loop: everything said there holds here.  A task follows the server in place of a thread.

    It belongs to the loop in which it is first asked.  When that ends, it says so to the server; and then, as in a process that was
    forked off, it begins anew in the loop in which it is asked next.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | Secret | None = None,
        *,
        timeout: float = 5.0,
        most: int = 100_000,
        most_bytes: int = 64 * 1024 * 1024,
        transport: "httpx2.AsyncBaseTransport | None" = None,
    ) -> None:
        self._to: _To = {"token": token, "url": url, "timeout": timeout, "patience": 0, "transport": transport}
        self._connect()
        self._memory = Memory(self._line, most=most, most_bytes=most_bytes, steady=steady, lock=nullcontext())
        self._task: asyncio.Task[None] | None = None
        self._over = False
        begin_anew = weakref.WeakMethod(self._begin_anew)
        os.register_at_fork(after_in_child=lambda: (begin := begin_anew()) and begin())

    async def check(
        self,
        secret: str | Secret,
        *,
        scope: str | None = None,
        service: str | None = None,
        ip: str | None = None,
        method: str | None = None,
        uri: str | None = None,
        host: str | None = None,
        again: bool = False,
    ) -> Verdict:
        """See `Verifier.check`."""
        text = secret if isinstance(secret, str) else secret.reveal()
        verdict = self._memory.recall(text, scope, service, ip, method, uri, host, again=again)
        if verdict is not None:
            return verdict
        self._follow()
        try:
            return await self._run(
                self._memory.ask(text, scope, service, again=again, ip=ip, method=method, uri=uri, host=host)
            )
        except RuntimeError:
            # Closed by another task just now.
            if not self._over:
                raise
            raise Unavailable(CLOSED) from None

    @property
    def holds_lease(self) -> bool:
        """Whether memory may answer at this moment."""
        return self._memory.holds_lease()

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._memory.verifier)

    async def aclose(self) -> None:
        """See `Verifier.close`.  `async with` does it too."""
        if self._over:
            return
        if self._has_lost_its_loop():
            self._begin_anew()
        self._over = True
        if self._task is not None:
            # Not cancelled: the server would grant what it was asked for last to somebody who has left.
            await self._task
        await self._hang_up()

    def _follow(self) -> None:
        import asyncio  # see AsyncApi

        if self._over:
            raise Unavailable(CLOSED)
        if self._has_lost_its_loop():
            self._begin_anew()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_following())

    def _has_lost_its_loop(self) -> bool:
        """A loop that ends cancels its tasks, if it is given the time."""
        return self._task is not None and (self._task.done() or self._task.get_loop().is_closed())

    async def _keep_following(self) -> None:
        import asyncio

        try:
            while not self._over:
                try:
                    await self._follower.carry_out(self._memory.sync())
                except Exception:  # noqa: BLE001 - whatever it is: without this task there would be no lease any more
                    await asyncio.sleep(_AGAIN_SECONDS)  # noqa: TID251 - the server is away; this is how often it is looked for
        finally:
            # Here, because a loop that ends cancels its tasks and waits for them: nothing is left open, and nobody waits for us.
            with suppress(TallystickError):
                await self._follower.carry_out(self._memory.leave())
            await self._hang_up()

    async def _hang_up(self) -> None:
        await self._follower.aclose()
        await super().aclose()

    def _connect(self) -> None:
        super().__init__(**self._to)
        self._follower = _Follower(**self._to)

    def _begin_anew(self) -> None:
        """After a fork, or the end of a loop: connections and task are the parent's, or the old loop's."""
        self._connect()
        self._memory.begin(self._line, nullcontext())
        self._task, self._over = None, False
