"""How a database gets to where this program expects it: once, in order, whole steps, and never from another program's."""

import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.core.caller import Reach
from tallystick.core.changes import Change, Heard, Kind, Numbered
from tallystick.core.errors import Invalid, TallystickError, Unavailable
from tallystick.core.guesses import Failures
from tallystick.core.people import Credentials, Customer, Role, Service, User
from tallystick.core.ports import Seen
from tallystick.core.scope import Scope
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Usage
from tallystick.storage.migrate import Migration, migrations, read_folder
from tallystick.storage.sqlite import setup
from tallystick.storage.sqlite.store import SqliteStore

ALL = migrations("sqlite")
NEXT = Migration(
    len(ALL) + 1,
    "next",
    (
        "ALTER TABLE token ADD COLUMN color TEXT",
        "CREATE TABLE shelf (id TEXT NOT NULL PRIMARY KEY)",
        "INSERT INTO shelf VALUES ('first')",
    ),
)


def schema(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def old_database(path: Path, version: int) -> Path:
    script = Path(__file__).parent / "old" / f"version_{version}.sql"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script.read_text())
    return path


# Making one


def test_a_new_database_is_at_the_newest_version_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "new.db"

    setup.prepare(path)

    assert query(path, "SELECT number, name FROM migration ORDER BY number") == [
        (step.number, step.name) for step in ALL
    ]
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert query(path, "PRAGMA application_id") == [(0x544C536B,)]


def test_only_its_owner_may_read_the_database_and_its_log(tmp_path: Path) -> None:
    path = tmp_path / "new.db"

    setup.prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        connection.commit()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("new.db*")}

    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_to_prepare_again_changes_nothing(path: Path) -> None:
    before, applied = schema(path), query(path, "SELECT * FROM migration")

    setup.prepare(path)

    assert schema(path) == before
    assert query(path, "SELECT * FROM migration") == applied


