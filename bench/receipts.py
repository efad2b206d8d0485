"""How long a revocation waits until everybody has heard, with 0 to 32 verifiers in processes of their own; and with one frozen.

The server has two workers.  Nothing is pinned: whoever revokes waits for whoever has to run.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

from bench import plot
from bench.revocation.server import Server
from tallystick import AutomationTokensApi, TokensApi, Verifier

VERIFIERS = (0, 1, 4, 8, 16, 32)
PROCESSES = 8  # more verifiers share these
REVOCATIONS = 200
FROZEN = 10
DRAWINGS: Final = Path("docs")
_SPAWN: Final = multiprocessing.get_context("spawn")


class Times(NamedTuple):
    """Ms from the request to its 204, sorted."""

    all: list[float]

    @property
    def p50(self) -> float:
        """The median."""
        return median(self.all)

    @property
    def p99(self) -> float:
        """Of a hundred, one takes longer."""
        return quantiles(self.all, n=100)[98] if len(self.all) > 1 else self.all[0]


def verify(url: str, key: str, secret: str, count: int, ready: Connection) -> None:
    """One process with so many verifiers, each of which remembers a token."""
    verifiers = [Verifier(url, key) for _ in range(count)]
    for verifier in verifiers:
        verifier.check(secret)
    while not all(verifier.holds_lease for verifier in verifiers):
        time.sleep(0.01)  # it does not say when it does
    ready.send(None)
    threading.Event().wait()


def run() -> None:
    """Measure and print, and draw."""
    with tempfile.TemporaryDirectory(prefix="tallystick-") as directory:
        server = Server(Path(directory))
        try:
            times, frozen = _measure(server)
        finally:
            server.kill()
    _print(times, frozen)


def _measure(server: Server) -> tuple[dict[int, Times], Times]:
    known, times = server.settings(), {}
    token, password = known["SUPERUSER_TOKEN"], known["SUPERUSER_PASSWORD"]
    with TokensApi(token, url=server.url) as api:
        key = api.create_token(scope="verify", password=password).secret.reveal()
        for count in VERIFIERS:
            token_ids = _issue(server.url, token, password, REVOCATIONS)
            with _verifying(server.url, key, token, count):
                times[count] = Times(sorted(_revoke(api, token_id) for token_id in token_ids))
        token_ids = _issue(server.url, token, password, FROZEN)
        with _verifying(server.url, key, token, 8) as pids:
            return times, _with_one_frozen(api, token_ids, pids[0])


@contextmanager
def _verifying(url: str, key: str, secret: str, count: int) -> Iterator[list[int]]:
    shares = [share for n in range(PROCESSES) if (share := len(range(n, count, PROCESSES)))]
    pipes = [_SPAWN.Pipe() for _ in shares]
    processes = [
        _SPAWN.Process(target=verify, args=(url, key, secret, share, pipe[1]), daemon=True)
        for share, pipe in zip(shares, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        for pipe in pipes:
            pipe[0].recv()
        yield [process.pid or 0 for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _issue(url: str, token: str, password: str, count: int) -> list[str]:
    """Ids of new tokens.  To issue them may wait as well: that raises the token that asks."""
    with AutomationTokensApi(token, url=url) as api:
        return [
            api.create_automation_token(name=f"{n}", role="engineer", scope="global", password=password).record.id
            for n in range(count)
        ]


def _revoke(api: TokensApi, token_id: str) -> float:
    began = time.perf_counter()
    api.revoke_token(token_id)
    return (time.perf_counter() - began) * 1e3


def _with_one_frozen(api: TokensApi, token_ids: list[str], pid: int) -> Times:
    times = []
    for token_id in token_ids:
        os.kill(pid, signal.SIGSTOP)
        try:
            times.append(_revoke(api, token_id))
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)  # until it holds a lease again
    return Times(sorted(times))


def _print(times: dict[int, Times], frozen: Times) -> None:
    print(f"\n{'verifiers, beside 2 workers':28}{'p50 ms':>8}{'p99 ms':>8}{'longest':>9}")
    for count, each in times.items():
        print(f"{count:<28}{each.p50:>8.1f}{each.p99:>8.1f}{each.all[-1]:>9.1f}")
    print(f"{'8, one of them frozen':28}{frozen.p50:>8.0f}{frozen.p99:>8.0f}{frozen.all[-1]:>9.0f}")
    print(f"from the request to its 204; {REVOCATIONS} revocations one after the other, {FROZEN} with one frozen\n")
    series = {name: [(count, getattr(each, name)) for count, each in times.items()] for name in ("p50", "p99")}
    plot.lines(
        DRAWINGS / "performance-receipts.svg", "From a revocation's request to its 204", "verifiers", "ms", series
    )
