"""The processes that ask about all tokens, again and again, and count what they are told."""

import http.client
import multiprocessing
import os
import random
from collections.abc import Callable
from ctypes import c_uint64
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final
from urllib.parse import urlsplit

from bench.revocation.broken import BROKEN
from bench.revocation.network import Network
from tallystick import TallystickError, Verifier

CHECKED, ACCEPTED_AFTER, UNANSWERED = range(3)

ASKED_AFTER: Final = 50
"""How often each asks about a token that is over: right after the end is when it could go wrong."""

NEAR: Final = 3
"""Half of all questions are about the tokens that were revoked last and those that are next: so many of each."""

_SPAWN: Final = multiprocessing.get_context("spawn")


def ask_in_process(url: str, key: str, secrets: list[str], over: Any, counts: Any, broken: str | None) -> None:
    """One process with a verifier of its own."""
    # Room for a few only: what is being looked up while it is revoked is where it could go wrong.
    _ask_verifier(Verifier(url, key, timeout=30, most=2), secrets, over, counts, broken)


def ask_with_room(url: str, key: str, secrets: list[str], over: Any, counts: Any, broken: str | None) -> None:
    """One process with a verifier that remembers all of them: as fast as it gets."""
    _ask_verifier(Verifier(url, key, timeout=30), secrets, over, counts, broken)


def _ask_verifier(verifier: Verifier, secrets: list[str], over: Any, counts: Any, broken: str | None) -> None:
    if broken is not None:
        verifier._memory.__class__ = BROKEN[broken].memory
    _ask(lambda secret: verifier.check(secret).ok, secrets, over, counts)


def ask_over_http(url: str, _key: str, secrets: list[str], over: Any, counts: Any, _broken: str | None) -> None:
    """One process that asks the server each time."""
    place, connection = urlsplit(url).netloc, http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def check(secret: str) -> bool:
        nonlocal connection
        try:
            connection.request("GET", "/check", headers={"Fastly-Key": secret})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            connection = http.client.HTTPConnection(place, timeout=30)
            raise TallystickError("the connection was lost") from error
        return answer.status == 200

    _ask(check, secrets, over, counts)


def _ask(check: Callable[[str], bool], secrets: list[str], over: Any, counts: Any) -> None:
    chance = random.Random(os.getpid())
    asked_after = bytearray(len(secrets))
    while True:
        which = _next(chance, over)
        was_over = over[which]
        if was_over:
            if asked_after[which] == ASKED_AFTER:
                continue
            asked_after[which] += 1
        try:
            accepted = check(secrets[which])
        except TallystickError:
            counts[UNANSWERED] += 1
            continue
        counts[CHECKED] += 1
        if was_over and accepted:
            counts[ACCEPTED_AFTER] += 1


def _next(chance: random.Random, over: Any) -> int:
    if chance.random() < 0.5:
        return chance.randrange(len(over))
    first = max(bytes(over).find(0), 0)
    return min(max(first + chance.randrange(-NEAR, NEAR), 0), len(over) - 1)


@dataclass
class Asker:
    """A process that asks over a network of its own, started again when it is killed.  Its counts outlive it."""

    target: Callable[..., None]
    server_port: int
    slow: int
    others: tuple[Any, ...]
    counts: Any = field(default_factory=lambda: RawArray(c_uint64, 3))
    _process: SpawnProcess | None = None
    _network: Network | None = None

    def start(self) -> None:
        """In a process of its own."""
        if self._network is None:
            self._network = Network(self.server_port, slow=self.slow)
            self._network.slow_down()
        key, secrets, over, broken = self.others
        arguments = (self._network.url, key, secrets, over, self.counts, broken)
        self._process = _SPAWN.Process(target=self.target, args=arguments, daemon=True)
        self._process.start()

    def kill(self) -> None:
        """At once."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def end(self) -> None:
        """With its network."""
        self.kill()
        if self._network is not None:
            self._network.end()

    @property
    def is_alive(self) -> bool:
        """Whether it still asks."""
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int:
        """Of the process that asks now."""
        assert self._process is not None, "it was started"
        return self._process.pid or 0

    @property
    def network_pid(self) -> int:
        """Of its network."""
        assert self._network is not None, "it was started"
        return self._network.pid
