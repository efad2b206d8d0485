"""What is answered from memory, against a no-op on the same server; and what has to ask the store, against SQLite alone there."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import plot
from bench.load import SERVER_CORE, Figure, Run, load
from bench.process import module, tallystick
from bench.world import Many, make_many

ROUNDS = 5
SECONDS = 2
CONNECTIONS = 32
SECRETS = 10_000  # presented in turn, where it is not always the same one
STORED = (10_000, 100_000, 1_000_000)
DRAWINGS = Path("docs")
NOOP, SCHEDULED = "no-op, ASGI", "no-op, ASGI, scheduled as a worker"


class Part(NamedTuple):
    """One thing to measure, and what it is compared with: the names of other parts."""

    name: str
    url: str
    script: Path
    against: tuple[str, ...] = (NOOP, SCHEDULED)


def run() -> None:
    """Measure all parts in turn, round by round, so that a machine that drifts drifts for all of them."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as scratch, ExitStack() as servers:
        parts = list(_parts(Path(scratch), servers))
        runs: dict[str, list[Run]] = {part.name: [] for part in parts}
        for part in parts:
            load(part.url, part.script, seconds=1, connections=CONNECTIONS)  # what is remembered is, from here on
        for round_ in range(ROUNDS):
            for part in parts:
                runs[part.name].append(load(part.url, part.script, seconds=SECONDS, connections=CONNECTIONS))
            print(f"lane: round {round_ + 1} of {ROUNDS} done", flush=True)
    figures = {name: Figure(done) for name, done in runs.items()}
    _print(parts, figures)
    _draw(figures)


def _parts(folder: Path, servers: ExitStack) -> Iterator[Part]:
    nothing = _script(folder / "noop.lua", "")
    yield Part(NOOP, servers.enter_context(module("noop")), nothing, ())
    yield Part(SCHEDULED, servers.enter_context(module("noop", "batch")), nothing, (NOOP,))
    for stored in STORED:
        print(f"lane: filling a database with {stored:,} tokens …", flush=True)
        place = folder / str(stored)
        place.mkdir()
        yield from _of(f"{stored:,}", place, make_many(place, stored, secrets=SECRETS), servers)


def _of(stored: str, place: Path, world: Many, servers: ExitStack) -> Iterator[Part]:
    (place / "secrets").write_text("\n".join(world.secrets))
    one = _script(place / "one.lua", f'wrk.headers["Fastly-Key"] = "{world.secrets[0]}"')
    in_turn = _script(place / "in_turn.lua", _IN_TURN.format(place / "secrets"))
    url = servers.enter_context(tallystick(world.database, world.key_file))
    where = (str(world.database), str(world.key_file))
    yield Part(f"GET /check, {stored} stored", f"{url}/check", one)
    yield Part(f"GET /tokens/self, {stored} stored", f"{url}/tokens/self", one)
    yield Part(f"GET /verify, {stored} stored", f"{url}/verify", one)
    yield Part(f"GET /check, in turn, {stored} stored", f"{url}/check", in_turn)
    driver = f"SQLite alone, {stored} stored"
    yield Part(driver, servers.enter_context(module("apart", "driver", *where)), in_turn)
    forgetful = servers.enter_context(module("apart", "forgetful", *where))
    yield Part(f"GET /check, not remembered, {stored}", f"{forgetful}/check", in_turn, (NOOP, driver))


def _script(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


_IN_TURN = """
local keys = {{}}
for line in io.lines("{}") do keys[#keys + 1] = line end
local next = 0
request = function()
  next = next % #keys + 1
  return wrk.format("GET", nil, {{ ["Fastly-Key"] = keys[next] }})
end
"""


def _print(parts: list[Part], figures: dict[str, Figure]) -> None:
    print(f"\n{'':36}{'per second':>11}  {'lowest to highest':>18}  {'p50 ms':>7}  {'p99 ms':>7}  failed  compared")
    for part in parts:
        figure = figures[part.name]
        against = [
            f"{figure.rate / figures[other].rate:.2f} × {other} (p99 {figure.p99_ms / figures[other].p99_ms:.2f})"
            for other in part.against
        ]
        print(
            f"{part.name:36}{figure.rate:>11,.0f}  {figure.spread:>18}  {figure.p50_ms:>7.2f}  {figure.p99_ms:>7.2f}"
            f"  {figure.failed:>6}  {'; '.join(against)}"
        )
    print(f"medians of {ROUNDS} runs of {SECONDS} s; {CONNECTIONS} connections; one worker on core {SERVER_CORE}\n")


def _draw(figures: dict[str, Figure]) -> None:
    """Each part that there is for all numbers of tokens, against those."""
    templates = {
        "one token": "GET /check, {} stored",
        "in turn": "GET /check, in turn, {} stored",
        "not known": "GET /check, not remembered, {}",
    }
    series = {
        name: [(count, figures[template.format(f"{count:,}")].rate) for count in STORED]
        for name, template in templates.items()
    }
    plot.lines(DRAWINGS / "performance-stored.svg", "Verifications", "tokens stored", "per second", series, log_x=True)
