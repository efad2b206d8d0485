"""What goes on meanwhile: on each node tokens are created and revoked, and elsewhere asked about; what was answered is noted."""

import itertools
import threading
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final, NamedTuple

from bench.revocation.asking import ask_in_process, ask_over_http
from tallystick import AutomationTokensApi, NotFound, TallystickError, TokensApi

MAKERS: Final = 8
_PAUSE_SECONDS: Final = (
    0.02  # between two of one kind on one node: the databases are to be busy, and two processors be enough
)
_ASKED_SECONDS: Final = 20.0  # then nobody waits for an answer any more

_SPAWN: Final = get_context("spawn")


class Account(NamedTuple):
    """A superuser, and a token that may verify."""

    login: str
    password: str
    token: str
    key: str


class Token(NamedTuple):
    """One that is revoked at some time."""

    id: str
    secret: str


class Answered(NamedTuple):
    """Something that was answered as done: when (monotonic seconds), and by which node."""

    at: float
    node: int


class Load:
    """Runs from its making to `end`."""

    def __init__(self, urls: Sequence[str], account: Account, doomed: Sequence[Token]) -> None:
        self.created: list[str] = []
        self.revoked: list[str] = []
        self.answered: list[Answered] = []
        self.over = RawArray("B", len(doomed))
        self.counts = [RawArray("Q", 3) for _ in urls]
        self._account = account
        self._doomed = doomed
        self._next = itertools.count()
        self._end = threading.Event()
        self._askers = [self._asker(url, number) for number, url in enumerate(urls)]
        self._threads = [
            threading.Thread(target=work, args=(url, node))
            for node, url in enumerate(urls)
            for work in (self._create, self._revoke)
        ]
        for each in (*self._askers, *self._threads):
            each.start()

    def all_ask(self) -> bool:
        """Whether each who asks has been answered once."""
        return all(counts[0] for counts in self.counts)

    def first_after(self, began: float, node: int) -> float | None:
        """Seconds from `began` until this node first answered that something is done."""
        return next((each.at - began for each in self.answered if each.node == node and each.at > began), None)

    def end(self) -> None:
        """All of it."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        for asker in self._askers:
            asker.kill()
            asker.join()

    def _asker(self, url: str, number: int) -> Any:
        """One follows a node and answers from memory, another one asks the other node: both would take all processors."""
        secrets = [token.secret for token in self._doomed]
        target = _ASKING[number % len(_ASKING)]
        arguments = (url, self._account.key, secrets, self.over, self.counts[number], None)
        return _SPAWN.Process(target=target, args=arguments, daemon=True)

    def _create(self, url: str, node: int) -> None:
        with AutomationTokensApi(self._account.token, url=url, timeout=_ASKED_SECONDS, patience=0) as api:
            for number in itertools.count():
                if self._end.wait(_PAUSE_SECONDS):
                    return
                try:
                    made = api.create_automation_token(
                        name=f"{node}-{number}", role="user", scope="global", password=self._account.password
                    )
                except TallystickError:
                    continue  # nobody was told that it is there
                self.created.append(made.record.id)
                self.answered.append(Answered(time.monotonic(), node))

    def _revoke(self, url: str, node: int) -> None:
        with TokensApi(self._account.token, url=url, timeout=_ASKED_SECONDS, patience=0) as api:
            for which in self._next:
                if which >= len(self._doomed) or not self._revoke_one(api, which, node):
                    return

    def _revoke_one(self, api: TokensApi, which: int, node: int) -> bool:
        """Again and again, until it was answered as done; False at the end."""
        while not self._end.wait(5 * _PAUSE_SECONDS):
            try:
                api.revoke_token(self._doomed[which].id)
            except NotFound:
                return True  # it was done before, without an answer
            except TallystickError:
                continue
            self.over[which] = 1
            self.revoked.append(self._doomed[which].id)
            self.answered.append(Answered(time.monotonic(), node))
            return True
        return False


_ASKING: Final = (ask_in_process, ask_over_http)


def make(url: str, account: Account, count: int) -> list[Token]:
    """So many tokens to be revoked."""
    made: list[Token] = []

    def some(number: int) -> None:
        with AutomationTokensApi(account.token, url=url) as api:
            for _ in range(number):
                one = api.create_automation_token(
                    name="doomed", role="engineer", scope="global", password=account.password
                )
                made.append(Token(one.record.id, one.secret.reveal()))

    threads = [threading.Thread(target=some, args=(count // MAKERS,)) for _ in range(MAKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made
