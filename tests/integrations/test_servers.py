"""What frameworks' servers do to a program: bodies bit by bit, WebSockets, a lifespan, reloads, and the end."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tallystick.testing import RunningServer, running_server
from tests.cli.program import SECONDS_MAX, until
from tests.integrations.programs import EXAMPLES, GUNICORN, UVICORN, Program, environment, program
from tests.integrations.tokens import bearer, issued, revoke, verifying

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="module")
def streams(server: RunningServer, key: str) -> Iterator[Program]:
    with program(*UVICORN, "streams:app", cwd=APPS, env=environment(server, key)) as running:
        yield running


def talks(url: str, secret: str) -> None:
    """Send two bits, each only when the one before has come back."""
    host, port = url.removeprefix("http://").split(":")
    head = f"POST /echo/ HTTP/1.1\r\nHost: {host}\r\nFastly-Key: {secret}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with closing(socket.create_connection((host, int(port)), SECONDS_MAX)) as connection:
        connection.sendall(head.encode() + b"5\r\nfirst\r\n")
        read_until(connection, b"first")
        connection.sendall(b"5\r\nagain\r\n")
        read_until(connection, b"again")
        connection.sendall(b"0\r\n\r\n")
        read_until(connection, b"0\r\n")


def read_until(connection: socket.socket, wanted: bytes) -> None:
    read = b""
    while wanted not in read:
        bit = connection.recv(4096)
        assert bit, read
        read += bit


def test_bodies_are_passed_on_as_they_come_both_ways(streams: Program, server: RunningServer) -> None:
    talks(streams.url, issued(server).secret.reveal())


def test_bodies_are_passed_on_as_they_come_over_wsgi(server: RunningServer, key: str) -> None:
    headers = bearer(issued(server))
    with (
        program(*GUNICORN, "--workers", "1", "wsgi_streams:app", cwd=APPS, env=environment(server, key)) as running,
        httpx2.stream("GET", running.url, headers=headers, timeout=SECONDS_MAX) as answer,
    ):
        bits = answer.iter_raw()
        first = next(bits)
        echoed = httpx2.post(running.url, headers=headers, content=b"go on").content
        rest = b"".join(bits)

    assert (first, echoed, rest) == (b"first", b"go on", b"again")


def test_what_the_lifespan_left_is_there_beside_the_token(streams: Program, server: RunningServer) -> None:
    one = issued(server)

    opened = httpx2.get(f"{streams.url}/open/state", headers=bearer(one))
    asked = httpx2.get(f"{streams.url}/state", headers=bearer(one))

    assert opened.text == "from the lifespan; None"
    assert asked.text == f"from the lifespan; {one.record.user_id}"


def test_a_websocket_is_opened_with_a_token_and_refused_without(streams: Program, server: RunningServer) -> None:
    one, url = issued(server, scope="global:read"), streams.url.replace("http", "ws")

    with connect(f"{url}/talk", additional_headers=bearer(one)) as opened:
        opened.send("hello")
        said = opened.recv()
    refused = {
        path: refusal(lambda path=path, headers=headers: connect(url + path, additional_headers=headers))  # type: ignore[misc]
        for path, headers in (("/talk", {}), ("/purge", bearer(one)))
    }
    revoke(server, one)
    refused["/talk, revoked"] = refusal(lambda: connect(f"{url}/talk", additional_headers=bearer(one)))

    assert said == f"hello {one.record.user_id}"
    assert refused == {
        "/talk": (401, "Bearer"),
        "/purge": (403, 'Bearer error="insufficient_scope", scope="purge_all"'),
        "/talk, revoked": (401, 'Bearer error="invalid_token"'),
    }


def refusal(attempt: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        attempt()
    response = refused.value.response
    return response.status_code, response.headers["WWW-Authenticate"]


def test_a_program_that_is_mounted_is_judged_by_the_paths_below(server: RunningServer, key: str) -> None:
    one = issued(server, scope="global:read")
    with program(*UVICORN, "streams:below", "--lifespan", "off", cwd=APPS, env=environment(server, key)) as running:
        statuses = [
            httpx2.request(method, running.url + path, headers=headers).status_code
            for method, path, headers in (
                ("POST", "/shop/open/nothing", {}),
                ("POST", "/shop/echo", {}),
                ("POST", "/shop/echo/", bearer(one)),
                ("POST", "/shop/shop/open/nothing", {}),
            )
        ]

    assert statuses == [404, 401, 200, 401]


ENDING = {
    "asgi": ("asgi", *UVICORN, "app:app"),
    "fastapi": ("fastapi", *UVICORN, "app:app"),
    "wsgi": ("wsgi", *GUNICORN, "app:app"),
    "flask": ("flask", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2", "--no-control-socket", "app:app"),
    "django": ("django", *GUNICORN, "app:application"),
}
RELOADING = {
    "asgi": ("asgi", "uvicorn", "--port", "0", "--reload", "app:app"),
    "flask": ("flask", "flask", "--app", "app.py", "run", "--port", "0", "--reload"),
    "wsgi": (
        "wsgi",
        "gunicorn",
        "--bind",
        "127.0.0.1:0",
        "--reload",
        "--reload-engine",
        "poll",
        "--no-control-socket",
        "app:app",
    ),
}


@pytest.fixture(scope="module")
def alone() -> Iterator[RunningServer]:
    """A server that nobody else follows."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def own_key(alone: RunningServer) -> str:
    return verifying(alone)


def followers(server: RunningServer) -> int:
    answer = httpx2.get(f"{server.url}/metrics", headers={"Fastly-Key": server["SUPERUSER_TOKEN"]}).raise_for_status()
    (line,) = [line for line in answer.text.splitlines() if line.startswith("tallystick_remote_verifiers ")]
    return int(float(line.split()[1]))


@pytest.mark.parametrize("way", ENDING)
def test_a_program_that_ends_leaves_no_follower_behind(way: str, alone: RunningServer, own_key: str) -> None:
    """Not even for as long as a lease: whoever revokes next does not wait."""
    (folder, *arguments), one = ENDING[way], issued(alone)
    with program(*arguments, cwd=EXAMPLES / folder, env=environment(alone, own_key)) as running:
        until(lambda: ask(running, "/orders", bearer(one)) == 200 and followers(alone) > 0, "it follows")
        running.stop()
        left = followers(alone)

    assert left == 0


@pytest.mark.parametrize("way", RELOADING)
def test_a_reload_leaves_no_follower_behind(way: str, alone: RunningServer, own_key: str, tmp_path: Path) -> None:
    (folder, *arguments), one = RELOADING[way], issued(alone)
    shutil.copy(EXAMPLES / folder / "app.py", tmp_path)
    file = tmp_path / "app.py"
    with program(*arguments, cwd=tmp_path, env=environment(alone, own_key)) as running:
        until(lambda: ask(running, "/orders", bearer(one)) == 200 and followers(alone) == 1, "it follows")
        file.write_text(
            file.read_text(encoding="utf-8").replace("/orders", "/ordered").replace('"orders"', '"ordered"')
        )
        until(lambda: ask(running, "/ordered", bearer(one)) == 200, "the new code answers")
        until(lambda: followers(alone) > 0, "it follows")
        most = max(followers(alone) for _ in range(20))
        revoke(alone, one)
        refused = ask(running, "/ordered", bearer(one))

    assert most == 1
    assert refused == 401


def ask(running: Program, path: str, headers: dict[str, str]) -> int:
    """The status; 0 while nobody answers."""
    try:
        return httpx2.get(running.url + path, headers=headers, timeout=20).status_code
    except httpx2.TransportError:
        return 0
