"""Fill, measure, fill on: tables to be pasted, and drawings."""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench import plot
from bench.scale import nodes, single
from bench.scale.fill import LONG, Database
from tests.postgres import Cluster

SIZES: Final = (10_000, 1_000_000, 10_000_000)
NODES: Final = (1, 2, 3)
_AT_ONCE: Final = (1, 8, 32, 128)

# As somebody would set up a server for it; all else as it comes.  With fsync.
_SETTINGS: Final = {
    "shared_buffers": "2GB",
    "effective_cache_size": "12GB",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "512MB",
    "shared_preload_libraries": "pg_stat_statements",
}


def run(sizes: Sequence[int] = SIZES, drawings: Path = Path("docs")) -> None:
    """All of it; the drawings go into a folder, as `scale-….svg`."""
    with (
        tempfile.TemporaryDirectory(prefix="tallystick-scale-") as scratch,
        Cluster(durable=True, settings=_SETTINGS) as cluster,
    ):
        folder = Path(scratch)
        cluster.sql("CREATE EXTENSION pg_stat_statements")
        database = Database(cluster.dsn(cluster.new_database()))
        _sizes(database, sizes, drawings)
        if database.bulk:
            seconds = single.bulk(database)
            _say(f"{single.BULK:,} ids revoked in one transaction: {median(seconds):.2f} s (median of {len(seconds)})")
        _revocations(database, drawings)
        _nodes(database, folder, drawings)
        _asked(nodes.asked(database, folder, cluster))
        if database.long is not None:
            sent = nodes.streamed(database, folder)
            _say(
                f"a list of {LONG:,} tokens, {sent.size / 2**20:,.0f} MiB, sent by one worker: {sent.before:.0f} MiB of its own"
                f" memory before, {sent.most:.0f} MiB at most meanwhile"
            )


def _sizes(database: Database, sizes: Sequence[int], drawings: Path) -> None:
    costs: dict[int, dict[str, single.Cost]] = {}
    for size in sizes:
        database.grow(size, seconds=lambda s, size=size: _say(f"{size:,} tokens are there, after {s:,.0f} s"))  # type: ignore[misc]
        costs[size] = single.measure(database)
    first, last = costs[sizes[0]], costs[sizes[-1]]
    head = ["", *(f"{size:,} tokens, ms" for size in sizes), *(f"× at {size:,}" for size in sizes[1:]), "through"]
    rows = [
        [
            name,
            *(f"{costs[size][name].median:.2f}" for size in sizes),
            *(f"{costs[size][name].median / cost.median:.2f}" for size in sizes[1:]),
            last[name].plan,
        ]
        for name, cost in first.items()
    ]
    _table(head, rows)
    plot.lines(
        drawings / "scale-sizes.svg",
        "One operation, against all tokens there are",
        "tokens",
        "ms, median",
        {name: [(size, costs[size][name].median) for size in sizes] for name in _DRAWN},
        log_x=True,
    )


_DRAWN: Final = ("look-up, hit", "create", "revoke", "last page")


def _revocations(database: Database, drawings: Path) -> None:
    rates = {number: single.revocations(database, at_once=number) for number in _AT_ONCE}
    _table(
        ["revocations at once, one node", "per second"],
        [[f"{number}", f"{rate:,.0f}"] for number, rate in rates.items()],
    )
    plot.lines(
        drawings / "scale-revocations.svg",
        "The counter row: revocations",
        "at once",
        "per second",
        {"one node": list(rates.items())},
        log_x=True,
    )


def _nodes(database: Database, folder: Path, drawings: Path) -> None:
    found = {number: nodes.throughput(database, folder, number) for number in NODES}
    kinds = list(found[NODES[0]])
    rows = [[f"{number}", *(f"{found[number][kind]:,.0f}" for kind in kinds)] for number in NODES]
    _table([f"nodes ({os.cpu_count()} cores for all, and the load)", *(f"{kind}, per second" for kind in kinds)], rows)
    series = {kind: [(number, found[number][kind]) for number in NODES] for kind in kinds}
    plot.lines(drawings / "scale-nodes.svg", "Throughput against nodes", "nodes", "per second", series)


def _asked(asked: nodes.Asked) -> None:
    total = sum(asked.statements.values())
    _say(
        f"{asked.verifications:,} verifications from memory in {nodes.SECONDS} s, meanwhile {total:,} statements:"
        f" {total / asked.verifications:.5f} each, of which the most frequent are"
    )
    _table(["statement", "times"], [[text, f"{times:,}"] for text, times in list(asked.statements.items())[:8]])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [head, ["---"] * len(head), *rows]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n", flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    # To try it: sizes, and everything into the folder in which it is called.
    run([int(size) for size in sys.argv[1:]], Path())
