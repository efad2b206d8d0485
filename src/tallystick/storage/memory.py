"""The executable specification of the ports: what every store does, in dictionaries.

No method waits, so each runs whole: that is all the transaction there is.
"""

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict, NotFound
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.find import EVERY, Page, Place, Sort, Wanted, page
from tallystick.core.guesses import Failures
from tallystick.core.outcome import Added
from tallystick.core.people import User
from tallystick.core.ports import Position, Seen
from tallystick.core.scopes import resolved
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Once, Usage, added
from tallystick.steady import steady
from tallystick.storage.memory_catalogues import MemoryCatalogues
from tallystick.storage.memory_changes import MemoryChanges
from tallystick.storage.memory_limits import MemoryLimits
from tallystick.storage.memory_people import MemoryDirectory, Write, age
from tallystick.storage.text import readable, require_storable


class MemoryStore:
    """A store that is gone with its process: for tests, and to see what the others must do."""

    def __init__(self, *, steady: Callable[[], int] = steady) -> None:
        self.changes = MemoryChanges(steady)
        self.events = MemoryEvents(self.changes.publish)
        self.people = MemoryDirectory(self.events.write)
        self.catalogues = MemoryCatalogues(self.people, self.events.write)
        self.tokens = MemoryTokens(self.people, self.catalogues, self.events.write)
        self.limits = MemoryLimits(self.people, self.events.write)
        self.guesses = MemoryGuesses(self.people, self.events.write)
        self.usage = MemoryUsage(self.people)
        self.budgets = MemoryBudgets()

    async def ready(self) -> None:
        """Always."""

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryTokens:
    """`ports.TokenStore`."""

    def __init__(self, people: MemoryDirectory, catalogues: MemoryCatalogues, write: Write) -> None:
        self._people = people
        self._catalogues = catalogues
        self._write = write
        self._tokens = people.tokens
        self._by_digest: dict[Digest, str] = {}
        self._counted: dict[str, int] = {}

    async def look_up(self, digest: Digest) -> Seen | None:
        token = self._behind(digest)
        if token is None:
            return None
        user = self._people.by_id.get(token.user_id or "")
        if token.scope.is_own:
            scopes = self._catalogues.counting(token.customer_id).scopes
            token = replace(token, scope=resolved(token.scope, scopes, None if user is None else user.role))
        return Seen(token, user)

    async def get(self, token_id: str) -> Token | None:
        return self._tokens.get(token_id)

    async def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        after: tuple[float, str] = (-math.inf, "")
        while batch := self._batch(reach, after, size):
            yield batch
            after = age(batch[-1])

    def _batch(self, reach: Reach, after: tuple[float, str], size: int) -> list[Token]:
        return sorted((token for token in self._within(reach) if age(token) > after), key=age)[:size]

    async def find(
        self, reach: Reach, wanted: Wanted, *, sort: Sort, size: int, after: Place | None = None, skip: int = 0
    ) -> Page:
        found = [token for token in self._within(reach) if wanted.matches(token) and sort.is_past(token, after)]
        found.sort(key=sort.place, reverse=sort.descending)
        return page(found[skip : skip + size + 1], sort=sort, size=size)

    async def count(self, reach: Reach, wanted: Wanted, *, most: int = EVERY) -> int:
        return min(most, sum(map(wanted.matches, self._within(reach))))

    def _within(self, reach: Reach) -> list[Token]:
        return [token for token in self._tokens.values() if token.revoked_at is None and reach.covers(token)]

    async def add(
        self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, by: Origin, proof: str | None = None
    ) -> Added:
        require_storable(token.name)
        if not self._catalogues.defines(token):
            return Added.SCOPE_GONE
        if parent_id is not None and not self._is_unrevoked(parent_id):
            return Added.PARENT_GONE
        if self._people.is_unproven(token.user_id or token.creator_id or "", proof):
            return Added.PROOF_GONE
        if not self._people.knows(token.services, token.customer_id):
            return Added.SERVICE_GONE
        if token.user_id is not None and self._live_tokens_of(token.user_id, by.at) >= limit:
            return Added.TOO_MANY
        if token.id in self._tokens or self._behind(digest) is not None:
            raise Conflict("a token with this id or digest exists already")
        if not self._people.has(token.customer_id, token.user_id):
            raise NotFound("no such user")
        self._tokens[token.id] = replace(token, sudo_until=None, last_use=None, revoked_at=None)
        self._by_digest[digest] = token.id
        self._write(events.created(self._tokens[token.id], by))
        return Added.DONE

    async def raise_sudo(self, token_id: str, *, until: int, by: Origin) -> bool:
        self._people.require_standing(by)
        if not self._is_unrevoked(token_id):
            return False
        before = self._tokens[token_id]
        self._tokens[token_id] = replace(before, sudo_until=until)
        self._write(events.changed(before, self._tokens[token_id], by, action="raise"))
        return True

    async def revoke(self, token_id: str, *, reach: Reach, by: Origin) -> bool:
        self._people.require_standing(by)
        if not self._is_unrevoked(token_id) or not reach.covers(self._tokens[token_id]):
            return False
        self._write(self._people.end(self._tokens[token_id], by))
        return True

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, by: Origin) -> tuple[str, ...]:
        self._people.require_standing(by)
        asked = tuple(dict.fromkeys(token_ids))
        foreign = tuple(each for each in asked if each not in self._tokens or not reach.covers(self._tokens[each]))
        if not foreign:
            ending = list(filter(self._is_unrevoked, asked))
            self._write(*[self._people.end(self._tokens[token_id], by) for token_id in ending])
        return foreign

    async def revoke_matching(self, reach: Reach, wanted: Wanted, *, reason: str, by: Origin) -> int:
        self._people.require_standing(by)
        ending = [token for token in self._within(reach) if wanted.matches(token)]
        self._write(*[self._people.end(token, by, reason=reason) for token in ending])
        return len(ending)

    async def touch(
        self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = (), *, once: Once | None = None
    ) -> None:
        if once is not None:
            if once.number <= self._counted.get(once.writer, 0):
                return
            self._counted[once.writer] = once.number
        for token_id, use in uses:
            token = self._tokens.get(token_id)
            if token is not None and (token.last_use is None or token.last_use.at <= use.at):
                last_use = LastUse(use.at, readable(use.ip), readable(use.user_agent))
                self._tokens[token_id] = replace(token, last_use=last_use)
        for each in usage:
            if each.token_id in self._tokens:
                before = self._people.usage.get(each.token_id, [])
                self._people.usage[each.token_id] = added([*before, each])

    def _behind(self, digest: Digest) -> Token | None:
        # One whose user was removed went with them.
        return self._tokens.get(self._by_digest.get(digest, ""))

    def _live_tokens_of(self, user_id: str, now: int) -> int:
        return sum(other.user_id == user_id and other.is_live(now) for other in self._tokens.values())

    def _is_unrevoked(self, token_id: str) -> bool:
        return token_id in self._tokens and self._tokens[token_id].revoked_at is None


