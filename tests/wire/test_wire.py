"""Every vector, in this process and over a socket, over each database.  How to write one: vectors.py."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from tallystick.core.people import User
from tallystick.identity import totp
from tallystick.testing import RunningServer, running_server
from tests.core.world import ACME, ANNA, BERT, BLOG, ROOT, SHOP
from tests.http.world import OTP_SECRET, PASSWORD, World, a_world
from tests.postgres import Cluster
from tests.wire.vectors import parse, play

VECTORS = sorted(Path(__file__).parent.glob("*.txt"))
BY_NAME = [pytest.param(path, id=path.stem) for path in VECTORS]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    database = None
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        database = cluster.dsn(cluster.new_database())
    with running_server(database=database) as running:
        yield running


@pytest.mark.parametrize("vector", BY_NAME)
async def test_in_process(vector: Path) -> None:
    async with a_world() as world:
        assert await play(vector, world.client, names_of(world)) > 0


@pytest.mark.xdist_group("wire")
@pytest.mark.parametrize("vector", BY_NAME)
async def test_over_a_socket(vector: Path, server: RunningServer) -> None:
    now = int(datetime.now(UTC).timestamp() * 1000)
    names = {**server.values, "OTP_CODE": totp.code_at(base64.b32decode(server["OTP_SECRET"]), now)}
    async with httpx2.AsyncClient(base_url=server.url) as client:
        assert await play(vector, client, names) > 0


def names_of(world: World) -> dict[str, str]:
    """What `--env-file` would say of this world."""

    def of(role: str, person: User) -> dict[str, str]:
        secret = world.secrets[person.id]
        return {f"{role}_LOGIN": person.login, f"{role}_PASSWORD": PASSWORD, f"{role}_TOKEN": secret}

    return {
        "CUSTOMER_ID": ACME.id,
        "SERVICE_1": SHOP.id,
        "SERVICE_2": BLOG.id,
        **of("SUPERUSER", ROOT),
        **of("USER", ANNA),
        **of("OTP", BERT),
        "OTP_CODE": totp.code_at(OTP_SECRET, world.clock.now()),
    }


# --- The runner itself ----------------------------------------------------------------------------------------------------


async def expect(tmp_path: Path, text: str) -> None:
    vector = tmp_path / "vector.txt"
    vector.write_text(text)
    async with a_world() as world:
        await play(vector, world.client, names_of(world))


@pytest.mark.parametrize(
    "answer",
    [
        '< 201\n<\n< {"status":"alive"}\n',
        '< 200\n<\n< {"status":"alive"} \n',
        '< 200\n<\n< {"status":"<id>"}\n',
        "< 200\n",
        '< 200\n< content-type: application/json; charset=utf-8\n<\n< {"status":"alive"}\n',
        '< 200\n< !cache-control\n<\n< {"status":"alive"}\n',
        '< 200\n< x-other: 1\n<\n< {"status":"alive"}\n',
    ],
    ids=["status", "body", "mask", "no body", "header", "unwanted header", "missing header"],
)
async def test_a_difference_is_noticed(tmp_path: Path, answer: str) -> None:
    with pytest.raises(AssertionError):
        await expect(tmp_path, f"> GET /healthz\n{answer}")
    await expect(tmp_path, '> GET /healthz\n< 200\n<\n< {"status":"<any>"}\n')


async def test_a_name_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        await expect(tmp_path, "> GET /$NOTHING\n< 200\n")


def test_a_line_of_no_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2"):
        parse("> GET /\nnothing\n")


def test_there_are_vectors_and_each_says_what_it_is_about() -> None:
    assert len(VECTORS) >= 15
    assert all(path.read_text().startswith("# ") for path in VECTORS)
