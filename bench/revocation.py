"""Once a revocation has been answered, nobody accepts the token: counted, with real processes, while they are harmed.

Verifiers in processes of their own, and clients of `/check`, ask about all tokens again and again.  Meanwhile the tokens are
revoked one after the other; when the 204 has come, that is noted in memory that all share.  Whoever begins to ask about a token
after that, and has it accepted, counts one.  It must be none.

Verifiers are frozen, killed and started again; so are the server's workers, and the whole server is killed and started again.
"""

import contextlib
import http.client
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from ctypes import c_uint64
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tallystick import AutomationTokensApi, TallystickError, TokensApi, Verifier
from tallystick.client._verify import Memory

CHECKED, ACCEPTED_AFTER, UNANSWERED = range(3)
ASKED_AFTER: Final = 50
REVOKERS: Final = 4
FROZEN_SECONDS: Final = (0.3, 2.6)
_SPAWN: Final = multiprocessing.get_context("spawn")


# --- Rules broken on purpose: only here, to see that breaking them is found ---------------------------------------------------


class _FromArrival(Memory):
    """Counts its lease from when the answer came."""

    def sync(self) -> Any:
        noted = self._steady()
        yield from super().sync()
        self.verifier.hold(until=self.verifier.lease_until + self._steady() - noted)


class _AckBefore(Memory):
    """Says that it has heard, and forgets one round later."""

    def sync(self) -> Any:
        verifier, before = self.verifier, self.__dict__.get("late", [])
        late = self.__dict__["late"] = []

        def hear(changes: Any, *, upto: int) -> None:
            late.extend(changes)
            type(verifier).hear(verifier, (), upto=upto)

        verifier.hear = hear  # type: ignore[method-assign]
        yield from super().sync()
        type(verifier).hear(verifier, before, upto=0)


class _NoPlaceholder(Memory):
    """Remembers what it has read, whatever it has heard meanwhile."""

    def sync(self) -> Any:
        yield from super().sync()
        self.verifier.is_current = lambda whose, *, as_of: True  # type: ignore[method-assign]


class _ServeBefore(Memory):
    """Uses a lease that has ended, until it hears otherwise."""

    def sync(self) -> Any:
        yield from super().sync()
        self.verifier.hold(until=self.verifier.lease_until + 60_000)


BROKEN: Final[dict[str, type[Memory]]] = {
    "arrival": _FromArrival,
    "ackbefore": _AckBefore,
    "noplaceholder": _NoPlaceholder,
    "servebefore": _ServeBefore,
}


# --- Those who ask ------------------------------------------------------------------------------------------------------------


def ask_in_process(url: str, key: str, secrets: list[str], over: Any, counts: Any, broken: str | None) -> None:
    """One process with a verifier of its own."""
    # Room for a few only: what is being looked up while it is revoked is where it could go wrong.
    verifier = Verifier(url, key, timeout=30, most=len(secrets) // 2)
    if broken is not None:
        verifier._memory.__class__ = BROKEN[broken]
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
        which = chance.randrange(len(secrets))
        was_over = over[which]
        if was_over:
            # Right after the end is when it could go wrong; later the server would only be kept from the others.
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


@dataclass
class Asker:
    """A process that asks, started again when it is killed.  Its counts outlive it."""

    target: Callable[..., None]
    arguments: tuple[Any, ...]
    counts: Any = field(default_factory=lambda: RawArray(c_uint64, 3))
    process: SpawnProcess | None = None

    def start(self) -> None:
        """In a process of its own."""
        url, key, secrets, over, broken = self.arguments
        self.process = _SPAWN.Process(
            target=self.target, args=(url, key, secrets, over, self.counts, broken), daemon=True
        )
        self.process.start()

    def kill(self) -> None:
        """At once."""
        assert self.process is not None, "it was started"
        self.process.kill()
        self.process.join()

    @property
    def is_alive(self) -> bool:
        """Whether it still asks."""
        return self.process is not None and self.process.is_alive()

    @property
    def pid(self) -> int:
        """Of the process that asks now."""
        assert self.process is not None, "it was started"
        return self.process.pid or 0


# --- The server ---------------------------------------------------------------------------------------------------------------


class Server:
    """A server with two workers on one port, which can be killed and started again over the same data."""

    def __init__(self, directory: Path) -> None:
        self.env_file = directory / "env"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "tallystick", "demo", "--dir", str(directory / "world")]
        self._command += ["--env-file", str(self.env_file), "--port", str(self.port), "--workers", "2"]
        self._command += ["--hashing", "cheapest", "--writes-per-hour", "1000000"]
        self.start()

    def start(self) -> None:
        """Until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None, "it was asked for"
        for line in self._process.stdout:
            if line.startswith("Tallystick listens on "):
                self._said = threading.Thread(target=self._process.stdout.read, daemon=True)
                self._said.start()
                return
        raise RuntimeError("the server did not start")

    def settings(self) -> dict[str, str]:
        """Name → value of its environment file."""
        lines = [line.removeprefix("export ") for line in self.env_file.read_text().splitlines() if "=" in line]
        return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}

    def workers(self) -> list[int]:
        """The processes that answer."""
        try:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            return []

    def kill(self) -> None:
        """All of its processes, at once; the workers first, for an orphan would end by itself."""
        for pid in [*self.workers(), self._process.pid]:
            _send(pid, signal.SIGKILL)
        self._process.wait()
        self._said.join()
        assert self._process.stdout is not None, "it was asked for"
        self._process.stdout.close()

    def restart(self) -> None:
        """Killed, and started again."""
        self.kill()
        self.start()


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(pid, number)


# --- The run ------------------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What was counted."""

    checked: int
    accepted_after: int
    unanswered: int
    revoked: int
    harmed: dict[str, int]
    seconds: float


