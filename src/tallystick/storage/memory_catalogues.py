"""Scopes that are not built in, of the memory store."""

from collections.abc import Sequence

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.events import Origin
from tallystick.core.outcome import Outcome, Removal
from tallystick.core.scope import own_words
from tallystick.core.scopes import FOR_ALL, Catalogue, Defined
from tallystick.core.token import Token
from tallystick.storage.memory_people import MemoryDirectory, Write, age
from tallystick.storage.text import require_storable


class MemoryCatalogues:
    """`ports.Catalogues`."""

    def __init__(self, people: MemoryDirectory, write: Write) -> None:
        self._people = people
        self._write = write
        self._catalogues: dict[str, Catalogue] = {}

    async def of(self, customer_id: str) -> Catalogue:
        return self.counting(customer_id)

    async def put(self, catalogue: Catalogue, *, replacing: int, dropped: str | None = None, by: Origin) -> Removal:
        require_storable(*(each.description for each in catalogue.scopes))
        self._people.require_standing(by)
        before = self.counting(catalogue.customer_id)
        if before.by_file or before.version != replacing:
            return Removal(Outcome.STALE)
        of_customer = (each for each in self._people.tokens.values() if each.customer_id == catalogue.customer_id)
        carrying = [each for each in of_customer if dropped in each.scope.words and each.is_live(by.at)]
        if carrying:
            return Removal(Outcome.IN_USE, tuple(each.id for each in sorted(carrying, key=age)))
        after = self._catalogues[catalogue.customer_id] = replace(catalogue, version=replacing + 1)
        self._write(events.changed(before, after, by))
        return Removal(Outcome.DONE)

    async def put_for_all(self, scopes: Sequence[Defined], *, by: Origin) -> bool:
        require_storable(*(each.description for each in scopes))
        old = self._catalogues.get(FOR_ALL, Catalogue(customer_id=FOR_ALL))
        if old.scopes == tuple(scopes):
            return False
        everybody = [each.id for each in await self._people.customers()]
        before = [self.counting(each) for each in everybody]
        self._catalogues.pop(FOR_ALL, None)
        if scopes:
            self._catalogues[FOR_ALL] = replace(old, scopes=tuple(scopes), version=old.version + 1)
        for was in before:
            becomes = self.counting(was.customer_id)
            if was.scopes != becomes.scopes:
                self._write(events.changed(was, becomes, by))
        return True

    def counting(self, customer_id: str) -> Catalogue:
        """As `of`."""
        of_all = self._catalogues.get(FOR_ALL)
        if of_all is not None:
            return replace(of_all, customer_id=customer_id, by_file=True)
        return self._catalogues.get(customer_id, Catalogue(customer_id=customer_id))

    def defines(self, token: Token) -> bool:
        """Whether all of its words are defined."""
        defined = {each.name for each in self.counting(token.customer_id).scopes}
        return defined.issuperset(own_words(token.scope.words))
