"""What time it is, really."""

import time


class SystemClock:
    """The computer's clock."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000