def test_an_empty_file_is_nobodys_and_becomes_ours(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()

    setup.prepare(path)

    assert query(path, "SELECT count(*) FROM token") == [(0,)]


# From an old version


@pytest.mark.parametrize("version", range(1, len(ALL) + 1))
def test_migrations_from_every_old_version_end_where_a_fresh_schema_begins(
    version: int, tmp_path: Path, template: Path
) -> None:
    path = old_database(tmp_path / "old.db", version)

    setup.prepare(path)

    assert schema(path) == schema(template)


async def test_what_version_1_kept_is_still_there(tmp_path: Path) -> None:
    path = old_database(tmp_path / "old.db", 1)

    setup.prepare(path)
    store = SqliteStore.open(path)

    root = User(
        id="uRoot",
        customer_id="cAcme",
        login="Root@Example.com",
        name="Root",
        role=Role.SUPERUSER,
        two_factor=True,
        created_at=1,
        updated_at=2,
    )
    full = Token(
        id="tFull",
        user_id="uRoot",
        customer_id="cAcme",
        name="full",
        scope=Scope(("global:read", "purge_all")),
        services=("sShop",),
        created_at=2,
        expires_at=9,
        sudo_until=8,
        last_use=LastUse(7, "192.0.2.1", "curl/8"),
    )
    assert await store.tokens.look_up(Digest((2).to_bytes(32, "big"))) == Seen(full, root)
    listed = [one async for batch in store.tokens.batches(Reach("cAcme", None), size=9) for one in batch]
    assert [one.id for one in listed] == ["tPlain", "tFull"]
    assert listed[1] == full
    revoked = await store.tokens.get("tRevoked")
    assert revoked is not None
    assert revoked.revoked_at == 4
    assert await store.people.customers() == [Customer(id="cAcme", name="Acme", created_at=1770005106789)]
    assert await store.people.services() == [
        Service(id="sShop", customer_id="cAcme", name="shop", created_at=1770005106789)
    ]
    proof = Credentials(user_id="uRoot", password_hash="$argon2id$root", totp_sealed=b"\x00\xff")
    assert await store.people.credentials("root@example.com") == (root, proof)
    assert not await store.people.use_totp_step("uRoot", step=56)
    assert await store.people.use_totp_step("uRoot", step=57)
    assert await store.guesses.failures("somebody") == Failures(3, 1770091506789)
    await store.close()
    assert setup.fingerprint(path) == "f1f2f3f4"


async def test_what_versions_2_and_3_kept_is_still_there(tmp_path: Path) -> None:
    path = old_database(tmp_path / "old.db", 3)

    setup.prepare(path)
    store = SqliteStore.open(path)

    anna = await store.people.user("uAnna")
    assert anna is not None
    assert anna.locked
    assert await store.budgets.spend("uAnna", hour=1770091200000) == 8
    await store.close()


async def test_what_version_7_kept_of_a_change_is_still_there(tmp_path: Path) -> None:
    path = old_database(tmp_path / "old.db", 7)

    setup.prepare(path)
    store = SqliteStore.open(path)

    assert await store.changes.numbered(7) == Numbered(
        seq=7,
        customer_id="cAcme",
        at=1770091506789,
        user_id="uRoot",
        token_id="tFull",
        request_id="request-1",
        count=1,
        changes=(Change(Kind.TOKEN, "tMain"),),
        heard=Heard(1770091506795, 2, 6),
    )
    await store.close()


async def test_what_version_8_counted_is_still_there(tmp_path: Path) -> None:
    path = old_database(tmp_path / "old.db", 8)

    setup.prepare(path)
    store = SqliteStore.open(path)

    found = await store.usage.of_token("tFull", since=0, until=1770091506789)
    assert found == [Usage("tFull", 1770091200000, 1, 2, 3, 4, 5, 6)]
    await store.close()


async def test_what_version_10_kept_of_recovery_codes_is_still_there(tmp_path: Path) -> None:
    path = old_database(tmp_path / "old.db", 10)

    setup.prepare(path)
    store = SqliteStore.open(path)

    assert await store.people.recovery_codes_left("uRoot") == 2
    assert await store.people.use_recovery_code("uRoot", digest="bb")
    await store.close()


def test_a_step_is_applied_on_top_of_what_is_there(path: Path) -> None:
    setup.bind_key(path, "kept")

    setup.prepare(path, steps=(*ALL, NEXT))

    assert query(path, "SELECT value FROM meta") == [("kept",)]
    assert query(path, "SELECT id FROM shelf") == [("first",)]
    assert query(path, "SELECT max(number) FROM migration") == [(NEXT.number,)]


async def test_a_database_that_was_not_upgraded_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    setup.prepare(path, steps=())

    with pytest.raises(Invalid, match="is not set up for this version of Tallystick: prepare it first"):
        SqliteStore.open(path)


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(path: Path) -> None:
    setup.prepare(path, steps=(*ALL, NEXT))
    before = path.read_bytes()
    sentence = (
        f"was written by a newer version of Tallystick .its schema is {NEXT.number}, this program knows {len(ALL)}"
    )

    with pytest.raises(Invalid, match=sentence):
        setup.prepare(path)
    with pytest.raises(Invalid, match=sentence):
        SqliteStore.open(path)
    with pytest.raises(Invalid, match=sentence):
        setup.bind_key(path, "any")

    assert path.read_bytes() == before


# In the middle


def test_a_step_that_fails_leaves_the_version_before_it(path: Path) -> None:
    before = schema(path)
    broken = Migration(NEXT.number, "broken", (*NEXT.statements, "INSERT INTO nowhere VALUES (1)"))

    with pytest.raises(Unavailable):
        setup.prepare(path, steps=(*ALL, broken))

    assert schema(path) == before
    assert query(path, "SELECT max(number) FROM migration") == [(len(ALL),)]
    setup.prepare(path, steps=(*ALL, NEXT))
    assert query(path, "SELECT id FROM shelf") == [("first",)]


MIGRATE_FOR_EVER = f"""
import sys
from pathlib import Path
from tallystick.storage.migrate import Migration, migrations
from tallystick.storage.sqlite import setup

never_ends = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
step = Migration({NEXT.number}, "slow", (*{NEXT.statements!r}, never_ends))
setup.prepare(Path(sys.argv[1]), steps=(*migrations("sqlite"), step))
"""


def test_a_process_killed_in_the_middle_of_a_step_leaves_the_version_before_it(path: Path) -> None:
    before = schema(path)
    child = subprocess.Popen([sys.executable, "-c", MIGRATE_FOR_EVER, str(path)])
    try:
        wait_until_locked(path, child)
    finally:
        child.kill()
        child.wait()

    assert schema(path) == before
    setup.prepare(path, steps=(*ALL, NEXT))
    assert query(path, "SELECT id FROM shelf") == [("first",)]


def wait_until_locked(path: Path, child: subprocess.Popen[bytes]) -> None:
    """Until the child has begun to write: from then on it holds the lock for ever."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        while child.poll() is None:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return
    pytest.fail("the child ended before it was killed")


# Several at once


def test_many_who_migrate_at_once_apply_each_step_once(tmp_path: Path) -> None:
    for number in range(20):
        path, errors = tmp_path / f"{number}.db", list[TallystickError]()

        def prepare(path: Path = path, errors: list[TallystickError] = errors) -> None:
            try:
                setup.prepare(path, steps=(*ALL, NEXT))
            except TallystickError as error:
                errors.append(error)

        threads = [threading.Thread(target=prepare) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert query(path, "SELECT count(*), max(number) FROM migration") == [(len(ALL) + 1, NEXT.number)]
        assert query(path, "SELECT id FROM shelf") == [("first",)]


def test_many_processes_that_migrate_at_once_apply_each_step_once(tmp_path: Path, template: Path) -> None:
    path = tmp_path / "new.db"
    command = [sys.executable, "-c", "import sys; from tallystick.storage import prepare; prepare(sys.argv[1])"]

    children = [subprocess.Popen([*command, f"sqlite:{path}"]) for _ in range(4)]
    codes = [child.wait() for child in children]

    assert codes == [0, 0, 0, 0]
    assert schema(path) == schema(template)
    assert query(path, "SELECT count(*) FROM migration") == [(len(ALL),)]


# What is not a database of ours


@pytest.fixture(params=["text", "other", "folder", "no folder"])
def not_ours(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str, type[TallystickError]]]:
    path = tmp_path / "thing"
    if request.param == "text":
        path.write_text("This is a letter to my landlord, and longer than the header of a database.\n" * 10)
        yield path, f"{path} is not a database", Invalid
    elif request.param == "other":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE token (id)")
        yield path, f"{path} is a database of another program", Invalid
    elif request.param == "folder":
        path.mkdir()
        yield path, f"cannot open {path}: is it there, and may this user read and write it?", Unavailable
    else:
        yield path / "below", f"cannot create {path / 'below'}: No such file or directory", Unavailable


async def test_what_is_not_ours_is_refused_in_one_sentence_and_left_alone(
    not_ours: tuple[Path, str, type[TallystickError]],
) -> None:
    path, sentence, kind = not_ours
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(kind) as caught:
        setup.prepare(path)
    with pytest.raises((Invalid, Unavailable)):
        SqliteStore.open(path)

    assert str(caught.value) == sentence
    assert (path.read_bytes() if path.is_file() else None) == before


async def test_what_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    path = tmp_path / "nothing.db"

    with pytest.raises(Unavailable, match="cannot open"):
        SqliteStore.open(path)

    assert list(tmp_path.iterdir()) == []


async def test_a_damaged_database_is_one_sentence(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises((Invalid, Unavailable)) as caught:
        SqliteStore.open(path)

    assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_an_sqlite_that_is_too_old_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")

    with pytest.raises(Invalid, match=r"needs SQLite 3\.35\.0 or newer; this Python has 3\.34\.1"):
        setup.prepare(path)


# The files themselves


def test_a_semicolon_inside_a_statement_does_not_end_it(tmp_path: Path) -> None:
    (tmp_path / "0001_tricky.sql").write_text(
        "-- a comment; with one\n"
        "CREATE TABLE a (b TEXT DEFAULT 'x;y');\n"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n"
        "    DELETE FROM a;\n"
        "END;\n"
        "INSERT INTO a VALUES ('no newline after')"
    )

    (step,) = read_folder(tmp_path)

    assert step.number == 1
    assert step.name == "0001_tricky"
    assert [statement.split()[-1] for statement in step.statements] == ["'x;y');", "END;", "after')"]
    path = tmp_path / "made.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in step.statements:
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (0,)


@pytest.mark.parametrize(
    "names", [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"], ["a.sql"]]
)
def test_a_gap_a_twin_or_a_strange_name_is_found(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;\n")

    with pytest.raises(TallystickError):
        read_folder(tmp_path)


def test_every_released_version_is_kept_for_these_tests() -> None:
    kept = {file.name for file in (Path(__file__).parent / "old").iterdir()}

    assert kept == {f"version_{step.number}.sql" for step in ALL}


# The key file


def test_the_first_key_file_stays_the_one(path: Path) -> None:
    assert setup.fingerprint(path) is None

    setup.bind_key(path, "first")
    setup.bind_key(path, "first")
    with pytest.raises(Invalid, match=f"the key file does not belong to {path}"):
        setup.bind_key(path, "second")

    assert setup.fingerprint(path) == "first"


def test_a_copy_of_a_database_keeps_its_key(path: Path, tmp_path: Path) -> None:
    setup.bind_key(path, "first")

    copy = Path(shutil.copy(path, tmp_path / "copy.db"))

    assert setup.fingerprint(copy) == "first"
