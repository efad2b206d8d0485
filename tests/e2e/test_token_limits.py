"""Limits of tokens on real servers: counted exactly by processes that share nothing but a file or a database, and narrowed coherently."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tallystick.testing import RunningServer, running_server
from tests.cli.program import enough_of_the_hour, until
from tests.e2e.test_coherence import Tokens, asking, freeze, nothing, workers_of
from tests.e2e.test_nodes import created, nodes
from tests.postgres import Cluster

LIMIT = 100
CLIENTS = 8
EACH = 40


def sent(url: str, method: str, path: str, key: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        headers = {"Fastly-Key": key} | ({} if body is None else {"Content-Type": "application/json"})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def limited(server: RunningServer, **limits: Any) -> str:
    body = {"username": server["USER_LOGIN"], "password": server["USER_PASSWORD"], "limits": limits}
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request("POST", "/tokens", json.dumps(body), {"Content-Type": "application/json"})
    made: dict[str, str] = json.loads(connection.getresponse().read())
    connection.close()
    return made["access_token"]


def checks(urls: list[str], key: str) -> Counter[int]:
    """Statuses of many requests at once, on connections of their own, so that each process gets some."""

    def some(url: str) -> list[int]:
        return [sent(url, "GET", "/check", key)[0] for _ in range(EACH)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(status for statuses in pool.map(some, urls * (CLIENTS // len(urls))) for status in statuses)


def test_two_workers_count_a_rate_together_and_one_that_is_killed_takes_nothing_with_it() -> None:
    enough_of_the_hour()
    with running_server(workers=2) as server:
        key = limited(server, per_day=LIMIT)
        before = [sent(server.url, "GET", "/check", key)[0] for _ in range(LIMIT // 2)]
        victim = workers_of(server)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in workers_of(server), "the end of a worker")
        after = checks([server.url], key)

    assert before == [200] * (LIMIT // 2)
    assert after == {200: LIMIT // 2, 429: CLIENTS * EACH - LIMIT // 2}


def test_a_number_of_uses_is_exact_over_workers_and_restarts(tmp_path: Path) -> None:
    with running_server(workers=2, directory=tmp_path) as server:
        key = limited(server, uses=LIMIT)
        first = [sent(server.url, "GET", path, key)[0] for path in ("/check", "/tokens/self") * 10]
    with running_server(workers=2, directory=tmp_path) as server:
        second = checks([server.url], key)

    assert first == [200] * 20
    assert second == {200: LIMIT - 20, 401: CLIENTS * EACH - LIMIT + 20}


def test_a_number_of_uses_is_exact_over_nodes(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.dsn(cluster.new_database())
    with nodes(url, tmp_path) as (one, other):
        token_id, key = created(one)
        assert sent(one.url, "PUT", f"/tokens/{token_id}/limits", key, {"uses": LIMIT})[0] == 200
        counted = checks([one.url, other.url], key)

    assert counted == {200: LIMIT, 401: CLIENTS * EACH - LIMIT}


@pytest.mark.parametrize("harm", [nothing, freeze])
def test_no_worker_goes_by_what_was_before_a_token_was_narrowed(harm: Callable[[int], None]) -> None:
    with running_server(workers=2) as server:
        keys = [limited(server, networks=["127.0.0.0/8"]) for _ in range(16)]
        ids = {key: sent(server.url, "GET", "/tokens/self", key)[1]["id"] for key in keys}
        tokens = Tokens(keys)
        with asking(server.url, tokens):
            for number, key in enumerate(keys):
                victim = workers_of(server)[number % 2]
                if number % 8 == 7:
                    harm(victim)
                _narrow(server, ids[key], victim)
                tokens.over.add(key)

    assert tokens.accepted_after == []
    assert tokens.asked > 10 * len(keys)


def _narrow(server: RunningServer, token_id: str, victim: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        path = f"/tokens/{token_id}/limits"
        answer = pool.submit(sent, server.url, "PUT", path, server["USER_TOKEN"], {"networks": ["127.9.9.9"]})
        try:
            status = answer.result(timeout=3)[0]
        except TimeoutError:
            os.kill(victim, signal.SIGCONT)  # it was its to answer
            status = answer.result(timeout=30)[0]
        os.kill(victim, signal.SIGCONT)
    assert status == 200
