"""PostgreSQL understands every statement, and finds rows by an index whatever the size of a table."""

import re
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import asyncpg
import pytest

from tallystick.core.find import Sort, SortBy
from tallystick.core.usage import Usage
from tallystick.storage import finding, rows
from tallystick.storage.finding import Question
from tallystick.storage.postgresql.knowing import as_of, as_of_primary
from tallystick.storage.postgresql.statement import OWN, STATEMENTS, prepared
from tallystick.storage.statements import Statements
from tests.postgres import Cluster

ROWS = 20_000
LITTLE = ("head", "verifier", "meta", "counted")  # one row, a dozen, a few, a dozen
WHO = {"customer_id": "c7", "owner_id": "u7", "user_id": "u7", "id": "t7", "key": "k7", "token_id": "t7"}
WHEN = {"now": ROWS, "created_at": 5000, "before": 0, "since": 0, "until": ROWS, "at": 9000, "hour": 0, "after_id": "x"}
LISTS = {
    "ids": rows.json([f"t{number}" for number in range(50)]),
    "keys": rows.json(["k7", "k8"]),
    "customers": rows.json(["c7"]),
    "owners": rows.json(["u7"]),
    "users": rows.json(["u7"]),
    "tokens": rows.json(["t7"]),
    "uses": rows.json([[f"t{number}", number, None, None] for number in range(50)]),
    "usage": rows.json([rows.of_usage(Usage(f"t{number}", 0, allowed=1)) for number in range(50)]),
    "heard": rows.json([[number, 1, 1, 1] for number in range(ROWS - 50, ROWS)]),
    "asked": rows.json(
        [[f"n{n}", "u7", "c7", "n", "global", "[]", 1, None, None, None, False, 9, "t7", 1, "x"] for n in range(9)]
    ),
    "digests": bytes(9 * 32),
    "digest": bytes(32),
}
REST = {"seq": ROWS - 5, "size": 100, "skip": 0, "limit": 9, "request_id": "r7", "login_key": "l7", "value": 5000}
WANTED = {
    "lasts_ms": 1,
    "acked": 1,
    "kept": "t8",
    "role": "user",
    "name": "n",
    "proof": "x",
    "step": 1,
    "writer": "w7",
    "number": 1,
    "locked": False,
}
GIVEN: dict[str, Any] = {**WHO, **WHEN, **LISTS, **REST, **WANTED, "password_hash": "x", "replacing": "x", "login": "l"}
# Who asks for their own change knows what was there a moment before.
LATE: dict[str, Any] = {"since": ROWS - 5}

HOT = (
    *(
        "look_up",
        "token",
        "tokens_of_owner",
        "tokens_of_customer",
        "is_unrevoked",
        "is_unproven",
        "raise_sudo",
        "revoke",
    ),
    *("add_all", "out_of_reach", "unrevoked_among", "revoke_all", "touch", "live_of_user", "live_of_service"),
    *("are_services", "live_records_of_user", "move_tokens", "others_of_user", "revoke_others", "customer", "user"),
    *("users_of_customer", "credentials", "services_of_customer", "known_services", "service", "rename_service"),
    *("change_user", "is_last_superuser", "set_password", "use_totp_step", "failures", "note_failure", "forget"),
    *(
        "usage_of_token",
        "add_usage",
        "count_once",
        "spend_all",
        "forget_hours",
        "events_of_customer",
        "events_of_target",
    ),
    *("changes_after", "change_of_request", "numbered", "note_heard", "ack", "leave"),
)
# Nothing, and everything.
GIVENS: tuple[tuple[str, ...], ...] = (
    (),
    (
        *("created_before", "created_after", "used_before", "used_after", "expires_before", "unused_since"),
        *("search", "is_of_person", "of_person", "service_id", "other_than"),
    ),
)
FOUND = {
    f"page by {by} {'down' if down else 'up'} {'after' if goes_on else 'first'} of {'owner' if of_owner else 'customer'}"
    f"{' where' if given else ''}": (
        finding.page("postgresql", Question(of_owner, given), sort=Sort(by, descending=down), goes_on=goes_on)
    )
    for by, down, goes_on, of_owner, given in product(SortBy, (False, True), (False, True), (False, True), GIVENS)
}
BARE = {
    **{name: getattr(STATEMENTS, name) for name in HOT},
    **{name: OWN[name] for name in ("stand_still", "make_room", "was_told")},
    **FOUND,
    **{
        f"{name} of {'owner' if of_owner else 'customer'}{' where' if given else ''}": make(
            "postgresql", Question(of_owner, given)
        )
        for name, make in (("count", finding.count), ("end", finding.end), ("tell_end", finding.tell_end))
        for of_owner, given in product((False, True), GIVENS)
    },
}
# What is read is asked for together with the counter.
ALL = BARE | {
    f"{name}, {where}": ask(sql)
    for name, sql in BARE.items()
    if re.match(r"(--.*\n)*SELECT", sql.lstrip()) and name not in OWN
    for where, ask in (("anywhere", as_of), ("in the primary", as_of_primary))
}

