"""kill -9, in the middle of it, again and again: what was acknowledged is there, and nothing is there by half."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tallystick.core.caller import Reach
from tallystick.core.people import User
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, BERT, BLOG, NOW, SHOP, add, at, populated, token, user
from tests.storage.crasher import digest_of

ROUNDS = 10
WORKERS = 2


class Acknowledged(NamedTuple):
    added: set[str]
    revoked: set[str]


def run_and_kill(path: Path, *, after_lines: int) -> Acknowledged:
    """Let workers write to one file until each has said `after_lines` lines; then kill all of them at once."""
    command = [sys.executable, "-m", "tests.storage.crasher", str(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    lines: list[str] = []
    for worker in workers:
        assert worker.stdout is not None
        lines += [worker.stdout.readline() for _ in range(after_lines)]
    for worker in workers:
        worker.kill()
    for worker in workers:
        rest, _ = worker.communicate()
        assert worker.returncode == -9
        lines += rest.splitlines(keepends=True)
    said = [line.split() for line in lines if line.endswith("\n")]
    return Acknowledged(
        added={token_id for what, token_id in said if what == "add"},
        revoked={token_id for what, token_id in said if what == "revoke"},
    )


async def test_no_acknowledged_token_or_revocation_is_lost(path: Path) -> None:
    store = await populated(SqliteStore.open(path))
    await store.close()
    added, revoked = set[str](), set[str]()

    for number in range(ROUNDS):
        now = run_and_kill(path, after_lines=10 + 30 * number)
        added |= now.added
        revoked |= now.revoked
        await check(path, added, revoked)

    assert len(added) > 1000
    assert len(revoked) > 500


async def check(path: Path, added: set[str], revoked: set[str]) -> None:
    store = SqliteStore.open(path)
    tokens = {token_id: await store.tokens.look_up(digest_of(token_id)) for token_id in added | revoked}

    assert [token_id for token_id in added if tokens[token_id] is None] == []
    assert [
        token_id for token_id in revoked if (seen := tokens[token_id]) is None or seen.token.revoked_at != NOW
    ] == []
    # Nothing by half: whatever is in the list is in every other index too, and whole.
    unrevoked = [one async for batch in store.tokens.batches(Reach(ACME.id, ANNA.id), size=1000) for one in batch]
    assert all(one.services == (SHOP.id, BLOG.id) and one.revoked_at is None for one in unrevoked)
    assert revoked.isdisjoint(one.id for one in unrevoked)
    await store.ready()
    await add(store, token(BERT, f"after{len(added)}"))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_who_was_leaving_has_left_whole_or_not_at_all(path: Path) -> None:
    """Whoever was acknowledged has; the one after them may have; nobody by half."""
    store = await populated(SqliteStore.open(path))
    staying = [user(f"leaver{number}x") for number in range(100 * ROUNDS)]
    await asyncio.gather(*(store.people.add_user(each, password_hash="!", by=at(NOW - 1)) for each in staying))
    tokens = [token(each, id=f"{each.id}-{kind}") for each in staying for kind in ("m", "e")]
    await asyncio.gather(*(add(store, each) for each in tokens))
    await store.close()
    acknowledged = 0

    for number in range(ROUNDS):
        said = let_leave_and_kill(path, [each.id for each in staying], after_lines=1 + 5 * number)
        left = await those_who_left(path, staying)
        assert left[: len(said)] == said
        assert len(left) <= len(said) + 1
        acknowledged += len(said)
        staying = staying[len(left) :]

    assert acknowledged >= 5 * ROUNDS
    assert staying  # somebody was always next


def let_leave_and_kill(path: Path, user_ids: list[str], *, after_lines: int) -> list[str]:
    """Those of whom it was said that they have left."""
    command = [sys.executable, "-m", "tests.storage.leaver", str(path), *user_ids]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as leaver:
        assert leaver.stdout is not None
        lines = [leaver.stdout.readline() for _ in range(after_lines)]
        leaver.kill()
        rest, _ = leaver.communicate()
    assert leaver.returncode == -9
    return [line.strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]


async def those_who_left(path: Path, people: list[User]) -> list[str]:
    """Of each of them: locked, with one token moved and the other ended, or none of the three."""
    store = SqliteStore.open(path)
    left = []
    for person in people:
        now = await store.people.user(person.id)
        moved, ended = [await store.tokens.get(f"{person.id}-{kind}") for kind in ("m", "e")]
        assert now is not None
        assert moved is not None
        assert ended is not None
        assert len({now.locked, moved.user_id is None, ended.revoked_at is not None}) == 1
        left += [person.id] if now.locked else []
    await store.close()
    return left
