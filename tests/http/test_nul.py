"""U+0000 gets into no database: what people send with it is refused, what programs say of themselves is kept without it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.cli.chores import write_uses
from tests.core.world import ACME, ANNA, BERT, ROOT, SHOP
from tests.http.world import PASSWORD, World, a_world, basic, error_of, main_id, sqlite_in

NUL = "a\x00b"
FIELDS = {
    ("POST", "/tokens"): ("name", "scope", "services", "username"),
    ("POST", "/automation-tokens"): ("name", "scope"),
    ("POST", "/user"): ("login", "name"),
    ("PUT", f"/user/{ANNA.id}"): ("login", "name"),
    ("PUT", f"/customer/{ACME.id}"): ("name",),
    ("POST", "/service"): ("name",),
    ("PUT", f"/service/{SHOP.id}"): ("name",),
    ("POST", "/revocations"): ("search", "user_id"),
}
EACH = [(method, path, field) for (method, path), fields in FIELDS.items() for field in fields]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def texts(file: Path) -> Iterator[str]:
    """All that the database holds."""
    with closing(sqlite3.connect(file)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from (value for value in row if isinstance(value, str))


@pytest.mark.parametrize("method, path, field", EACH, ids=[f"{path} {field}" for _, path, field in EACH])
async def test_in_a_field_it_is_refused(world: World, method: str, path: str, field: str) -> None:
    for body in ({"json": {field: NUL}}, {"data": {field: NUL}}):
        answer = await world.ask(method, path, ROOT, **body)

        if answer.status_code != 415:  # this one takes no forms
            assert answer.status_code == 400
            assert "the body holds a NUL character" in error_of(answer).values()


async def test_wherever_else_it_comes_nothing_is_kept_with_it(tmp_path: Path, file: Path) -> None:
    async with a_world(sqlite_in(tmp_path)) as world:
        named = {"User-Agent": f"program {NUL}", "X-Request-Id": f"request-{NUL}"}
        answers = [
            await world.ask("GET", "/tokens/self", ANNA, headers=named),
            await world.ask("PUT", f"/service/{SHOP.id}", ROOT, headers=named, json={"name": "Shop two"}),
            await world.ask("DELETE", f"/tokens/{main_id(BERT)}", BERT, headers=named),
        ]
        refused = [
            await world.ask("POST", "/tokens", headers=basic(NUL, PASSWORD)),
            await world.ask("DELETE", "/tokens/a%00b", ROOT, headers=named),
            await world.ask("GET", "/tokens/a%00b", ROOT),
            await world.ask("GET", f"/customer/{ACME.id}/tokens?search=a%00b", ROOT),
            await world.ask("GET", "/events?request_id=a%00b", ROOT),
        ]
        await write_uses(world.store, world.wiring.uses)
        kept = list(texts(file))

    assert [answer.status_code for answer in answers] == [200, 200, 204]
    assert [answer.status_code // 100 for answer in refused] == [4, 4, 4, 2, 2]
    assert any(re.fullmatch("program a.b", text) for text in kept)
    assert [text for text in kept if "\x00" in text] == []
