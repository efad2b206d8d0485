"""Tokens by the million, by COPY: customers with ten users and a thousand tokens each, and what is measured beside them.

Nearly all have digests of nothing; those that are used have secrets.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import asyncpg
import click

from tallystick import storage
from tallystick.core.people import Role
from tallystick.core.secret import Digest, Secret, digester, new_id
from tallystick.identity.keys import Keys, new_key_file, parse_key_file

USERS: Final = 10
EACH: Final = 100  # tokens of a user
LONG: Final = 1_000_000  # tokens of the customer with the long list, if there is room for them
BULK: Final = 30_000  # tokens of the customer that revokes ten thousand at once
_AT_ONCE: Final = 50_000  # rows in one COPY
_YEAR_MS: Final = 365 * 86_400_000

_TOKEN: Final = ("id", "digest", "user_id", "customer_id", "name", "scope", "services", "created_at")
_USER: Final = ("id", "customer_id", "login", "login_key", "name", "role", "created_at", "updated_at", "password_hash")


class Team(NamedTuple):
    """A customer with users."""

    customer_id: str
    user_ids: Sequence[str]


class Known(NamedTuple):
    """A token whose secret is known."""

    id: str
    secret: Secret
    digest: Digest


class Database:
    """One that grows.  `teams`: who is measured; their number does not grow.  `rules`: users whose tokens nobody has revoked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key_file = new_key_file()
        self.keys: Keys = parse_key_file(self.key_file)
        self.size = 0
        self.teams: list[Team] = []
        self.rules: Iterator[str] = iter(())
        self.known: list[Known] = []
        self.long: Team | None = None
        self.long_key = Secret.mint()
        self.bulk: list[str] = []
        self._digest = digester(self.keys.digests)
        storage.prepare(url)
        storage.bind_key(url, self.keys.fingerprint)

    @staticmethod
    def unknown() -> str:
        """A secret that nobody has: well formed, so that it has to be looked up."""
        return Secret.mint().reveal()

    def grow(self, size: int, *, seconds: Callable[[float], None] = lambda _: None) -> None:
        """To so many tokens.  `seconds`: is told how long that took."""
        began = time.monotonic()
        asyncio.run(self._grow(size))
        seconds(time.monotonic() - began)

    async def _grow(self, size: int) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            # What refers to what is right as it is made: to look at each once more takes longer than all the rest.
            await connection.execute("SET session_replication_role = replica")
            shown = click.progressbar(
                length=size - self.size,
                label=f"scale: to {size:,} tokens",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            )
            with shown as bar:
                if not self.teams:
                    self.teams = [await self._team(connection, known=n != 1, told=bar.update) for n in range(5)]
                    self.rules = iter(self.teams[1].user_ids)
                if size >= 2 * LONG and self.long is None:
                    self.long = await self._one_list(connection, LONG, bar.update)
                    self.long_key = await self._known(connection, self.long)
                if size >= 10 * BULK and not self.bulk:
                    team = await self._one_list(connection, BULK, bar.update)
                    self.bulk = [row[0] for row in await connection.fetch(_IDS, team.customer_id)]
                    self.teams.append(team)
                await self._others(connection, size - self.size, bar.update)
            await connection.execute("VACUUM (ANALYZE)")
        finally:
            await connection.close()

    async def _others(self, connection: asyncpg.Connection, count: int, told: Callable[[int], None]) -> None:
        """Many teams in one COPY each, so that the tokens of one lie scattered as they would."""
        while count >= USERS * EACH:
            teams = [_team() for _ in range(min(_AT_ONCE, count) // (USERS * EACH))]
            await _add_teams(connection, teams)
            owners = [(user, team.customer_id) for team in teams for user in team.user_ids for _ in range(EACH)]
            random.shuffle(owners)
            await self._add(connection, [_row(user, customer) for user, customer in owners])
            told(len(owners))
            count -= len(owners)

    async def _team(self, connection: asyncpg.Connection, *, known: bool, told: Callable[[int], None]) -> Team:
        team = _team()
        await _add_teams(connection, [team])
        rows = [_row(user, team.customer_id) for user in team.user_ids for _ in range(EACH)]
        if known:
            for row in rows[::5]:
                secret = Secret.mint()
                row[1] = bytes(self._digest(secret))
                self.known.append(Known(row[0], secret, self._digest(secret)))
        await self._add(connection, rows)
        told(len(rows))
        return team

    async def _known(self, connection: asyncpg.Connection, team: Team) -> Secret:
        """A token of one of its users, more."""
        secret, row = Secret.mint(), _row(team.user_ids[0], team.customer_id)
        row[1] = bytes(self._digest(secret))
        await self._add(connection, [row])
        return secret

    async def _one_list(self, connection: asyncpg.Connection, count: int, told: Callable[[int], None]) -> Team:
        team = _team()
        await _add_teams(connection, [team])
        rows = (_row(team.user_ids[number % USERS], team.customer_id) for number in range(count))
        for batch in _chunks(rows, _AT_ONCE):
            await self._add(connection, batch)
            told(len(batch))
        return team

    async def _add(self, connection: asyncpg.Connection, rows: Sequence[Sequence[Any]]) -> None:
        await connection.copy_records_to_table("token", records=rows, columns=_TOKEN)
        self.size += len(rows)


_IDS: Final = "SELECT id FROM token WHERE customer_id = $1"


def _team() -> Team:
    return Team(new_id(), [new_id() for _ in range(USERS)])


async def _add_teams(connection: asyncpg.Connection, teams: Sequence[Team]) -> None:
    now = _now()
    customers = [(team.customer_id, "scale", now) for team in teams]
    await connection.copy_records_to_table("customer", records=customers, columns=("id", "name", "created_at"))
    users = [
        (user, team.customer_id, user, user, user, Role.SUPERUSER.value, now, now, "")
        for team in teams
        for user in team.user_ids
    ]
    await connection.copy_records_to_table("user", records=users, columns=_USER)


def _row(user_id: str, customer_id: str) -> list[Any]:
    created_at = _now() - random.randrange(_YEAR_MS)
    return [os.urandom(11).hex(), os.urandom(32), user_id, customer_id, "scale", "global", "[]", created_at]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(rows, size)):
        yield batch