FILL = f"""
INSERT INTO customer SELECT 'c' || n, 'customer', n FROM generate_series(0, 1999) AS n;
INSERT INTO "user" SELECT 'u' || n, 'c' || n % 200, 'l' || n, 'l' || n, 'name', 'user', n, n, 'x'
  FROM generate_series(0, 1999) AS n;
INSERT INTO service SELECT 's' || n, 'c' || n % 200, 'service', n FROM generate_series(0, 1999) AS n;
INSERT INTO catalogue SELECT 'c' || n, 1, '[]' FROM generate_series(0, 1999) AS n;
INSERT INTO token (id, digest, user_id, customer_id, name, scope, services, created_at)
SELECT 't' || n, sha256(n::text::bytea), 'u' || n % 2000, 'c' || n % 200, 'name', 'global',
       CASE n % 100 WHEN 0 THEN '["s' || n % 200 || '"]' ELSE '[]' END, n
  FROM generate_series(0, {ROWS}) AS n;
INSERT INTO event (customer_id, at, id, action, target_kind, target_id)
SELECT 'c' || n % 200, n, 'e' || n, 'token.create', 'token', 't' || n FROM generate_series(0, {ROWS}) AS n;
INSERT INTO change SELECT n, 'token', 't' || n, n, 'r' || n FROM generate_series(1, {ROWS}) AS n;
INSERT INTO receipt SELECT n, 'c7', n, NULL, NULL, NULL, 1, '[]' FROM generate_series(1, {ROWS}) AS n;
INSERT INTO usage SELECT 't' || n, 0, 1, 0, 0, 0, 0, 0 FROM generate_series(0, {ROWS}) AS n;
INSERT INTO guess SELECT 'k' || n, 1, n FROM generate_series(0, {ROWS}) AS n;
INSERT INTO write_budget SELECT n, 'k' || n, 1 FROM generate_series(0, {ROWS}) AS n;
UPDATE head SET seq = {ROWS};
"""


@pytest.fixture(scope="module")
def filled(cluster: Cluster, migrated: str) -> str:
    name = cluster.new_database(template=migrated)
    cluster.sql(FILL, database=name)
    cluster.sql("VACUUM ANALYZE", database=name)
    return cluster.dsn(name)


@pytest.fixture
async def connection(filled: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(filled)
    yield connection
    connection.terminate()


@pytest.mark.parametrize("name", Statements.__struct_fields__)
async def test_the_server_understands_every_statement(connection: asyncpg.Connection, name: str) -> None:
    await connection.prepare(prepared(getattr(STATEMENTS, name)).text)


@pytest.mark.parametrize("name", ["announce", "begin_numbers", "forget_other_clocks", "prove"])
async def test_the_server_understands_the_drivers_own(connection: asyncpg.Connection, name: str) -> None:
    await connection.prepare(prepared(OWN[name]).text)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", ALL)
async def test_no_hot_statement_reads_a_whole_table(connection: asyncpg.Connection, name: str, mode: str) -> None:
    plan = await explained(connection, ALL[name], mode)

    searched = re.findall(r"Seq Scan on (\S+)", plan)
    assert [table for table in searched if table not in LITTLE] == [], plan


async def test_the_hot_ones_use_the_index_that_was_made_for_them(connection: asyncpg.Connection) -> None:
    plans = {name: await explained(connection, ALL[name], "force_generic_plan") for name in ALL}

    assert "token_digest_key" in plans["look_up"]
    assert "Index Scan using user_" in plans["look_up"]
    assert "token_of_owner" in plans["tokens_of_owner"]
    assert "token_of_customer" in plans["tokens_of_customer"]
    assert "event_pkey" in plans["events_of_customer"]
    assert "event_of_target" in plans["events_of_target"]
    assert plans["add_all"].count("token_live") == 2
    assert "token_limited" in plans["live_of_service"]
    for by, index in (("created_at", "token_of_customer"), ("name", "token_by_name"), ("expires_at", "token_by_end")):
        for way in ("up first", "down first", "up after", "down after"):
            plan = plans[f"page by {by} {way} of customer"]
            assert index in plan
            assert "Sort" not in plan.partition("Limit")[2], plan
    assert "Sort" in plans["page by last_used_at up first of customer"].partition("Limit")[2]


async def test_all_text_sorts_by_its_bytes(connection: asyncpg.Connection) -> None:
    found = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
    )

    assert found == []


async def explained(connection: asyncpg.Connection, sql: str, mode: str) -> str:
    statement = prepared(sql)
    given = GIVEN | LATE if STATEMENTS.change_of_request in sql else GIVEN
    values = ", ".join(literal(given.get(name)) for name in statement.names)
    await connection.execute(f"SET plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE asked AS {statement.text}")
    lines = await connection.fetch(f"EXPLAIN EXECUTE asked({values})" if values else "EXPLAIN EXECUTE asked")
    await connection.execute("DEALLOCATE asked")
    return "\n".join(line[0] for line in lines)


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return rf"'\x{value.hex()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return str(value)
