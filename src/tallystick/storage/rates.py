"""The counts of requests that all processes of one server share: a file that each has mapped into its memory.

A process that is killed lets go of its lock, and what it counted stays.  There is room for some 65,000 tokens that are limited in
this way and used on one day; beyond that, the one of sixteen that was used longest ago begins anew.
"""

import fcntl
import mmap
import os
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Final, Self

from tallystick.core.rates import Counts, advance

_STATE: Final = Struct("<16s6Q")  # which token; second, count, minute, count, day, count
_SLOTS: Final = 16  # a token has its place in one of these, next to each other
_GROUPS: Final = 4096
_GROUP_BYTES: Final = _SLOTS * _STATE.size
_FREE: Final = bytes(16)


class SharedRates:
    """`rates.Rates`.  For one thread of each process."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._memory = mmap.mmap(file, _GROUPS * _GROUP_BYTES)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it, and make it if it is not there."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(file, _GROUPS * _GROUP_BYTES)
        return cls(file)

    def take(self, token_id: str, *, at: int, most: Counts) -> Counts:
        key = blake2b(token_id.encode(), digest_size=16).digest()
        group = int.from_bytes(key[:4], "big") % _GROUPS
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, group)
        try:
            place, state = self._find(key, group * _GROUP_BYTES)
            after, before = advance(state, at, most)
            _STATE.pack_into(self._memory, place, key, *after)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, group)
        return before

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()
        os.close(self._file)

    def _find(self, key: bytes, group: int) -> tuple[int, list[int]]:
        """Where a token's state is, or can be; and the state."""
        oldest, oldest_second = group, None
        for place in range(group, group + _GROUP_BYTES, _STATE.size):
            found, *state = _STATE.unpack_from(self._memory, place)
            if found == key:
                return place, state
            if found == _FREE:
                return place, [0] * 6
            if oldest_second is None or state[0] < oldest_second:
                oldest, oldest_second = place, state[0]
        return oldest, [0] * 6
