"""The servers that are measured: processes with all their threads on one core."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import SERVER_CORE


@contextmanager
def module(name: str, *arguments: str) -> Iterator[str]:
    """A module of the bench that listens on the port that is its first argument; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with _process([sys.executable, "-m", f"bench.{name}", str(port), *arguments], {}):
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def tallystick(database: Path, key_file: Path) -> Iterator[str]:
    """The service, with one worker; its URL."""
    settings = {"TALLYSTICK_DATABASE": f"sqlite:{database}", "TALLYSTICK_KEY_FILE": str(key_file)}
    with _process([sys.executable, "-m", "tallystick", "serve", "--port", "0"], settings) as process:
        for line in process.stdout or []:
            if found := re.search(r"http://[\d.]+:\d+", line):
                yield found[0]
                return
        raise RuntimeError("the server did not start")


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    settings = [f"{name}={value}" for name, value in environment.items()]
    pinned = ["env", *settings, "taskset", "-c", str(SERVER_CORE), *command]
    process = subprocess.Popen(pinned, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # it does not say when it listens
        else:
            return
    raise RuntimeError("a server of the bench did not start")
