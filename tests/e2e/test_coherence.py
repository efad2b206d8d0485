"""Once a revocation has been answered, no process accepts the token: counted, with real processes, over real sockets."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tallystick import TokensApi
from tallystick.testing import RunningServer, running_server

TOKENS = 25
CONNECTIONS = 6  # they spread over the workers


class Tokens:
    """Which tokens are asked about, and which of them are known to be over."""

    def __init__(self, secrets: list[str]) -> None:
        self.secrets = secrets
        self.over: set[str] = set()
        self.accepted_after: list[str] = []
        self.asked = 0
        self.stop = threading.Event()


def ask_on(url: str, tokens: Tokens) -> None:
    """Ask about all of them again and again, over one connection, and note what is accepted though it was over before."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    while not tokens.stop.is_set():
        for secret in tokens.secrets:
            was_over = secret in tokens.over
            connection.request("GET", "/check", headers={"Fastly-Key": secret})
            answer = connection.getresponse()
            answer.read()
            tokens.asked += 1
            if was_over and answer.status != 401:
                tokens.accepted_after.append(secret)
    connection.close()


@contextmanager
def asking(url: str, tokens: Tokens) -> Iterator[None]:
    threads = [threading.Thread(target=ask_on, args=(url, tokens)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        tokens.stop.set()
        for thread in threads:
            thread.join()


def workers_of(server: RunningServer) -> list[int]:
    """Those that answer: the processes in which the server's parent has multiprocessing's `spawn_main` run."""
    children = [
        int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    ]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def made(server: RunningServer) -> dict[str, str]:
    """Id → secret of new tokens."""
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        issued = [api.create_token(name=f"{n}", password=server["USER_PASSWORD"]) for n in range(TOKENS)]
    return {each.record.id: each.secret.reveal() for each in issued}


def revoke(server: RunningServer, token_id: str) -> str:
    """Revoke one; what the answer says of who has heard."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request("DELETE", f"/tokens/{token_id}", headers={"Fastly-Key": server["SUPERUSER_TOKEN"]})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 204
    return answer.headers["tallystick-receipt"]


def nothing(_pid: int) -> None:
    return


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


@pytest.mark.parametrize("harm", [nothing, freeze])
def test_no_worker_accepts_what_was_answered_as_revoked(harm: Callable[[int], None]) -> None:
    with running_server(workers=2) as server:
        tokens_by_id = made(server)
        tokens = Tokens(list(tokens_by_id.values()))
        receipts = []
        with asking(server.url, tokens):
            for number, (token_id, secret) in enumerate(tokens_by_id.items()):
                victim = workers_of(server)[number % 2]
                if number % 8 == 7:
                    harm(victim)
                receipts.append(_revoked(server, token_id, victim))
                tokens.over.add(secret)

    assert tokens.accepted_after == []
    assert tokens.asked > 10 * TOKENS
    assert any("verifiers=2" in receipt for receipt in receipts)


def _revoked(server: RunningServer, token_id: str, victim: int) -> str:
    """Revoke; a worker that was frozen wakes up at last, for the answer may be its to give."""
    waker = threading.Timer(3.0, os.kill, (victim, signal.SIGCONT))
    waker.start()
    try:
        return revoke(server, token_id)
    finally:
        waker.cancel()
        os.kill(victim, signal.SIGCONT)
