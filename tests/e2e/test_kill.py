"""kill -9 of every process of a real server under load, again and again: what it had answered still holds.

The same for the store alone, with more rounds and a closer look at the file, is in tests/storage/test_crash.py.
"""

import http.client
import json
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tallystick.testing import RunningServer, running_server
from tests.cli.program import until, wait_for_end

ROUNDS = 4
CLIENTS = 6
ANSWERS = 60  # in each round, before the kill


class Client(threading.Thread):
    """Creates tokens, revokes every second one, and notes what was acknowledged; until the server is gone."""

    def __init__(self, server: RunningServer, key: str) -> None:
        super().__init__(daemon=True)
        self.url, self.key = server.url, key
        self.created: list[tuple[str, str]] = []
        self.revoked: list[str] = []
        self.under_way: str | None = None

    def run(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            while True:
                made = ask(self.url, "POST", "/tokens", self.key, "name=load&scope=purge_all")
                self.created.append((made["id"], made["access_token"]))
                if len(self.created) % 8 != 0:  # most are ended again: a user has a hundred at most
                    self.under_way = made["id"]
                    ask(self.url, "DELETE", f"/tokens/{made['id']}", self.key)
                    self.revoked.append(made["id"])

    @property
    def answers(self) -> int:
        return len(self.created) + len(self.revoked)


def test_nothing_that_was_acknowledged_is_lost_when_everything_is_killed_under_load(tmp_path: Path) -> None:
    created: dict[str, str] = {}
    revoked, cut_off = set[str](), set[str | None]()

    for _ in range(ROUNDS):
        for client in load_and_kill(tmp_path):
            created |= dict(client.created)
            revoked |= set(client.revoked)
            cut_off.add(client.under_way)
    with running_server(directory=tmp_path) as server:
        statuses = {token_id: status_of(server.url, secret) for token_id, secret in created.items()}

    assert len(created) >= ROUNDS * ANSWERS // 4
    assert {token_id for token_id in revoked if statuses[token_id] != 401} == set()
    # One whose revocation had no answer may have ended, or not.  One that nobody tried to end is there.
    assert {token_id for token_id in created.keys() - revoked if statuses[token_id] != 200} <= cut_off


def load_and_kill(directory: Path) -> list[Client]:
    with running_server(workers=2, directory=directory) as server:
        for who in ("USER", "SUPERUSER"):
            ask(server.url, "POST", "/sudo", server[f"{who}_TOKEN"], f"password={server[f'{who}_PASSWORD']}")
        clients = [Client(server, server["USER_TOKEN" if n % 2 else "SUPERUSER_TOKEN"]) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        until(lambda: sum(client.answers for client in clients) >= ANSWERS, "enough answers")
        kill_all(server.process.pid)
        for client in clients:
            client.join(20)
    return clients


def kill_all(parent: int) -> None:
    """Every process of the server at once, so that none can tidy up."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
    processes = [parent, *map(int, children)]
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in processes[1:]:
        wait_for_end(pid)


def status_of(url: str, secret: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", "/tokens/self", headers={"Fastly-Key": secret})
    status = connection.getresponse().status
    connection.close()
    return status


def ask(url: str, method: str, path: str, key: str, form: str | None = None) -> Any:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        headers = {"Fastly-Key": key, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status in (200, 204), body
        return json.loads(body) if body else None
    finally:
        connection.close()
