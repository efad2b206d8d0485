"""Latency of what is answered from memory, and of a no-op, against the number of connections; and what the database is written for it.

One worker on one core, wrk on the other, all as fast as they can.
"""

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from bench import plot
from bench.load import Figure, load
from bench.process import module, tallystick
from bench.world import Many, make_many

CONNECTIONS = (1, 8, 32, 128, 512)
ROUNDS = 5
SECONDS = 2
DRAWINGS: Final = Path("docs")
_LOOK_SECONDS: Final = 0.005

NOOP, CHECK = "no-op, scheduled as a worker", "GET /check"


def run() -> None:
    """Measure and print, and draw."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        world = make_many(Path(scratch), 10_000, secrets=100)
        nothing, check = Path(scratch) / "nothing.lua", Path(scratch) / "check.lua"
        nothing.write_text("")
        check.write_text(f'wrk.headers["Fastly-Key"] = "{world.secrets[0]}"')
        with module("noop", "batch") as noop_url, tallystick(world.database, world.key_file) as url:
            parts = {NOOP: (noop_url, nothing), CHECK: (f"{url}/check", check)}
            figures = {name: {count: _figure(*part, count) for count in CONNECTIONS} for name, part in parts.items()}
            commits, answers = _commits(world, *parts[CHECK])
    _print(figures, commits, answers)


def _figure(url: str, script: Path, connections: int) -> Figure:
    load(url, script, seconds=1, connections=connections)
    return Figure([load(url, script, seconds=SECONDS, connections=connections) for _ in range(ROUNDS)])


def _commits(world: Many, url: str, script: Path) -> tuple[int, int]:
    """How many commits others made while so many were answered: SQLite tells each connection when there was one."""
    seen, stop = 0, threading.Event()

    def watch() -> None:
        nonlocal seen
        with closing(sqlite3.connect(world.database)) as connection:
            last = connection.execute("PRAGMA data_version").fetchone()
            while not stop.wait(_LOOK_SECONDS):
                now = connection.execute("PRAGMA data_version").fetchone()
                seen, last = seen + (now != last), now

    watcher = threading.Thread(target=watch)
    watcher.start()
    done = load(url, script, seconds=5, connections=32)
    stop.set()
    watcher.join()
    return seen, round(done.rate * 5)


def _print(figures: dict[str, dict[int, Figure]], commits: int, answers: int) -> None:
    print(f"\n{'connections':32}" + "".join(f"{count:>10}" for count in CONNECTIONS))
    for name, of_count in figures.items():
        print(f"{name + ', per second':32}" + "".join(f"{figure.rate:>10,.0f}" for figure in of_count.values()))
        print(f"{'  p50 ms':32}" + "".join(f"{figure.p50_ms:>10.2f}" for figure in of_count.values()))
        print(f"{'  p99 ms':32}" + "".join(f"{figure.p99_ms:>10.2f}" for figure in of_count.values()))
    print(f"medians of {ROUNDS} runs of {SECONDS} s")
    print(f"{commits} commits while {answers:,} were answered: {commits / answers:.6f} writes per verification\n")
    series = {
        name: [(count, figure.p99_ms) for count, figure in of_count.items()]
        for name, of_count in zip(("no-op", "check"), figures.values(), strict=True)
    }
    plot.lines(
        DRAWINGS / "performance-latency.svg", "Latency under full load, p99", "connections", "ms", series, log_x=True
    )
