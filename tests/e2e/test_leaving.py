"""Somebody leaves, played through with real processes: plan, hand-over, no CI token lost, no human token left."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tallystick import AutomationTokensApi, TokensApi, Unauthenticated
from tallystick.testing import RunningServer, running_server
from tests.cli.program import CHEAP, tallystick, until

LOGIN, PASSWORD = "anna@example.com", "correct horse battery"
ASKED_AFTER = 50  # times that each job has asked after the hand-over


class Job(threading.Thread):
    """What runs somewhere with a token, again and again, and must never notice."""

    def __init__(self, url: str, secret: str) -> None:
        super().__init__()
        self.api = TokensApi(secret, url=url)
        self.asked = 0
        self.refused: list[Exception] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.api.get_token_current()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what must not happen
                self.refused.append(error)
            self.asked += 1
        self.api.close()


@contextmanager
def working(*jobs: Job) -> Iterator[None]:
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        for job in jobs:
            job.over.set()
            job.join()


def admin(server: RunningServer, *arguments: str, stdin: str = "") -> str:
    files = (
        "--database",
        f"sqlite:{server.directory}/tallystick.db",
        "--key-file",
        f"{server.directory}/tallystick.key",
    )
    ended = tallystick("admin", *files, *CHEAP, *arguments, stdin=stdin, cwd=server.directory)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_leaving_is_played_through() -> None:
    with running_server(workers=2) as server:
        admin(server, "user", "add", LOGIN, "--role", "engineer", "--password-stdin", stdin=PASSWORD)
        with TokensApi(url=server.url) as by_password:

            def new(name: str, **fields: object) -> tuple[str, str]:
                made = by_password.create_token(name=name, username=LOGIN, password=PASSWORD, **fields)  # type: ignore[arg-type]
                return made.record.id, made.secret.reveal()

            deploy = new("deploy", services=[server["SERVICE_1"]])
            nightly = new("nightly", expires_at=datetime.now(UTC) + timedelta(days=1), scope="global:read")
            people = [new("laptop"), new("manage.example.com browser session")]
        jobs = [Job(server.url, secret) for _, secret in (deploy, nightly)]
        with working(*jobs):
            until(lambda: all(job.asked > ASKED_AFTER for job in jobs), "the jobs work")
            plan = json.loads(admin(server, "offboard", LOGIN, "--dry-run", "--json"))
            assert {each["name"] for each in plan} == {
                "deploy",
                "nightly",
                "laptop",
                "manage.example.com browser session",
            }

            admin(server, "offboard", LOGIN, "--move", deploy[0], "--move", nightly[0], "--rest", "revoke", "--yes")

            for _, secret in people:
                with TokensApi(secret, url=server.url) as api, pytest.raises(Unauthenticated):
                    api.get_token_current()
            at_hand_over = [job.asked for job in jobs]
            until(
                lambda: all(job.asked > before + ASKED_AFTER for job, before in zip(jobs, at_hand_over, strict=True)),
                "the jobs go on",
            )

        assert [job.refused for job in jobs] == [[], []]
        _nobody_logs_in_and_nothing_is_left(server, {deploy[0], nightly[0]})


def _nobody_logs_in_and_nothing_is_left(server: RunningServer, moved: set[str]) -> None:
    form = {"username": LOGIN, "password": PASSWORD}
    assert httpx2.post(f"{server.url}/tokens", data=form).json()["code"] == "account_locked"
    with AutomationTokensApi(server["SUPERUSER_TOKEN"], url=server.url) as automation:
        assert {each.id for each in automation.list_automation_tokens()} == moved
        told = [line.split("\t")[2] for line in admin(server, "events", "--since", "1h").splitlines()]
        assert (told.count("token.move"), told.count("token.revoke")) == (2, 2)
        admin(server, "user", "delete", LOGIN, "--yes")
        for each in moved:
            automation.revoke_automation_token_id(each)
        assert automation.list_automation_tokens() == []
