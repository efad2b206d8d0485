"""PostgreSQL under proof: one server, and between it and each node a network that delays and can be cut."""

import asyncio
import itertools
import threading
from contextlib import suppress
from typing import Final

from bench.revocation.network import Network
from tallystick import storage
from tallystick.core.errors import Unavailable
from tests.core.world import NOW, OTHER, at
from tests.postgres import USER, Cluster

NODES: Final = 2

_PAUSE_SECONDS: Final = 0.02


class Postgresql:
    """As long as it is open; `end` ends it.  `spoilt_by`: SQL that breaks a rule of the database's, on purpose."""

    def __init__(self, *, spoilt_by: str | None = None) -> None:
        self._cluster = Cluster()
        self._cluster.start()
        self._name = self._cluster.new_database()
        storage.prepare(self._cluster.dsn(self._name))
        if spoilt_by is not None:
            self._cluster.sql(spoilt_by, database=self._name)
        self._ended = threading.Event()
        self._others = threading.Thread(target=lambda: asyncio.run(self._change_others()))
        self._others.start()
        self._networks = [Network(self._cluster.port, slow=node % 2) for node in range(NODES)]

    def urls(self) -> list[str]:
        """For each node, over its own network."""
        return [f"postgresql://{USER}@127.0.0.1:{network.port}/{self._name}" for network in self._networks]

    def slow_down(self) -> None:
        """Every second connection to it."""
        for network in self._networks:
            network.slow_down()

    @property
    def network_pids(self) -> list[int]:
        """Of the networks."""
        return [network.pid for network in self._networks]

    def backends(self) -> list[int]:
        """The processes that work for somebody who is connected."""
        return self._cluster.backends()

    def restart(self) -> None:
        """Killed, and started again."""
        self._cluster.kill()
        self._cluster.start()

    def end(self) -> None:
        """With its networks, and all that is in it."""
        self._ended.set()
        self._others.join()
        for network in self._networks:
            network.end()
        self._cluster.close()

    async def _change_others(self) -> None:
        """Something of another customer changes all the while: what belongs to one customer is changed one after the other anyway."""
        store = await storage.open_store(self._cluster.dsn(self._name))
        await store.people.add_customer(OTHER, by=at(NOW))
        for number in itertools.count():
            if self._ended.wait(0):
                break
            with suppress(Unavailable):  # it is being started again
                await store.people.rename_customer(OTHER.id, name=f"Other {number}", by=at(NOW))
            await asyncio.sleep(_PAUSE_SECONDS)
        await store.close()
