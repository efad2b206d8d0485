"""The executable specification of the ports: what every store does, in dictionaries.

No method waits, so each runs whole: that is all the transaction there is.
"""

import math
from collections.abc import AsyncIterator, Sequence

from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict, NotFound
from tallystick.core.people import Credentials, Customer, Service, User, normal_login
from tallystick.core.ports import Added, Failures, Seen
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.storage.text import readable, require_storable


class MemoryStore:
    """A store that is gone with its process: for tests, and to see what the others must do."""

    def __init__(self) -> None:
        self.people = MemoryDirectory()
        self.tokens = MemoryTokens(self.people)
        self.guesses = MemoryGuesses()

    async def ready(self) -> None:
        """Always."""

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryTokens:
    """`ports.TokenStore`."""

    def __init__(self, people: "MemoryDirectory") -> None:
        self._people = people
        self._tokens: dict[str, Token] = {}
        self._by_digest: dict[Digest, str] = {}

    async def look_up(self, digest: Digest) -> Seen | None:
        token_id = self._by_digest.get(digest)
        if token_id is None:
            return None
        token = self._tokens[token_id]
        return Seen(token, self._people.by_id[token.user_id])

    async def get(self, token_id: str) -> Token | None:
        return self._tokens.get(token_id)

    async def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        after: tuple[float, str] = (-math.inf, "")
        while batch := self._batch(reach, after, size):
            yield batch
            after = _age(batch[-1])

    def _batch(self, reach: Reach, after: tuple[float, str], size: int) -> list[Token]:
        within = [token for token in self._tokens.values() if token.revoked_at is None and reach.covers(token)]
        return sorted((token for token in within if _age(token) > after), key=_age)[:size]

    async def add(self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, now: int) -> Added:
        require_storable(token.name)
        if parent_id is not None and not self._is_unrevoked(parent_id):
            return Added.PARENT_GONE
        if sum(other.user_id == token.user_id and other.is_live(now) for other in self._tokens.values()) >= limit:
            return Added.TOO_MANY
        if token.id in self._tokens or digest in self._by_digest:
            raise Conflict("a token with this id or digest exists already")
        user = self._people.by_id.get(token.user_id)
        if user is None or user.customer_id != token.customer_id:
            raise NotFound("no such user")
        self._tokens[token.id] = replace(token, sudo_until=None, last_use=None, revoked_at=None)
        self._by_digest[digest] = token.id
        return Added.DONE

    async def raise_sudo(self, token_id: str, *, until: int) -> bool:
        if not self._is_unrevoked(token_id):
            return False
        self._tokens[token_id] = replace(self._tokens[token_id], sudo_until=until)
        return True

    async def revoke(self, token_id: str, *, reach: Reach, now: int) -> bool:
        if not self._is_unrevoked(token_id) or not reach.covers(self._tokens[token_id]):
            return False
        self._tokens[token_id] = replace(self._tokens[token_id], revoked_at=now)
        return True

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, now: int) -> tuple[str, ...]:
        asked = tuple(dict.fromkeys(token_ids))
        foreign = tuple(each for each in asked if each not in self._tokens or not reach.covers(self._tokens[each]))
        if not foreign:
            for token_id in asked:
                await self.revoke(token_id, reach=reach, now=now)
        return foreign

    async def touch(self, uses: Sequence[tuple[str, LastUse]]) -> None:
        for token_id, use in uses:
            token = self._tokens.get(token_id)
            if token is not None and (token.last_use is None or token.last_use.at <= use.at):
                last_use = LastUse(use.at, readable(use.ip), readable(use.user_agent))
                self._tokens[token_id] = replace(token, last_use=last_use)

    def _is_unrevoked(self, token_id: str) -> bool:
        return token_id in self._tokens and self._tokens[token_id].revoked_at is None


class MemoryDirectory:
    """`ports.Directory`."""

    def __init__(self) -> None:
        self.by_id: dict[str, User] = {}
        self._customers: dict[str, Customer] = {}
        self._services: dict[str, Service] = {}
        self._credentials: dict[str, Credentials] = {}
        self._used_steps: dict[str, int] = {}

    async def add_customer(self, customer: Customer) -> None:
        require_storable(customer.name)
        if customer.id in self._customers:
            raise Conflict("a customer with this id exists already")
        self._customers[customer.id] = customer

    async def add_user(self, user: User, *, password_hash: str) -> None:
        require_storable(user.login, user.name)
        logins = {normal_login(other.login) for other in self.by_id.values()}
        if user.id in self.by_id or normal_login(user.login) in logins:
            raise Conflict("a user with this id or login exists already")
        if user.customer_id not in self._customers:
            raise NotFound("no such customer")
        self.by_id[user.id] = replace(user, two_factor=False)
        self._credentials[user.id] = Credentials(user_id=user.id, password_hash=password_hash, totp_sealed=None)

    async def add_service(self, service: Service) -> None:
        require_storable(service.name)
        if service.id in self._services:
            raise Conflict("a service with this id exists already")
        if service.customer_id not in self._customers:
            raise NotFound("no such customer")
        self._services[service.id] = service

    async def customers(self) -> list[Customer]:
        return sorted(self._customers.values(), key=_age)

    async def users(self, customer_id: str | None = None) -> list[User]:
        return sorted((each for each in self.by_id.values() if customer_id in (None, each.customer_id)), key=_age)

    async def known_services(self, customer_id: str, service_ids: Sequence[str]) -> frozenset[str]:
        known = frozenset(each.id for each in self._services.values() if each.customer_id == customer_id)
        return known.intersection(service_ids)

    async def services(self, customer_id: str | None = None) -> list[Service]:
        return sorted((each for each in self._services.values() if customer_id in (None, each.customer_id)), key=_age)

    async def customer(self, customer_id: str) -> Customer | None:
        return self._customers.get(customer_id)

    async def user(self, user_id: str) -> User | None:
        return self.by_id.get(user_id)

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        for user in self.by_id.values():
            if normal_login(user.login) == normal_login(login):
                return user, self._credentials[user.id]
        return None

    async def set_password(self, user_id: str, *, password_hash: str, replacing: str | None, now: int) -> bool:
        known = self._credentials.get(user_id)
        if known is None or replacing not in (None, known.password_hash):
            return False
        self._credentials[user_id] = replace(known, password_hash=password_hash)
        self.by_id[user_id] = replace(self.by_id[user_id], updated_at=now)
        return True

    async def set_totp(self, user_id: str, *, sealed: bytes | None, now: int) -> bool:
        if user_id not in self.by_id:
            return False
        self._credentials[user_id] = replace(self._credentials[user_id], totp_sealed=sealed)
        self.by_id[user_id] = replace(self.by_id[user_id], two_factor=sealed is not None, updated_at=now)
        self._used_steps.pop(user_id, None)
        return True

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        if user_id not in self.by_id or self._used_steps.get(user_id, -math.inf) >= step:
            return False
        self._used_steps[user_id] = step
        return True


class MemoryGuesses:
    """`ports.GuessLog`."""

    def __init__(self) -> None:
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

    async def forget_older(self, *, before: int) -> None:
        self._failures = {key: noted for key, noted in self._failures.items() if noted.last_at >= before}


def _age(record: Token | Customer | User | Service) -> tuple[int, str]:
    return record.created_at, record.id
