"""A primary and its synchronous standby.  Who takes over gets another standby, in the place of the one that is gone.

`synchronous_commit` stays what it is by default, `on`: a commit is acknowledged when the standby has it on disk.  A standby that is
promoted replays all that it has before it lets anybody in, so nothing acknowledged is lost.  `remote_apply` would have each commit wait
for the replay, too, which only matters to who reads on the standby meanwhile.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from bench.failover.hosts import Host
from tests.cli.program import until
from tests.postgres import USER, Cluster, free_port

R = TypeVar("R")

_STANDBY: Final = "standby"

_ANYBODY: Final = "local all all trust\nhost all all all trust\nhost replication all all trust\n"


class Pair:
    """Both, as long as it is open; `close` ends them.

    Its manager is whoever calls: nobody else decides who is primary, as Patroni would.
    """

    def __init__(self, hosts: Sequence[Host], *, careless: bool = False) -> None:
        """`careless`: nobody waits for the standby, to see that the loss is found."""
        self._hosts = hosts
        self._careless = careless
        self._letting_in = Path(tempfile.mkdtemp(prefix="tally-pg-"), "hba.conf")
        self._letting_in.parent.chmod(0o755)
        self._letting_in.write_text(_ANYBODY)
        first = Cluster(settings={"listen_addresses": "*", "hba_file": str(self._letting_in)})
        self._clusters: list[Cluster | None] = [first, None]
        self._ports = [first.port, free_port()]
        self._primary = 0
        self._run(0, first.start)
        self.database = self._run(0, first.new_database)
        self.renew()

    def urls(self) -> list[str]:
        """For the nodes: over the shared network, and aside.  Both name both databases, in the same order."""
        places = [
            ",".join(f"{host.addresses[way]}:{port}" for host, port in zip(self._hosts, self._ports, strict=True))
            for way in range(2)
        ]
        return [f"postgresql://{USER}@{place}/{self.database}" for place in places]

    @property
    def primary_host(self) -> Host:
        """Where the primary runs now."""
        return self._hosts[self._primary]

    def kill_primary(self) -> None:
        """All of its processes, at once."""
        self._cluster(self._primary).kill()

    def promote(self) -> float:
        """The standby takes over, and waits for none of its own; the other one counts as lost, though it may still run.

        When that began (monotonic seconds).
        """
        began = time.monotonic()
        self._primary = 1 - self._primary
        self._run(self._primary, self._cluster(self._primary).promote)
        self._wait_for("")
        return began

    def renew(self) -> None:
        """In the place of the lost one comes a standby, and from now on no commit is acknowledged without it."""
        lost = 1 - self._primary
        if (old := self._clusters[lost]) is not None:
            self._clusters[lost] = None
            old.close()
        primary = self._cluster(self._primary)
        standby = self._run(self._primary, partial(primary.standby, _STANDBY))
        self._clusters[lost] = standby
        standby.port = self._ports[lost]
        standby.settings.pop("synchronous_standby_names")  # a switch could not be changed when it is promoted
        standby.settings["primary_conninfo"] = (
            f"host={self._hosts[self._primary].addresses[0]} port={primary.port} user={USER} application_name={_STANDBY}"
        )
        self._run(lost, standby.start)
        self._wait_for("" if self._careless else _STANDBY)
        state = "async" if self._careless else "sync"
        until(lambda: state in self.sql("SELECT sync_state FROM pg_stat_replication").split(), "the standby follows")

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What psql prints on the primary."""
        return self._run(self._primary, partial(self._cluster(self._primary).sql, statement, database=database))

    def close(self) -> None:
        """End both, and forget their data."""
        for cluster in filter(None, self._clusters):
            cluster.close()
        self._letting_in.unlink()
        self._letting_in.parent.rmdir()

    def _wait_for(self, names: str) -> None:
        """From now on commits wait for standbys with these names."""
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.sql("SELECT pg_reload_conf()")

    def _cluster(self, which: int) -> Cluster:
        cluster = self._clusters[which]
        assert cluster is not None, "there are two, but while one is replaced"
        return cluster

    def _run(self, which: int, call: Callable[[], R]) -> R:
        return self._hosts[which].run(call)
