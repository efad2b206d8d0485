"""The console's first page, with 100,000 tokens in the customer: what it weighs, and how long the server takes for it."""

import gzip
import http.client
import re
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.process import tallystick
from bench.world import World, make

CALLS = 60
BYTES_MAX, REQUESTS_MAX, MS_MAX = 50_000, 5, 50
PAGES = {
    "all tokens, the first page": "/console/customer/tokens",
    "sorted by last use": "/console/customer/tokens?sort=-last_used_at",
    "sorted by name": "/console/customer/tokens?sort=name",
    "searched: bench": "/console/customer/tokens?q=bench",
    "searched: nothing is called so": "/console/customer/tokens?q=nothing-is-called-so",
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
        with tallystick(world.database, world.key_file) as url:
            _print(url, world)


def _print(url: str, world: World) -> None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    first = _get(connection, world, PAGES["all tokens, the first page"])
    files = sorted(set(re.findall(r'"(/console/static/[^"]+)"', first.text)))
    size = first.size + sum(_get(connection, world, each).size for each in files)
    print(f"\nthe first page: {size:,} bytes of {BYTES_MAX:,}, {1 + len(files)} requests of {REQUESTS_MAX}")
    print(f"\n{'page':34}{'median ms':>11}  {'p95 ms':>8}  {'bytes':>8}   at most {MS_MAX} ms")
    for name, path in PAGES.items():
        got = [_get(connection, world, path) for _ in range(CALLS)]
        times = [each.ms for each in got]
        late = quantiles(times, n=20)[-1]
        print(
            f"{name:34}{median(times):>11.1f}  {late:>8.1f}  {got[-1].size:>8,}   {'yes' if late <= MS_MAX else 'NO'}"
        )
    print(f"{CALLS} requests each, one after the other, over the loopback\n")


def _get(connection: http.client.HTTPConnection, world: World, path: str) -> Got:
    headers = {"Cookie": f"tallystick_session={world.superuser}", "Accept-Encoding": "gzip"}
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer.status)
    packed = answer.getheader("content-encoding") == "gzip"
    return Got(took, len(body), (gzip.decompress(body) if packed else body).decode())
