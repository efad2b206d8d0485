"""`Verifier`: may this token do that?  Answered in the program's own process."""

import os
import threading
import weakref
from typing import TYPE_CHECKING, Final, TypedDict

from tallystick.client._flow import Flow
from tallystick.client._verify import CLOSED, Memory, Verdict
from tallystick.client.sync._api import Api
from tallystick.core.errors import TallystickError, Unavailable
from tallystick.core.secret import Secret
from tallystick.steady import steady

if TYPE_CHECKING:
    import httpx2

_AGAIN_SECONDS: Final = 0.3


class _To(TypedDict):
    """Where to, and as whom."""

    token: str | Secret | None
    url: str | None
    timeout: float
    patience: float
    transport: "httpx2.BaseTransport | None"


class _Follower(Api):
    """A connection of its own, for one at a time: so it stays with one worker, which knows what it has heard.

    Each that it came from would wait for it, until the lease that it has from there has ended.
    """

    def carry_out(self, flow: Flow[None]) -> None:
        """Send it, and take in the answer."""
        self._run(flow)


class Verifier(Api):
    """Verifies tokens for a program, from memory; a token that has been revoked is accepted by none, as soon as that is answered.

        verifier = Verifier("https://tokens.example.com", token)    # a token with the scope `verify`
        verdict = verifier.check(secret, scope="purge_all", service="2SoMeId")
        if not verdict: ...                                         # verdict.reason says why

    A thread of its own follows the server: it hears what has changed, and holds a lease.  While that lasts, who revokes a token
    is answered only when this memory has forgotten it.

    What goes wrong, and what happens then:

    * The server is away: the lease ends within two seconds.  From then on nothing is answered by memory, every `check` asks the
      server, and raises `Unavailable` while that cannot answer.  Never is anything let in because nobody could be asked.  Memory is
      kept, and good again when the server has said what changed meanwhile.
    * The token of this verifier is revoked: it gets no further lease, and `check` raises `Unauthenticated`.
    * The clock is set: nothing.  Leases and expiries are counted on a clock that only goes on (`CLOCK_BOOTTIME`), by how long the
      server says that a token has.
    * The process, or its machine, is suspended: that clock counts it.  Whoever wakes up after the lease asks the server first.
    * The process forks (gunicorn with `--preload`): the child begins without memory, lease, connections or thread of its
      parent's, and makes its own at its first `check`.
    * Threads: any number may call `check`.  Nobody waits for another when memory knows the answer.
    * The token is limited to a number of requests, or some of its limits only report: each `check` asks the server, which counts.
    * Too many tokens: the memory is bounded, by number and by bytes; what was not asked for goes first.

    Uses are reported to the server within a second, and lost when the process is killed before.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | Secret | None = None,
        *,
        timeout: float = 5.0,
        most: int = 100_000,
        most_bytes: int = 64 * 1024 * 1024,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        """`url`, `token`: as for `TokensApi`.  `timeout`: seconds for one question.  `most`: tokens that are remembered."""
        self._to: _To = {"token": token, "url": url, "timeout": timeout, "patience": 0, "transport": transport}
        self._connect()
        self._lock = threading.Lock()
        self._memory = Memory(self._line, most=most, most_bytes=most_bytes, steady=steady, lock=self._lock)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        begin_in_child = weakref.WeakMethod(self._begin_in_child)
        os.register_at_fork(after_in_child=lambda: (begin := begin_in_child()) and begin())

    def check(
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
        """May this token do that?  `scope`: words that it must have; `service`: the id of one that it must reach.

        `ip`: the address of whoever presents it, `method`, `uri` (path and query) and `host`: their request.  A token's own limits to
        networks and requests are held against them, and refuse where they are not said.  `again`: it was let in for this very
        request already, and more of it is known now: that is no further use.

        Raises `Unavailable` when memory does not know and the server cannot be asked, or this verifier has been closed, and
        `Unauthenticated` or `Forbidden` when this verifier's own token is not good for it.
        """
        text = secret if isinstance(secret, str) else secret.reveal()
        verdict = self._memory.recall(text, scope, service, ip, method, uri, host, again=again)
        if verdict is not None:
            return verdict
        self._follow()
        try:
            return self._run(
                self._memory.ask(text, scope, service, again=again, ip=ip, method=method, uri=uri, host=host)
            )
        except RuntimeError:
            # How httpx2 says that a client is closed, be it by another thread just now.
            if not self._over.is_set():
                raise
            raise Unavailable(CLOSED) from None

    @property
    def holds_lease(self) -> bool:
        """Whether memory may answer at this moment."""
        return self._memory.holds_lease()

    def __len__(self) -> int:
        """How many tokens are remembered."""
        return len(self._memory.verifier)

    def close(self) -> None:
        """Stop, and tell the server that nobody has to wait for this one any more.  `with` does it too; again does nothing."""
        if self._over.is_set():
            return
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        try:
            if self._thread is not None:
                self._follower.carry_out(self._memory.leave())
        except TallystickError:
            pass  # the lease ends by itself
        finally:
            self._memory.verifier.let_go()
            self._follower.close()
            super().close()

    def _follow(self) -> None:
        if self._thread is not None or self._over.is_set():
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_following, name="tallystick", daemon=True)
                self._thread.start()

    def _keep_following(self) -> None:
        while not self._over.is_set():
            try:
                self._follower.carry_out(self._memory.sync())
            except Exception:  # noqa: BLE001 - whatever it is: without this thread there would be no lease any more
                self._over.wait(_AGAIN_SECONDS)

    def _connect(self) -> None:
        super().__init__(**self._to)
        self._follower = _Follower(**self._to)

    def _begin_in_child(self) -> None:
        """After a fork: connections and thread are the parent's, and a lock may be held by a thread that is not here."""
        self._connect()
        self._lock = threading.Lock()
        self._memory.begin(self._line, self._lock)
        self._over, self._thread = threading.Event(), None