def measure(*, tokens: int, seconds: float, verifiers: int = 3, clients: int = 1, broken: str | None = None) -> Outcome:
    """Revoke up to so many tokens in about so many seconds, with so many processes that ask."""
    with tempfile.TemporaryDirectory(prefix="tallystick-") as directory:
        server = Server(Path(directory))
        try:
            return _measure(server, tokens, seconds, verifiers, clients, broken)
        finally:
            server.kill()


def _measure(server: Server, tokens: int, seconds: float, verifiers: int, clients: int, broken: str | None) -> Outcome:
    key, made = _make(server, tokens)
    over = RawArray("B", tokens)
    arguments = (server.url, key, [secret for _, secret in made], over, broken)
    askers = [Asker(ask_in_process, arguments) for _ in range(verifiers)]
    askers += [Asker(ask_over_http, arguments) for _ in range(clients)]
    for asker in askers:
        asker.start()
    began, stop = time.monotonic(), threading.Event()
    harmed: dict[str, int] = {}
    harmer = threading.Thread(target=_harm, args=(server, askers[:verifiers], harmed, stop))
    try:
        while not all(asker.counts[CHECKED] for asker in askers):
            stop.wait(0.01)
        harmer.start()
        revoked = _revoke_all(server, made, over, began + seconds, seconds / tokens)
        stop.wait(1.0)  # those who were frozen last still have something to say
        if not all(asker.is_alive for asker in askers):
            raise RuntimeError("a process that asks has ended by itself")
    finally:
        stop.set()
        harmer.join()
        for asker in askers:
            asker.kill()
    checked, accepted_after, unanswered = (sum(asker.counts[which] for asker in askers) for which in range(3))
    return Outcome(checked, accepted_after, unanswered, revoked, harmed, time.monotonic() - began)


def _make(server: Server, tokens: int) -> tuple[str, list[tuple[str, str]]]:
    """A token to verify with, and those to verify: id and secret of each."""
    known = server.settings()
    token, password = known["SUPERUSER_TOKEN"], known["SUPERUSER_PASSWORD"]
    with TokensApi(token, url=server.url) as own, AutomationTokensApi(token, url=server.url) as api:
        key = own.create_token(scope="verify", password=password).secret.reveal()
        issued = [
            api.create_automation_token(name=f"{n}", role="engineer", scope="global", password=password)
            for n in range(tokens)
        ]
    return key, [(each.record.id, each.secret.reveal()) for each in issued]


def _revoke_all(server: Server, made: list[tuple[str, str]], over: Any, end: float, pause: float) -> int:
    """In an even pace, by several at once, for each waits for those who are frozen."""
    revokers = [
        threading.Thread(target=_revoke, args=(server, made, over, end, pause * REVOKERS, first))
        for first in range(REVOKERS)
    ]
    for revoker in revokers:
        revoker.start()
    for revoker in revokers:
        revoker.join()
    return sum(over)


def _revoke(server: Server, made: list[tuple[str, str]], over: Any, end: float, pause: float, first: int) -> None:
    token, wait = server.settings()["SUPERUSER_TOKEN"], threading.Event()
    with TokensApi(token, url=server.url, timeout=30, patience=60) as api:
        for which in range(first, len(made), REVOKERS):
            if time.monotonic() > end:
                return
            try:
                api.revoke_token(made[which][0])
            except TallystickError:
                continue  # nobody was told that it is over
            over[which] = 1
            wait.wait(pause)


def _harm(server: Server, askers: list[Asker], harmed: dict[str, int], stop: threading.Event) -> None:
    chance = random.Random(1)
    ways = ["freeze a verifier"] * 6 + ["freeze a worker"] * 3 + ["kill a verifier"] * 2 + ["restart the server"]
    while not stop.wait(chance.uniform(0.2, 0.8)):
        way, asker = chance.choice(ways), chance.choice(askers)
        if way == "restart the server":
            server.restart()
        elif way == "kill a verifier":
            asker.kill()
            asker.start()
        else:
            workers = server.workers()
            pid = asker.pid if way == "freeze a verifier" or not workers else chance.choice(workers)
            _send(pid, signal.SIGSTOP)
            stop.wait(chance.uniform(*FROZEN_SECONDS))
            _send(pid, signal.SIGCONT)
        harmed[way] = harmed.get(way, 0) + 1


def run() -> None:
    """The long proof, then each broken rule."""
    print("\nRevocations against verifications, while processes are frozen, killed and started again")
    _print("as it is", measure(tokens=1_200, seconds=600))
    for broken in BROKEN:
        _print(f"broken: {broken}", measure(tokens=200, seconds=60, broken=broken))


def _print(name: str, outcome: Outcome) -> None:
    harmed = ", ".join(f"{way} {count} ×" for way, count in sorted(outcome.harmed.items()))
    print(
        f"  {name}: {outcome.accepted_after} accepted after their 204; {outcome.checked:,} verifications, "
        f"{outcome.revoked} revocations in {outcome.seconds:.0f} s; {outcome.unanswered:,} unanswered; {harmed}",
        flush=True,
    )
