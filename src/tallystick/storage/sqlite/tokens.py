"""Tokens in SQLite."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.events import Event, Origin
from tallystick.core.find import Page, Place, Sort, Wanted
from tallystick.core.ports import Added, Seen
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Usage
from tallystick.storage import rows
from tallystick.storage.sqlite import usage as counted
from tallystick.storage.sqlite.changes import Change, Parameters, in_turn, token_by_id
from tallystick.storage.sqlite.connection import refused
from tallystick.storage.sqlite.events import write
from tallystick.storage.sqlite.finder import Finder
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.rule import Rule, revoke_matching
from tallystick.storage.sqlite.writer import Separately, Writer
from tallystick.storage.statements import load
from tallystick.storage.text import is_storable, readable, require_storable

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteTokens:
    """`ports.TokenStore`."""

    def __init__(self, reader: Reader, writer: Writer, finder: Finder) -> None:
        self._reader = reader
        self._writer = writer
        self._finder = finder

    async def look_up(self, digest: Digest) -> Seen | None:
        row = self._reader.one(_SQL.look_up, {"digest": digest})
        return None if row is None else rows.seen(row)

    async def get(self, token_id: str) -> Token | None:
        row = self._reader.one(_SQL.token, {"id": token_id})
        return None if row is None else rows.token(row)

    async def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        sql = _SQL.tokens_of_customer if reach.owner_id is None else _SQL.tokens_of_owner
        wanted = {**_reach(reach), "created_at": rows.BEFORE_ALL, "id": "", "size": size}
        while found := self._reader.all(sql, wanted):
            batch = [rows.token(row) for row in found]
            yield batch
            wanted |= {"created_at": batch[-1].created_at, "id": batch[-1].id}

    async def find(
        self, reach: Reach, wanted: Wanted, *, sort: Sort, size: int, after: Place | None = None, skip: int = 0
    ) -> Page:
        return await self._finder.page(reach, wanted, sort=sort, size=size, after=after, skip=skip)

    async def count(self, reach: Reach, wanted: Wanted) -> int:
        return await self._finder.count(reach, wanted)

    async def add(
        self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, by: Origin, proof: str | None = None
    ) -> Added:
        require_storable(token.name)
        asked = rows.asked(token, limit=limit, parent_id=parent_id, now=by.at, proof=proof)
        created = events.created(replace(token, sudo_until=None), by)
        return await self._writer.submit(_add, _Addition(asked, digest, parent_id, proof, created))

    async def raise_sudo(self, token_id: str, *, until: int, by: Origin) -> bool:
        return await self._writer.submit(_raise_sudo, Change({"id": token_id, "until": until}, by))

    async def revoke(self, token_id: str, *, reach: Reach, by: Origin) -> bool:
        if not is_storable(token_id):
            return False
        return await self._writer.submit(_revoke, Change({"id": token_id, **_reach(reach), "now": by.at}, by))

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, by: Origin) -> tuple[str, ...]:
        asked = tuple(dict.fromkeys(token_ids))
        return await self._writer.submit(_revoke_all, Change({"ids": asked, **_reach(reach), "now": by.at}, by))

    async def revoke_matching(self, reach: Reach, wanted: Wanted, *, reason: str, by: Origin) -> int:
        return await self._writer.submit(revoke_matching, Rule(reach, wanted, reason, by))

    async def touch(self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = ()) -> None:
        newest: dict[str, LastUse] = {}
        for token_id, use in uses:
            if token_id not in newest or newest[token_id].at <= use.at:
                newest[token_id] = use
        if newest or usage:
            await self._writer.submit(_touch, _Batch(newest, usage))


class _Batch(NamedTuple):
    newest: dict[str, LastUse]
    usage: Sequence[Usage]


class _Addition(NamedTuple):
    asked: rows.Row
    digest: Digest
    parent_id: str | None
    proof: str | None
    created: Event


def _reach(reach: Reach) -> Parameters:
    return {"customer_id": reach.customer_id, "owner_id": reach.owner_id}


def _add(connection: sqlite3.Connection, additions: Sequence[_Addition]) -> list[Added]:
    """Together only if all of them fit: the statement counts those before each as added, which is right only then."""
    asked = rows.json([addition.asked for addition in additions])
    digests = b"".join(addition.digest for addition in additions)
    try:
        added = connection.execute(_SQL.add_all, {"asked": asked, "digests": digests}).rowcount
    except sqlite3.IntegrityError as error:
        raise refused(error, taken="a token with this id or digest exists already", missing="no such user") from error
    if added == len(additions):
        write(connection, [addition.created for addition in additions])
        return [Added.DONE] * added
    if len(additions) > 1:
        raise Separately
    return [_why_not(connection, additions[0])]


def _why_not(connection: sqlite3.Connection, addition: _Addition) -> Added:
    if addition.parent_id is not None:
        (is_unrevoked,) = connection.execute(_SQL.is_unrevoked, {"id": addition.parent_id}).fetchone()
        if not is_unrevoked:
            return Added.PARENT_GONE
    claimed = {"user_id": addition.asked[1] or addition.asked[9], "proof": addition.proof}
    (is_unproven,) = connection.execute(_SQL.is_unproven, claimed).fetchone()
    if is_unproven:
        return Added.PROOF_GONE
    wanted = {"ids": addition.asked[5], "customer_id": addition.asked[2]}
    (are_services,) = connection.execute(_SQL.are_services, wanted).fetchone()
    if not are_services:
        return Added.SERVICE_GONE
    return Added.TOO_MANY


def _raise_sudo(connection: sqlite3.Connection, raises: Sequence[Change]) -> list[bool]:
    return in_turn(connection, raises, _raise_one)


def _raise_one(connection: sqlite3.Connection, change: Change) -> bool:
    before = token_by_id(connection, change.wanted["id"])
    if before is None or connection.execute(_SQL.raise_sudo, change.wanted).rowcount != 1:
        return False
    after = replace(before, sudo_until=change.wanted["until"])
    write(connection, [events.changed(before, after, change.by, action="raise")])
    return True


def _revoke(connection: sqlite3.Connection, revocations: Sequence[Change]) -> list[bool]:
    return in_turn(connection, revocations, _revoke_one)


def _revoke_one(connection: sqlite3.Connection, change: Change) -> bool:
    before = token_by_id(connection, change.wanted["id"])
    if before is None or connection.execute(_SQL.revoke, change.wanted).rowcount != 1:
        return False
    write(connection, [events.revoked(before, change.by)])
    return True


def _revoke_all(connection: sqlite3.Connection, revocations: Sequence[Change]) -> list[tuple[str, ...]]:
    return in_turn(connection, revocations, _revoke_list)


def _revoke_list(connection: sqlite3.Connection, change: Change) -> tuple[str, ...]:
    """The foreign ones among the ids; when there are none, all of them are over."""
    ids: tuple[str, ...] = change.wanted["ids"]
    storable = tuple(filter(is_storable, ids))
    wanted = {**change.wanted, "ids": rows.json(storable)}
    (found,) = connection.execute(_SQL.out_of_reach, wanted).fetchone()
    foreign = {*rows.ids(found), *(set(ids) - set(storable))}
    if not foreign:
        ending = connection.execute(_SQL.unrevoked_among, wanted).fetchall()
        connection.execute(_SQL.revoke_all, wanted)
        write(connection, [events.revoked(rows.token(row), change.by) for row in ending])
    return tuple(each for each in ids if each in foreign)


def _touch(connection: sqlite3.Connection, batches: Sequence[_Batch]) -> list[None]:
    for batch in batches:
        uses = [
            (token_id, use.at, readable(use.ip), readable(use.user_agent))
            for token_id, use in batch.newest.items()
            if is_storable(token_id)
        ]
        connection.execute(_SQL.touch, {"uses": rows.json(uses)})
        counted.add(connection, batch.usage)
    return [None] * len(batches)
