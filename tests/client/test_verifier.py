"""Verification in a program's own process, against a real server."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tallystick import (
    AsyncVerifier,
    Forbidden,
    IssuedToken,
    NotFound,
    ScopesApi,
    TokensApi,
    Unauthenticated,
    Unavailable,
    Verdict,
    Verifier,
)
from tallystick.core.secret import Secret
from tallystick.steady import steady
from tallystick.testing import RunningServer, running_server


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def key(server: RunningServer) -> str:
    """The secret of a token that may verify others."""
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        return api.create_token(scope="verify", password=server["SUPERUSER_PASSWORD"]).secret.reveal()


@pytest.fixture
def verifier(server: RunningServer, key: str) -> Iterator[Verifier]:
    with Verifier(server.url, key) as verifier:
        yield verifier


def issued(server: RunningServer, **limits: object) -> IssuedToken:
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        return api.create_token(password=server["USER_PASSWORD"], **limits)  # type: ignore[arg-type]


def limited(server: RunningServer, **limits: object) -> IssuedToken:
    return narrowed(server, issued(server), **limits)


def narrowed(server: RunningServer, one: IssuedToken, **limits: object) -> IssuedToken:
    """Come back when it is answered that the token has these limits."""
    asked = f"{server.url}/tokens/{one.record.id}/limits"
    httpx2.put(asked, headers={"Fastly-Key": server["USER_TOKEN"]}, json=limits).raise_for_status()
    return one


def define(server: RunningServer, name: str, **fields: object) -> None:
    """Come back when it is answered that a scope is so."""
    with ScopesApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        api.put_scope(name, password=server["SUPERUSER_PASSWORD"], **fields)  # type: ignore[arg-type]


def revoke(server: RunningServer, token_id: str) -> None:
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        api.revoke_token(token_id)


def until(what: Callable[[], object]) -> None:
    """Come back when it is so; the test's own limit says when that has failed."""
    while not what():
        threading.Event().wait(0.005)


def remembered(verifier: Verifier, issued: IssuedToken) -> None:
    """Come back when memory answers for this token."""
    verifier.check(issued.secret)
    until(lambda: verifier.holds_lease)
    verifier.check(issued.secret)
    until(lambda: verifier._memory.recall(issued.secret.reveal(), None, None) is not None)


def test_a_receipt_counts_the_verifiers_in_other_programs_too(server: RunningServer, verifier: Verifier) -> None:
    remembered(verifier, issued(server))

    def counted() -> int:
        with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
            receipt = api.revoke_token(issued(server).record.id)
        assert receipt is not None
        return receipt.verifiers

    until(lambda: counted() == 2 + 1)


def test_a_verdict_says_whose_token_it_is(server: RunningServer, verifier: Verifier) -> None:
    one = issued(server, scope="purge_select", services=[server["SERVICE_1"]])

    by_server, by_memory = verifier.check(one.secret), None
    remembered(verifier, one)
    by_memory = verifier.check(one.secret)

    assert by_server == by_memory
    assert by_memory.ok
    assert (by_memory.token_id, by_memory.user_id) == (one.record.id, one.record.user_id)
    assert (by_memory.scope, by_memory.services) == ("purge_select", (server["SERVICE_1"],))


def test_by_memory_and_by_the_server_the_verdict_is_the_same(server: RunningServer, verifier: Verifier) -> None:
    narrow = issued(server, scope="purge_select", services=[server["SERVICE_1"]])
    wide = issued(server)
    asked = [
        (one.secret, scope, service)
        for one in (narrow, wide)
        for scope in (None, "purge_select", "purge_all", "global", "verify", "global purge_all")
        for service in (None, server["SERVICE_1"], server["SERVICE_2"], "nothing")
    ]
    by_server = [verifier.check(secret, scope=scope, service=service) for secret, scope, service in asked]
    remembered(verifier, narrow)
    remembered(verifier, wide)

    assert [verifier.check(secret, scope=scope, service=service) for secret, scope, service in asked] == by_server
    assert {verdict.reason for verdict in by_server} == {None, "scope", "service"}


@pytest.mark.parametrize(
    "secret",
    ["", "nonsense", "tly_short", "\N{SNOWMAN}", "\udc80", Secret.mint().reveal()],
    ids=["empty", "nonsense", "short", "not ascii", "surrogate", "unknown"],
)
def test_what_nobody_has_is_refused_and_not_remembered(verifier: Verifier, secret: str) -> None:
    verdict = verifier.check(secret)

    assert not verdict
    assert (verdict.ok, verdict.reason, verdict.token_id) == (False, "invalid", None)
    assert len(verifier) == 0


