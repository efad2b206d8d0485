"""Granian, held the way we need it: told when all workers listen, stopped by the usual signals, and quiet.

What Granian does alone: spawn the workers, restart one that died, pass SIGTERM on, kill what does not end in time.
"""

import _thread
import contextlib
import http.client
import logging
import multiprocessing
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from tallystick.cli import worker
from tallystick.cli.listen import Address
from tallystick.cli.scratch import forget_gauges
from tallystick.core.errors import TallystickError, Unavailable

_log = logging.getLogger(__name__)
STOP_SECONDS_MAX: Final = 5  # what is in flight takes milliseconds; a client that sends its body by the drop is cut off
LISTEN_SECONDS_MAX: Final = (
    10  # from "all workers are set up" to the first answer: milliseconds, unless the machine is on its knees
)
CONNECTIONS_MAX: Final = 8192  # of each worker, idle ones included; each costs 2.5 kB
_FILES_BESIDE: Final = 128  # database, log, pipes: what a worker has open besides connections
_HELD: Final = (signal.SIGINT, signal.SIGHUP)
_LOGGING: Final[dict[str, Any]] = {
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    # stderr, in every process: stdout is for what was asked for.
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "propagate": False}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


def supervise(plan: worker.Plan, address: Address, *, workers: int, announce: Callable[[], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP.  `announce` is called, in a thread, once requests are answered.

    Raises `Unavailable` when a worker cannot start, or workers keep dying.
    """
    # A forked child would share the parent's threads' locks, and every pipe that tells the others that the parent lives.
    multiprocessing.set_start_method("spawn", force=True)
    told, tell = multiprocessing.Pipe(duplex=False)
    server = _Server(address, workers, plan.shared)
    start = threading.Thread(target=server.follow_start, args=(told, address, announce), daemon=True)
    server.on_startup(start.start)
    with contextlib.suppress(SystemExit):
        # Granian exits with 1 also when a worker was faster than its parent in following a signal sent to both.
        server.serve(target_loader=partial(worker.load, plan, tell), wrap_loader=False)
    tell.close()
    start.join()
    if server.failure is not None:
        raise server.failure
    if not server.interrupt_signal:
        raise Unavailable("worker processes ended by themselves; what they said is above")


class _Server(MPServer):
    """Granian's server of processes, with its three seams used: spawning, signals, and what it says."""

    def __init__(self, address: Address, workers: int, shared: Path | None = None) -> None:
        super().__init__(
            "tallystick",  # only a name: the loader that `serve` gets knows what to load
            address.host,
            address.port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            workers=workers,
            # One more waits until another ends.  Granian's own 1,024, shared by all workers, are few for clients that keep theirs.
            backpressure=_connections(),
            workers_kill_timeout=STOP_SECONDS_MAX,
            log_level=LogLevels.error,
            log_dictconfig=_LOGGING,
            # Never: a query string can hold a secret.
            log_access=False,
        )
        self.failure: TallystickError | None = None
        self._shared = shared
        logging.getLogger("_granian").addFilter(lambda _record: self.is_up)
        self._before = signal.getsignal(signal.SIGHUP)
        self.on_startup(self._stop_when_terminal_closes)

    @property
    def is_up(self) -> bool:
        """Whether it has started and was not told to stop: the time in which the end of a worker is news."""
        return self.respawn_failed_workers and not self.interrupt_signal

    def follow_start(self, told: Connection, address: Address, announce: Callable[[], None]) -> None:
        """Wait until all workers are set up and one answers.  Up to then a worker that ends is not started again."""
        try:
            for _ in range(self.workers):
                _require_started(told)
            _wait_for_answer(address, given_up=lambda: self.interrupt_signal)
            self.respawn_failed_workers = True
            with contextlib.suppress(
                BrokenPipeError
            ):  # nobody listens to us; others may want to be answered all the same
                announce()
        except EOFError:
            pass  # told to stop, or gave up, before all had started
        except TallystickError as error:
            self.failure = error
            self.stop()
        else:
            _report_failures(told)

    def stop(self, *_signal: Any) -> None:
        """As on SIGTERM."""
        self.signal_handler_interrupt()

    def signal_handler_interrupt(self, *_args: Any, **_kwargs: Any) -> None:
        """Granian's: what signals call, in the thread that waits for the event.

        There it may be about to wait, with the event's lock in its hand: to set the event there, as Granian does, could wait
        for itself for ever.  Another thread sets it.
        """
        self.interrupt_signal = True
        _thread.start_new_thread(self.main_loop_interrupt.set, ())

    def _stop_when_terminal_closes(self) -> None:
        # Granian would restart its workers; under nohup the signal stays ignored.
        kept = self._before == signal.SIG_IGN
        signal.signal(signal.SIGHUP, signal.SIG_IGN if kept else self.stop)

    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        with _signals_held():
            super()._spawn_workers(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # Granian's

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]  # as in MPServer
        # By its number it finds what the one before it, in its place, had counted.
        loader = partial(callback_loader, number=idx + 1)
        return super()._spawn_worker(idx=idx, target=target, callback_loader=loader)

    def _respawn_workers(self, workers: Any, spawn_target: Any, target_loader: Any, delay: float = 0) -> None:
        if self._shared is not None:
            for idx in workers:
                forget_gauges(self._shared, worker=idx + 1)
        with _signals_held():
            super()._respawn_workers(workers, spawn_target, target_loader, delay)


def _connections() -> int:
    """How many a worker can hold, with as many open files as it needs for that allowed, if that is possible.

    Never more than files: a worker that cannot open one for the next connection tries again and again, on a whole core.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = CONNECTIONS_MAX + _FILES_BESIDE
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - _FILES_BESIDE)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Children are born with these blocked, and stay so: Ctrl-C goes to the whole terminal, but stopping is the parent's task.

    Without it a worker that is still importing would die with a traceback, and one that is up would seem to have crashed.
    """
    # multiprocessing starts this helper of its own before the first child, and up to Python 3.12 lets SIGINT through then.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def _require_started(told: Connection) -> None:
    started: worker.Started = told.recv()
    if started.failure is not None:
        raise Unavailable(started.failure)


def _report_failures(told: Connection) -> None:
    """Hear what those say that are started later.  Ends with the last worker."""
    with contextlib.suppress(EOFError):
        while True:
            started: worker.Started = told.recv()
            if started.failure is not None:
                _log.error("a worker could not start: %s", started.failure)


def _wait_for_answer(address: Address, *, given_up: Callable[[], bool]) -> None:
    pause, url = threading.Event(), urlsplit(address.url)
    for _ in range(LISTEN_SECONDS_MAX * 50):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=LISTEN_SECONDS_MAX)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        if given_up():
            raise EOFError
        pause.wait(0.02)
    raise Unavailable(f"the workers have started, but {address.url} does not answer")
