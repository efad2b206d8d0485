"""A real PgBouncer for tests, which lends a connection for one transaction: what a session leaves behind meets somebody else.

with Pooler(cluster) as pooler:
    url = pooler.url(database)
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

import pytest

from tests.cli.program import SECONDS_MAX, until
from tests.postgres import UNPRIVILEGED, USER, Cluster, as_other, free_port

SETTINGS: Final = {"notifications": "off", "statement_cache_size": "0"}
"""What docs/postgresql.md says must be set."""

# Whatever somebody would keep for a session is kept by nobody: server_reset_query is not for this mode.
_CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
"""


def found() -> str | None:
    """Where PgBouncer is; not everybody's path leads there."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


class Pooler:
    """Stands in front of a cluster, as the user who runs that.

    `connections`: to the server, for each database.  A process of ours has more to the pooler, so they are shared all the time.
    """

    def __init__(self, cluster: Cluster, *, connections: int = 3) -> None:
        program = found()
        if program is None:
            pytest.skip("PgBouncer is not here: apt-get install pgbouncer, or brew install pgbouncer")
        self._folder = Path(tempfile.mkdtemp(prefix="tally-pooler-"))
        self._port = free_port()
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(server_port=cluster.port, user=USER, port=self._port, connections=connections)
        )
        if as_other():
            os.chown(self._folder, pwd.getpwnam(UNPRIVILEGED).pw_uid, -1)
        self._log = self._folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [program, str(configuration)],
                cwd=self._folder,
                user=as_other(),
                extra_groups=[] if as_other() else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests: they end it
            )

    def __enter__(self) -> Self:
        until(lambda: "process up" in self._log.read_text() or self._process.poll() is not None, "the pooler is up")
        assert self._process.poll() is None, self._log.read_text()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(SECONDS_MAX)
        shutil.rmtree(self._folder)

    def url(self, database: str, **parameters: str) -> str:
        """Of a database of the cluster, through this, set as it must be."""
        return f"{self.bare_url(database)}?{urlencode(SETTINGS | parameters)}"

    def bare_url(self, database: str) -> str:
        """The same, without any setting."""
        return f"postgresql://somebody@127.0.0.1:{self._port}/{database}"
