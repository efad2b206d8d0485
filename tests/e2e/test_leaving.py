"""Somebody leaves while their tokens are in use: no machine notices, and no person gets in any more.  All of it is real."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import httpx2
import pytest

from tallystick import AutomationTokensApi, EventsApi, ServicesApi, TokensApi, UsersApi
from tallystick.core.errors import NotFound, TallystickError, Unauthenticated
from tallystick.testing import RunningServer, running_server
from tests.cli.office import PASSWORD, Office
from tests.cli.program import SECONDS_MAX, until

EACH: Final = 20  # answers that each program gets in each part of the story
CONNECTIONS: Final = 12  # so many that both workers get some
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SURE: Final = "[y/N]: "


Asking = Callable[[], AbstractContextManager[Callable[[], object]]]


def new_connections() -> httpx2.HTTPTransport:
    """One for each request, so that both workers get some."""
    return httpx2.HTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0))


class Program(threading.Thread):
    """Somebody's or something's program: it asks again and again, each time on a new connection, and notes each refusal.

    `too_late`: how many answers it got to what it asked after `over`.
    """

    def __init__(self, asking: Asking, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.answers = self.too_late = 0
        self.refused: list[TallystickError | httpx2.HTTPError] = []
        self._asking, self._over = asking, over

    def run(self) -> None:
        with self._asking() as ask:
            while not self.stopping.is_set():
                is_over = self._over.is_set()
                try:
                    ask()
                except (TallystickError, httpx2.HTTPError) as error:
                    self.refused.append(error)
                else:
                    self.answers += 1
                    self.too_late += is_over

    def goes_on(self) -> None:
        """Wait until it has got some more answers."""
        enough = self.answers + EACH
        until(lambda: self.answers >= enough or bool(self.refused), "more answers")


class Story:
    """Anna, an engineer, has a laptop and a browser, and two jobs of CI that run with her tokens."""

    def __init__(self, server: RunningServer) -> None:
        self.server, self.office = server, Office(server)
        self.login = self.office.person("engineer")
        shop = server["SERVICE_1"]
        self.laptop = self.office.token(self.login, name="laptop")
        self.browser = self.office.token(self.login, name="browser")
        self.limited = self.office.token(self.login, name="ci-shop", scope="global:read", services=shop)
        self.ending = self.office.token(self.login, name="ci-nightly", expires_at="2031-01-01T00:00:00Z")
        self.returned = threading.Event()
        self.people = [self.program(self.on_the_laptop), self.program(self.in_the_browser)]
        self.machines = [self.program(self.looks_at_the_shop), self.program(self.renames_the_blog)]

    def program(self, asking: Callable[[], Iterator[Callable[[], object]]]) -> Program:
        return Program(contextmanager(asking), self.returned)

    def on_the_laptop(self) -> Iterator[Callable[[], object]]:
        with TokensApi(self.laptop["access_token"], **self.raw()) as api:
            yield api.verify

    def in_the_browser(self) -> Iterator[Callable[[], object]]:
        headers = {"Fastly-Key": self.browser["access_token"], "User-Agent": FIREFOX}
        with httpx2.Client(transport=new_connections(), headers=headers) as browser:
            yield lambda: browser.get(f"{self.server.url}/current_user").raise_for_status()

    def looks_at_the_shop(self) -> Iterator[Callable[[], object]]:
        with ServicesApi(self.limited["access_token"], **self.raw()) as api:
            yield api.list_services

    def renames_the_blog(self) -> Iterator[Callable[[], object]]:
        with ServicesApi(self.ending["access_token"], **self.raw()) as api:
            yield lambda: api.update_service(self.server["SERVICE_2"], name="blog")

    def raw(self) -> dict[str, Any]:
        """A client that repeats nothing: each refusal is seen."""
        return {"url": self.server.url, "patience": 0, "transport": new_connections()}

    @contextmanager
    def all_running(self) -> Iterator[None]:
        programs = [*self.people, *self.machines]
        for program in programs:
            program.start()
        try:
            yield
        finally:
            for program in programs:
                program.stopping.set()
            for program in programs:
                program.join(SECONDS_MAX)

    def plan(self) -> Any:
        return json.loads(self.office.admin("offboard", self.login, "--dry-run", "--json"))

    def statuses(self, token: Any) -> set[int]:
        return {self.office.status(token) for _ in range(CONNECTIONS)}

    def as_superuser(self) -> dict[str, Any]:
        return {"token": self.server["SUPERUSER_TOKEN"], "url": self.server.url}


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with running_server(workers=2) as server:
        yield Story(server)


def test_a_leaving_in_full(story: Story) -> None:
    """Plan, hand-over, no machine's request refused, no person's token left; and then they are deleted."""
    with story.all_running():
        for program in [*story.people, *story.machines]:
            program.goes_on()
        machines = the_machines_of(story)
        offboard(story, machines)
        story.returned.set()
        refused = [story.statuses(each) for each in (story.laptop, story.browser)]
        for program in story.machines:
            program.goes_on()

    assert machines == [story.limited["id"], story.ending["id"]]
    assert [program.refused for program in story.machines] == [[], []]
    assert refused == [{401}, {401}]
    assert [(program.too_late, bool(program.refused)) for program in story.people] == [(0, True), (0, True)]
    nobody_is_left_but_the_machines(story)
    the_events_tell_all_of_it(story)
    a_superuser_looks_after_what_was_moved(story)
    and_they_are_deleted(story)


def the_machines_of(story: Story) -> list[str]:
    """The tokens that go on, by what the plan tells of their last use: as whoever decides would find out."""
    until(lambda: all(each["user_agent"] for each in story.plan()["tokens"]), "all uses are written")
    tokens = story.plan()["tokens"]
    assert [each["name"] for each in tokens] == ["laptop", "browser", "ci-shop", "ci-nightly"]
    assert tokens[1]["user_agent"] == FIREFOX
    assert {each["ip"] for each in tokens} == {"127.0.0.1"}
    return [each["id"] for each in tokens if each["name"].startswith("ci-")]


def offboard(story: Story, machines: list[str]) -> None:
    """All programs go on while somebody thinks about the last question."""
    moves = [argument for each in machines for argument in ("--move", each)]
    terminal = story.office.on_a_terminal("offboard", story.login, *moves, "--rest", "revoke")
    terminal.wait_for(SURE)
    for program in [*story.people, *story.machines]:
        program.goes_on()
    terminal.answer("", "y")
    ended = terminal.end()
    assert ended.code == 0, ended.screen


def nobody_is_left_but_the_machines(story: Story) -> None:
    with TokensApi("", url=story.server.url) as api, pytest.raises(TallystickError) as refusal:
        api.create_token(username=story.login, password=PASSWORD)
    assert refusal.value.code == "account_locked"
    assert story.plan()["tokens"] == []
    with AutomationTokensApi(**story.as_superuser()) as api:
        listed = {each.id: each for each in api.list_automation_tokens()}
    assert list(listed) == [story.limited["id"], story.ending["id"]]
    limited, ending = listed.values()
    assert (limited.name, limited.role, limited.creator_id) == ("ci-shop", "engineer", story.laptop["user_id"])
    assert (limited.services, limited.scope) == ((story.server["SERVICE_1"],), "global:read")
    assert ending.expires_at is not None
    assert (ending.expires_at.year, ending.services, ending.scope) == (2031, (), "global")


def the_events_tell_all_of_it(story: Story) -> None:
    with EventsApi(**story.as_superuser()) as api:
        (locked,) = api.iter_events(target_id=story.laptop["user_id"], action="user.update")
        events = list(api.iter_events(request_id=locked.request_id))
    moved, ended = [story.limited["id"], story.ending["id"]], [story.laptop["id"], story.browser["id"]]
    assert sorted((each.action, each.target_id, each.reason) for each in events) == sorted(
        [
            *(("token.move", each, None) for each in moved),
            *(("token.revoke", each, "affiliation_changed") for each in ended),
            ("user.update", story.laptop["user_id"], None),
        ]
    )
    assert {(each.user_id, each.token_id) for each in events} == {(None, None)}  # somebody at the database itself
    assert locked.after == {"locked": True}


def a_superuser_looks_after_what_was_moved(story: Story) -> None:
    with AutomationTokensApi(**story.as_superuser()) as api:
        api.revoke_automation_token_id(story.limited["id"])
        assert [each.id for each in api.iter_automation_tokens()] == [story.ending["id"]]
    with TokensApi(story.limited["access_token"], url=story.server.url) as ended, pytest.raises(Unauthenticated):
        ended.get_token_current()


def and_they_are_deleted(story: Story) -> None:
    with UsersApi(**story.as_superuser()) as api:
        api.delete_user(story.laptop["user_id"])
        with pytest.raises(NotFound):
            api.get_user(story.laptop["user_id"])
    assert story.statuses(story.ending) == {200}
