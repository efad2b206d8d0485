"""The run: tokens are revoked one after the other, all are asked about all the while, and the processes are harmed.

When a 204 has come, that is noted in memory that all processes share.  Whoever begins to ask about the token after that, and has it
accepted, counts one.  It must be none.
"""

import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, Final

from bench.revocation.asking import (
    ACCEPTED_AFTER,
    CHECKED,
    UNANSWERED,
    Asker,
    ask_in_process,
    ask_over_http,
    ask_with_room,
)
from bench.revocation.broken import BROKEN
from bench.revocation.harm import WAYS, WAYS_ON_POSTGRESQL, Scene, harming
from bench.revocation.postgresql import Postgresql
from bench.revocation.server import Server
from tallystick import AutomationTokensApi, TallystickError, TokensApi

REVOKERS: Final = 4


@dataclass
class Outcome:
    """What was counted."""

    checked: int
    accepted_after: int
    unanswered: int
    revoked: int
    harmed: dict[str, int]
    seconds: float


def measure(*, tokens: int, seconds: float, broken: str | None = None, on_postgresql: bool = False) -> Outcome:
    """Revoke up to so many tokens in about so many seconds.  With a broken rule: until that is found.

    One server with two workers, over a file; or, on PostgreSQL, several nodes that share it.
    """
    rule = BROKEN[broken] if broken else None
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-")))
        database = Postgresql(spoilt_by=rule and rule.database) if on_postgresql else None
        if database is not None:
            stack.callback(database.end)
        servers = []
        for url in (None,) if database is None else database.urls():
            servers.append(Server(directory, workers=2 if url is None else 1, database=url))
            stack.callback(servers[-1].kill)
        return _measure(servers, database, tokens, seconds, broken)


def _measure(
    servers: Sequence[Server], database: Postgresql | None, tokens: int, seconds: float, broken: str | None
) -> Outcome:
    key, made = _make(servers[0], tokens)
    over, nodes = RawArray("B", tokens), itertools.cycle(servers)
    others, rule = (key, [secret for _, secret in made], over, broken), BROKEN[broken] if broken else None

    def asker(target: Callable[..., None], slow: int) -> Asker:
        return Asker(target, next(nodes).port, slow if rule is None or rule.slow is None else rule.slow, others)

    verifiers = [asker(ask_in_process, 0), asker(ask_in_process, 1), asker(ask_with_room, 1)]
    ways = rule.ways if rule else WAYS if database is None else WAYS_ON_POSTGRESQL
    askers = [*verifiers, asker(ask_over_http, 1)]

    def found() -> bool:
        return broken is not None and _sum(askers, ACCEPTED_AFTER) > 0

    wait, began = threading.Event().wait, time.monotonic()
    try:
        for each in askers:
            each.start()
        if database is not None:
            database.slow_down()
        while not all(each.counts[CHECKED] for each in askers):
            wait(0.01)
        with harming(Scene(servers, verifiers, database), ways) as harmed:
            revoked = _revoke_all(servers, made, over, pause=seconds / tokens, found=found)
            if not found():
                wait(1.0)  # those who were frozen last still have something to say
            if not all(each.is_alive for each in askers):
                raise RuntimeError("a process that asks has ended by itself")
    finally:
        for each in askers:
            each.end()
    checked, accepted_after, unanswered = (_sum(askers, which) for which in (CHECKED, ACCEPTED_AFTER, UNANSWERED))
    return Outcome(checked, accepted_after, unanswered, revoked, dict(harmed), time.monotonic() - began)


def _sum(askers: list[Asker], which: int) -> int:
    return sum(asker.counts[which] for asker in askers)


def _make(server: Server, tokens: int) -> tuple[str, list[tuple[str, str]]]:
    """A token to verify with, and those to verify: id and secret of each."""
    known = server.settings()
    token, password = known["SUPERUSER_TOKEN"], known["SUPERUSER_PASSWORD"]
    with TokensApi(token, url=server.url) as own, AutomationTokensApi(token, url=server.url) as api:
        key = own.create_token(scope="verify", password=password).secret.reveal()
        issued = [
            api.create_automation_token(name=f"{n}", role="engineer", scope="global", password=password)
            for n in range(tokens)
        ]
    return key, [(each.record.id, each.secret.reveal()) for each in issued]


def _revoke_all(
    servers: Sequence[Server], made: list[tuple[str, str]], over: Any, *, pause: float, found: Callable[[], bool]
) -> int:
    """In an even pace, by several at once, for each waits for those who are frozen."""
    end = time.monotonic() + pause * len(made)

    def revoke(first: int) -> None:
        server = servers[first % len(servers)]
        token, wait = server.settings()["SUPERUSER_TOKEN"], threading.Event().wait
        with TokensApi(token, url=server.url, timeout=30, patience=60) as api:
            for which in range(first, len(made), REVOKERS):
                if found() or time.monotonic() > end:
                    return
                try:
                    api.revoke_token(made[which][0])
                except TallystickError:
                    continue  # nobody was told that it is over
                over[which] = 1
                wait(pause * REVOKERS)

    revokers = [threading.Thread(target=revoke, args=(first,)) for first in range(REVOKERS)]
    for revoker in revokers:
        revoker.start()
    for revoker in revokers:
        revoker.join()
    return sum(over)


def run() -> None:
    """The long proof, then each broken rule."""
    print("\nRevocations against verifications, while processes are frozen, cut off, killed and started again")
    _print("as it is", measure(tokens=2_000, seconds=600))
    for broken, rule in BROKEN.items():
        if rule.database is None:
            _print(f"broken: {broken}", measure(tokens=1_200, seconds=120, broken=broken))


def run_on_postgresql() -> None:
    """The same with two nodes on PostgreSQL, which are cut off from it, and its own broken rule."""
    print(
        "\nRevocations against verifications on PostgreSQL, while it and all others are frozen, cut off, killed and started again"
    )
    _print("as it is", measure(tokens=2_000, seconds=600, on_postgresql=True))
    for broken, rule in BROKEN.items():
        if rule.database is not None:
            _print(f"broken: {broken}", measure(tokens=1_200, seconds=120, broken=broken, on_postgresql=True))


def _print(name: str, outcome: Outcome) -> None:
    harmed = ", ".join(f"{way} {count} ×" for way, count in sorted(outcome.harmed.items()))
    print(
        f"  {name}: {outcome.accepted_after} accepted after their 204; {outcome.checked:,} verifications, "
        f"{outcome.revoked} revocations in {outcome.seconds:.0f} s; {outcome.unanswered:,} unanswered; {harmed}",
        flush=True,
    )
