"""One page of numbers for all workers of a real server: they add up, and never fall when a worker dies."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tallystick.testing import RunningServer, running_server
from tests.cli.program import until, wait_for_end
from tests.e2e.test_coherence import workers_of

CONNECTIONS = 12  # they spread over the workers
CHECKS = 50  # on each of them


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """Of two workers, with a place for temporary files that nobody else has."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with running_server(workers=2, directory=tmp_path / "world") as running:
        yield running
    assert list((tmp_path / "tmp").glob("tallystick-shared-*")) == [], "it leaves nothing behind"


def check(server: RunningServer, answered: list[int]) -> None:
    """Some checks over one connection, which is one worker's."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    for _ in range(CHECKS):
        connection.request("GET", "/check", headers={"Fastly-Key": server["USER_TOKEN"]})
        answer = connection.getresponse()
        answer.read()
        answered.append(answer.status)
    connection.close()


def check_on_all(server: RunningServer) -> None:
    answered = list[int]()
    threads = [threading.Thread(target=check, args=(server, answered)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answered == [200] * CONNECTIONS * CHECKS


def read(server: RunningServer) -> dict[str, float]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {server['SUPERUSER_TOKEN']}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return {
        " ".join([sample.name.removeprefix("tallystick_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counters(numbers: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if "_total" in name or "milliseconds" in name}


def test_what_two_workers_count_adds_up_and_a_look_at_it_counts_too(server: RunningServer) -> None:
    check_on_all(server)
    looks = 0

    def all_told() -> bool:
        nonlocal looks
        looks += 1
        return read(server)["verifications_total allowed"] == CONNECTIONS * CHECKS + looks

    # The other worker tells twice a second.
    until(all_told, "both have told all")
    told = read(server)
    assert told["lookups_total memory"] + told["lookups_total store"] + told["lookups_total shared"] == (
        CONNECTIONS * CHECKS + looks + 1
    )
    assert (told["lease_held 1"], told["lease_held 2"], told["verifiers"]) == (1, 1, 2)


def test_a_worker_that_dies_takes_its_gauges_with_it_and_no_counter_falls(server: RunningServer) -> None:
    seen = list[dict[str, float]]()
    check_on_all(server)
    until(lambda: read(server)["verifications_total allowed"] > CONNECTIONS * CHECKS, "both have told all")

    for victim in workers_of(server):
        seen += [read(server), after_the_end_of(server, victim)]

    for before, after in zip(map(counters, seen), map(counters, seen[1:]), strict=False):
        assert {name for name in before if after[name] < before[name]} == set()
    assert seen[-1]["verifications_total allowed"] >= CONNECTIONS * CHECKS


def after_the_end_of(server: RunningServer, victim: int) -> dict[str, float]:
    """What is told when another worker has taken its place."""
    os.kill(victim, signal.SIGKILL)
    wait_for_end(victim)
    until(lambda: another_instead_of(server, victim), "another is started")
    until(lambda: [read(server).get(f"lease_held {number}") for number in (1, 2)] == [1, 1], "it tells how it is")
    return read(server)


def another_instead_of(server: RunningServer, victim: int) -> bool:
    with suppress(FileNotFoundError):  # one that was there has ended meanwhile
        workers = workers_of(server)
        return victim not in workers and len(workers) == 2
    return False
