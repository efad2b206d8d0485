"""What each rule of a verifier is for: the very moment at which it matters, with it and without it.

A network that the test opens and closes brings that moment about; nothing here is left to chance.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from bench.revocation.broken import BROKEN
from tallystick import IssuedToken, TokensApi, Verifier
from tallystick.testing import RunningServer, running_server
from tests.e2e.gates import Gates, Way


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(workers=2) as server:
        yield server


@dataclass
class Scene:
    """A server, a verifier far from it, and the network between them."""

    server: RunningServer
    gates: Gates
    verifier: Verifier
    issued: IssuedToken
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))

    def check(self) -> bool:
        return self.verifier.check(self.issued.secret).ok

    def follow(self) -> None:
        """Until it follows, which begins with a question."""
        self.verifier.check("nobody's")
        self.until(lambda: self.verifier.holds_lease)
        self.wait_for_news()

    def wait_for_news(self, *, then_close: Way | None = None) -> None:
        """Until all of one answer was taken in: it asks for the next."""
        self.gates.close(Way.NEWS)
        self.gates.until_something_waits(Way.NEWS)
        self.gates.close(Way.SYNC)
        self.gates.open(Way.NEWS)
        self.gates.until_something_waits(Way.SYNC)
        if then_close is not None:
            self.gates.close(then_close)
        self.gates.open(Way.SYNC)

    def remember(self) -> None:
        """Until memory answers."""
        self.follow()
        self.until(lambda: self.check() and len(self.verifier) == 1)

    def until(self, what: Callable[[], bool]) -> None:
        while not what():
            threading.Event().wait(0.002)

    def revoke(self) -> None:
        """Until the 204."""
        with TokensApi(self.server["SUPERUSER_TOKEN"], url=self.server.url) as api:
            api.revoke_token(self.issued.record.id)

    def accepts(self) -> bool:
        """Whether the token is accepted now; if nobody answers, when the network is whole again."""
        answer = self.pool.submit(self.check)
        self.until(lambda: answer.done() or self.gates.is_held(Way.QUESTION))
        self.gates.open(*Way)
        return answer.result()


def cut_off(scene: Scene) -> None:
    """Nothing comes through any more, and the lease ends."""
    scene.remember()
    scene.gates.close(*Way)
    scene.revoke()


def late_news(scene: Scene) -> None:
    """An answer with a lease comes when that has ended, and the next one does not come."""
    scene.remember()
    scene.gates.close(Way.NEWS)
    scene.gates.until_something_waits(Way.NEWS)
    scene.revoke()
    scene.gates.close(Way.SYNC, Way.QUESTION)
    scene.gates.open(Way.NEWS)
    scene.gates.until_something_waits(Way.SYNC)


def late_answer(scene: Scene) -> None:
    """What was asked before the revocation is answered after it was heard of."""
    scene.follow()
    scene.gates.close(Way.ANSWER)
    answer = scene.pool.submit(scene.check)
    scene.gates.until_something_waits(Way.ANSWER)
    scene.revoke()
    scene.gates.open(Way.ANSWER)
    answer.result()


def just_heard(scene: Scene) -> None:
    """It has said that it has heard, and nothing else comes."""
    scene.remember()
    before, revoked = scene.verifier._memory.verifier.applied, scene.pool.submit(scene.revoke)
    while scene.verifier._memory.verifier.applied == before:
        scene.wait_for_news(then_close=Way.NEWS)
    revoked.result()


MOMENTS = {"servebefore": cut_off, "arrival": late_news, "noplaceholder": late_answer, "ackbefore": just_heard}


def is_accepted_after(server: RunningServer, moment: Callable[[Scene], None], rule: str | None) -> bool:
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        key = api.create_token(scope="verify", password=server["SUPERUSER_PASSWORD"]).secret.reveal()
        issued = api.create_token(password=server["SUPERUSER_PASSWORD"])
    gates = Gates(urlsplit(server.url).port or 0)
    with gates.serving() as url, Verifier(url, key, timeout=30) as verifier:
        if rule is not None:
            verifier._memory.__class__ = BROKEN[rule].memory
        scene = Scene(server, gates, verifier, issued)
        moment(scene)
        return scene.accepts()


@pytest.mark.parametrize("rule", MOMENTS)
def test_whoever_keeps_the_rules_accepts_nothing_that_was_answered_as_revoked(server: RunningServer, rule: str) -> None:
    assert not is_accepted_after(server, MOMENTS[rule], None)


@pytest.mark.parametrize("rule", MOMENTS)
def test_without_the_rule_it_would_be_accepted(server: RunningServer, rule: str) -> None:
    assert is_accepted_after(server, MOMENTS[rule], rule)
