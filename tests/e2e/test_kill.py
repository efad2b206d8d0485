"""kill -9 of every process of a real server under load, again and again: what it had answered still holds.

The same for the store alone, with more rounds and a closer look at the file, is in tests/storage/test_crash.py.
"""

import http.client
import json
import os
import signal
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tallystick.testing import RunningServer, running_server
from tests.cli.program import until, wait_for_end

ROUNDS = 4
CLIENTS = 6
ANSWERS = 60  # in each round, before the kill
BATCHES = 4  # of uses, in each round, before the kill


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


class Checking(threading.Thread):
    """Has one token checked again and again; until the server is gone."""

    def __init__(self, server: RunningServer, secret: str) -> None:
        super().__init__(daemon=True)
        self.url, self.secret = server.url, secret
        self.sent = self.answered = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        with suppress(OSError, http.client.HTTPException):
            while True:
                self.sent += 1
                connection.request("GET", "/check", headers={"Fastly-Key": self.secret})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.answered += 1


def test_a_kill_loses_what_was_counted_last_and_neither_the_token_nor_what_was_written(tmp_path: Path) -> None:
    with running_server(directory=tmp_path) as server:
        ask(server.url, "POST", "/sudo", server["USER_TOKEN"], f"password={server['USER_PASSWORD']}")
        made = ask(server.url, "POST", "/tokens", server["USER_TOKEN"], "name=counted&scope=purge_all")
    token_id, secret, sent = made["id"], made["access_token"], 0

    for _ in range(ROUNDS):
        written, more = check_and_kill(tmp_path, token_id, secret)
        sent += more
        # What was written once is never lost, and nothing is counted that was not asked for.
        assert written <= counted(tmp_path, token_id) <= sent

    with running_server(directory=tmp_path) as server:
        told = ask(server.url, "GET", f"/tokens/{token_id}/usage", server["USER_TOKEN"])["hours"]
        assert sum(hour["allowed"] for hour in told) == counted(tmp_path, token_id)
        assert status_of(server.url, secret) == 200


def check_and_kill(directory: Path, token_id: str, secret: str) -> tuple[int, int]:
    """How many uses were in the file before the kill, and how many requests were sent."""
    with running_server(workers=2, directory=directory) as server:
        checking = [Checking(server, secret) for _ in range(CLIENTS)]
        for each in checking:
            each.start()
        written = max(more_counted(directory, token_id) for _ in range(BATCHES))
        kill_all(server.process.pid)
        for each in checking:
            each.join(20)
    return written, sum(each.sent for each in checking)


def more_counted(directory: Path, token_id: str) -> int:
    """The next that is in the file."""
    before = counted(directory, token_id)
    until(lambda: counted(directory, token_id) > before, "a batch that is written under load")
    return counted(directory, token_id)


def counted(directory: Path, token_id: str) -> int:
    """What is in the file."""
    with closing(sqlite3.connect(directory / "tallystick.db")) as connection:
        (found,) = connection.execute("SELECT total(allowed) FROM usage WHERE token_id = ?", [token_id]).fetchone()
    return int(found)


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
