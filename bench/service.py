"""Creates, self reads and lists, one worker on one core, the load on the other; a no-op on the same server as the ceiling."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.load import SERVER_CORE, Figure, Run, load
from bench.process import module, tallystick
from bench.world import World, make

ROUNDS = 5
SECONDS = 3


class Part(NamedTuple):
    """One thing to measure: `script` is wrk's, in Lua."""

    name: str
    url: str
    script: Path
    connections: int = 32


def run() -> None:
    """Measure all parts in turn, round by round, so that a machine that drifts drifts for all of them."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch:
        folder = Path(scratch)
        print("service: filling a database with 100,000 tokens and 4,000 users …", flush=True)
        world = make(folder)
        with module("noop") as noop_url, tallystick(world.database, world.key_file) as url:
            parts = _parts(folder, world, noop_url, url)
            runs: dict[str, list[Run]] = {part.name: [] for part in parts}
            for round_ in range(ROUNDS):
                for part in parts:
                    runs[part.name].append(load(part.url, part.script, seconds=SECONDS, connections=part.connections))
                print(f"service: round {round_ + 1} of {ROUNDS} done", flush=True)
    _print({name: Figure(done) for name, done in runs.items()})


def _parts(folder: Path, world: World, noop_url: str, url: str) -> list[Part]:
    def script(name: str, text: str) -> Path:
        path = folder / f"{name}.lua"
        path.write_text(text)
        return path

    (folder / "creators").write_text("\n".join(world.creators))
    by = 'wrk.headers["Fastly-Key"] = "{}"'
    return [
        Part("no-op", noop_url, script("noop", "")),
        Part("GET /tokens/self", f"{url}/tokens/self", script("self", by.format(world.reader))),
        Part("POST /tokens (sudo)", f"{url}/tokens", script("create", _CREATE.format(folder / "creators"))),
        Part("GET /tokens, 1,000", f"{url}/tokens", script("short", by.format(world.reader))),
        Part(
            "GET /customer/…/tokens, 100,000",
            f"{url}/customer/{world.customer_id}/tokens",
            script("long", by.format(world.superuser)),
            connections=1,
        ),
    ]


# Each create takes the next user, so that nobody reaches the limit of 100 live tokens.
_CREATE = """
local keys = {{}}
for line in io.lines("{}") do keys[#keys + 1] = line end
local next = math.random(#keys)
request = function()
  next = next % #keys + 1
  return wrk.format("POST", "/tokens", {{
    ["Fastly-Key"] = keys[next], ["Content-Type"] = "application/x-www-form-urlencoded"
  }}, "name=bench&scope=global")
end
"""


def _print(figures: dict[str, Figure]) -> None:
    ceiling = figures["no-op"].rate
    print(f"\n{'':34}{'per second':>11}  {'lowest to highest':>20}  {'× no-op':>8}  {'p99 ms':>8}  failed")
    for name, figure in figures.items():
        digits = 0 if figure.rate >= 1000 else 1
        print(
            f"{name:34}{figure.rate:>11,.{digits}f}  {figure.spread:>20}  {figure.rate / ceiling:>8.5f}"
            f"  {figure.p99_ms:>8.2f}  {figure.failed}"
        )
    print(f"medians of {ROUNDS} runs of {SECONDS} s; one worker on core {SERVER_CORE}; every create on disk (FULL)\n")
