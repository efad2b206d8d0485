"""The console's first page, with 100,000 tokens in the customer: what it weighs, and how long the server takes for it."""

import asyncio
import gzip
import http.client
import re
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.process import tallystick
from bench.world import World, make
from tallystick.core import issue
from tallystick.core.events import Origin
from tallystick.core.secret import digester
from tallystick.identity.keys import parse_key_file
from tallystick.storage import open_store

CALLS = 60
BYTES_MAX, REQUESTS_MAX, MS_MAX = 50_000, 5, 50
PAGES = {
    "all tokens, the first page": "/console/customer/tokens",
    "sorted by last use": "/console/customer/tokens?sort=-last_used_at",
    "sorted by end": "/console/customer/tokens?sort=expires_at",
    "sorted by name": "/console/customer/tokens?sort=name",
    "sorted by name, from the other end": "/console/customer/tokens?sort=-name",
    "searched: what all are called": "/console/customer/tokens?q=bench",
    "searched: one in a hundred": "/console/customer/tokens?q=-42-",
    "searched: one in a hundred, by name": "/console/customer/tokens?q=-42-&sort=name",
    "searched: three of them": "/console/customer/tokens?q=7-bench-4223",
    "searched: nothing is called so": "/console/customer/tokens?q=nothing-is-called-so",
    "of one service": "/console/customer/tokens?service=nothing",
    "over within 7 days": "/console/customer/tokens?expires=7d",
    "unused for 30 days": "/console/customer/tokens?unused=30d",
    "my tokens": "/console/tokens",
    "events": "/console/events",
    "people": "/console/people",
    "state": "/console/state",
}


class Got(NamedTuple):
    """What one request took, and brought."""

    ms: float
    size: int
    text: str


def run() -> None:
    """Measure each page on a connection that is kept."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        print("console: filling a database with 100,000 tokens …", flush=True)
        world = make(Path(scratch))
        _vary(world)
        session = asyncio.run(_session(world))
        with tallystick(world.database, world.key_file) as url:
            _print(url, session)


def _vary(world: World) -> None:
    """Names, ends and uses as they are found: a third was never used, half never ends, the rest at any time of a year."""
    with closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute(
            "UPDATE token SET name = format('%d-bench-%d-%d-%d', rowid % 10, rowid % 10000, rowid % 100, rowid),"
            " used_at = iif(rowid % 3 = 0, NULL, created_at - (rowid * 7919) % 31536000 * 1000),"
            " expires_at = iif(rowid % 2 = 0, NULL, created_at + (rowid * 104729) % 31536000 * 1000)"
            " WHERE customer_id = ?",
            (world.customer_id,),
        )


async def _session(world: World) -> str:
    """The secret of a superuser who has signed in."""
    store = await open_store(f"sqlite:{world.database}")
    proven = await store.people.credentials("superuser@example.com")
    assert proven is not None
    user, credentials = proven
    keys, by = parse_key_file(world.key_file.read_text()), Origin(at=time.time_ns() // 1_000_000)
    _, secret = await issue.issue_session(
        store.tokens, user=user, proof=credentials.password_hash, digest=digester(keys.digests), by=by
    )
    await store.close()
    return secret.reveal()


def _print(url: str, session: str) -> None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    first = _get(connection, session, PAGES["all tokens, the first page"])
    files = sorted(set(re.findall(r'"(/console/static/[^"]+)"', first.text)))
    size = first.size + sum(_get(connection, session, each).size for each in files)
    print(f"\nthe first page: {size:,} bytes of {BYTES_MAX:,}, {1 + len(files)} requests of {REQUESTS_MAX}")
    print(f"\n{'page':36}{'median ms':>11}  {'p95 ms':>8}  {'bytes':>8}   at most {MS_MAX} ms")
    for name, path in PAGES.items():
        got = [_get(connection, session, path) for _ in range(CALLS)]
        times = [each.ms for each in got]
        late = quantiles(times, n=20)[-1]
        print(
            f"{name:36}{median(times):>11.1f}  {late:>8.1f}  {got[-1].size:>8,}   {'yes' if late <= MS_MAX else 'NO'}"
        )
    print(f"{CALLS} requests each, one after the other, over the loopback\n")


def _get(connection: http.client.HTTPConnection, session: str, path: str) -> Got:
    headers = {"Cookie": f"tallystick_session={session}", "Accept-Encoding": "gzip"}
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer.status)
    packed = answer.getheader("content-encoding") == "gzip"
    return Got(took, len(body), (gzip.decompress(body) if packed else body).decode())
