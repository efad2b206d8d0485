"""A primary and its synchronous standby under Patroni, which decides with etcd who is primary, as docs/scaling.md says.

Both are other people's programs as they come: Patroni from PyPI, beside what else the tests need; etcd is the system's.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import urlopen

from bench.failover.hosts import Here, Host
from tests.cli.program import until
from tests.postgres import USER, free_port, program

_DATABASE: Final = "tally"
_HTTP_SECONDS: Final = 2.0

# Processes of its own, so that all of them end at once, as when a machine fails; and PostgreSQL, which does not run as root, does not
# see that it is.
_MACHINE: Final = (
    *("unshare", "--user", "--map-user=65534", "--map-group=65534"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
)


def is_here() -> bool:
    """Whether it can be run on this machine."""
    if not all(map(shutil.which, ("etcd", "unshare"))):
        return False
    return subprocess.run([*_MACHINE, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


class Managed:
    """As `Pair`, but nobody here promotes: the primary's machine fails, and Patroni on the other one sees to it."""

    database = _DATABASE
    primary_host: Host = Here()

    def __init__(self) -> None:
        self._stack = ExitStack()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def urls(self) -> list[str]:
        """For the nodes: all name both databases, in the same order."""
        places = ",".join(f"127.0.0.1:{member.port}" for member in self._members)
        return [f"postgresql://{USER}@{places}/{_DATABASE}"] * 2

    def kill_primary(self) -> None:
        """All processes of its machine, at once."""
        self._lost = self._leader()
        self._lost.fail()

    def promote(self) -> float:
        """Wait until the other one leads: when that was seen (monotonic seconds)."""
        (other,) = [member for member in self._members if member is not self._lost]
        until(other.leads, "Patroni has promoted the standby")
        return time.monotonic()

    def renew(self) -> None:
        """The machine comes back, and Patroni makes a standby of what is on it."""
        self._lost.start()
        self._wait_for_standby()

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What psql prints on the primary."""
        place = f"postgresql://{USER}@127.0.0.1:{self._leader().port}/{database}"
        asked = [program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, place]
        return subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def close(self) -> None:
        """End both, and forget their data."""
        self._stack.close()

    def _start(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tally-patroni-")))
        etcd = free_port()
        _started(self._stack, _etcd(folder / "etcd", etcd, free_port()))
        self._members = [_Member(folder, name, etcd=etcd) for name in ("db1", "db2")]
        for member in self._members:
            self._stack.callback(member.fail)
            member.start()
        self._wait_for_standby()
        self.sql(f"CREATE DATABASE {_DATABASE}")

    def _wait_for_standby(self) -> None:
        until(
            lambda: any(member.role() == "sync_standby" for member in self._members), "there is a synchronous standby"
        )

    def _leader(self) -> "_Member":
        return next(member for member in self._members if member.leads())


class _Member:
    """A machine with a database, and a Patroni that looks after it."""

    def __init__(self, folder: Path, name: str, *, etcd: int) -> None:
        self.port, self._rest = free_port(), free_port()
        self._settings = folder / f"{name}.yaml"
        self._said = folder / f"{name}.log"
        # YAML is JSON, too.
        self._settings.write_text(json.dumps(_settings(folder, name, etcd=etcd, rest=self._rest, port=self.port)))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._said.open("ab") as log:
            patroni = [*_MACHINE, sys.executable, "-m", "patroni", str(self._settings)]
            self._process = subprocess.Popen(patroni, env=_ENVIRONMENT, stdout=log, stderr=log)

    def fail(self) -> None:
        """All that runs on it ends, with nothing said to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def leads(self) -> bool:
        """Whether it is the primary, by its Patroni's account."""
        return self.role() == "leader"

    def role(self) -> str | None:
        """`leader`, `sync_standby`, `replica`; None while its Patroni does not answer."""
        # Any: the answer of somebody else's program.
        with suppress(OSError, ValueError):
            try:
                with urlopen(f"http://127.0.0.1:{self._rest}/cluster", timeout=_HTTP_SECONDS) as answer:
                    cluster: dict[str, Any] = json.load(answer)
            except HTTPError as answer:
                cluster = json.load(answer)
            mine = [each for each in cluster["members"] if each.get("port") == self.port and _is_up(each)]
            return mine[0]["role"] if mine else None
        return None


def _is_up(member: dict[str, Any]) -> bool:
    return member.get("state") in ("running", "streaming")


def _etcd(folder: Path, clients: int, peers: int) -> Sequence[str]:
    mine, theirs = (f"http://127.0.0.1:{port}" for port in (clients, peers))
    return (
        *("etcd", "--data-dir", str(folder), "--log-level", "error"),
        *("--listen-client-urls", mine, "--advertise-client-urls", mine),
        *(
            "--listen-peer-urls",
            theirs,
            "--initial-advertise-peer-urls",
            theirs,
            "--initial-cluster",
            f"default={theirs}",
        ),
    )


def _started(stack: ExitStack, command: Sequence[str]) -> None:
    process = subprocess.Popen(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _settings(folder: Path, name: str, *, etcd: int, rest: int, port: int) -> dict[str, Any]:
    """Patroni's, as docs/scaling.md has them; the times are the least that it takes."""
    return {
        "scope": "tally",
        "name": name,
        "etcd3": {"host": f"127.0.0.1:{etcd}"},
        "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
        "bootstrap": {
            "dcs": {
                "ttl": 20,
                "loop_wait": 1,
                "retry_timeout": 3,
                "synchronous_mode": True,
                "postgresql": {"use_pg_rewind": True, "parameters": {"synchronous_commit": "on"}},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth": "trust"}, "no-sync"],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{port}",
            "connect_address": f"127.0.0.1:{port}",
            "data_dir": str(folder / name),
            "bin_dir": str(Path(program("postgres")).parent),
            "pgpass": str(folder / f"{name}.pgpass"),
            "authentication": {"superuser": {"username": USER}, "replication": {"username": USER}},
            "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
            "parameters": {"unix_socket_directories": str(folder), "max_connections": 200, "fsync": "off"},
            # What the lost one wrote, and had acknowledged to nobody, goes.
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
    }


_ENVIRONMENT: Final = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