def test_what_was_revoked_is_refused_as_soon_as_that_is_answered(server: RunningServer, verifier: Verifier) -> None:
    for _ in range(20):
        one = issued(server)
        remembered(verifier, one)

        revoke(server, one.record.id)

        assert not verifier.check(one.secret)


ORDER: dict[str, Any] = {"ip": "192.0.2.7", "method": "GET", "uri": "/orders/7?all", "host": "api.example.com"}


def test_by_memory_and_by_the_server_limits_refuse_the_same(server: RunningServer, verifier: Verifier) -> None:
    one = limited(server, networks=["192.0.2.0/24", "2001:db8::/32"], rules=["GET api.example.com/orders/*"])
    others = [
        ("ip", "198.51.100.7"),
        ("ip", "nonsense"),
        ("ip", None),
        ("ip", "2001:db8::1"),
        ("ip", "::ffff:192.0.2.7"),
    ]
    others += [("method", "POST"), ("method", None), ("uri", "/admin"), ("uri", "/orders/../7"), ("uri", None)]
    others += [("host", "example.org"), ("host", None), ("scope", "verify"), ("service", "nothing")]
    asked: list[dict[str, Any]] = [dict(ORDER), *({**ORDER, name: value} for name, value in others)]
    by_server = [verifier.check(one.secret, **each) for each in asked]
    remembered(verifier, one)

    assert [verifier.check(one.secret, **each) for each in asked] == by_server
    assert [verdict.reason for verdict in by_server] == [
        None, "networks", "networks", "networks", None, None,
        "rules", "rules", "rules", "rules", "rules", "rules", "rules", "scope", "service",
    ]  # fmt: skip


def test_what_was_remembered_is_refused_as_soon_as_narrowing_is_answered(
    server: RunningServer, verifier: Verifier
) -> None:
    for _ in range(20):
        one = issued(server)
        remembered(verifier, one)
        assert verifier.check(one.secret, **ORDER)

        narrowed(server, one, networks=["198.51.100.0/24"])

        assert verifier.check(one.secret, **ORDER).reason == "networks"


def test_one_that_holds_later_is_remembered_and_let_in_from_then_on(server: RunningServer, verifier: Verifier) -> None:
    begins = datetime.now(UTC) + timedelta(seconds=2)
    one = limited(server, not_before=begins.isoformat())
    remembered(verifier, one)

    assert verifier._memory.recall(one.secret.reveal(), None, None) == verifier.check(one.secret)
    assert verifier.check(one.secret).reason == "not_before"
    until(lambda: verifier.check(one.secret).ok)
    assert datetime.now(UTC) >= begins.replace(microsecond=0)


@pytest.mark.parametrize("limits", [{"uses": 3}, {"per_day": 3}])
def test_what_is_counted_is_never_remembered(server: RunningServer, verifier: Verifier, limits: dict[str, int]) -> None:
    one = limited(server, **limits)

    verdicts = [verifier.check(one.secret) for _ in range(5)]

    assert [verdict.reason for verdict in verdicts] == [None] * 3 + [next(iter(limits))] * 2
    assert len(verifier) == 0
    assert (verdicts[-1].retry_after is not None) == ("per_day" in limits)


def test_what_is_reported_is_never_remembered(server: RunningServer, verifier: Verifier) -> None:
    one = limited(server, networks=["198.51.100.0/24"], shadow=["networks"])

    assert verifier.check(one.secret, ip="192.0.2.7").ok
    assert len(verifier) == 0


def test_one_request_may_be_asked_about_again_and_is_counted_once(server: RunningServer, verifier: Verifier) -> None:
    counted, plain, checks = limited(server, uses=1), issued(server), 0

    def told() -> list[int]:
        """By both workers: what the other has counted each hears a little later."""
        return [uses_of(server, plain) for _ in range(8)]

    assert verifier.check(counted.secret)
    assert verifier.check(counted.secret, again=True)
    assert verifier.check(counted.secret).reason == "uses"
    while not (verifier.holds_lease and len(verifier)):
        assert verifier.check(plain.secret)
        checks += 1
    assert all(verifier.check(plain.secret, again=True) for _ in range(20))
    assert all(verifier.check(plain.secret) for _ in range(3))

    until(lambda: min(told()) >= checks + 3)
    assert max(told()) == checks + 3


def uses_of(server: RunningServer, one: IssuedToken) -> int:
    """How often it was let in."""
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        return sum(hour.allowed for hour in api.get_token_usage(one.record.id).hours)


