"""For tests of programs that use Tallystick: a clock that stands still, a store in memory, a whole server.

with running_server() as server:
    token = TokensApi(server["USER_TOKEN"], url=server.url).get_token_current()
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tallystick.storage.memory import MemoryStore

__all__ = ["FakeClock", "MemoryStore", "RunningServer", "running_server"]

_START_SECONDS_MAX: Final = 60  # a second, on a machine that has nothing else to do
_STOP_SECONDS_MAX: Final = 20
_PLENTY: Final = 1_000_000


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return self._now

    def advance(self, *, seconds: float) -> None:
        """Let time pass; backwards when negative."""
        self._now += round(seconds * 1000)


class RunningServer:
    """A server that answers on `url`.

    `server["USER_TOKEN"]` and the other names of `tallystick demo --env-file` say who lives there; `directory` holds its
    database and key file; `process` is its parent process.
    """

    def __init__(self, values: Mapping[str, str], directory: Path, process: subprocess.Popen[str]) -> None:
        self.url = values["API_URL"]
        self.values = values
        self.directory = directory
        self.process = process

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def __repr__(self) -> str:
        return f"RunningServer(url={self.url!r}, …)"


@contextmanager
def running_server(
    *,
    workers: int = 1,
    directory: Path | None = None,
    database: str | None = None,
    writes_per_hour: int = _PLENTY,
    trusted_proxies: Sequence[str] = (),
) -> Iterator[RunningServer]:
    """A real server, in processes of its own, on a free port of 127.0.0.1, over a demo world.  It stops at the end.

    `directory`: where the world is kept, so that a second server finds it again; None = a temporary one.  `database`: the URL of
    a new one, or of that world's; None = a file in the directory.
    `writes_per_hour`: of each user; so many by default that no test runs into it by accident.  `trusted_proxies`: as the setting.  Passwords are hashed with
    the cheapest parameters.  Raises RuntimeError, with what the server said, when it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-") as temporary:
        env_file, world = Path(temporary, "env"), directory or Path(temporary, "world")
        arguments = ["demo", "--dir", str(world), "--env-file", str(env_file), "--port", "0", "--workers", str(workers)]
        arguments += ["--writes-per-hour", str(writes_per_hour), "--hashing", "cheapest"]
        if trusted_proxies:
            arguments += ["--trusted-proxies", ",".join(trusted_proxies)]
        command = [sys.executable, "-m", "tallystick", *arguments]
        environment = {**os.environ, "TALLYSTICK_DATABASE": database or ""}  # noqa: TID251 - handed on, not read
        with subprocess.Popen(  # noqa: S603 - our own command line
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                _wait_until_it_listens(process)
                yield RunningServer(_read(env_file), world, process)
            finally:
                _stop(process)


def _wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    said: list[str] = []
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
    try:
        while (line := lines.get(timeout=_START_SECONDS_MAX)) is not None:
            said.append(line)
            if line.startswith("Tallystick listens on "):
                return
    except queue.Empty:
        said.append(f"(nothing more within {_START_SECONDS_MAX} seconds)")
    raise RuntimeError("the server did not start: " + "".join(said).strip())


def _listen(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Take what it says until it ends: a full pipe would stop it."""
    assert process.stdout is not None, "it was asked for"
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _read(env_file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in env_file.read_text(encoding="utf-8").splitlines())


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        # Its workers follow by themselves.
        process.kill()
