"""The public test kit."""

from pathlib import Path

import pytest

from tallystick.testing import FakeClock, MemoryStore, running_server
from tests.cli.program import wait_for_end
from tests.postgres import Cluster


def test_a_clock_moves_only_when_it_is_told_to() -> None:
    clock = FakeClock(1000)

    clock.advance(seconds=1.5)
    forward = clock.now()
    clock.advance(seconds=-2)

    assert (forward, clock.now()) == (2500, 500)


async def test_a_store_in_memory_is_ready() -> None:
    await MemoryStore().ready()


def test_a_server_is_there_when_it_is_handed_out_and_gone_afterwards() -> None:
    with running_server() as server:
        assert server.url == server["API_URL"]
        assert server.directory.is_dir()
        assert server["USER_TOKEN"] not in repr(server)
        assert server.process.poll() is None

    wait_for_end(server.process.pid)
    assert server.process.returncode == 0
    assert not server.directory.exists()


def test_a_server_is_gone_also_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), running_server() as server:
        raise ZeroDivisionError

    assert server.process.returncode == 0


def test_a_second_server_finds_the_world_of_the_first(tmp_path: Path) -> None:
    with running_server(directory=tmp_path) as first:
        pass
    with running_server(directory=tmp_path) as second:
        assert first["USER_TOKEN"] == second["USER_TOKEN"]


def test_a_server_is_over_the_database_that_is_named(tmp_path: Path, cluster: Cluster) -> None:
    database = cluster.dsn(cluster.new_database())

    with running_server(directory=tmp_path, database=database) as server:
        assert (
            cluster.sql(
                f"SELECT count(*) FROM customer WHERE id = '{server['CUSTOMER_ID']}'",
                database=database.rpartition("/")[2],
            )
            == "1"
        )


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "tallystick.db").write_text("precious")

    with pytest.raises(RuntimeError, match="is not of a demo world"), running_server(directory=tmp_path):
        pass
