"""What every test can rely on: one kind of event loop, and that CI skips nothing."""

from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest
from _pytest.nodeid import coerce_node_id

from tallystick import storage
from tests.pooler import Pooler
from tests.postgres import Cluster, emptied

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run, with its reason")
    parser.addoption("--pictures", help="a directory for pictures of every page of the console: `make pictures`")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server, started when the first test asks for one.  Who does it harm starts another."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> str:
    """A database as `prepare` leaves it, by name: a template for others."""
    name = cluster.new_database()
    storage.prepare(cluster.dsn(name))
    return name


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster, migrated: str) -> str:
    """The one that `postgres` empties."""
    return cluster.dsn(cluster.new_database(template=migrated))


@pytest.fixture
async def postgres(shared_database: str) -> str:
    """The URL of a prepared and empty database, which is the test's for as long as it runs."""
    await emptied(shared_database)
    return shared_database


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    yield
    for item in items:
        # xdist adds a test's group to `_nodeid`, which pytest 9.2 keeps as `_id`: without this, groups are torn apart unheard.
        if (grouped := vars(item).get("_nodeid")) is not None:
            item._id = coerce_node_id(grouped)


@pytest.fixture(scope="session")
def pooler(cluster: Cluster) -> Iterator[Pooler]:
    """In front of the cluster."""
    with Pooler(cluster) as pooler:
        yield pooler


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _refuse_skip(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refuse_skip(report, collector.config)


def _refuse_skip(report: R, config: pytest.Config) -> R:
    # An expected failure is reported as skipped too; that one is meant.
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("no_skips"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(skipped, which --no-skips does not allow)"
    return report
