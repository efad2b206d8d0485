"""wrk as the load generator, pinned to a core of its own, and what it says."""

import re
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import NamedTuple

SERVER_CORE, LOAD_CORE = 0, 1
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Missing(Exception):
    """A tool that the bench needs is not installed."""


class Run(NamedTuple):
    """One run of load: answers per second, median and 99th percentile of latency in ms, and answers that were no 2xx."""

    rate: float
    p50_ms: float
    p99_ms: float
    failed: int


class Figure(NamedTuple):
    """Several runs of one thing."""

    runs: list[Run]

    @property
    def rate(self) -> float:
        """Median of the answers per second."""
        return median(run.rate for run in self.runs)

    @property
    def spread(self) -> str:
        """Lowest and highest rate."""
        rates = [run.rate for run in self.runs]
        digits = 0 if max(rates) >= 1000 else 1
        return f"{min(rates):,.{digits}f} to {max(rates):,.{digits}f}"

    @property
    def p50_ms(self) -> float:
        """Median of the medians."""
        return median(run.p50_ms for run in self.runs)

    @property
    def p99_ms(self) -> float:
        """Median of the 99th percentiles."""
        return median(run.p99_ms for run in self.runs)

    @property
    def failed(self) -> int:
        """Answers that were no 2xx, all runs together."""
        return sum(run.failed for run in self.runs)


def load(url: str, script: Path, *, seconds: int, connections: int) -> Run:
    """Load `url` as `script` says.  Raises `Missing` without wrk or taskset."""
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed: on Debian, apt-get install {package}")
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    done = subprocess.run([*command, "-s", str(script), url], check=True, capture_output=True, text=True)
    return _read(done.stdout)


def _read(said: str) -> Run:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p50, p99 = (re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", said) for percent in (50, 99))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if rate is None or p50 is None or p99 is None:
        raise RuntimeError(f"wrk said what we cannot read:\n{said}")
    return Run(
        float(rate[1]), float(p50[1]) * _UNITS[p50[2]], float(p99[1]) * _UNITS[p99[2]], int(bad[1]) if bad else 0
    )
