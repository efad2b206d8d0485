"""Every SQL statement by name, from the `.sql` files: those that all dialects share, and those of one dialect.

`Statements` is the list.  A file that lacks one of its names, or has one more, is found when the program starts.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import aiosql
import msgspec

from tallystick.core.errors import TallystickError

SQL: Final = Path(__file__).parent / "sql"
_AS_THEY_STAND: Final = "sqlite3"  # the driver that reads `:name`; what another one reads is made where it is used
_SHARED: Final = ("tokens", "limits", "people", "catalogues", "guesses", "usage", "budgets", "changes", "meta")
_OF_DIALECT: Final = ("tokens", "limits", "people", "guesses", "usage", "budgets", "events", "changes")


class Statements(msgspec.Struct, frozen=True, kw_only=True):
    """The text of each statement.  What it does, and what it takes, stands above it in its file."""

    # tokens
    look_up: str
    token: str
    tokens_of_owner: str
    tokens_of_customer: str
    is_unrevoked: str
    is_unproven: str
    raise_sudo: str
    revoke: str
    add_all: str
    out_of_reach: str
    unrevoked_among: str
    revoke_all: str
    touch: str
    live_of_user: str
    live_of_service: str
    are_services: str
    live_records_of_user: str
    move_tokens: str
    others_of_user: str
    revoke_others: str
    forget_of_user: str
    # people
    add_customer: str
    add_user: str
    add_service: str
    customers: str
    customer: str
    users: str
    users_of_customer: str
    user: str
    credentials: str
    services: str
    services_of_customer: str
    known_services: str
    service: str
    rename_customer: str
    rename_service: str
    change_user: str
    is_last_superuser: str
    remove_user: str
    remove_service: str
    set_password: str
    renew_hash: str
    set_totp: str
    use_totp_step: str
    set_recovery: str
    use_recovery: str
    recovery: str
    # catalogues
    catalogue: str
    catalogues: str
    put_catalogue: str
    forget_catalogue: str
    live_of_scope: str
    # guesses
    failures: str
    note_failure: str
    forget: str
    forget_older: str
    # limits
    set_limits: str
    spend_uses: str
    spent: str
    add_shadow: str
    shadow_of_token: str
    forget_shadow_of_token: str
    forget_shadow_of_user: str
    forget_uses_of_user: str
    # usage
    usage_of_token: str
    add_usage: str
    count_once: str
    forget_counted: str
    forget_usage: str
    forget_usage_of_user: str
    # budgets
    spend_all: str
    forget_hours: str
    # events
    add_events: str
    events_of_customer: str
    events_of_target: str
    # changes
    head: str
    changes_after: str
    change_of_request: str
    lease: str
    ack: str
    leave: str
    leased: str
    followers: str
    numbered: str
    note_heard: str
    trim_numbered: str
    trim_changes: str
    trim_verifiers: str
    # meta
    meta: str
    keep_meta: str
    try_to_write: str


@cache
def load(dialect: str) -> Statements:
    """The statements of a dialect (a folder below `sql/`), as they stand there: with `:name` where a value goes."""
    files = [SQL / f"{name}.sql" for name in _SHARED] + [SQL / dialect / f"{name}.sql" for name in _OF_DIALECT]
    found = read(files)
    wrong = found.keys() ^ set(Statements.__struct_fields__)
    if wrong:
        raise TallystickError(f"SQL files and statements.py disagree about: {', '.join(sorted(wrong))}")
    return Statements(**found)


def read(files: Sequence[Path]) -> dict[str, str]:
    """Whatever has a name in these files, by name."""
    found: dict[str, str] = {}
    for file in files:
        queries = aiosql.from_path(file, _AS_THEY_STAND)
        for name in queries.available_queries:
            if not name.endswith("_cursor"):
                _put(found, name, getattr(queries, name).sql)
    return found


def _put(found: dict[str, str], name: str, sql: str) -> None:
    if name in found:
        raise TallystickError(f"there are two SQL statements called {name}")
    found[name] = sql.removesuffix(";")
