"""A store that is busy or gone: 503, a time to come back, and nothing half done."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tallystick.core.errors import Unavailable
from tallystick.core.secret import Secret
from tallystick.storage import prepare
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ANNA, MINUTE, NOW
from tests.http.world import PASSWORD, Message, World, a_world, error_of, main_id, sqlite_in


@asynccontextmanager
async def busy(tmp_path: Path) -> AsyncIterator[tuple[World, sqlite3.Connection]]:
    """The service over SQLite that waits for nobody, and another process's connection to the same file."""
    prepare(sqlite_in(tmp_path))
    store = SqliteStore.open(tmp_path / "tokens.db", busy_seconds=0)
    other = sqlite3.connect(tmp_path / "tokens.db", isolation_level=None)
    try:
        async with a_world(store=store) as world:
            yield world, other
    finally:
        other.close()


WRITES = [
    ("POST", "/tokens", {"data": {"username": ANNA.login, "password": "wrong password"}}),
    ("POST", "/sudo", {"data": {"password": PASSWORD}}),
    ("DELETE", "/tokens/self", {}),
    ("DELETE", f"/tokens/{main_id(ANNA)}", {}),
    ("DELETE", "/tokens", {"json": {"data": [{"id": main_id(ANNA)}]}}),
    ("GET", "/readyz", {}),
]


@pytest.mark.parametrize("method, path, more", WRITES, ids=[f"{method} {path}" for method, path, _ in WRITES])
async def test_while_another_process_holds_the_lock_a_write_is_503_and_nothing_is_done(
    tmp_path: Path, method: str, path: str, more: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    async with busy(tmp_path) as (world, other):
        other.execute("BEGIN IMMEDIATE")

        response = await world.ask(method, path, None if path == "/tokens" and method == "POST" else ANNA, **more)
        reads = await world.ask("GET", "/tokens/self", ANNA)
        other.execute("ROLLBACK")

        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert error_of(response) == {"msg": "the store is busy"}
        said = [record.getMessage() for record in caplog.records if record.name == "tallystick.http.routes"]
        assert said == ["the store is busy: OperationalError"]
        assert (reads.status_code, reads.json()["sudo_expires_at"]) == (200, None), "a reader waits for nobody"
        # It was the lock and nothing else.
        again = await world.ask(method, path, None if path == "/tokens" and method == "POST" else ANNA, **more)
        assert again.status_code != 503


async def test_strangers_who_ask_whether_it_is_ready_cost_one_write_a_second(tmp_path: Path) -> None:
    async with busy(tmp_path) as (world, other):
        first = await world.ask("GET", "/readyz")
        other.execute("BEGIN IMMEDIATE")

        world.clock.advance(seconds=0.999)
        remembered = await world.ask("GET", "/readyz")
        world.clock.advance(seconds=0.001)
        looked_again = await world.ask("GET", "/readyz")
        other.execute("ROLLBACK")
        refusal_is_not_remembered = await world.ask("GET", "/readyz")

    assert [first.status_code, remembered.status_code] == [200, 200]
    assert [looked_again.status_code, refusal_is_not_remembered.status_code] == [503, 200]


async def test_a_create_that_could_not_be_written_left_no_token(tmp_path: Path) -> None:
    async with busy(tmp_path) as (world, other):
        _, raised = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)
        other.execute("BEGIN IMMEDIATE")

        response = await world.create(raised)
        other.execute("ROLLBACK")

        assert response.status_code == 503
        assert await world.count(ANNA) == 2


async def test_a_store_that_is_gone_is_503_on_every_route_that_needs_it(tmp_path: Path) -> None:
    async with busy(tmp_path) as (world, other):
        other.execute("PRAGMA foreign_keys = OFF")
        other.execute("ALTER TABLE token RENAME TO elsewhere")

        for method, path in (
            ("GET", "/tokens/self"),
            ("GET", "/tokens"),
            ("DELETE", "/tokens/self"),
            ("POST", "/tokens"),
        ):
            response = await world.ask(method, path, ANNA)

            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            assert error_of(response) == {"msg": "the store cannot be used now"}
        assert (await world.ask("GET", "/healthz")).status_code == 200


async def test_garbage_is_refused_without_asking_the_store(tmp_path: Path) -> None:
    async with busy(tmp_path) as (world, other):
        other.execute("ALTER TABLE token RENAME TO elsewhere")

        garbage = await world.ask("GET", "/tokens/self", "tly_" + "0" * 38)
        well_formed = await world.ask("GET", "/tokens/self", Secret.mint().reveal())

        assert (garbage.status_code, well_formed.status_code) == (401, 503)


class Breaking(list[Message]):
    """Breaks the store as soon as the first part of an answer has been sent."""

    def __init__(self, other: sqlite3.Connection) -> None:
        super().__init__()
        self._other = other

    def append(self, message: Message) -> None:
        super().append(message)
        if len(self) == 2:
            self._other.execute("ALTER TABLE token RENAME TO elsewhere")


async def test_a_list_that_cannot_be_finished_is_cut_never_closed_as_if_it_were_whole(tmp_path: Path) -> None:
    async with busy(tmp_path) as (world, other):
        for number in range(600):
            await world.give(ANNA, f"n{number}")
        sent = Breaking(other)

        with pytest.raises(Unavailable):
            await world.messages("GET", "/tokens", ANNA, sent=sent)

        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        assert sent[1]["more_body"] is True
