"""The program as a user has it: real processes, real signals, a real terminal."""

import codecs
import contextlib
import http.client
import json
import os
import pty
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS_MAX = 60  # for whatever takes a second at most on a machine with nothing else to do
CHEAP = ("--hashing", "cheapest")


def tallystick(*arguments: str, stdin: str = "", cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments),
        input=stdin,
        cwd=cwd,
        env=environment(environ),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tallystick", *arguments]


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the environment in which the tests run, which may hold settings."""
    return {"PATH": os.defpath, **more}


class Running:
    """A server that was started and says that it listens."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self._errors = (cwd / "stderr").open("w+")
        self.process = subprocess.Popen(
            command(*arguments),
            cwd=cwd,
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.url = self._wait_for("Tallystick listens on ").split()[-1]
        self.host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.port = int(port)

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(sent)
        code = self.process.wait(SECONDS_MAX)
        self._listener.join(SECONDS_MAX)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS_MAX)
        self._listener.join(SECONDS_MAX)
        self._errors.close()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def stderr(self) -> str:
        return Path(self._errors.name).read_text(encoding="utf-8")

    def workers(self) -> list[int]:
        """The processes that answer.  (multiprocessing has another child, which watches over resources.)"""
        return [pid for pid in children(self.process.pid) if b"spawn_main" in cmdline(pid)]

    def get(self, path: str, token: str | None = None) -> Any:
        return self.ask("GET", path, token)

    def ask(self, method: str, path: str, token: str | None = None, form: str | None = None) -> Any:
        """The decoded answer; `status` is in it under the empty name."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS_MAX)
        with contextlib.closing(connection):
            headers = {} if token is None else {"Fastly-Key": token}
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, path, form, headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status < 300, body
            return json.loads(body)

    def answers(self) -> bool:
        try:
            self.get("/healthz")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def _wait_for(self, start: str) -> str:
        while (line := self._lines.get(timeout=SECONDS_MAX)) is not None:
            if line.startswith(start):
                return line
        raise AssertionError(f"it ended: {''.join(self.said)}{self.stderr}")


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[Running]:
    """A server, killed at the end if it still runs."""
    server = Running(*arguments, cwd=cwd)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def demo(cwd: Path, *arguments: str) -> Iterator[tuple[Running, dict[str, str]]]:
    """`tallystick demo` on a free port, with what its environment file says."""
    with running("demo", "--port", "0", "--env-file", "env", *CHEAP, *arguments, cwd=cwd) as server:
        yield server, read_env(cwd / "env")


def read_env(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True)
class Ended:
    """How a conversation on a terminal ended, and all that was to be seen."""

    code: int
    screen: str


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background may ignore it
            os.execve(sys.executable, command(*arguments), environment({"TERM": "xterm"}))
        self._screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        self._seen = 0

    def answer(self, prompt: str, line: str) -> None:
        """Wait for a prompt, and type.

        getpass discards what was typed before it switched the echo off, and prompts after that: the prompt is the event.
        """
        self.wait_for(prompt)
        os.write(self._terminal, f"{line}\n".encode())

    def interrupt(self) -> Ended:
        """Press Ctrl-C until it ends.

        Once is enough for a person: only a test is quick enough to press it between the prompt and the read, where Python
        notes the signal and then waits for a line all the same.
        """
        while True:
            os.write(self._terminal, b"\x03")
            while self._is_readable(within=1):
                if not self._read():
                    return self.end()

    def wait_for(self, text: str) -> None:
        """Wait until `text` is to be seen, after all that was waited for before."""
        while text not in self._screen[self._seen :]:
            assert self._read(), f"it ended before it said {text!r}: {self._screen}"
        self._seen = self._screen.index(text, self._seen) + len(text)

    def screen_so_far(self) -> str:
        return self._screen

    def end(self) -> Ended:
        """Read to the end."""
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._terminal)
        return Ended(os.waitstatus_to_exitcode(status), self._screen.replace("\r\n", "\n"))

    def _read(self) -> bool:
        assert self._is_readable(within=SECONDS_MAX), f"nothing more was said after: {self._screen}"
        try:
            read = os.read(self._terminal, 4096)
        except OSError:
            return False  # how Linux says that the other side is gone
        self._screen += self._decoder.decode(read)
        return bool(read)

    def _is_readable(self, *, within: float) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], within)
        return bool(ready)


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something that no event tells, for as long as is reasonable."""
    pause = threading.Event()
    for _ in range(SECONDS_MAX * 50):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError(f"not within {SECONDS_MAX} seconds: {what}")


def enough_of_the_hour() -> None:
    """For those who count within one hour of the real clock: not in its last half minute."""
    until(lambda: 3600 - time.time() % 3600 > 30, "the next hour")


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            ready, _, _ = select.select([handle], [], [], SECONDS_MAX)
            assert ready, f"process {pid} still runs: {cmdline(pid)!r}"
        finally:
            os.close(handle)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def signals(pid: int, kind: str) -> set[int]:
    """The signals that a process blocks (`SigBlk`) or ignores (`SigIgn`)."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith(kind)).split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}
