"""The measurements of `bench/scale/` at a small size: that they run, and that none of them searches through all tokens."""

import pytest

from bench.scale import single
from bench.scale.fill import EACH, USERS, Database
from tests.postgres import Cluster


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Database:
    made = Database(cluster.dsn(cluster.new_database()))
    made.grow(20 * USERS * EACH)
    return made


def test_it_grows_to_the_size_that_was_asked_for_and_not_again(database: Database, cluster: Cluster) -> None:
    database.grow(20 * USERS * EACH)

    name = database.url.rpartition("/")[2]
    assert cluster.sql("SELECT count(*) FROM token", database=name) == f"{database.size}" == f"{20 * USERS * EACH}"
    # So much for what COPY did not look at.
    assert cluster.sql(_ORPHANS, database=name) == "0"


_ORPHANS = """
SELECT count(*)
  FROM token AS t
  LEFT JOIN "user" AS u ON (u.id, u.customer_id) = (t.user_id, t.customer_id)
  LEFT JOIN customer AS c ON c.id = t.customer_id
 WHERE u.id IS NULL OR c.id IS NULL"""


def test_no_operation_searches_through_all_tokens(database: Database) -> None:
    costs = single.measure(database)

    assert all(cost.median > 0 for cost in costs.values())
    assert [name for name, cost in costs.items() if "Seq Scan on token" in cost.plan] == []
    assert all("token" in cost.plan for name, cost in costs.items() if name != "SELECT 1")


def test_revocations_are_counted(database: Database) -> None:
    assert single.revocations(database, at_once=8, total=100) > 0
