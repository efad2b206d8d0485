"""Tokens in SQLite."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from tallystick.core.caller import Reach
from tallystick.core.ports import Added, Seen
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.storage import rows
from tallystick.storage.sqlite.connection import refused
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Separately, Writer
from tallystick.storage.statements import load
from tallystick.storage.text import is_storable, readable, require_storable

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteTokens:
    """`ports.TokenStore`."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def look_up(self, digest: Digest) -> Seen | None:
        row = self._reader.one(_SQL.look_up, {"digest": digest})
        return None if row is None else rows.seen(row)

    async def get(self, token_id: str) -> Token | None:
        row = self._reader.one(_SQL.token, {"id": token_id})
        return None if row is None else rows.token(row)

    async def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        sql = _SQL.tokens_of_customer if reach.user_id is None else _SQL.tokens_of_user
        wanted = {**_reach(reach), "created_at": rows.BEFORE_ALL, "id": "", "size": size}
        while found := self._reader.all(sql, wanted):
            batch = [rows.token(row) for row in found]
            yield batch
            wanted |= {"created_at": batch[-1].created_at, "id": batch[-1].id}

    async def add(self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, now: int) -> Added:
        require_storable(token.name)
        asked = rows.asked(token, limit=limit, parent_id=parent_id, now=now)
        return await self._writer.submit(_add, _Addition(asked, digest, parent_id))

    async def raise_sudo(self, token_id: str, *, until: int) -> bool:
        return await self._writer.submit(_raise_sudo, {"id": token_id, "until": until})

    async def revoke(self, token_id: str, *, reach: Reach, now: int) -> bool:
        if not is_storable(token_id):
            return False
        return await self._writer.submit(_revoke, {"id": token_id, **_reach(reach), "now": now})

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, now: int) -> tuple[str, ...]:
        asked = tuple(dict.fromkeys(token_ids))
        return await self._writer.submit(_revoke_all, {"ids": asked, **_reach(reach), "now": now})

    async def touch(self, uses: Sequence[tuple[str, LastUse]]) -> None:
        newest: dict[str, LastUse] = {}
        for token_id, use in uses:
            if token_id not in newest or newest[token_id].at <= use.at:
                newest[token_id] = use
        if newest:
            await self._writer.submit(_touch, newest)


class _Addition(NamedTuple):
    asked: rows.Row
    digest: Digest
    parent_id: str | None


# Any: the parameters of a statement.
Parameters = dict[str, Any]


def _reach(reach: Reach) -> Parameters:
    return {"customer_id": reach.customer_id, "user_id": reach.user_id}


def _add(connection: sqlite3.Connection, additions: Sequence[_Addition]) -> list[Added]:
    """Together only if all of them fit: the statement counts those before each as added, which is right only then."""
    asked = rows.json([addition.asked for addition in additions])
    digests = b"".join(addition.digest for addition in additions)
    try:
        added = connection.execute(_SQL.add_all, {"asked": asked, "digests": digests}).rowcount
    except sqlite3.IntegrityError as error:
        raise refused(error, taken="a token with this id or digest exists already", missing="no such user") from error
    if added == len(additions):
        return [Added.DONE] * added
    if len(additions) > 1:
        raise Separately
    return [_why_not(connection, additions[0])]


def _why_not(connection: sqlite3.Connection, addition: _Addition) -> Added:
    if addition.parent_id is not None:
        (is_unrevoked,) = connection.execute(_SQL.is_unrevoked, {"id": addition.parent_id}).fetchone()
        if not is_unrevoked:
            return Added.PARENT_GONE
    wanted = {"ids": addition.asked[5], "customer_id": addition.asked[2]}
    (are_services,) = connection.execute(_SQL.are_services, wanted).fetchone()
    if not are_services:
        return Added.SERVICE_GONE
    return Added.TOO_MANY


def _raise_sudo(connection: sqlite3.Connection, raises: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.raise_sudo, each).rowcount == 1 for each in raises]


def _revoke(connection: sqlite3.Connection, revocations: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.revoke, each).rowcount == 1 for each in revocations]


def _revoke_all(connection: sqlite3.Connection, revocations: Sequence[Parameters]) -> list[tuple[str, ...]]:
    return [_revoke_list(connection, **each) for each in revocations]


def _revoke_list(
    connection: sqlite3.Connection, *, ids: tuple[str, ...], customer_id: str, user_id: str | None, now: int
) -> tuple[str, ...]:
    storable = tuple(filter(is_storable, ids))
    wanted = {"ids": rows.json(storable), "customer_id": customer_id, "user_id": user_id}
    (found,) = connection.execute(_SQL.out_of_reach, wanted).fetchone()
    foreign = {*rows.ids(found), *(set(ids) - set(storable))}
    if not foreign:
        connection.execute(_SQL.revoke_all, {**wanted, "now": now})
    return tuple(each for each in ids if each in foreign)


def _touch(connection: sqlite3.Connection, batches: Sequence[dict[str, LastUse]]) -> list[None]:
    for batch in batches:
        uses = [
            (token_id, use.at, readable(use.ip), readable(use.user_agent))
            for token_id, use in batch.items()
            if is_storable(token_id)
        ]
        connection.execute(_SQL.touch, {"uses": rows.json(uses)})
    return [None] * len(batches)
