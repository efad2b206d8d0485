"""`tallystick admin copy`: a service moves into another database, and goes on there as if nothing had been."""

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tallystick.cli.ending import EXIT
from tallystick.core.errors import Conflict, Invalid, NotFound, Unavailable
from tallystick.storage.moving import TABLES
from tallystick.testing import RunningServer, running_server
from tests.cli.program import Terminal, command, environment, running, tallystick, until
from tests.postgres import Cluster

MANY = 60_000  # tokens: a dozen batches
SOURCE, TARGET = "sqlite:source.db", "sqlite:target.db"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder of a service that has stopped, and the secrets of a token that lives and of one that was revoked."""
    folder = tmp_path_factory.mktemp("world")
    with running_server(directory=folder) as server:
        lives, revoked = [issued(server) for _ in range(2)]
        key = {"Fastly-Key": server["USER_TOKEN"]}
        httpx2.delete(f"{server.url}/tokens/{revoked['id']}", headers=key).raise_for_status()
    return folder, lives["access_token"], revoked["access_token"]


def issued(server: RunningServer) -> dict[str, str]:
    form = {"username": server["USER_LOGIN"], "password": server["USER_PASSWORD"]}
    made: dict[str, str] = httpx2.post(f"{server.url}/tokens", data=form).raise_for_status().json()
    return made


@pytest.fixture
def home(world: tuple[Path, str, str], tmp_path: Path) -> Path:
    shutil.copy(world[0] / "tallystick.db", tmp_path / "source.db")
    shutil.copy(world[0] / "tallystick.key", tmp_path / "tallystick.key")
    return tmp_path


@pytest.fixture
def server(cluster: Cluster, migrated: str) -> str:
    """The URL of an empty database on PostgreSQL."""
    return cluster.dsn(cluster.new_database(template=migrated))


def copy(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tallystick("admin", "copy", *(arguments or (SOURCE, TARGET)), cwd=home)


def refused(home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code, and the one line that says why."""
    ended = copy(home, *arguments)
    (line,) = ended.stderr.splitlines()
    assert ended.stdout == ""
    return ended.returncode, line


def test_what_was_valid_and_what_was_revoked_is_so_in_the_copy(
    home: Path, world: tuple[Path, str, str], server: str
) -> None:
    _, lives, revoked = world

    ended = copy(home, SOURCE, server)

    assert ended.returncode == 0
    assert [line.split("\t")[0] for line in ended.stdout.splitlines()] == list(TABLES)
    with running("serve", "--database", server, "--port", "0", cwd=home) as served:
        answers = [
            httpx2.get(f"{served.url}/check", headers={"Fastly-Key": one}).status_code for one in (lives, revoked)
        ]
    assert answers == [200, 401]


def test_from_sqlite_to_postgresql_and_back_all_is_the_same(home: Path, server: str) -> None:
    there = json.loads(copy(home, "--json", SOURCE, server).stdout)

    back = json.loads(copy(home, "--json", server, "sqlite:back.db").stdout)

    assert there == back
    assert {each["table"]: each["rows"] for each in there}["token"] > 1


def test_what_postgresql_cannot_hold_is_named_with_the_statement_that_mends_it(home: Path, server: str) -> None:
    """No request can bring it in; another program's hand can."""
    with closing(sqlite3.connect(home / "source.db")) as source, source:
        source.execute("""UPDATE "user" SET name = name || char(0) || 'x' WHERE role = 'superuser'""")
        ((name,),) = source.execute("""SELECT name FROM "user" WHERE role = 'superuser'""").fetchall()

    code, line = refused(home, SOURCE, server)
    with closing(sqlite3.connect(home / "source.db")) as source, source:
        source.execute(line[line.index("UPDATE") :])
    ended = copy(home, SOURCE, server)

    assert code == EXIT[Invalid]
    assert re.search(r"name of user \(id \w+\) holds the character U\+0000", line)
    assert ended.returncode == 0
    assert name.partition("\x00")[0] in tallystick("admin", "--database", server, "user", "list", cwd=home).stdout


