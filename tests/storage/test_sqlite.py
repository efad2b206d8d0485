"""What can go wrong around a file: it is locked, full, lost, or the writer is.  Nothing is ever done half."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tallystick.core.errors import Unavailable
from tallystick.core.outcome import Added
from tallystick.core.token import LastUse, Token
from tallystick.storage.sqlite.store import SqliteStore
from tallystick.storage.sqlite.writer import I, R, Work
from tests.core.world import ACME, ANNA, BERT, NOW, add, at, populated, token
from tests.storage.test_store import ACMES, ANNAS, attempt, listed, numbered


def connection_of(store: SqliteStore) -> sqlite3.Connection:
    """The writer's.  Use it only while the writer has nothing to do."""
    connection = store._writer._connection
    assert connection is not None
    return connection


@pytest.fixture
async def opened(path: Path) -> SqliteStore:
    """A store that the test closes itself."""
    return await populated(SqliteStore.open(path))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process is writing, and takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# Durable


async def test_a_commit_is_on_disk_before_it_is_acknowledged(sqlite: SqliteStore) -> None:
    pragmas = {
        name: connection_of(sqlite).execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "fullfsync", "foreign_keys")
    }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "foreign_keys": 1}


async def test_those_who_wait_share_a_commit(sqlite: SqliteStore, path: Path) -> None:
    statements: list[str] = []
    connection_of(sqlite).set_trace_callback(statements.append)

    await asyncio.gather(*(attempt(sqlite, one) for one in numbered(range(50))))

    assert statements.count("COMMIT") == 1
    # Few statements, however many wait: each one may cost a wait for the interpreter's lock.
    assert len(statements) <= 6


async def test_what_is_committed_is_there_for_another_process_at_once(sqlite: SqliteStore, path: Path) -> None:
    one = await add(sqlite, token())

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT id FROM token").fetchall() == [(one.id,)]


# Busy


async def test_while_another_process_writes_we_wait_and_then_say_busy(sqlite: SqliteStore, path: Path) -> None:
    one = await add(sqlite, token())

    with locked(path):
        answers = await asyncio.gather(
            attempt(sqlite, token(name="late")),
            sqlite.tokens.revoke(one.id, reach=ANNAS, by=at(NOW)),
            sqlite.people.set_totp(ANNA.id, sealed=b"x", by=at(NOW)),
            sqlite.ready(),
            return_exceptions=True,
        )
        seen = await sqlite.tokens.get(one.id)

    assert [(type(answer), str(answer)) for answer in answers] == [(Unavailable, "the store is busy")] * 4
    assert isinstance(answers[0], Unavailable)
    assert isinstance(answers[0].__cause__, sqlite3.OperationalError)
    assert len({id(answer) for answer in answers}) == 4  # one each: a shared one would collect everybody's traceback
    assert seen == one  # reads never wait
    assert await listed(sqlite, ANNAS) == [one.id]
    assert await sqlite.people.user(ANNA.id) == ANNA
    assert await attempt(sqlite, token(name="late")) is Added.DONE
    await sqlite.ready()


async def test_who_waits_is_served_when_the_other_is_done_together_with_who_came_meanwhile(
    opened: SqliteStore, path: Path
) -> None:
    with locked(path):
        first = asyncio.create_task(attempt(opened, token(name="first")))
        await asyncio.wait([first], timeout=0.02)
        meanwhile = asyncio.create_task(attempt(opened, token(name="meanwhile")))
        await asyncio.wait([meanwhile], timeout=0.02)
        assert not first.done()
        assert not meanwhile.done()

    async with asyncio.timeout(20):
        answers = await asyncio.gather(first, meanwhile)
    assert list(answers) == [Added.DONE, Added.DONE]
    await opened.close()


async def test_two_processes_share_the_limit(path: Path) -> None:
    one, other = SqliteStore.open(path), SqliteStore.open(path)
    await populated(one)

    answers = await asyncio.gather(
        *(attempt((one, other)[n % 2], each, limit=100) for n, each in enumerate(numbered(range(200))))
    )

    assert answers.count(Added.DONE) == 100
    assert await listed(one, ANNAS) == await listed(other, ANNAS)
    await one.close()
    await other.close()


async def test_a_revocation_by_another_process_is_seen_by_the_next_read(path: Path) -> None:
    one, other = SqliteStore.open(path), SqliteStore.open(path)
    await populated(one)
    for number in range(20):
        victim = await add(one, token(name=f"n{number}"))
        assert await other.tokens.get(victim.id) == victim

        await one.tokens.revoke(victim.id, reach=ANNAS, by=at(NOW))

        seen = await other.tokens.get(victim.id)
        assert seen is not None
        assert seen.revoked_at == NOW
    await one.close()
    await other.close()


