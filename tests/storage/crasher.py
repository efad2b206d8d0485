"""What test_crash.py kills: adds and revokes as fast as it can, and prints each id when it has been acknowledged."""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from tallystick.core.caller import Reach
from tallystick.core.outcome import Added
from tallystick.core.secret import Digest, new_id
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, BLOG, NOW, SHOP, at, token

ADDERS = 16


def digest_of(token_id: str) -> Digest:
    return Digest(token_id.encode().ljust(32))


def say(what: str, *ids: str) -> None:
    # Straight into the pipe: what was said before the kill can still be read after it.
    os.write(1, "".join(f"{what} {token_id}\n" for token_id in ids).encode())


async def add_and_revoke(store: SqliteStore) -> None:
    reach = Reach(ACME.id, ANNA.id)
    for number in count():
        ids = [new_id() for _ in range(4)]
        for token_id in ids:
            one = token(ANNA, id=token_id, services=(SHOP.id, BLOG.id), expires_at=NOW + number)
            added = await store.tokens.add(one, digest_of(token_id), limit=10**9, parent_id=None, by=at(NOW * 2))
            assert added is Added.DONE
            say("add", token_id)
        assert await store.tokens.revoke(ids[0], reach=reach, by=at(NOW))
        say("revoke", ids[0])
        assert await store.tokens.revoke_all(ids[1:3], reach=reach, by=at(NOW)) == ()
        say("revoke", *ids[1:3])


async def main(path: Path) -> None:
    store = SqliteStore.open(path)
    await asyncio.gather(*(add_and_revoke(store) for _ in range(ADDERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
