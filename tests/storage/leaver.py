"""What test_crash.py kills: lets one after the other leave, and prints each id when that has been acknowledged."""

import asyncio
import os
import sys
from pathlib import Path

from tallystick.core.outcome import HandOver, Outcome, Removal
from tallystick.core.people import Role
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, NOW, at


async def main(path: Path, user_ids: list[str]) -> None:
    """Each has two tokens, called like them: `…-m` is moved, `…-e` is ended."""
    store = SqliteStore.open(path)
    for user_id in user_ids:
        plan = HandOver(moved=(f"{user_id}-m",), ended=(f"{user_id}-e",), role=Role.ENGINEER, delete=False)
        done = await store.people.hand_over(user_id, customer_id=ACME.id, plan=plan, by=at(NOW))
        assert done == Removal(Outcome.DONE)
        # Straight into the pipe: what was said before the kill can still be read after it.
        os.write(1, f"{user_id}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