# Full


async def test_a_full_database_says_so_does_nothing_half_and_recovers(sqlite: SqliteStore) -> None:
    connection = connection_of(sqlite)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    answers = await asyncio.gather(
        *(attempt(sqlite, one, limit=10**6) for one in numbered(range(500))), return_exceptions=True
    )

    refused = [answer for answer in answers if answer is not Added.DONE]
    assert refused
    assert {(type(answer), str(answer)) for answer in refused} == {(Unavailable, "the store cannot be used now")}
    assert len(await listed(sqlite, ANNAS, size=1000)) == answers.count(Added.DONE)
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await attempt(sqlite, token(name="after")) is Added.DONE
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: writing beyond `size` fails in the middle of a commit, not before it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_commit_that_fails_has_done_nothing_and_all_are_told(sqlite: SqliteStore, path: Path) -> None:
    before = await add(sqlite, token(name="before"))
    log = path.with_name(f"{path.name}-wal")

    with files_no_larger_than(log.stat().st_size):
        answers = await asyncio.gather(
            *(attempt(sqlite, one) for one in numbered(range(20))),
            sqlite.tokens.revoke(before.id, reach=ANNAS, by=at(NOW)),
            return_exceptions=True,
        )
        not_ready = await asyncio.gather(sqlite.ready(), return_exceptions=True)

    assert {(type(answer), str(answer)) for answer in [*answers, *not_ready]} == {
        (Unavailable, "the store cannot be used now")
    }
    assert await listed(sqlite, ANNAS) == [before.id]
    await sqlite.ready()
    assert await attempt(sqlite, token(name="after")) is Added.DONE
    assert connection_of(sqlite).execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# The writer


async def submit(store: SqliteStore, work: Work[I, R], item: I) -> R:
    """A write of the test's own.  A coroutine as the store's methods are: gathered with them, it is in the same batch."""
    return await store._writer.submit(work, item)


