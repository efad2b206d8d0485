"""What this process has counted, copied from where it happened to where all can read it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from tallystick.core.errors import Unavailable
from tallystick.core.usage import Why
from tallystick.core.verifier import FOREVER
from tallystick.http.exposition import Exposition, Number
from tallystick.steady import steady

if TYPE_CHECKING:
    from tallystick.http.routes import Wiring

_GRANT_BYTES: Final = 2_100  # a plain token with its user and the answers that the lane keeps ready, by tracemalloc
_VERSION: Final = version("tallystick")


class Measuring:
    """Twice a second a chore calls `copy`; who answers `/metrics` calls `text`, which copies first."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    async def copy(self, wiring: "Wiring") -> None:
        """Everything as it is now; what only the store knows stays as it was while that is away."""
        self._exposition.tell(_counted(wiring))
        while wiring.memory.waited:
            self._exposition.observe("receipt_waited_milliseconds", wiring.memory.waited.popleft())
        with suppress(Unavailable):
            # Nobody has heard of what is yet to come: so this counts the workers, without those for whom they speak.
            head, hearing = await wiring.store.changes.head(), await wiring.store.changes.hearing(FOREVER)
            lag = max(0, head - wiring.memory.verifier.applied)
            self._exposition.tell([Number("change_lag", lag), Number("verifiers", hearing.missing)])

    async def all(self, wiring: "Wiring") -> Mapping[tuple[str, str | None], float]:
        """The same as numbers, by name and label; of what each worker has for itself, their sum."""
        await self.copy(wiring)
        return self._exposition.all()

    @property
    def server(self) -> str:
        """Whose workers these are: another name after a new start, and on another node."""
        return self._exposition.server

    async def text(self, wiring: "Wiring", accept: str) -> tuple[bytes, str]:
        """The numbers of all workers, these of this moment, and what media type that is."""
        await self.copy(wiring)
        return self._exposition.text(accept)


def _counted(wiring: "Wiring") -> Iterator[Number]:
    tally, memory, uses, now = wiring.tally, wiring.memory, wiring.uses, steady()
    yield Number("verifications", tally.answered + tally.allowed, "allowed")
    yield Number("verifications", tally.malformed, "malformed")
    yield Number("verifications", tally.unknown, "unknown")
    for why in Why:
        yield Number("verifications", tally.refused[why], why)
    yield Number("reported_verifications", tally.reported)
    yield Number("lookups", tally.answered - tally.answered_late + memory.recalled, "memory")
    yield Number("lookups", memory.looked_up, "store")
    yield Number("lookups", memory.shared, "shared")
    yield Number("lookups", memory.without_lease, "without_lease")
    yield Number("lookups", tally.for_writes, "write")
    yield Number("lease_held", memory.verifier.holds_lease(now))
    yield Number("lease_lapses", memory.lapses)
    yield Number("grants", len(memory.verifier))
    yield Number("grant_bytes", len(memory.verifier) * _GRANT_BYTES)
    yield Number("grants_evicted", memory.verifier.evicted)
    yield Number("changes_heard", memory.heard)
    yield Number("change_number", memory.verifier.applied)
    yield Number("remote_verifiers", len(memory.sponsor))
    yield Number("uses_flush_lag_seconds", 0 if uses.flushed_at is None else (now - uses.flushed_at) / 1000)
    yield Number("uses_waiting", len(uses))
    yield Number("uses_lost", uses.counts.lost)
    yield Number("writes", wiring.budget.allowed, "allowed")
    yield Number("writes", wiring.budget.throttled, "throttled")
    yield Number("store_unavailable", tally.unavailable)
    yield Number("workers", 1)
    yield Number("build_info", 1, _VERSION)
