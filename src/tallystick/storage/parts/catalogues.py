"""Scopes that are not built in."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.events import Origin
from tallystick.core.outcome import Outcome, Removal
from tallystick.core.scope import own_words
from tallystick.core.scopes import FOR_ALL, Catalogue, Defined
from tallystick.core.token import Token
from tallystick.storage import rows
from tallystick.storage.parts.changing import in_turn, within
from tallystick.storage.parts.publishing import write
from tallystick.storage.text import require_storable
from tallystick.storage.transaction import Reads, Transaction, Within, Writes


class SqlCatalogues:
    """`ports.Catalogues`."""

    def __init__(self, reader: Reads, writer: Writes) -> None:
        self._reader = reader
        self._writer = writer

    async def of(self, customer_id: str) -> Catalogue:
        return await _of(self._reader, customer_id)

    async def put(self, catalogue: Catalogue, *, replacing: int, dropped: str | None = None, by: Origin) -> Removal:
        require_storable(*(each.description for each in catalogue.scopes))
        after = replace(catalogue, version=replacing + 1)
        return await self._writer.submit(_put, _Put(after, dropped, by), within(by, customer=catalogue.customer_id))

    async def put_for_all(self, scopes: Sequence[Defined], *, by: Origin) -> bool:
        require_storable(*(each.description for each in scopes))
        customers = tuple(row[0] for row in await self._reader.all(self._reader.sql.customers, {}))
        everybody = Within(customers=customers, patience=within(by, much=True).patience)
        return await self._writer.submit(_put_for_all, _PutForAll(tuple(scopes), by), everybody)


class _Put(NamedTuple):
    catalogue: Catalogue
    dropped: str | None
    by: Origin


class _PutForAll(NamedTuple):
    scopes: tuple[Defined, ...]
    by: Origin


async def are_defined(tx: Transaction, token: Token) -> bool:
    """Whether all of a token's words are, in this transaction."""
    own = own_words(token.scope.words)
    if not own:
        return True
    defined = {each.name for each in (await _of(tx, token.customer_id)).scopes}
    return defined.issuperset(own)


async def _of(reads: Reads, customer_id: str) -> Catalogue:
    row = await reads.one(reads.sql.catalogue, {"customer_id": customer_id})
    return Catalogue(customer_id=customer_id) if row is None else rows.catalogue(row, customer_id)


async def _put(tx: Transaction, puts: Sequence[_Put]) -> list[Removal]:
    return await in_turn(tx, puts, _put_one)


async def _put_one(tx: Transaction, put: _Put) -> Removal:
    after = put.catalogue
    before = await _of(tx, after.customer_id)
    if before.by_file or before.version != after.version - 1:
        return Removal(Outcome.STALE)
    if put.dropped is not None:
        wanted = {"name": put.dropped, "customer_id": after.customer_id, "now": put.by.at}
        carrying = await tx.all(tx.sql.live_of_scope, wanted)
        if carrying:
            return Removal(Outcome.IN_USE, tuple(row[0] for row in carrying))
    if await tx.run(tx.sql.put_catalogue, rows.of_catalogue(after)) != 1:
        return Removal(Outcome.STALE)
    write(tx, [events.changed(before, after, put.by)])
    return Removal(Outcome.DONE)


async def _put_for_all(tx: Transaction, puts: Sequence[_PutForAll]) -> list[bool]:
    return [await _put_one_for_all(tx, put) for put in puts]


async def _put_one_for_all(tx: Transaction, put: _PutForAll) -> bool:
    """Each customer gets an event of its own, and so a change that all who remember its tokens hear of."""
    everybody = Catalogue(customer_id=FOR_ALL)
    of_all = {row[0]: rows.catalogue(row, row[0]) for row in await tx.all(tx.sql.catalogues, {})}
    before = of_all.get(FOR_ALL, everybody)
    if before.scopes == put.scopes:
        return False
    if put.scopes:
        after = replace(everybody, scopes=put.scopes, version=before.version + 1)
        await tx.run(tx.sql.put_catalogue, rows.of_catalogue(after))
    else:
        await tx.run(tx.sql.forget_catalogue, {"customer_id": FOR_ALL})
    happened = []
    for customer in await tx.all(tx.sql.customers, {}):
        own = of_all.get(customer[0], Catalogue(customer_id=customer[0]))
        was, becomes = (replace(own, scopes=scopes or own.scopes) for scopes in (before.scopes, put.scopes))
        if was.scopes != becomes.scopes:
            happened.append(events.changed(was, becomes, put.by))
    write(tx, happened)
    return True
