"""What is done to the processes, again and again, while they are watched."""

import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Final, NamedTuple, Protocol

from bench.revocation.postgresql import Postgresql
from bench.revocation.server import Server, send


class Way(Enum):
    """One of them.  Its value says it in words."""

    FREEZE_VERIFIER = "a verifier frozen"
    FREEZE_WORKER = "a worker frozen"
    KILL_VERIFIER = "a verifier killed"
    CUT = "a verifier cut off"
    RESTART = "a server restarted"
    CUT_DATABASE = "a server cut off from PostgreSQL"
    FREEZE_BACKEND = "a process of PostgreSQL frozen"
    RESTART_DATABASE = "PostgreSQL killed and started again"


WAYS: Final = (Way.FREEZE_VERIFIER,) * 5 + (Way.CUT,) * 4 + (Way.FREEZE_WORKER,) * 3 + (Way.KILL_VERIFIER, Way.RESTART)
"""All of them without PostgreSQL, some oftener."""

WAYS_ON_POSTGRESQL: Final = (
    *WAYS,
    *(Way.CUT_DATABASE,) * 4,
    *(Way.FREEZE_BACKEND,) * 3,
    Way.RESTART_DATABASE,
)
"""All of them."""

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


class Scene(NamedTuple):
    """Whom harm can be done to.  `database`: None = it is a file."""

    servers: Sequence[Server]
    victims: Sequence[Victim]
    database: Postgresql | None


@contextmanager
def harming(scene: Scene, ways: Sequence[Way]) -> Iterator[Counter[str]]:
    """Harm one after the other meanwhile, in these ways.  Yields how often each was done, in words."""
    done, stop = Counter[str](), threading.Event()
    thread = threading.Thread(target=_harm, args=(scene, ways, done, stop.wait))
    try:
        if ways:
            thread.start()
        yield done
    finally:
        stop.set()
        if ways:
            thread.join()


def _harm(scene: Scene, ways: Sequence[Way], done: Counter[str], wait: Callable[[float], bool]) -> None:
    chance = random.Random(1)
    while not wait(chance.uniform(0.2, 0.8)):
        way = chance.choice(ways)
        if way in _ENDS:
            _ENDS[way](scene, chance)
        else:
            pid = chance.choice(_whom(way, scene, chance) or [each.pid for each in scene.victims])
            send(pid, signal.SIGSTOP)
            wait(chance.choice(_SECONDS) if len(ways) > 1 else _SECONDS[-1])
            send(pid, signal.SIGCONT)
        done[way.value] += 1


def _whom(way: Way, scene: Scene, chance: random.Random) -> list[int]:
    """Whose turn it may be; nobody where all of them have just ended."""
    match way:
        case Way.CUT:
            return [each.network_pid for each in scene.victims]
        case Way.FREEZE_WORKER:
            return chance.choice(scene.servers).workers()
        case Way.CUT_DATABASE:
            return _database(scene).network_pids
        case Way.FREEZE_BACKEND:
            return _database(scene).backends()
        case _:
            return []


def _kill_verifier(scene: Scene, chance: random.Random) -> None:
    victim = chance.choice(scene.victims)
    victim.kill()
    victim.start()


_ENDS: Final[dict[Way, Callable[[Scene, random.Random], None]]] = {
    Way.KILL_VERIFIER: _kill_verifier,
    Way.RESTART: lambda scene, chance: chance.choice(scene.servers).restart(),
    Way.RESTART_DATABASE: lambda scene, _: _database(scene).restart(),
}


def _database(scene: Scene) -> Postgresql:
    assert scene.database is not None, "a file is not harmed"
    return scene.database
