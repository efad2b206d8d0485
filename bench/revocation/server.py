"""The server under proof."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path


class Server:
    """A server on one port, which can be killed and started again over the same data.

    `database`: an URL, where several are nodes that share it and the directory; None = a file in the directory.
    """

    def __init__(self, directory: Path, *, workers: int = 2, database: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.env_file = directory / f"env-{self.port}"
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "tallystick", "demo", "--dir", str(directory / "world")]
        self._command += ["--env-file", str(self.env_file), "--port", str(self.port), "--workers", str(workers)]
        self._command += ["--hashing", "cheapest", "--writes-per-hour", "1000000"]
        if database is not None:
            self._command += ["--database", database]
        self.start()

    def start(self) -> None:
        """Until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None, "it was asked for"
        for line in self._process.stdout:
            if line.startswith("Tallystick listens on "):
                self._said = threading.Thread(target=self._process.stdout.read, daemon=True)
                self._said.start()
                return
        raise RuntimeError("the server did not start")

    def settings(self) -> dict[str, str]:
        """Name → value of its environment file."""
        lines = [line.removeprefix("export ") for line in self.env_file.read_text().splitlines() if "=" in line]
        return {name: value.strip("'\"") for name, _, value in (line.partition("=") for line in lines)}

    def workers(self) -> list[int]:
        """The processes that answer."""
        try:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            return []

    def kill(self) -> None:
        """All of its processes, at once; the workers first, for an orphan would end by itself."""
        for pid in [*self.workers(), self._process.pid]:
            send(pid, signal.SIGKILL)
        self._process.wait()
        self._said.join()
        assert self._process.stdout is not None, "it was asked for"
        self._process.stdout.close()

    def restart(self) -> None:
        """Killed, and started again."""
        self.kill()
        self.start()


def send(pid: int, number: int) -> None:
    """A signal, to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(pid, number)