def test_while_a_server_runs_nothing_is_copied(home: Path) -> None:
    with running("serve", "--database", SOURCE, "--port", "0", cwd=home):
        code, line = refused(home)

    assert (code, "server" in line) == (EXIT[Conflict], True)
    assert copy(home).returncode == 0


def test_while_a_server_runs_on_postgresql_nothing_is_copied(home: Path, server: str) -> None:
    copy(home, SOURCE, server)
    with running("serve", "--database", server, "--port", "0", cwd=home):
        code, line = refused(home, server, TARGET)

    assert (code, "server" in line) == (EXIT[Conflict], True)
    assert copy(home, server, TARGET).returncode == 0


def test_where_a_server_runs_nothing_is_copied_to(home: Path) -> None:
    shutil.copy(home / "source.db", home / "target.db")
    with running("serve", "--database", TARGET, "--port", "0", cwd=home):
        code, _ = refused(home)

    assert code == EXIT[Conflict]


def test_killed_in_the_middle_it_goes_on_and_until_then_nobody_can_serve_it(home: Path) -> None:
    multiply(home / "source.db")
    with subprocess.Popen(command("admin", "copy", SOURCE, TARGET), cwd=home, env=environment({})) as copying:
        until(lambda: size(home / "target.db-wal") > 8_000_000, "a part of it is there")
        copying.kill()
    held, serve = counted(home / "target.db"), ("serve", "--database", TARGET, "--port", "0")
    served = tallystick(*serve, cwd=home)

    ended = copy(home)

    assert 0 < held < MANY
    assert (served.returncode, "a part of a copy" in served.stderr) == (1, True)
    assert ended.returncode == 0
    assert counted(home / "target.db") == counted(home / "source.db") > MANY
    with running(*serve, cwd=home):
        pass


def multiply(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(token)") if row[1] not in ("id", "digest")]
        rest = ", ".join(columns)
        connection.execute(
            f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY})"
            f" INSERT INTO token (id, digest, {rest}) SELECT printf('many%d', n), randomblob(32), {rest}"
            "   FROM n, (SELECT * FROM token LIMIT 1)"
        )


def counted(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM token").fetchone()
    return int(count)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_second_time_it_is_refused_and_so_is_the_wrong_way_round(home: Path) -> None:
    assert refused(home, TARGET, SOURCE)[0] == EXIT[Unavailable]  # there is none
    assert tallystick("admin", "copy", SOURCE, TARGET, cwd=home).returncode == 0

    assert refused(home) == (EXIT[Conflict], "tallystick: the target is not empty")
    assert refused(home, TARGET, SOURCE) == (EXIT[Conflict], "tallystick: the target is not empty")
    assert refused(home, SOURCE, SOURCE)[0] == EXIT[Conflict]


def test_what_was_never_set_up_is_no_source(home: Path) -> None:
    tallystick("admin", "--database", TARGET, "customer", "list", cwd=home)  # makes it, and finds it empty

    assert refused(home, TARGET, SOURCE)[0] == EXIT[NotFound]


@pytest.mark.parametrize("place", ["memory:", "mysql://anna:secret@db/x", "nonsense"])
def test_what_cannot_be_copied_is_said_without_what_may_be_a_password(home: Path, place: str) -> None:
    for arguments in ((place, TARGET), (SOURCE, place)):
        code, line = refused(home, *arguments)

        assert (code, "secret" in line) == (EXIT[Invalid], False)


def test_on_a_terminal_it_is_shown_how_far_it_is(home: Path) -> None:
    terminal = Terminal("admin", "copy", SOURCE, TARGET, cwd=home)

    ended = terminal.end()

    assert ended.code == 0
    for said in ("Copying", "Comparing", "100%", "token", "Serve the target"):
        assert said in ended.screen
