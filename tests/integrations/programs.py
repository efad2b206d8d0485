"""Programs of other people's frameworks, in processes of their own, under the servers that they are run with."""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tallystick.testing import RunningServer
from tests.cli.program import SECONDS_MAX

EXAMPLES = Path(__file__).parents[2] / "examples"
_LISTENS = re.compile(r"(?:[Rr]unning on|Listening at:?) (http://127\.0\.0\.1:[1-9]\d*)")

GUNICORN = ("gunicorn", "--bind", "127.0.0.1:0", "--preload", "--workers", "2", "--threads", "4", "--no-control-socket")
UVICORN = ("uvicorn", "--port", "0", "--workers", "1")


class Program:
    """One that says where it listens.  `said`: its lines so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        found = self.wait_for(_LISTENS)
        self.url = found[1]

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """The first line, after those that were looked at before, in which it is."""
        while (line := self._lines.get(timeout=SECONDS_MAX)) is not None:
            found = pattern.search(line)
            if found is not None:
                return found
        raise AssertionError(f"it ended before it said {pattern.pattern!r}: {''.join(self.said)}")

    def stop(self) -> int:
        """Politely; the exit code."""
        self.process.terminate()
        code = self.process.wait(SECONDS_MAX)
        self._listener.join(SECONDS_MAX)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def program(*arguments: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Program]:
    """`python -m ARGUMENTS`, in `cwd`, stopped at the end."""
    running = Program(start(*arguments, cwd=cwd, env=env))
    try:
        yield running
    finally:
        running.close()


def start(*arguments: str, cwd: Path, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Without what the tests' own environment may say of a server."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={"PATH": os.defpath, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def environment(server: RunningServer, key: str) -> dict[str, str]:
    """Whom to ask, and as whom."""
    return {"TALLYSTICK_URL": server.url, "FASTLY_API_TOKEN": key}
