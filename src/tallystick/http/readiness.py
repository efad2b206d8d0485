"""Can the store be read and written?  Asked by anybody, so what it costs is bounded."""

from typing import Final

from tallystick.core.ports import Clock, Store

_REMEMBERED_MS: Final = 1000


class Readiness:
    """The answer of the last second.

    To know it, the store writes and waits for the disk.  The route is open: without this, a stranger could keep the disk busy.
    """

    def __init__(self) -> None:
        self._ready_at: int | None = None

    async def require(self, store: Store, clock: Clock) -> None:
        """Raises `Unavailable` when the store cannot be read and written, or could not at the last look."""
        now = clock.now()
        if self._ready_at is not None and 0 <= now - self._ready_at < _REMEMBERED_MS:
            return
        await store.ready()
        self._ready_at = now
