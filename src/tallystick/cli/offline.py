"""The directory of people for one command: opened, worked on, closed.  The server may run meanwhile, or not."""

import getpass
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from tallystick.cli import settings
from tallystick.cli.clock import SystemClock
from tallystick.cli.database import opened, require_ours
from tallystick.cli.keyfile import load_keys
from tallystick.cli.settings import Hashing
from tallystick.cli.worker import PARAMETERS
from tallystick.core.errors import Unavailable
from tallystick.core.events import Origin
from tallystick.core.ports import Store
from tallystick.core.receipt import Receipt
from tallystick.core.receipts import heard
from tallystick.core.secret import new_id
from tallystick.http.following import Memory
from tallystick.identity.accounts import Accounts
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords

_T = TypeVar("_T")


class Desk(msgspec.Struct, frozen=True):
    """What a command works with.  `by`: who is behind what it changes, for the events."""

    store: Store
    keys: Keys
    accounts: Accounts
    by: Origin


class Office(msgspec.Struct, frozen=True):
    """A database that is known to be ours.

    Each `run` opens and closes it: ask people between two of them.  Within one, Ctrl-C at a prompt would only ask the loop
    to end, and the loop waits for the prompt.
    """

    database: str
    keys: Keys
    hashing: Hashing

    def run(self, work: Callable[[Desk], Awaitable[_T]]) -> _T:
        """Do `work`; what it changed has been heard by every server when this returns."""
        return self.run_told(work)[0]

    def run_told(self, work: Callable[[Desk], Awaitable[_T]]) -> tuple[_T, Receipt | None]:
        """The same, and the receipt of what it changed last, if anything."""

        async def settled(store: Store) -> tuple[_T, Receipt | None]:
            here, since = desk(store, self.keys, self.hashing), await store.changes.head()
            result = await work(here)
            receipt = await Memory(store.tokens, store.changes).settle(here.by.request_id or "", since=since)
            if receipt is not None:
                with suppress(Unavailable):  # it is done, and heard: only whoever asks again would be told less
                    await store.changes.note_heard([heard(receipt, at=SystemClock().now())])
            return result, receipt

        return opened(self.database, settled)


def office(flags: Mapping[str, str | None]) -> Office:
    """What the settings name.  Raises whatever is wrong with settings, key file or database."""
    given = settings.read(flags)
    keys = load_keys(given.key_file)
    require_ours(given.database, keys)
    return Office(given.database, keys, given.hashing)


def desk(store: Store, keys: Keys, hashing: Hashing) -> Desk:
    """Everything in place, over an open store."""
    accounts = Accounts(store.people, keys=keys, passwords=Passwords(PARAMETERS[hashing]), in_thread=_here)
    by = Origin(at=SystemClock().now(), user_agent=f"tallystick, started by {_account()}", request_id=new_id())
    return Desk(store, keys, accounts, by)


def _account() -> str:
    """The account of the operating system: all that is known of who works on the database itself."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no environment, and no name for the number
        return f"user {os.getuid()}"


async def _here(call: Callable[..., Any], /, *args: Any) -> Any:
    """On the spot: nobody else waits for this loop."""
    return call(*args)
