"""The clock of leases: milliseconds that neither jump nor stop, the same for all processes of this machine.

CLOCK_BOOTTIME counts from the machine's start and through suspension; where there is none, the monotonic clock, which stops
while the machine sleeps, is the nearest.  `BOOT` tells one start from another.
"""

import time
from pathlib import Path
from typing import Final

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

BOOT: Final = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else ""


def steady() -> int:
    """Milliseconds since this machine started."""
    return time.clock_gettime_ns(_CLOCK) // 1_000_000