PROGRAM = """
import os, sys, threading
from tallystick import Verifier

url, key, secret = sys.argv[1:]
verifier = Verifier(url, key)

def until(what):
    while not what():
        threading.Event().wait(0.005)

def say(word):
    print(word, flush=True)

until(lambda: verifier.check(secret).ok and verifier._memory.recall(secret, None, None))
"""
FREEZES = """
say("remembers")
until(lambda: not verifier.check(secret))
say("forgot")
verifier.close()
"""
FORKS = """
name = verifier._memory._id
if os.fork() == 0:
    try:
        say(f"{len(verifier)} {verifier.holds_lease} {verifier._memory._id != name} {verifier._thread}")
        until(lambda: verifier.check(secret).ok and verifier.holds_lease)
        say("child holds")
    finally:
        os._exit(0)
os.wait()
say(f"{len(verifier)} {verifier._memory._id == name} {verifier.check(secret).ok}")
sys.stdin.readline()
say(verifier.check(secret).reason)
verifier.close()
"""


@contextmanager
def program(what: str, server: RunningServer, key: str, secret: Secret) -> Iterator["subprocess.Popen[str]"]:
    """A process with a verifier that remembers this token, and then does `what`."""
    command = [sys.executable, "-c", PROGRAM + what, server.url, key, secret.reveal()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
            assert process.wait() == 0
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_verifier_that_is_frozen_has_forgotten_when_it_wakes_up(server: RunningServer, key: str) -> None:
    """Its whole process stands still; who revokes waits until its lease has ended."""
    one = issued(server)
    with program(FREEZES, server, key, one.secret) as process:
        assert said(process) == "remembers"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            revoke(server, one.record.id)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert said(process) == "forgot"


def test_a_process_that_was_forked_off_begins_anew(server: RunningServer, key: str) -> None:
    one = issued(server)
    with program(FORKS, server, key, one.secret) as process:
        assert said(process) == "0 False True None"
        assert said(process) == "child holds"
        assert said(process) == "1 True True"
        revoke(server, one.record.id)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert said(process) == "invalid"


def test_without_the_server_memory_answers_while_the_lease_lasts_and_then_nobody_is_let_in(key: str) -> None:
    with running_server() as server:
        with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
            own = api.create_token(scope="verify", password=server["SUPERUSER_PASSWORD"]).secret
        one = issued(server)
        verifier = Verifier(server.url, own)
        remembered(verifier, one)
        lease_until = verifier._memory.verifier.lease_until
        assert lease_until > steady()
    until(lambda: not verifier.holds_lease)

    with pytest.raises(Unavailable):
        verifier.check(one.secret)
    verifier.close()


def test_a_verifier_whose_own_token_is_not_good_says_so(server: RunningServer) -> None:
    one = issued(server)
    with Verifier(server.url, one.secret) as verifier, pytest.raises(Forbidden):
        verifier.check(one.secret)
    with Verifier(server.url, Secret.mint()) as verifier, pytest.raises(Unauthenticated):
        verifier.check(one.secret)


def test_uses_by_memory_are_counted_by_the_server(server: RunningServer, verifier: Verifier) -> None:
    one = issued(server)
    remembered(verifier, one)
    for _ in range(50):
        verifier.check(one.secret)

    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        until(lambda: sum(hour.allowed for hour in api.get_token_usage(one.record.id).hours) >= 50)


def test_many_threads_get_the_same_verdict(server: RunningServer, verifier: Verifier) -> None:
    one, verdicts = issued(server), list[Verdict]()
    threads = [
        threading.Thread(target=lambda: verdicts.extend(verifier.check(one.secret) for _ in range(200)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(verdicts) == 1_600
    assert all(verdicts)


def sponsored(server: RunningServer) -> int:
    """How many verifiers the workers speak for, all together."""
    answer = httpx2.get(f"{server.url}/metrics", headers={"Fastly-Key": server["SUPERUSER_TOKEN"]}).raise_for_status()
    (line,) = [line for line in answer.text.splitlines() if line.startswith("tallystick_remote_verifiers ")]
    return int(float(line.split()[1]))


def test_it_stays_with_one_worker_however_much_it_asks(server: RunningServer, key: str) -> None:
    """Else whoever revokes would wait for a worker that it has left, until the lease from there has ended."""
    tokens, enough = [issued(server) for _ in range(2)], threading.Event()

    def ask(verifier: Verifier) -> None:
        while not enough.is_set():
            for token in tokens:  # each takes the other's place: each is asked about
                verifier.check(token.secret)

    until(lambda: sponsored(server) == 0)
    with Verifier(server.url, key, most=1) as verifier:
        threads = [threading.Thread(target=ask, args=(verifier,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: sponsored(server) > 0)
            followed = {sponsored(server) for _ in range(100)}
        finally:
            enough.set()
            for thread in threads:
                thread.join()

    assert followed == {1}


def test_the_memory_is_bounded(server: RunningServer, key: str) -> None:
    with Verifier(server.url, key, most=3) as verifier:
        for _ in range(6):
            verifier.check(issued(server).secret)

        assert len(verifier) == 3


async def test_the_same_in_a_loop(server: RunningServer, key: str) -> None:
    one = await asyncio.to_thread(issued, server)
    async with AsyncVerifier(server.url, key) as verifier:
        assert (await verifier.check(one.secret)).ok
        while not (verifier.holds_lease and len(verifier)):
            await asyncio.to_thread(threading.Event().wait, 0.005)
            await verifier.check(one.secret)
        assert verifier._memory.recall(one.secret.reveal(), None, None)

        await asyncio.to_thread(revoke, server, one.record.id)

        assert not await verifier.check(one.secret)
    assert not verifier.holds_lease


async def test_in_a_loop_limits_are_held_against_the_request_too(server: RunningServer, key: str) -> None:
    one = await asyncio.to_thread(limited, server, networks=["192.0.2.0/24"], rules=["GET api.example.com/orders/*"])
    others = {"ip": "198.51.100.7", "method": "POST", "uri": "/admin", "host": "example.org"}
    asked: list[dict[str, Any]] = [ORDER, *({**ORDER, name: value} for name, value in others.items())]
    async with AsyncVerifier(server.url, key) as verifier:
        by_server = [await verifier.check(one.secret, **each) for each in asked]
        while verifier._memory.recall(one.secret.reveal(), None, None) is None:
            await asyncio.to_thread(threading.Event().wait, 0.005)
            await verifier.check(one.secret)

        by_memory = [await verifier.check(one.secret, **each) for each in asked]

    assert [each.reason for each in by_server] == [None, "networks", "rules", "rules", "rules"]
    assert by_memory == by_server


def test_one_that_was_closed_lets_nobody_in_and_says_why(server: RunningServer, key: str) -> None:
    one, verifier = issued(server), Verifier(server.url, key)
    remembered(verifier, one)

    verifier.close()
    verifier.close()

    with pytest.raises(Unavailable, match="closed"):
        verifier.check(one.secret)


async def test_one_that_was_closed_in_a_loop_lets_nobody_in_either(server: RunningServer, key: str) -> None:
    one, verifier = await asyncio.to_thread(issued, server), AsyncVerifier(server.url, key)
    assert await verifier.check(one.secret)

    await verifier.aclose()
    await verifier.aclose()

    with pytest.raises(Unavailable, match="closed"):
        await verifier.check(one.secret)


def test_when_its_loop_has_ended_it_begins_anew_in_the_next(server: RunningServer, key: str) -> None:
    """As programs do in their own tests: one client after the other, each with a loop of its own."""
    one, verifier = issued(server), AsyncVerifier(server.url, key)

    async def holds_lease() -> str:
        while not verifier.holds_lease:
            assert await verifier.check(one.secret)
            await asyncio.to_thread(threading.Event().wait, 0.005)
        return verifier._memory._id

    first = asyncio.run(holds_lease())
    until(lambda: not verifier.holds_lease)
    second = asyncio.run(holds_lease())
    asyncio.run(verifier.aclose())

    assert first != second
    assert not verifier.holds_lease


def test_fastly_has_no_such_thing() -> None:
    with pytest.raises(NotFound, match="only a Tallystick server"):
        Verifier("https://api.fastly.com", "key")


# Scopes of your own


def test_what_a_scope_includes_is_had_by_memory_too_and_no_more_once_it_is_answered_that_it_is_not_included(
    server: RunningServer, verifier: Verifier
) -> None:
    define(server, "stock:read", roles=["user"])
    define(server, "stock:write", roles=["user"], includes=["stock:read"])
    one = issued(server, scope="purge_all stock:write")
    remembered(verifier, one)

    verdict = verifier.check(one.secret, scope="stock:read purge_all")
    assert (verdict.ok, verdict.scope) == (True, "purge_all stock:write stock:read")
    assert verifier.check(one.secret, scope="stock:sell").reason == "scope"
    assert verifier.check(issued(server).secret, scope="stock:read").reason == "scope", "global has none of them"
    define(server, "stock:write", roles=["user"])

    assert verifier.check(one.secret, scope="stock:read").reason == "scope"
    assert verifier.check(one.secret, scope="stock:write").ok
    define(server, "stock:write")
    assert verifier.check(one.secret, scope="stock:write").reason == "scope", "it is for superusers now"
