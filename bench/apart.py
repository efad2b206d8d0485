"""Parts of the service on the same server, scheduled as a worker is: `python -m bench.apart PORT driver|forgetful DB KEY_FILE`.

driver     the digest of what is presented, the store's own statement for it, and an answer that says nothing
forgetful  the service, with a memory for sixteen tokens: nearly every request asks the store
"""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from bench.noop import batch
from tallystick.cli import worker
from tallystick.cli.clock import SystemClock
from tallystick.cli.keyfile import load_keys
from tallystick.cli.settings import Hashing
from tallystick.core.known import Customers
from tallystick.core.secret import digester
from tallystick.core.use import Uses
from tallystick.core.verifier import Verifier
from tallystick.http.app import build_front
from tallystick.http.exposition import Exposition
from tallystick.http.measuring import Measuring
from tallystick.storage import open_store
from tallystick.storage.statements import load

REMEMBERED = 16
_BODY = b'{"msg":"nothing was done"}'
_HEADERS = [("content-type", "application/json"), ("cache-control", "no-store")]


class Driver:
    """Nothing but SQLite."""

    def __init__(self, database: Path, key_file: Path) -> None:
        self._digest = digester(load_keys(key_file).digests)
        self._sql = load("sqlite").look_up
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA cache_size = -32768")  # as the service has it

    async def __call__(self, scope: Any, proto: Any) -> None:
        digest = self._digest.of(scope.headers.get("fastly-key").encode())
        row = self._connection.execute(self._sql, {"digest": digest}).fetchone()
        proto.response_bytes(200 if row else 401, _HEADERS, _BODY)


class Forgetful:
    """A worker whose memory is too small."""

    def __init__(self, database: Path, key_file: Path) -> None:
        self._plan = worker.Plan(f"sqlite:{database}", key_file, Hashing.CHEAPEST, 0)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._start())

    def __rsgi__(self, scope: Any, proto: Any) -> Awaitable[None]:
        return self._answer(scope, proto)

    async def _start(self) -> None:
        store, keys = await open_store(self._plan.database), load_keys(self._plan.key_file)
        wiring = worker.wire(
            store, keys, Uses(), SystemClock(), self._plan, asyncio.to_thread, Measuring(Exposition(None))
        )
        wiring.memory.verifier = Verifier(most=REMEMBERED)
        wiring.memory.customers = Customers(wiring.memory.verifier)
        await wiring.memory.start()
        self._answer = build_front(wiring).__rsgi__


def loader(kind: str, database: Path, key_file: Path) -> Any:
    """What Granian loads in the worker."""
    batch()
    return {"driver": Driver, "forgetful": Forgetful}[kind](database, key_file)


if __name__ == "__main__":
    port, kind, database, key_file = sys.argv[1:]
    server = Server(
        "apart",
        port=int(port),
        interface=Interfaces.RSGI,
        workers=1,
        websockets=False,
        log_level=LogLevels.critical,
    )
    server.serve(target_loader=partial(loader, kind, Path(database), Path(key_file)), wrap_loader=False)
