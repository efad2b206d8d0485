"""A store is named by a URL; what only one kind needs is loaded when that kind is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tallystick import storage
from tallystick.core.errors import Invalid
from tallystick.storage.memory import MemoryStore
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, NOW, at


async def test_memory_is_a_new_store_each_time() -> None:
    storage.prepare("memory:")
    one, other = await storage.open_store("memory:"), await storage.open_store("memory:")

    await one.people.add_customer(ACME, by=at(NOW))

    assert isinstance(one, MemoryStore)
    assert await other.people.customers() == []


@pytest.mark.parametrize("form", ["sqlite:{path}", "sqlite://{path}"])
@pytest.mark.parametrize("name", ["tally.db", "with space & #1?mode=ro%20é.db", ":memory:"])
async def test_a_file_is_made_and_opened_under_any_name(form: str, name: str, tmp_path: Path) -> None:
    url = form.format(path=tmp_path / name)

    storage.prepare(url)
    store = await storage.open_store(url)
    await store.people.add_customer(ACME, by=at(NOW))
    await store.close()

    assert isinstance(store, SqliteStore)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    again = await storage.open_store(url)
    assert await again.people.customers() == [ACME]
    await again.close()


async def test_a_relative_path_begins_where_the_program_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    storage.prepare("sqlite:tally.db")

    assert (tmp_path / "tally.db").is_file()


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("mysql://root@localhost/tally", "not a store that Tallystick knows: mysql:…"),
        ("tally.db", "not a store that Tallystick knows: tally.db…"),
        ("/var/lib/tally.db", "not a store that Tallystick knows: /var/lib/tally.db…"),
        ("", "not a store that Tallystick knows: …"),
        ("memory", "not a store that Tallystick knows: memory…"),
        ("memory:somewhere", "not a store that Tallystick knows: memory:…"),
        ("sqlite:", "no path given for the SQLite database"),
        ("sqlite://", "a SQLite database is a file on this machine, without a host"),
        ("sqlite://server/tally.db", "a SQLite database is a file on this machine, without a host"),
        ("sqlite::memory:", "no path given for the SQLite database"),
    ],
)
async def test_what_is_no_store_is_refused_with_what_is(url: str, sentence: str) -> None:
    expected = f"{sentence}: use sqlite:PATH, sqlite:///ABSOLUTE/PATH, postgresql://USER:PASSWORD@HOST:PORT/DATABASE or memory:"

    for use in (storage.prepare, storage.fingerprint, lambda url: storage.bind_key(url, "key")):
        with pytest.raises(Invalid) as caught:
            use(url)
        assert str(caught.value) == expected
    with pytest.raises(Invalid) as caught:
        await storage.open_store(url)
    assert str(caught.value) == expected


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        storage.prepare("postgresql://tally:hunter2@db:port/tally")

    assert "hunter2" not in str(caught.value)


def test_a_database_knows_its_key_file(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'tally.db'}"
    storage.prepare(url)

    assert storage.fingerprint(url) is None
    storage.bind_key(url, "first")
    with pytest.raises(Invalid, match="use the key file that was made together with this database"):
        storage.bind_key(url, "second")
    assert storage.fingerprint(url) == "first"


def test_memory_has_no_key_to_mismatch() -> None:
    storage.bind_key("memory:", "first")
    storage.bind_key("memory:", "second")

    assert storage.fingerprint("memory:") is None


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, tallystick.storage; print([name for name in ('sqlite3', 'aiosql') if name in sys.modules])"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout == "[]\n"
