"""Every statement is there, says what it is for, is read by the database, is used, and finds its rows without a search."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.core.errors import TallystickError
from tallystick.storage import statements
from tallystick.storage.statements import SQL, Statements, load

NAMES = Statements.__struct_fields__
LOADED = load("sqlite")

# Those that are meant to read a whole table: lists of everything for the command line, a clean-up now and then, and what is
# so rare (a user goes) that an index, which every new token would pay for, is not worth it.
# Those of the last four: a dozen verifiers, and the newest hour of changes.
WHOLE_TABLE = {
    "customers",
    "users",
    "services",
    "catalogues",
    "forget_older",
    "forget_of_user",
    "forget_usage",
    "forget_counted",
    "forget_usage_of_user",
    "forget_shadow_of_user",
    "forget_uses_of_user",
    "leased",
    "followers",
    "trim_verifiers",
    "trim_changes",
}


def text_of(name: str) -> str:
    text: str = getattr(LOADED, name)
    return text


@pytest.fixture(scope="module")
def database(template: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(template)) as connection:
        yield connection


def explain(database: sqlite3.Connection, name: str, how: str) -> list[tuple[object, ...]]:
    parameters = dict.fromkeys(re.findall(r"(?<!:):(\w+)", text_of(name)), "[]")
    return database.execute(f"{how} {text_of(name)}", parameters).fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_the_database_understands_every_statement(database: sqlite3.Connection, name: str) -> None:
    assert explain(database, name, "EXPLAIN") != []


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_is_used(name: str) -> None:
    code = "\n".join(file.read_text() for file in SQL.parent.rglob("*.py"))

    assert re.search(rf"(_SQL|sql|all_of|load\(\"sqlite\"\))\.{name}\b", code)


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_says_what_it_is_for(name: str) -> None:
    script = "\n".join(file.read_text() for file in [*SQL.glob("*.sql"), *(SQL / "sqlite").glob("*.sql")])

    assert re.search(rf"^-- name: {name}\([\w, ]*\)[\^$!]?\n-- [A-Z].+[.:]", script, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE_TABLE])
def test_no_statement_searches_a_whole_table_or_sorts(database: sqlite3.Connection, name: str) -> None:
    plan = [str(row[3]) for row in explain(database, name, "EXPLAIN QUERY PLAN")]

    # What is scanned is only what was handed in: a JSON array, and what is made of it.
    assert [
        line for line in plan if re.match(r"SCAN (?!\w+ VIRTUAL TABLE|CONSTANT ROW|\(?subquery|n\b|asked\b)", line)
    ] == []
    # The one sort is of what is asked for, when several are added at once.
    assert [line for line in plan if "ORDER BY" in line and name != "add_all"] == []


def test_the_hot_ones_use_the_index_that_was_made_for_them(database: sqlite3.Connection) -> None:
    plans = {name: " ".join(str(row[3]) for row in explain(database, name, "EXPLAIN QUERY PLAN")) for name in NAMES}

    assert "SEARCH t USING INDEX sqlite_autoindex_token_2 (digest=?)" in plans["look_up"]
    assert "SEARCH u USING INDEX sqlite_autoindex_user_1 (id=?)" in plans["look_up"]
    assert "token_of_owner (owner_id=? AND (created_at,id)>(?,?))" in plans["tokens_of_owner"]
    assert "token_of_customer (customer_id=? AND (created_at,id)>(?,?))" in plans["tokens_of_customer"]
    assert "USING PRIMARY KEY (customer_id=? AND at>? AND (at,id)<(?,?))" in plans["events_of_customer"]
    assert "event_of_target (target_id=? AND at>? AND (at,id)<(?,?))" in plans["events_of_target"]
    assert "USING COVERING INDEX token_live (user_id=? AND expires_at=?" in plans["add_all"]
    assert "USING COVERING INDEX token_live (user_id=? AND expires_at>?" in plans["add_all"]


def test_a_statement_too_many_or_too_few_is_found_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in SQL.rglob("*.sql"):
        copy = tmp_path / file.relative_to(SQL)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text())
    monkeypatch.setattr(statements, "SQL", tmp_path)
    tokens = tmp_path / "tokens.sql"
    whole = tokens.read_text()

    tokens.write_text(whole.replace("name: revoke(", "name: revok("))
    with pytest.raises(TallystickError, match="disagree about: revok, revoke"):
        load.__wrapped__("sqlite")
    tokens.write_text(whole.replace("name: revoke(", "name: revoke_all("))
    with pytest.raises(TallystickError, match="two SQL statements called revoke_all"):
        load.__wrapped__("sqlite")
    tokens.write_text(whole)
    assert load.__wrapped__("sqlite") == LOADED
