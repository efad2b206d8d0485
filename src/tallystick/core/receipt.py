"""The promise: who changed something is answered only when nobody can answer by what was before, anywhere.

A verifier that answers from memory holds a lease, and says up to which change it has heard.  Whoever changed something waits
until every verifier has heard of it, or holds no lease any more (Gray and Cheriton, 1989).
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from tallystick.core.changes import Changes, Hearing
from tallystick.core.errors import Unavailable

LEASE_MS: Final = 2000
MARGIN_MS: Final = 100  # what two clocks may drift apart in one lease, with room to spare
RENEW_MS: Final = LEASE_MS // 3
_LOOK_AGAIN_SECONDS: Final = 0.001


class Receipt(msgspec.Struct, frozen=True):
    """The proof that everybody has heard: the change's number, how many verifiers there were, how long it took (ms)."""

    seq: int
    verifiers: int
    waited_ms: int


async def settle(
    changes: Changes, seq: int, *, steady: Callable[[], int], pause: Callable[[float], Awaitable[None]]
) -> Receipt:
    """Wait until no verifier can answer by what was before change `seq`.

    `steady`: ms on a clock that neither jumps nor stops.  It never takes longer than one lease and the margin: by then every
    lease that was held at the commit has ended, and a newer one is used only after the change was applied.
    """
    began = steady()
    over = began + LEASE_MS + MARGIN_MS
    hearing = Hearing(0, 0)
    while steady() < over:
        try:
            hearing = await changes.hearing(seq)
        except Unavailable:
            # The store is lost: what remains is to wait the leases out.
            await pause(max(0, over - steady()) / 1000)
            break
        if hearing.missing == 0:
            break
        await pause(_LOOK_AGAIN_SECONDS)
    return Receipt(seq, hearing.verifiers, steady() - began)
