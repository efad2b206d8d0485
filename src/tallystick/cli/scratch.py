"""A directory that the processes of one server share while it runs, and that goes with it."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "tallystick-shared-"
_LOCK: Final = "lock"
RATES: Final = "rates"
"""The file in which the processes count together how often tokens are used."""


@contextmanager
def shared_directory() -> Iterator[Path]:
    """One that only we may read, among the system's temporary ones.  Those that servers left behind, killed at once, go too."""
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (directory / "making").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Under this name only now: who finds it free knows that its server is gone.
            (directory / "making").rename(directory / _LOCK)
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def forget_gauges(directory: Path, *, worker: int) -> None:
    """A worker is gone: what it was like is nobody's any more, what it counted stays."""
    # Here, not above: what takes a while to load, for what hardly ever happens.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker, str(directory))  # type: ignore[no-untyped-call]  # the library's


def _sweep() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open() as file:  # in use, or somebody else's
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
