"""What is done to the processes, again and again, while they are watched."""

import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Final, Protocol

from bench.revocation.server import Server, send


class Way(Enum):
    """One of them.  Its value says it in words."""

    FREEZE_VERIFIER = "a verifier frozen"
    FREEZE_WORKER = "a worker frozen"
    KILL_VERIFIER = "a verifier killed"
    CUT = "a verifier cut off"
    RESTART = "the server restarted"


WAYS: Final = (Way.FREEZE_VERIFIER,) * 5 + (Way.CUT,) * 4 + (Way.FREEZE_WORKER,) * 3 + (Way.KILL_VERIFIER, Way.RESTART)
"""All of them, some oftener."""

_SECONDS: Final = (0.3, 1.5, 2.1, 3.0)
"""How long something is frozen or cut: shorter than a lease, as long, and longer than a lease and all that is waited beyond it."""


class Victim(Protocol):
    """A process with a verifier, and its way to the server."""

    @property
    def pid(self) -> int: ...
    @property
    def network_pid(self) -> int: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


@contextmanager
def harming(server: Server, victims: Sequence[Victim], ways: Sequence[Way]) -> Iterator[Counter[str]]:
    """Harm one after the other meanwhile, in these ways.  Yields how often each was done, in words."""
    done, stop = Counter[str](), threading.Event()
    thread = threading.Thread(target=_harm, args=(server, victims, ways, done, stop.wait))
    try:
        if ways:
            thread.start()
        yield done
    finally:
        stop.set()
        if ways:
            thread.join()


def _harm(
    server: Server, victims: Sequence[Victim], ways: Sequence[Way], done: Counter[str], wait: Callable[[float], bool]
) -> None:
    chance = random.Random(1)
    while not wait(chance.uniform(0.2, 0.8)):
        way, victim = chance.choice(ways), chance.choice(victims)
        if way is Way.RESTART:
            server.restart()
        elif way is Way.KILL_VERIFIER:
            victim.kill()
            victim.start()
        else:
            pid = _whom(way, server, victim, chance)
            send(pid, signal.SIGSTOP)
            wait(chance.choice(_SECONDS) if len(ways) > 1 else _SECONDS[-1])
            send(pid, signal.SIGCONT)
        done[way.value] += 1


def _whom(way: Way, server: Server, victim: Victim, chance: random.Random) -> int:
    if way is Way.CUT:
        return victim.network_pid
    workers = server.workers()
    return chance.choice(workers) if way is Way.FREEZE_WORKER and workers else victim.pid
