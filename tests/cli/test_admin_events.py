"""`tallystick admin events`: what it makes of events that some other program has left, in a pipe, as JSON and to be looked at."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tallystick.cli.clock import SystemClock
from tallystick.core.events import Origin
from tallystick.core.people import Role
from tallystick.core.ports import Store
from tallystick.core.secret import Secret, digester
from tallystick.storage import open_store
from tests.cli.program import CHEAP, Terminal, tallystick
from tests.core.world import token

# A colour, a C1 control character, a line of its own, a turn of direction, and the start of a title for the window.
STEERING: Final = "a\x1b[31mb\x9b2Jc\nd\u202ee\x1b]0;f"
HARMLESS: Final = "a [31mb 2Jc d e ]0;f"
AT: Final = SystemClock().now() - 3 * 24 * 60 * 60 * 1000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory in which `tallystick init` has been."""
    answers = ("--customer", "Acme", "--login", "ada@example.com", "--name", "Ada", "--password-stdin", *CHEAP)
    assert tallystick("init", *answers, stdin="correct horse battery", cwd=tmp_path).returncode == 0
    return tmp_path


def events(*arguments: str, cwd: Path) -> str:
    ended = tallystick("admin", "events", *arguments, cwd=cwd)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def on_a_terminal(*arguments: str, cwd: Path) -> str:
    ended = Terminal("admin", "events", *arguments, cwd=cwd).end()
    assert ended.code == 0
    return ended.screen.replace("\x1b[1m", "").replace("\x1b[0m", "")  # the title is bold


def write(home: Path, work: Callable[[Store, str], Coroutine[Any, Any, Any]]) -> None:
    """Do what a server would, in the one customer that there is."""

    async def whole() -> None:
        store = await open_store(f"sqlite:{home / 'tallystick.db'}")
        (customer,) = await store.people.customers()
        await work(store, customer.id)
        await store.close()

    asyncio.run(whole())


async def robot(store: Store, customer_id: str, name: str = STEERING) -> None:
    """An automation token of that name, which makes another."""
    plain = replace(token(), user_id=None, customer_id=customer_id, role=Role.ENGINEER, created_at=AT)
    by = Origin(at=AT, user_agent=STEERING)
    for each in (replace(plain, id="robot", name=name), replace(plain, id="made", name="made")):
        await store.tokens.add(each, digester(bytes(32))(Secret.mint()), limit=9, parent_id=None, by=by)
        by = Origin(at=AT + 1, token_id="robot", ip="192.0.2.1", user_agent=STEERING, request_id="r1")


def test_what_others_have_written_steers_no_terminal_and_forges_no_line(home: Path) -> None:
    write(home, robot)

    lines = events("--until", "1d", cwd=home)
    as_json = events("--until", "1d", "--json", cwd=home)
    screen = on_a_terminal("--until", "1d", cwd=home)

    assert [line.split("\t")[1:5] for line in lines.splitlines()] == [
        [f"token {HARMLESS}", "token.create", "made", "made"],
        ["command line", "token.create", "robot", HARMLESS],
    ]
    for shown in (lines, as_json, screen):
        assert not [sign for sign in shown if sign in "\x1b\x9b\u202e"]
    assert [each["user_agent"] for each in json.loads(as_json)] == [STEERING] * 2


def test_a_table_says_who_did_what_to_whom_and_how(home: Path) -> None:
    write(home, lambda store, customer_id: robot(store, customer_id, "deploy"))

    screen = on_a_terminal("--until", "1d", cwd=home)

    title, made, first = (line.split() for line in screen.splitlines() if not line.startswith(" "))
    assert title == ["WHEN", "WHO", "WHAT", "TARGET", "HOW"]
    assert made[:7] == ["3d", "ago", "token", "deploy", "token.create", "made", "scope"]
    assert first[:7] == ["3d", "ago", "command", "line", "token.create", "deploy", "scope"]


def test_nothing_is_said_to_be_nothing_to_whoever_looks(home: Path) -> None:
    assert events("--until", "1d", cwd=home) == ""
    assert events("--until", "1d", "--json", cwd=home) == "[]\n"
    assert "There are none." in on_a_terminal("--until", "1d", cwd=home)


def test_more_than_a_page_is_read_page_by_page(home: Path) -> None:
    async def many(store: Store, customer_id: str) -> None:
        name = "Acme"
        for number in range(1100):
            name = f"Acme {number}"
            await store.people.rename_customer(customer_id, name=name, by=Origin(at=AT + number // 7))

    write(home, many)

    shown = [line.split("\t")[5] for line in events("--limit", "1100", "--until", "1d", cwd=home).splitlines()]

    assert sorted(shown) == sorted(
        [f"name Acme{'' if number == 0 else f' {number - 1}'} → Acme {number}" for number in range(1100)]
    )


def test_those_of_another_customer_are_not_shown(home: Path) -> None:
    other = tallystick("admin", "customer", "add", "Other", cwd=home).stdout.strip()

    unsaid = tallystick("admin", "events", cwd=home)
    shown = events("--customer", other, cwd=home)

    assert "say which one with --customer ID" in unsaid.stderr
    assert [line.split("\t")[2:5] for line in shown.splitlines()] == [["customer.create", other, "Other"]]


def test_one_who_is_gone_is_found_by_id(home: Path) -> None:
    async def gone(store: Store, customer_id: str) -> None:
        by = Origin(at=AT, user_id="gone")
        await store.people.rename_customer(customer_id, name="Apex", by=by)

    write(home, gone)

    (line,) = events("--user", "gone", cwd=home).splitlines()

    assert line.split("\t")[1:6] == ["gone", "customer.update", line.split("\t")[3], "Apex", "name Acme → Apex"]
