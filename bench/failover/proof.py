"""The rounds.  In each the primary is harmed while tokens are created, revoked and asked about, and the standby takes over.

Then it is counted, in the database that took over: which tokens and revocations that were answered as done are not there.  And all the
while: who accepts a token that was answered as revoked.  Each must be none.  How long it took is counted from the promotion, for each
node, until it first answers again that something is done.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from bench.failover.hosts import Host, alone, both
from bench.failover.load import Account, Load, make
from bench.failover.managed import Managed, is_here
from bench.failover.pair import Pair
from bench.revocation.asking import ACCEPTED_AFTER, CHECKED, UNANSWERED
from tallystick import TokensApi
from tests.cli.program import until

ROUNDS: Final = 20
SECONDS_MAX: Final = 10.0
"""Within so many seconds of the promotion each node that reaches the new primary is to be back."""

_LOGIN, _PASSWORD = "root@example.com", "correct horse battery"
_DOOMED_EACH_ROUND: Final = 120
_AT_ONCE: Final = 1_000  # ids in one question to the database
_APART_SECONDS: Final = 3.0  # longer than a lease: until a node that is left behind must have fallen silent


class Way(Enum):
    """What becomes of the primary.  Its value says it in words."""

    KILL = "primary killed"
    MANAGED = "primary killed with its Patroni; another Patroni promotes"
    CUT = "primary cut off from everybody; it still runs"
    SPLIT = "primary cut off from its standby and one of two nodes; it still runs, and the other node reaches it"


_KILLING: Final = (Way.KILL, Way.MANAGED)


class Databases(Protocol):
    """A primary and its synchronous standby: `Pair`, or `Managed`."""

    database: str

    @property
    def primary_host(self) -> Host: ...
    def urls(self) -> list[str]: ...
    def kill_primary(self) -> None: ...
    def promote(self) -> float: ...
    def renew(self) -> None: ...
    def sql(self, statement: str, *, database: str = "postgres") -> str: ...
    def close(self) -> None: ...


class Outcome(NamedTuple):
    """What was counted.  `back`: seconds, for each round and node."""

    way: Way
    rounds: int
    created: int
    revoked: int
    lost_tokens: int
    lost_revocations: int
    checked: int
    accepted_after: int
    unanswered: int
    back: Sequence[float]

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, nobody accepted what was revoked, and all were back in time."""
        wrong = self.lost_tokens or self.lost_revocations or self.accepted_after
        return not wrong and len(self.back) == 2 * self.rounds and max(self.back) <= SECONDS_MAX


