"""`AsyncVerifier`: may this token do that?  For programs that run in an asyncio loop."""

import os
import weakref
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final, TypedDict

from tallystick.client._flow import Flow
from tallystick.client._verify import Memory, Verdict
from tallystick.client.aio._api import AsyncApi
from tallystick.core.errors import TallystickError
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

    It belongs to the loop in which it is first asked, and after a fork to that of the child.
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
        begin_in_child = weakref.WeakMethod(self._begin_in_child)
        os.register_at_fork(after_in_child=lambda: (begin := begin_in_child()) and begin())

    async def check(self, secret: str | Secret, *, scope: str | None = None, service: str | None = None) -> Verdict:
        """See `Verifier.check`."""
        text = secret if isinstance(secret, str) else secret.reveal()
        verdict = self._memory.recall(text, scope, service)
        if verdict is not None:
            return verdict
        if self._task is None:
            import asyncio  # see AsyncApi

            self._task = asyncio.create_task(self._keep_following())
        return await self._run(self._memory.ask(text, scope, service))

    @property
    def holds_lease(self) -> bool:
        """Whether memory may answer at this moment."""
        return self._memory.holds_lease()

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._memory.verifier)

    async def aclose(self) -> None:
        """See `Verifier.close`.  `async with` does it too."""
        self._memory.verifier.let_go()
        if self._task is not None:
            import asyncio

            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            with suppress(TallystickError):
                await self._follower.carry_out(self._memory.leave())
        await self._follower.aclose()
        await super().aclose()

    async def _keep_following(self) -> None:
        import asyncio

        while True:
            try:
                await self._follower.carry_out(self._memory.sync())
            except Exception:  # noqa: BLE001 - whatever it is: without this task there would be no lease any more
                await asyncio.sleep(_AGAIN_SECONDS)  # noqa: TID251 - the server is away; this is how often it is looked for

    def _connect(self) -> None:
        super().__init__(**self._to)
        self._follower = _Follower(**self._to)

    def _begin_in_child(self) -> None:
        """After a fork: connections and task are the parent's."""
        self._connect()
        self._memory.begin(self._line, nullcontext())
        self._task = None
