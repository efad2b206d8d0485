"""Each real gateway with the configuration that is printed, and the same without the question: what the check costs, as a ratio.

Gateway, service and API share one core, the load has the other: the ratio is of all the work that a request makes.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from bench.load import SERVER_CORE, Figure, Run, load
from bench.process import module, tallystick
from bench.world import make_many
from tests.gateways.parts import GATEWAYS, gateway

ROUNDS = 5
SECONDS = 3
CONNECTIONS = 32
STORED = 1_000


class Part(NamedTuple):
    """One thing to measure."""

    name: str
    url: str


def run() -> None:
    """Measure all in turn, round by round, so that a machine that drifts drifts for all of them."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch, ExitStack() as started:
        folder = Path(scratch)
        world = make_many(folder, STORED, secrets=STORED)
        script = folder / "one.lua"
        script.write_text(f'wrk.headers["Authorization"] = "Bearer {world.secrets[0]}"')
        parts = list(_parts(folder, started, world.database, world.key_file))
        runs: dict[str, list[Run]] = {part.name: [] for part in parts}
        for round_ in range(ROUNDS):
            for part in parts:
                runs[part.name].append(load(part.url, script, seconds=SECONDS, connections=CONNECTIONS))
            print(f"gateways: round {round_ + 1} of {ROUNDS} done", flush=True)
    _print({name: Figure(done) for name, done in runs.items()})


def _parts(folder: Path, started: ExitStack, database: Path, key_file: Path) -> Iterator[Part]:
    api, service = started.enter_context(module("noop")), started.enter_context(tallystick(database, key_file))
    yield Part("the API alone", api)
    yield Part("GET /check alone", f"{service}/check")
    ports = {"service": urlsplit(service).port or 0, "upstream": urlsplit(api).port or 0}
    pinned = ("taskset", "-c", str(SERVER_CORE))
    for kind in GATEWAYS:
        for name, change in ((f"{kind}, no check", WITHOUT[kind]), (f"{kind}, check", str)):
            yield Part(name, started.enter_context(gateway(kind, folder / name, **ports, change=change, before=pinned)))


def _without(*patterns: str) -> Callable[[str], str]:
    """The configuration without what matches."""

    def change(printed: str) -> str:
        for pattern in patterns:
            printed, changes = re.subn(pattern, "", printed, flags=re.MULTILINE | re.DOTALL)
            if not changes:
                raise RuntimeError(f"nothing matches {pattern!r} in what is printed")
        return printed

    return change


WITHOUT: Final = {
    "nginx": _without(
        r"^ +auth_request[^;]*;\n",
        r"^ +proxy_set_header Tallystick-[^;]*;\n",
        r"^    map .*?^    }\n",
        r"^ +error_page[^;]*;\n",
        r"^ +location @.*?^        }\n",
    ),
    "caddy": _without(r"^\t\tforward_auth .*?^\t\t}\n"),
    "envoy": _without(r"^ +- name: envoy.filters.http.header_mutation\n.*?(?=^ +- name: envoy.filters.http.router\n)"),
    "traefik": _without(r"(?<=middlewares: \[)tallystick, "),
}


def _ratio(figure: Figure, other: Figure) -> float:
    """Of the two runs of each round, which are seconds apart; the median."""
    return median(run.rate / before.rate for run, before in zip(figure.runs, other.runs, strict=True))


def _print(figures: dict[str, Figure]) -> None:
    print(f"\n{'':24}{'per second':>11}  {'lowest to highest':>20}  {'p99 ms':>7}  failed  with the check")
    for name, figure in figures.items():
        kind, _, what = name.partition(", ")
        ratio = f"{_ratio(figure, figures[f'{kind}, no check']):.2f} ×" if what == "check" else ""
        print(
            f"{name:24}{figure.rate:>11,.0f}  {figure.spread:>20}  {figure.p99_ms:>7.2f}  {figure.failed:>6}  {ratio}"
        )
    print(
        f"medians of {ROUNDS} runs of {SECONDS} s; {CONNECTIONS} connections; all but the load on core {SERVER_CORE}\n"
    )