class MemoryGuesses:
    """`guesses.GuessLog`."""

    def __init__(self, people: MemoryDirectory, write: Write) -> None:
        self._people = people
        self._write = write
        self._failures: dict[str, Failures] = {}

    async def failures(self, key: str) -> Failures | None:
        return self._failures.get(key)

    async def note_failure(self, keys: Sequence[str], *, now: int) -> None:
        for key in set(keys):
            before = self._failures.get(key, Failures(0, now))
            self._failures[key] = Failures(before.count + 1, max(before.last_at, now))

    async def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._failures.pop(key, None)

    async def unlock(self, keys: Sequence[str], *, user: User, by: Origin) -> None:
        self._people.require_standing(by)
        await self.forget(keys)
        self._write(events.noted("unlock", user, by))

    async def forget_older(self, *, before: int) -> None:
        self._failures = {key: noted for key, noted in self._failures.items() if noted.last_at >= before}


class MemoryUsage:
    """`usage.UsageLog`."""

    def __init__(self, people: MemoryDirectory) -> None:
        self._people = people

    async def of_token(self, token_id: str, *, since: int, until: int) -> list[Usage]:
        return [each for each in self._people.usage.get(token_id, []) if since <= each.hour < until]

    async def forget_older(self, *, before: int) -> None:
        for token_id, hours in self._people.usage.items():
            self._people.usage[token_id] = [each for each in hours if each.hour >= before]


class MemoryBudgets:
    """`budget.WriteBudgets`."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, str]] = Counter()

    async def spend(self, key: str, *, hour: int) -> int:
        self._counts[hour, key] += 1
        return self._counts[hour, key]

    async def forget_older(self, *, before: int) -> None:
        self._counts = Counter({purse: count for purse, count in self._counts.items() if purse[0] >= before})


class MemoryEvents:
    """`ports.EventLog`."""

    def __init__(self, publish: Write) -> None:
        self._publish = publish
        self._events: list[Event] = []

    def write(self, *happened: Event) -> None:
        """Those of one more change."""
        self._events += happened
        self._publish(*happened)

    async def find(self, customer_id: str, sought: Sought, *, after: Position | None, size: int) -> list[Event]:
        found = [each for each in self._events if each.customer_id == customer_id and sought.matches(each)]
        newest = sorted(found, key=_position, reverse=True)
        return [each for each in newest if after is None or _position(each) < after][:size]


def _position(event: Event) -> Position:
    return event.by.at, event.id
