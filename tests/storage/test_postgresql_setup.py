"""How a PostgreSQL database gets to where this program expects it, and what is said of one that is not."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tallystick import storage
from tallystick.core.errors import Invalid, TallystickError, Unavailable
from tallystick.storage.migrate import Migration, migrations
from tallystick.storage.postgresql import setup
from tallystick.storage.postgresql.target import parse
from tests.postgres import Cluster, dumped

ALL = migrations("postgresql")
NEXT = Migration(len(ALL) + 1, "next", ("ALTER TABLE token ADD COLUMN color text", "CREATE TABLE shelf (id text)"))


@pytest.fixture
def database(cluster: Cluster) -> str:
    return cluster.new_database()


@pytest.mark.parametrize("version", range(1, len(ALL) + 1))
def test_migrations_from_every_old_version_end_where_a_fresh_schema_begins(
    version: int, cluster: Cluster, database: str, migrated: str
) -> None:
    setup.prepare(parse(cluster.dsn(database)), steps=ALL[:version])

    storage.prepare(cluster.dsn(database))

    assert dumped(cluster, database) == dumped(cluster, migrated)


def test_both_dialects_have_the_same_tables_and_columns(cluster: Cluster, migrated: str, template: Path) -> None:
    found = cluster.sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
        database=migrated,
    )
    theirs: dict[str, set[str]] = defaultdict(set)
    for line in found.splitlines():
        table, column = line.split("|")
        theirs[table].add(column)
    with closing(sqlite3.connect(template)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = {
            table: {row[1] for row in connection.execute(f'PRAGMA table_xinfo("{table}")')}
            for table in tables
            if not table.startswith("sqlite_")
        }

    ours["token"].remove("ends_at")  # made of another column, for an index: theirs can be on an expression as it is
    assert theirs == ours


def test_to_prepare_again_changes_nothing(cluster: Cluster, database: str) -> None:
    storage.prepare(cluster.dsn(database))
    before = dumped(cluster, database), cluster.sql("SELECT * FROM migration", database=database)

    storage.prepare(cluster.dsn(database))

    assert (dumped(cluster, database), cluster.sql("SELECT * FROM migration", database=database)) == before


def test_many_who_migrate_at_once_apply_each_step_once(cluster: Cluster, database: str) -> None:
    target = parse(cluster.dsn(database))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: setup.prepare(target, steps=(*ALL, NEXT)), range(6)))

    assert cluster.sql("SELECT number FROM migration ORDER BY 1", database=database).split() == [
        str(step.number) for step in (*ALL, NEXT)
    ]


def test_a_step_that_fails_leaves_the_version_before_it(cluster: Cluster, database: str, migrated: str) -> None:
    bad = Migration(len(ALL) + 1, "bad", ("CREATE TABLE shelf (id text)", "nonsense"))

    with pytest.raises(Unavailable, match="cannot use postgresql:"):
        setup.prepare(parse(cluster.dsn(database)), steps=(*ALL, bad))

    assert dumped(cluster, database) == dumped(cluster, migrated)


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(cluster: Cluster, database: str) -> None:
    url = cluster.dsn(database)
    setup.prepare(parse(url), steps=(*ALL, NEXT))

    for use in (storage.prepare, storage.fingerprint):
        with pytest.raises(Invalid, match="was written by a newer version of Tallystick"):
            use(url)
    with pytest.raises(Invalid, match="was written by a newer version of Tallystick"):
        await storage.open_store(url)


async def test_a_database_that_was_not_prepared_is_not_opened(cluster: Cluster, database: str) -> None:
    with pytest.raises(Invalid, match="prepare it first"):
        await storage.open_store(cluster.dsn(database))


def test_a_database_knows_its_key_file(cluster: Cluster, database: str) -> None:
    url = cluster.dsn(database)
    storage.prepare(url)

    assert storage.fingerprint(url) is None
    storage.bind_key(url, "first")
    with pytest.raises(Invalid, match="use the key file that was made together with this database"):
        storage.bind_key(url, "second")
    assert storage.fingerprint(url) == "first"


def another_programs(cluster: Cluster) -> str:
    name = cluster.new_database()
    cluster.sql("CREATE TABLE theirs (id text)", database=name)
    return cluster.dsn(name)


REFUSED: dict[str, tuple[Callable[[Cluster], str], type[TallystickError], str]] = {
    "another program's": (another_programs, Invalid, "is a database of another program"),
    "none": (lambda c: c.dsn("nowhere"), Invalid, "there is no database postgresql:"),
    "nobody there": (lambda _: "postgresql://u@127.0.0.1:1/db", Unavailable, "does it run"),
    "nobody at either": (lambda _: "postgresql://u@127.0.0.1:1,127.0.0.1:2/db", Unavailable, "does it run"),
    "a strange parameter": (lambda c: c.dsn(sslmode="never"), Invalid, "question mark"),
    "a strange attribute": (lambda c: c.dsn(target_session_attrs="x"), Invalid, "question mark"),
    "a strange size": (lambda c: c.dsn(pool_size="0"), Invalid, "pool_size in the database's URL must be a number"),
    "a strange switch": (
        lambda c: c.dsn(notifications="no"),
        Invalid,
        "notifications in the database's URL must be on",
    ),
    "a strange port": (lambda _: "postgresql://u@h:port/db", Invalid, "not an URL of a PostgreSQL database"),
    "a fragment": (lambda c: c.dsn() + "#x", Invalid, "not an URL of a PostgreSQL database"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_used_is_refused_in_one_sentence_without_its_password(cluster: Cluster, what: str) -> None:
    make, kind, sentence = REFUSED[what]
    url = make(cluster).replace("://", "://who:hunter2@", 1).replace("@tally@", "@").replace("@u@", "@")

    for use in (storage.prepare, storage.fingerprint):
        with pytest.raises(kind, match=sentence) as caught:
            use(url if what in ("nobody there", "nobody at either", "a strange port") else url.replace("who", "tally"))
        assert "hunter2" not in repr(caught.value) + str(caught.value.__cause__)


async def test_a_replica_belongs_to_a_server() -> None:
    with pytest.raises(Invalid, match="a replica is a copy of a PostgreSQL database"):
        await storage.open_store("memory:", replica="postgresql://db")


def test_a_target_shows_no_password() -> None:
    target = parse("postgresql://tally:hunter2@one:5433,[::1]/tally?pool_size=3&timeout=0.5&sslmode=require")

    assert target.hosts == (("one", 5433), ("::1", 5432))
    assert (target.pool_size, target.timeout, target.notifications) == (3, 0.5, True)
    assert target.dsn == "postgresql://tally:hunter2@one:5433,[::1]/tally?sslmode=require"
    assert "hunter2" not in repr(target) + target.where
