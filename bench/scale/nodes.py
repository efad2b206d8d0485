"""What takes real servers: throughput against nodes, the memory of a worker that sends a long list, what verifying asks the database."""

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from bench.load import load
from bench.scale.fill import Database
from tests.postgres import Cluster

SECONDS: Final = 5
_CONNECTIONS: Final = 16
_PIECE: Final = 1 << 16


class Streamed(NamedTuple):
    """A long list: its bytes, and the worker's resident memory (MiB) before it, and at its highest meanwhile."""

    size: int
    before: float
    most: float


class Asked(NamedTuple):
    """Verifications that were answered, and how often the database carried out which statement meanwhile, for whomever."""

    verifications: int
    statements: dict[str, int]


@contextmanager
def serving(database: Database, folder: Path, number: int) -> Iterator[list[tuple[str, int]]]:
    """So many nodes with one worker each: the URL of each, and the process of its worker."""
    key_file = folder / "key"
    key_file.write_text(database.key_file)
    key_file.chmod(0o600)
    settings = ["--database", database.url, "--key-file", str(key_file), "--port", "0", "--writes-per-hour", "0"]
    command = [sys.executable, "-m", "tallystick", "serve", *settings]
    with ExitStack() as stack:
        nodes = []
        for _ in range(number):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None, "it was asked for"
            nodes.append((process.stdout.readline().split()[-1], _worker(process.pid)))
        yield nodes


def _worker(parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (worker,) = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return worker


def throughput(database: Database, folder: Path, number: int) -> dict[str, float]:
    """Answers a second of so many nodes together: of what memory answers, and of what is written."""
    check, touch = _script(folder, "check", database), _script(folder, "miss", database)
    with serving(database, folder, number) as nodes:
        return {
            "GET /check, from memory": _together([url for url, _ in nodes], "/check", check),
            "GET /check, unknown": _together([url for url, _ in nodes], "/check", touch),
        }


def _together(urls: Sequence[str], path: str, script: Path) -> float:
    rates: list[float] = []

    def one(url: str) -> None:
        rates.append(load(url + path, script, seconds=SECONDS, connections=_CONNECTIONS).rate)

    threads = [threading.Thread(target=one, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _script(folder: Path, name: str, database: Database) -> Path:
    """wrk's: it presents one token after the other."""
    secrets = folder / f"{name}.txt"
    known = [each.secret.reveal() for each in database.known]
    secrets.write_text("\n".join(known if name == "check" else [database.unknown() for _ in range(20_000)]))
    path = folder / f"{name}.lua"
    path.write_text(_LUA.format(secrets))
    return path


_LUA: Final = """
local keys = {{}}
for line in io.lines("{}") do keys[#keys + 1] = line end
local next = math.random(#keys)
request = function()
  next = next % #keys + 1
  return wrk.format("GET", nil, {{ ["Fastly-Key"] = keys[next] }})
end
"""


def streamed(database: Database, folder: Path) -> Streamed:
    """The list of the customer who has a million."""
    assert database.long is not None, "there is room for it"
    with serving(database, folder, 1) as [(url, worker)]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)
        before = most = _resident(worker)
        headers = {"Fastly-Key": database.long_key.reveal()}
        connection.request("GET", f"/customer/{database.long.customer_id}/tokens", headers=headers)
        answer, size = connection.getresponse(), 0
        if answer.status != 200:
            raise RuntimeError(f"the list was answered by {answer.status}")
        while piece := answer.read(_PIECE):
            size += len(piece)
            most = max(most, _resident(worker))
        connection.close()
    return Streamed(size, before, most)


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def asked(database: Database, folder: Path, cluster: Cluster) -> Asked:
    """One node verifies tokens that it knows, for some seconds."""
    script = _script(folder, "check", database)
    with serving(database, folder, 1) as [(url, _)]:
        load(f"{url}/check", script, seconds=1, connections=_CONNECTIONS)
        cluster.sql("SELECT pg_stat_statements_reset()")
        run = load(f"{url}/check", script, seconds=SECONDS, connections=_CONNECTIONS)
        told = cluster.sql(_CALLS)
    calls = (line.split("|", 1) for line in told.splitlines())
    return Asked(round(run.rate * SECONDS), {_short(statement): int(number) for number, statement in calls})


_CALLS: Final = r"""
  SELECT calls, regexp_replace(query, '\s+', ' ', 'g')
    FROM pg_stat_statements
   WHERE query NOT LIKE '%pg_stat_statements%'
ORDER BY calls DESC"""


def _short(statement: str) -> str:
    return f"{statement[:70].replace('|', ' ')} …"
