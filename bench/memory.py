"""What a `Verifier` costs inside a program: a hit, against its digest and one look-up in a dict; and what a remembered token takes.

A real server answers what memory does not know; then memory is asked, in one thread, on one core.
"""

import gc
import os
import secrets
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import LOAD_CORE
from bench.process import tallystick
from bench.world import Many, make_many
from tallystick import TallystickError, Verifier

REMEMBERED = 5_000
ROUNDS = 7
CALLS = 200_000


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        world = make_many(Path(scratch), REMEMBERED, secrets=REMEMBERED)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {LOAD_CORE})
        try:
            with tallystick(world.database, world.key_file) as url, Verifier(url, world.verifier) as verifier:
                taken = _remember(verifier, world)
                figures = _time(verifier, world.secrets)
        finally:
            os.sched_setaffinity(0, before)
    _print(figures, taken)


def _remember(verifier: Verifier, world: Many) -> float:
    """Bytes that one token takes, of those that Python has handed out."""
    for secret in world.secrets[:100]:
        verifier.check(secret)
    gc.collect()
    tracemalloc.start()
    began, known = tracemalloc.get_traced_memory()[0], len(verifier)
    for secret in world.secrets[100:]:
        verifier.check(secret)
    gc.collect()
    taken = (tracemalloc.get_traced_memory()[0] - began) / (len(verifier) - known)
    tracemalloc.stop()
    return taken


def _time(verifier: Verifier, known: list[str]) -> dict[str, list[float]]:
    """Microseconds for one call, round by round."""
    key = secrets.token_bytes(32)
    table: dict[bytes, Any] = {blake2b(each.encode(), key=key, digest_size=16).digest(): each for each in known}
    asked = [known[n % len(known)] for n in range(CALLS)]

    def least() -> None:
        for secret in asked:
            table.get(blake2b(secret.encode(), key=key, digest_size=16).digest())

    def hit() -> None:
        for secret in asked:
            verifier.check(secret)

    def hit_with_scope() -> None:
        for secret in asked:
            verifier.check(secret, scope="purge_all")

    calls: dict[str, Callable[[], None]] = {
        "digest and dict": least,
        "check": hit,
        "check, with a scope": hit_with_scope,
    }
    figures: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            _until_it_holds_a_lease(verifier)
            began = time.perf_counter()
            call()
            figures[name].append((time.perf_counter() - began) / CALLS * 1e6)
    return figures


def _until_it_holds_a_lease(verifier: Verifier) -> None:
    while not verifier.holds_lease:
        try:
            verifier.check("nobody's")
        except TallystickError:
            continue


def _print(figures: dict[str, list[float]], taken: float) -> None:
    least = figures["digest and dict"]
    print(f"\n{'in a program':28}{'µs':>7}  {'lowest to highest':>18}  × digest and dict")
    for name, times in figures.items():
        ratio = median(time_ / other for time_, other in zip(times, least, strict=True))
        print(f"{name:28}{median(times):>7.2f}  {min(times):>8.2f} to {max(times):>6.2f}  {ratio:>6.2f}")
    print(
        f"medians of {ROUNDS} times {CALLS:,}, {REMEMBERED:,} tokens remembered; {taken:,.0f} bytes for each of them\n"
    )
