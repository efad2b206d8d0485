"""Tokens."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.events import Event, Origin
from tallystick.core.find import EVERY, Page, Place, Sort, Wanted, page
from tallystick.core.outcome import Added
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Once, Usage
from tallystick.storage import finding, rows
from tallystick.storage.parts import usage as counted
from tallystick.storage.parts.catalogues import are_defined
from tallystick.storage.parts.changing import Change, in_turn, token_by_id, within
from tallystick.storage.parts.publishing import write
from tallystick.storage.parts.rule import Rule, revoke_matching
from tallystick.storage.text import is_storable, readable, require_storable
from tallystick.storage.transaction import (
    Finds,
    Parameters,
    Reads,
    Refused,
    Separately,
    Transaction,
    Within,
    Writes,
    value,
)


class SqlTokens:
    """`ports.TokenStore`."""

    def __init__(self, reader: Reads, writer: Writes, finder: Finds) -> None:
        self._reader = reader
        self._writer = writer
        self._finder = finder

    async def look_up(self, digest: Digest) -> Seen | None:
        row = await self._reader.one(self._reader.sql.look_up, {"digest": digest})
        return None if row is None else rows.seen(row)

    async def get(self, token_id: str) -> Token | None:
        row = await self._reader.one(self._reader.sql.token, {"id": token_id})
        return None if row is None else rows.token(row)

    async def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        all_of = self._reader.sql
        sql = all_of.tokens_of_customer if reach.owner_id is None else all_of.tokens_of_owner
        wanted = {**_reach(reach), "created_at": rows.BEFORE_ALL, "id": "", "size": size}
        while found := await self._reader.all(sql, wanted):
            batch = [rows.token(row) for row in found]
            yield batch
            wanted |= {"created_at": batch[-1].created_at, "id": batch[-1].id}

    async def find(
        self, reach: Reach, wanted: Wanted, *, sort: Sort, size: int, after: Place | None = None, skip: int = 0
    ) -> Page:
        question, asked = finding.asked_of(reach, wanted)
        asked |= {"size": size + 1, "skip": skip}
        if after is not None:
            asked |= {"value": after.value, "id": after.token_id}
        sql = finding.page(self._finder.dialect, question, sort=sort, goes_on=after is not None)

        def found(row: rows.Row | None) -> Page:
            return page(() if row is None else rows.tokens(row), sort=sort, size=size)

        return await self._finder.find(sql, asked, found, of=reach.owner_id or reach.customer_id)

    async def count(self, reach: Reach, wanted: Wanted, *, most: int = EVERY) -> int:
        question, asked = finding.asked_of(reach, wanted)
        asked["most"] = most
        sql = finding.count(self._finder.dialect, question)

        def counted(row: rows.Row | None) -> int:
            return 0 if row is None else int(row[0])

        return await self._finder.find(sql, asked, counted, of=reach.owner_id or reach.customer_id)

    async def add(
        self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, by: Origin, proof: str | None = None
    ) -> Added:
        require_storable(token.name)
        asked = rows.asked(token, limit=limit, parent_id=parent_id, now=by.at, proof=proof)
        created = events.created(replace(token, sudo_until=None), by)
        addition = _Addition(token, asked, digest, parent_id, proof, created)
        return await self._writer.submit(_add, addition, Within((token.customer_id,), adds_to=token.owner_id))

    async def raise_sudo(self, token_id: str, *, until: int, by: Origin) -> bool:
        change = Change({"id": token_id, "until": until}, by)
        return await self._writer.submit(_raise_sudo, change, within(by, token=token_id))

    async def revoke(self, token_id: str, *, reach: Reach, by: Origin) -> bool:
        if not is_storable(token_id):
            return False
        change = Change({"id": token_id, **_reach(reach), "now": by.at}, by)
        return await self._writer.submit(_revoke, change, within(by, customer=reach.customer_id))

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, by: Origin) -> tuple[str, ...]:
        asked = tuple(dict.fromkeys(token_ids))
        change = Change({"ids": asked, **_reach(reach), "now": by.at}, by)
        return await self._writer.submit(_revoke_all, change, within(by, customer=reach.customer_id, much=True))

    async def revoke_matching(self, reach: Reach, wanted: Wanted, *, reason: str, by: Origin) -> int:
        rule = Rule(reach, wanted, reason, by)
        return await self._writer.submit(revoke_matching, rule, within(by, customer=reach.customer_id, much=True))

    async def touch(
        self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = (), *, once: Once | None = None
    ) -> None:
        newest: dict[str, LastUse] = {}
        for token_id, use in uses:
            if token_id not in newest or newest[token_id].at <= use.at:
                newest[token_id] = use
        if newest or usage:
            await self._writer.submit(_touch, _Batch(newest, usage, once))


class _Batch(NamedTuple):
    newest: dict[str, LastUse]
    usage: Sequence[Usage]
    once: Once | None

    @property
    def at(self) -> int:
        """The newest instant in it."""
        return max([*(use.at for use in self.newest.values()), *(each.hour for each in self.usage)], default=0)


class _Addition(NamedTuple):
    token: Token
    asked: rows.Row
    digest: Digest
    parent_id: str | None
    proof: str | None
    created: Event


def _reach(reach: Reach) -> Parameters:
    return {"customer_id": reach.customer_id, "owner_id": reach.owner_id}


async def _add(tx: Transaction, additions: Sequence[_Addition]) -> list[Added]:
    """Together only if all of them fit: the statement counts those before each as added, which is right only then."""
    if not all([await are_defined(tx, addition.token) for addition in additions]):
        if len(additions) > 1:
            raise Separately
        return [Added.SCOPE_GONE]
    asked = rows.json([addition.asked for addition in additions])
    digests = b"".join(addition.digest for addition in additions)
    try:
        added = await tx.run(tx.sql.add_all, {"asked": asked, "digests": digests})
    except Refused as error:
        raise error.as_ours(taken="a token with this id or digest exists already", missing="no such user") from error
    if added == len(additions):
        write(tx, [addition.created for addition in additions])
        return [Added.DONE] * added
    if len(additions) > 1:
        raise Separately
    return [await _why_not(tx, additions[0])]


async def _why_not(tx: Transaction, addition: _Addition) -> Added:
    if addition.parent_id is not None:
        is_unrevoked = await value(tx, tx.sql.is_unrevoked, {"id": addition.parent_id})
        if not is_unrevoked:
            return Added.PARENT_GONE
    claimed = {"user_id": addition.asked[1] or addition.asked[9], "proof": addition.proof}
    is_unproven = await value(tx, tx.sql.is_unproven, claimed)
    if is_unproven:
        return Added.PROOF_GONE
    wanted = {"ids": addition.asked[5], "customer_id": addition.asked[2]}
    are_services = await value(tx, tx.sql.are_services, wanted)
    if not are_services:
        return Added.SERVICE_GONE
    return Added.TOO_MANY


async def _raise_sudo(tx: Transaction, raises: Sequence[Change]) -> list[bool]:
    return await in_turn(tx, raises, _raise_one)


async def _raise_one(tx: Transaction, change: Change) -> bool:
    before = await token_by_id(tx, change.wanted["id"])
    if before is None or await tx.run(tx.sql.raise_sudo, change.wanted) != 1:
        return False
    after = replace(before, sudo_until=change.wanted["until"])
    write(tx, [events.changed(before, after, change.by, action="raise")])
    return True


async def _revoke(tx: Transaction, revocations: Sequence[Change]) -> list[bool]:
    return await in_turn(tx, revocations, _revoke_one)


async def _revoke_one(tx: Transaction, change: Change) -> bool:
    before = await token_by_id(tx, change.wanted["id"])
    if before is None or await tx.run(tx.sql.revoke, change.wanted) != 1:
        return False
    write(tx, [events.revoked(before, change.by)])
    return True


async def _revoke_all(tx: Transaction, revocations: Sequence[Change]) -> list[tuple[str, ...]]:
    return await in_turn(tx, revocations, _revoke_list)


async def _revoke_list(tx: Transaction, change: Change) -> tuple[str, ...]:
    """The foreign ones among the ids; when there are none, all of them are over."""
    ids: tuple[str, ...] = change.wanted["ids"]
    storable = tuple(filter(is_storable, ids))
    wanted = {**change.wanted, "ids": rows.json(storable)}
    found = await value(tx, tx.sql.out_of_reach, wanted)
    foreign = {*rows.ids(found), *(set(ids) - set(storable))}
    if not foreign:
        ending = await tx.all(tx.sql.unrevoked_among, wanted)
        await tx.run(tx.sql.revoke_all, wanted)
        write(tx, [events.revoked(rows.token(row), change.by) for row in ending])
    return tuple(each for each in ids if each in foreign)


async def _touch(tx: Transaction, batches: Sequence[_Batch]) -> list[None]:
    for batch in batches:
        if batch.once is not None:
            wanted = {"writer": batch.once.writer, "number": batch.once.number, "at": batch.at}
            if await tx.run(tx.sql.count_once, wanted) == 0:
                continue  # it is there
        uses = [
            (token_id, use.at, readable(use.ip), readable(use.user_agent))
            for token_id, use in batch.newest.items()
            if is_storable(token_id)
        ]
        await tx.run(tx.sql.touch, {"uses": rows.json(uses)})
        await counted.add(tx, batch.usage)
    return [None] * len(batches)
