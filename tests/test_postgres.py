"""The PostgreSQL servers that other tests stand on: real, with what was committed, whatever is done to them."""

import pytest

from tests.postgres import Cluster


def test_what_was_committed_is_there_after_a_stop_and_after_a_kill() -> None:
    with Cluster() as cluster:
        database = cluster.new_database()
        cluster.sql("CREATE TABLE told (word text); INSERT INTO told VALUES ('one')", database=database)

        cluster.stop()
        cluster.start()
        cluster.sql("INSERT INTO told VALUES ('two')", database=database)
        cluster.kill()
        cluster.start()

        assert cluster.sql("SELECT * FROM told", database=database) == "one\ntwo"


def test_a_new_database_is_like_its_template_and_its_own() -> None:
    with Cluster() as cluster:
        template = cluster.new_database()
        cluster.sql("CREATE TABLE told (word text)", database=template)
        one, other = (cluster.new_database(template=template) for _ in range(2))

        cluster.sql("INSERT INTO told VALUES ('here')", database=one)

        assert [cluster.sql("SELECT * FROM told", database=each) for each in (one, other)] == ["here", ""]


def test_a_standby_follows_and_takes_over() -> None:
    with Cluster() as primary, primary.standby("second") as standby:
        primary.sql("CREATE TABLE told (word text); INSERT INTO told VALUES ('one')")
        primary.sql("SELECT pg_switch_wal()")
        (position,) = primary.sql("SELECT pg_current_wal_lsn()").splitlines()
        standby.sql(
            f"DO $$ BEGIN WHILE pg_last_wal_replay_lsn() < '{position}' LOOP PERFORM pg_sleep(0.01); END LOOP; END $$"
        )
        primary.kill()

        standby.promote()

        standby.sql("INSERT INTO told VALUES ('two')")
        assert standby.sql("SELECT * FROM told") == "one\ntwo"


def test_an_error_in_a_statement_is_one() -> None:
    with Cluster() as cluster, pytest.raises(AssertionError, match="nonsense"):
        cluster.sql("nonsense")
