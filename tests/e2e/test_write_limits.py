"""The hourly budget of writes on a real server: shared by its processes, kept over a restart, named as Ruby reads it."""

import http.client
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from tallystick.testing import RunningServer, running_server
from tests.cli.program import SECONDS_MAX, enough_of_the_hour

LIMIT = 150
CLIENTS = 16
EACH = 25


def test_many_clients_of_two_workers_get_exactly_the_limit_and_a_restart_gives_nobody_more(tmp_path: Path) -> None:
    enough_of_the_hour()
    with (
        running_server(workers=2, directory=tmp_path, writes_per_hour=LIMIT) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        answers = [each for some in pool.map(write, [server] * CLIENTS) for each in some]

    with running_server(workers=2, directory=tmp_path, writes_per_hour=LIMIT) as again:
        later = write(again)
        other = ask(again, "DELETE", "/tokens/unknown", again["SUPERUSER_TOKEN"])

    assert Counter(status for status, _ in answers) == {404: LIMIT, 429: CLIENTS * EACH - LIMIT}
    assert sorted(left for status, left in answers if status == 404) == list(range(LIMIT))
    assert set(later) == {(429, 0)}
    assert other == (404, LIMIT - 1)


def test_what_was_written_before_a_restart_is_still_counted_after_it(tmp_path: Path) -> None:
    enough_of_the_hour()
    with running_server(directory=tmp_path, writes_per_hour=10) as server:
        before = [ask(server, "DELETE", "/tokens/unknown", server["USER_TOKEN"]) for _ in range(4)]
    with running_server(directory=tmp_path, writes_per_hour=10) as server:
        after = ask(server, "DELETE", "/tokens/unknown", server["USER_TOKEN"])

    assert before == [(404, 9), (404, 8), (404, 7), (404, 6)]
    assert after == (404, 5)


def test_on_the_socket_the_names_are_in_lower_case_and_reads_do_not_have_them() -> None:
    with running_server() as server:
        write, read = raw(server, "DELETE"), raw(server, "GET")

    assert b"\r\nfastly-ratelimit-remaining: 999999\r\n" in write
    assert b"\r\nfastly-ratelimit-reset: " in write
    assert b"ratelimit" not in read.lower()


def write(server: RunningServer) -> list[tuple[int, int]]:
    """Writes on a connection for each, so that both workers get some."""
    return [ask(server, "DELETE", "/tokens/unknown", server["USER_TOKEN"]) for _ in range(EACH)]


def ask(server: RunningServer, method: str, path: str, key: str) -> tuple[int, int]:
    """Status, and how many writes are left."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=SECONDS_MAX)
    with closing(connection):
        connection.request(method, path, headers={"Fastly-Key": key})
        answer = connection.getresponse()
        answer.read()
        return answer.status, int(answer.headers["fastly-ratelimit-remaining"])


def raw(server: RunningServer, method: str) -> bytes:
    """An answer as it comes."""
    address = urlsplit(server.url)
    request = (
        f"{method} /tokens/unknown HTTP/1.1\r\nHost: x\r\nConnection: close\r\nFastly-Key: {server['USER_TOKEN']}\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=SECONDS_MAX) as connection:
        connection.sendall(f"{request}\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))