def explode(connection: sqlite3.Connection, items: Sequence[BaseException]) -> list[None]:
    """A write with a defect in it: it changes something, and then does not get to its end."""
    connection.execute("UPDATE customer SET name = 'half done'")
    raise items[0]


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), sqlite3.ProgrammingError("another"), MemoryError()])
async def test_a_defect_in_one_write_stops_no_other(sqlite: SqliteStore, error: Exception) -> None:
    answers = await asyncio.gather(
        attempt(sqlite, token(name="before")),
        submit(sqlite, explode, error),
        attempt(sqlite, token(name="after")),
        submit(sqlite, explode, error),
        return_exceptions=True,
    )

    assert answers[0] is answers[2] is Added.DONE
    for answer in (answers[1], answers[3]):
        assert isinstance(answer, Exception)
        assert error in (answer, answer.__cause__)
        assert isinstance(answer, Unavailable) is isinstance(error, sqlite3.Error)
    assert await sqlite.people.customer(ACME.id) == ACME
    assert await attempt(sqlite, token(name="later")) is Added.DONE


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
async def test_not_even_an_order_to_stop_stops_the_writer(sqlite: SqliteStore, error: BaseException) -> None:
    answers = await asyncio.gather(submit(sqlite, explode, error), attempt(sqlite, token()), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert await listed(sqlite, ANNAS) == []
    assert await sqlite.people.customer(ACME.id) == ACME
    assert await attempt(sqlite, token()) is Added.DONE


def roll_back(connection: sqlite3.Connection, items: Sequence[None]) -> list[None]:
    """What SQLite does by itself on some errors of the disk: all of the transaction is undone, not only this write."""
    connection.execute("ROLLBACK")
    raise sqlite3.OperationalError("disk I/O error")


async def test_when_sqlite_undoes_everything_everybody_is_told(sqlite: SqliteStore) -> None:
    answers = await asyncio.gather(
        attempt(sqlite, token(name="before")),
        submit(sqlite, roll_back, None),
        sqlite.tokens.touch([("nothing", LastUse(NOW, None, None))]),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert await listed(sqlite, ANNAS) == []
    assert await attempt(sqlite, token(name="after")) is Added.DONE


async def test_a_connection_that_broke_is_replaced(sqlite: SqliteStore) -> None:
    connection_of(sqlite).close()

    with pytest.raises(Unavailable):
        await attempt(sqlite, token(name="first"))

    assert await attempt(sqlite, token(name="second")) is Added.DONE
    assert await listed(sqlite, ANNAS) == [token(name="second").id]


class PoisonError(sqlite3.Error):
    """An error that cannot even be looked at."""

    @property
    def sqlite_errorcode(self) -> int:  # type: ignore[override]  # where others have a number, this one has a trap
        raise ZeroDivisionError


def poison(connection: sqlite3.Connection, items: Sequence[None]) -> list[None]:
    connection.execute("ROLLBACK")
    raise PoisonError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_when_the_writer_is_dead_nobody_waits_for_it(path: Path) -> None:
    store = await populated(SqliteStore.open(path))
    one = await add(store, token())

    waiting = asyncio.create_task(attempt(store, token(name="waiting")))
    answers = await asyncio.gather(submit(store, poison, None), waiting, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    for _ in range(2):
        with pytest.raises(Unavailable, match="the store has stopped writing"):
            await store.ready()
    assert await store.tokens.get(one.id) == one  # reads go on
    await store.close()


async def test_who_went_away_left_a_write_that_is_done_whole(sqlite: SqliteStore, path: Path) -> None:
    one = await add(sqlite, token())
    with locked(path):
        tasks = [
            asyncio.create_task(sqlite.tokens.revoke(one.id, reach=ANNAS, by=at(NOW))),
            asyncio.create_task(attempt(sqlite, token(BERT))),
        ]
        await asyncio.wait(tasks, timeout=0)
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])

    assert await tasks[1] is Added.DONE
    seen = await sqlite.tokens.get(one.id)
    assert seen is not None
    assert seen.revoked_at == NOW


# Closing


async def test_what_was_accepted_is_written_before_it_closes(opened: SqliteStore, path: Path) -> None:
    tasks = [asyncio.create_task(attempt(opened, one)) for one in numbered(range(50))]
    await asyncio.wait(tasks, timeout=0)

    await opened.close()

    assert [task.result() for task in tasks] == [Added.DONE] * 50
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # the log is in the file, and gone
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM token").fetchone() == (50,)


async def test_what_is_asked_for_in_the_same_moment_is_written_too(opened: SqliteStore) -> None:
    answers = await asyncio.gather(*(attempt(opened, one) for one in numbered(range(5))), opened.close())

    assert answers == [*[Added.DONE] * 5, None]


async def test_a_closed_store_says_so_and_its_thread_is_gone(opened: SqliteStore) -> None:
    await opened.close()
    await opened.close()

    with pytest.raises(Unavailable, match="the store is closed"):
        await attempt(opened, token())
    with pytest.raises(Unavailable):
        await opened.tokens.get(token().id)
    with pytest.raises(Unavailable):
        await opened.ready()
    assert not [thread for thread in threading.enumerate() if thread.name == "tallystick-writer"]


async def test_to_close_beside_another_process_loses_nothing(opened: SqliteStore, path: Path) -> None:
    other = SqliteStore.open(path)
    one = await add(opened, token())

    await opened.close()

    assert await other.tokens.get(one.id) == one
    assert await attempt(other, token(name="more")) is Added.DONE
    await other.close()


def test_a_program_that_forgets_to_close_still_ends_and_loses_nothing(path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from tallystick.storage.sqlite.store import SqliteStore\n"
        "from tests.core.world import ACME, at\n"
        "async def main():\n"
        "    await SqliteStore.open(Path(sys.argv[1])).people.add_customer(ACME, by=at(0))\n"
        "asyncio.run(main())\n"
    )

    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM customer").fetchall() == [(ACME.id,)]


# Large


async def test_10_000_real_tokens_end_in_one_transaction(sqlite: SqliteStore) -> None:
    tokens = _spread(10_000)
    connection_of(sqlite).execute("PRAGMA foreign_keys = OFF")  # many users, without making them
    for start in range(0, len(tokens), 1000):
        await asyncio.gather(*(attempt(sqlite, one) for one in tokens[start : start + 1000]))

    foreign = await sqlite.tokens.revoke_all([one.id for one in tokens], reach=ACMES, by=at(NOW))

    assert foreign == ()
    assert await listed(sqlite, ACMES) == []
    assert connection_of(sqlite).execute("SELECT count(*) FROM token WHERE revoked_at = ?", (NOW,)).fetchone() == (
        10_000,
    )


def _spread(count: int) -> list[Token]:
    plain = token()
    return [
        Token(
            id=f"t{number:021}",
            user_id=f"u{number % 200}",
            customer_id=ACME.id,
            name="one of many",
            scope=plain.scope,
            services=(),
            created_at=NOW,
        )
        for number in range(count)
    ]