def measure(way: Way, *, rounds: int, careless: bool = False) -> Outcome:
    """So many rounds.  But for those that kill it takes root, and a process that is in a network of its own.

    `careless`: as of `Pair`.
    """
    with ExitStack() as stack:
        pair = Managed() if way is Way.MANAGED else Pair(both(apart=way not in _KILLING), careless=careless)
        stack.callback(pair.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-")))
        urls = _served(stack, folder, pair.urls())
        account = _account(urls[0])
        doomed = make(urls[0], account, rounds * _DOOMED_EACH_ROUND)
        load = Load(urls, account, doomed)
        stack.callback(load.end)
        until(load.all_ask, "everybody asks")
        back = [each for number in range(rounds) for each in _round(way, pair, load, number)]
        load.end()
        lost_tokens, lost_revocations = _lost(pair, load)
    return Outcome(
        way=way,
        rounds=rounds,
        created=len(load.created),
        revoked=len(load.revoked),
        lost_tokens=lost_tokens,
        lost_revocations=lost_revocations,
        checked=sum(counts[CHECKED] for counts in load.counts),
        accepted_after=sum(counts[ACCEPTED_AFTER] for counts in load.counts),
        unanswered=sum(counts[UNANSWERED] for counts in load.counts),
        back=back,
    )


def _round(way: Way, pair: Databases, load: Load, number: int) -> Iterator[float]:
    """One: it yields how long each node took."""
    time.sleep(random.Random(number).uniform(0.3, 1.0))  # another moment each time
    old = pair.primary_host
    if way in _KILLING:
        pair.kill_primary()
    else:
        old.cut(aside=way is Way.CUT)
    began = pair.promote()
    left_behind = 1 if way is Way.SPLIT else None
    yield from (_back(load, began, node) for node in range(2) if node != left_behind)
    if left_behind is not None:
        time.sleep(max(0.0, began + _APART_SECONDS - time.monotonic()))
        began = time.monotonic()  # now somebody sees to it that the deposed one is gone, as Patroni does in time
    old.join()
    pair.renew()
    if left_behind is not None:
        yield _back(load, began, left_behind)


def _back(load: Load, began: float, node: int) -> float:
    until(lambda: load.first_after(began, node) is not None, "a node is back")
    return load.first_after(began, node) or 0.0


def _lost(pair: Databases, load: Load) -> tuple[int, int]:
    """How many tokens, and how many revocations, are not there."""
    there = _ids(pair, "SELECT id FROM token WHERE id IN ({})", load.created)
    revoked = _ids(pair, "SELECT id FROM token WHERE id IN ({}) AND revoked_at IS NOT NULL", load.revoked)
    return len(set(load.created) - there), len(set(load.revoked) - revoked)


def _ids(pair: Databases, statement: str, ids: Sequence[str]) -> set[str]:
    found = set[str]()
    for first in range(0, len(ids), _AT_ONCE):
        listed = ", ".join(f"'{each}'" for each in ids[first : first + _AT_ONCE])
        found.update(pair.sql(statement.format(listed), database=pair.database).split())
    return found


def _served(stack: ExitStack, folder: Path, databases: Sequence[str]) -> list[str]:
    """Two nodes, one that takes the shared network and one that takes the other; their URLs."""
    key = ["--key-file", str(folder / "key"), "--hashing", "cheapest"]
    names = ["--customer", "bench", "--login", _LOGIN, "--name", "root", "--password-stdin"]
    init = [sys.executable, "-m", "tallystick", "init", "--database", databases[0], *key, *names]
    subprocess.run(init, check=True, input=_PASSWORD, text=True, stdout=subprocess.DEVNULL)
    return [stack.enter_context(_node(["--database", database, *key])) for database in databases]


@contextmanager
def _node(settings: Sequence[str]) -> Iterator[str]:
    command = [sys.executable, "-m", "tallystick", "serve", "--port", "0", "--writes-per-hour", "0", *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None, "it was asked for"
            said = process.stdout.readline()
            if not said.startswith("Tallystick listens on "):
                raise RuntimeError("a node did not start")
            yield said.split()[-1]
        finally:
            process.terminate()


def _account(url: str) -> Account:
    with TokensApi(url=url) as api:
        token = api.create_token(username=_LOGIN, password=_PASSWORD, scope="global").secret.reveal()
    with TokensApi(token, url=url) as own:
        key = own.create_token(scope="verify", password=_PASSWORD).secret.reveal()
    return Account(_LOGIN, _PASSWORD, token, key)


def run() -> None:
    """All ways, and a table to be pasted.  Exits with 1 when one of them is not good."""
    print(
        f"failover: {ROUNDS} rounds of each kind; a primary and a synchronous standby, two nodes under load", flush=True
    )
    print(f"\n| {' | '.join(_HEADS)} |\n|{'---|' * len(_HEADS)}", flush=True)
    codes = [0]
    for way in Way:
        if way is Way.MANAGED and not is_here():
            print(
                f"| {way.value}: not without etcd and namespaces (apt-get install etcd-server util-linux) |", flush=True
            )
            continue
        with alone("bench.failover.proof", way.name, str(ROUNDS)) as proof:
            said, _ = proof.communicate()
        print(said, end="", flush=True)
        codes.append(proof.returncode)
    sys.exit(max(codes))


_HEADS: Final = (
    "",
    "rounds",
    "tokens created",
    "lost",
    "revocations",
    "lost",
    "verifications",
    "accepted after their 204",
    "unanswered",
    "back after, s: median, longest",
)


def _row(outcome: Outcome) -> str:
    back = f"{statistics.median(outcome.back):.1f}, {max(outcome.back):.1f}"
    cells = [outcome.way.value, *(f"{each:,}" for each in outcome[1:3]), f"{outcome.lost_tokens:,}"]
    cells += [f"{outcome.revoked:,}", f"{outcome.lost_revocations:,}", f"{outcome.checked:,}"]
    cells += [f"{outcome.accepted_after:,}", f"{outcome.unanswered:,}", back]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    outcome = measure(Way[sys.argv[1]], rounds=int(sys.argv[2]), careless="careless" in sys.argv)
    print(_row(outcome), flush=True)
    sys.exit(not outcome.is_good)
