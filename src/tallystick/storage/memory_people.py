"""Customers, users and services of the memory store."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import asdict, replace

from tallystick.core import events, verify
from tallystick.core.errors import Conflict, NotFound
from tallystick.core.events import Event, Origin
from tallystick.core.limits import Limit
from tallystick.core.outcome import HandOver, Outcome, Removal
from tallystick.core.people import Credentials, Customer, Service, User, UserChange, normal_login
from tallystick.core.ports import Seen
from tallystick.core.revoke import Reason
from tallystick.core.shadow import Shadowed
from tallystick.core.token import Token, moved
from tallystick.core.usage import Usage
from tallystick.storage.text import require_storable


class Write(Protocol):
    """Where the events of one change go, all of them at once: they get one number."""

    def __call__(self, *happened: Event) -> None: ...


class MemoryDirectory:
    """`ports.Directory`."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.by_id: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}  # `MemoryTokens` keeps them; they stand in the way of those who would leave
        self.shadows: dict[str, dict[tuple[Limit, str], Shadowed]] = {}  # `MemoryLimits` shows it; as usage
        self.spent: Counter[str] = Counter()  # likewise
        self.usage: dict[str, list[Usage]] = {}  # `MemoryUsage` shows it; it goes with its token
        self._customers: dict[str, Customer] = {}
        self._services: dict[str, Service] = {}
        self._credentials: dict[str, Credentials] = {}
        self._used_steps: dict[str, int] = {}
        self._recovery: dict[str, set[str]] = {}

    async def add_customer(self, customer: Customer, *, by: Origin) -> None:
        self.require_standing(by)
        require_storable(customer.name)
        if customer.id in self._customers:
            raise Conflict("a customer with this id exists already")
        self._customers[customer.id] = customer
        self._write(events.created(customer, by))

    async def add_user(self, user: User, *, password_hash: str, by: Origin) -> None:
        self.require_standing(by)
        require_storable(user.login, user.name)
        logins = {normal_login(other.login) for other in self.by_id.values()}
        if user.id in self.by_id or normal_login(user.login) in logins:
            raise Conflict("a user with this id or login exists already")
        if user.customer_id not in self._customers:
            raise NotFound("no such customer")
        self.by_id[user.id] = replace(user, two_factor=False, locked=False)
        self._credentials[user.id] = Credentials(user_id=user.id, password_hash=password_hash, totp_sealed=None)
        self._write(events.created(self.by_id[user.id], by))

    async def add_service(self, service: Service, *, by: Origin) -> None:
        self.require_standing(by)
        require_storable(service.name)
        if service.id in self._services:
            raise Conflict("a service with this id exists already")
        if service.customer_id not in self._customers:
            raise NotFound("no such customer")
        self._services[service.id] = service
        self._write(events.created(service, by))

    async def customers(self) -> list[Customer]:
        return sorted(self._customers.values(), key=age)

    async def users(self, customer_id: str | None = None) -> list[User]:
        return sorted((each for each in self.by_id.values() if customer_id in (None, each.customer_id)), key=age)

    async def known_services(self, customer_id: str, service_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in service_ids if self.knows([each], customer_id))

    def knows(self, service_ids: Sequence[str], customer_id: str) -> bool:
        """Whether all of them are services of this customer."""
        found = [self._services.get(each) for each in service_ids]
        return all(each is not None and each.customer_id == customer_id for each in found)

    def require_standing(self, by: Origin) -> None:
        """Raise `Unauthenticated` when the token behind a change is over by now, or another's, or its user is locked."""
        if by.token_id is not None:
            token = self.tokens.get(by.token_id)
            verify.require_standing(None if token is None else Seen(token, self.by_id.get(token.user_id or "")), by)

    def is_unproven(self, user_id: str, proof: str | None) -> bool:
        """Whether they are locked, or have another password than was proven (None = any)."""
        known = self._credentials.get(user_id)
        return known is not None and (self.by_id[user_id].locked or proof not in (None, known.password_hash))

    async def services(self, customer_id: str | None = None) -> list[Service]:
        return sorted((each for each in self._services.values() if customer_id in (None, each.customer_id)), key=age)

    async def customer(self, customer_id: str) -> Customer | None:
        return self._customers.get(customer_id)

    async def user(self, user_id: str) -> User | None:
        return self.by_id.get(user_id)

    async def service(self, service_id: str) -> Service | None:
        return self._services.get(service_id)

    async def rename_customer(self, customer_id: str, *, name: str, by: Origin) -> bool:
        self.require_standing(by)
        require_storable(name)
        before = self._customers.get(customer_id)
        if before is None:
            return False
        self._customers[customer_id] = replace(before, name=name)
        self._write(events.changed(before, self._customers[customer_id], by))
        return True

    async def rename_service(self, service_id: str, *, customer_id: str, name: str, by: Origin) -> bool:
        self.require_standing(by)
        require_storable(name)
        if not self.knows([service_id], customer_id):
            return False
        before = self._services[service_id]
        self._services[service_id] = replace(before, name=name)
        self._write(events.changed(before, self._services[service_id], by))
        return True

    async def remove_service(self, service_id: str, *, customer_id: str, by: Origin) -> Removal:
        self.require_standing(by)
        if not self.knows([service_id], customer_id):
            return Removal(Outcome.UNKNOWN)
        limited = [one for one in self.tokens.values() if service_id in one.services and one.is_live(by.at)]
        if limited:
            return Removal(Outcome.IN_USE, tuple(one.id for one in sorted(limited, key=age)))
        self._write(events.removed(self._services.pop(service_id), by))
        return Removal(Outcome.DONE)

    async def change_user(self, user_id: str, *, customer_id: str, change: UserChange, by: Origin) -> Outcome:
        self.require_standing(by)
        require_storable(change.login or "", change.name or "")
        before = self.by_id.get(user_id)
        if before is None or before.customer_id != customer_id:
            return Outcome.UNKNOWN
        if change.seen not in (None, before.updated_at):
            return Outcome.STALE
        return self._change(before, replace(change, seen=None), by)

    def _change(self, before: User, change: UserChange, by: Origin, *also: Event) -> Outcome:
        wanted = {name: value for name, value in asdict(change).items() if value is not None}
        after = replace(before, **wanted, updated_at=by.at)
        if not after.is_active_superuser and self._is_last_superuser(before):
            return Outcome.LAST_SUPERUSER
        if any(normal_login(each.login) == normal_login(after.login) for each in self._others(before.id)):
            raise Conflict("another user has this login")
        self.by_id[before.id] = after
        self._write(*also, events.changed(before, after, by))
        return Outcome.DONE

    async def remove_user(self, user_id: str, *, customer_id: str, by: Origin) -> Removal:
        self.require_standing(by)
        user = self.by_id.get(user_id)
        if user is None or user.customer_id != customer_id:
            return Removal(Outcome.UNKNOWN)
        return self._remove(user, by)

    def _remove(self, user: User, by: Origin, *also: Event) -> Removal:
        if self._is_last_superuser(user):
            return Removal(Outcome.LAST_SUPERUSER)
        own = sorted((one for one in self.tokens.values() if one.user_id == user.id), key=age)
        if live := tuple(one.id for one in own if one.is_live(by.at)):
            return Removal(Outcome.IN_USE, live)
        for one in own:
            del self.tokens[one.id]
            self.usage.pop(one.id, None)
            self.shadows.pop(one.id, None)
            self.spent.pop(one.id, None)
        del self.by_id[user.id], self._credentials[user.id]
        self._used_steps.pop(user.id, None)
        self._write(*also, events.removed(user, by))
        return Removal(Outcome.DONE)

    async def hand_over(self, user_id: str, *, customer_id: str, plan: HandOver, by: Origin) -> Removal:
        self.require_standing(by)
        user = self.by_id.get(user_id)
        if user is None or user.customer_id != customer_id:
            return Removal(Outcome.UNKNOWN)
        if self._is_last_superuser(user):
            return Removal(Outcome.LAST_SUPERUSER)
        live = {one.id: one for one in self.tokens.values() if one.user_id == user_id and one.is_live(by.at)}
        if stale := plan.stale(live.keys()):
            return Removal(Outcome.STALE, stale)
        happened = [self._move(live[token_id], plan, by) for token_id in plan.moved]
        happened += [self.end(live[token_id], by, reason=Reason.AFFILIATION_CHANGED) for token_id in plan.ended]
        if plan.delete:
            return self._remove(user, by, *happened)
        return Removal(self._change(user, UserChange(locked=True), by, *happened))

    def _move(self, token: Token, plan: HandOver, by: Origin) -> Event:
        self.tokens[token.id] = moved(token, plan.role)
        return events.changed(token, self.tokens[token.id], by, action="move")

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        for user in self.by_id.values():
            if normal_login(user.login) == normal_login(login):
                return user, self._credentials[user.id]
        return None

    async def set_password(
        self, user_id: str, *, password_hash: str, replacing: str | None, by: Origin, kept: str | None = None
    ) -> bool:
        self.require_standing(by)
        known = self._credentials.get(user_id)
        if known is None or replacing not in (None, known.password_hash):
            return False
        self._credentials[user_id] = replace(known, password_hash=password_hash)
        self.by_id[user_id] = replace(self.by_id[user_id], updated_at=by.at)
        others = [one for one in self.tokens.values() if one.user_id == user_id and one.id != kept]
        ending = [] if kept is None else [one for one in others if one.revoked_at is None]
        self._write(events.noted("password", self.by_id[user_id], by), *[self.end(one, by) for one in ending])
        return True

    async def renew_hash(self, user_id: str, *, password_hash: str, replacing: str) -> bool:
        known = self._credentials.get(user_id)
        if known is None or known.password_hash != replacing:
            return False
        self._credentials[user_id] = replace(known, password_hash=password_hash)
        return True

    async def set_totp(self, user_id: str, *, sealed: bytes | None, first: bool = False, by: Origin) -> bool:
        self.require_standing(by)
        if user_id not in self.by_id or (first and self.by_id[user_id].two_factor):
            return False
        self._credentials[user_id] = replace(self._credentials[user_id], totp_sealed=sealed)
        before = self.by_id[user_id]
        self.by_id[user_id] = replace(before, two_factor=sealed is not None, updated_at=by.at)
        self._write(events.changed(before, self.by_id[user_id], by, action="two_factor"))
        self._used_steps.pop(user_id, None)
        self._recovery.pop(user_id, None)
        return True

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        if user_id not in self.by_id or self._used_steps.get(user_id, -math.inf) >= step:
            return False
        self._used_steps[user_id] = step
        return True

    async def set_recovery_codes(
        self, user_id: str, *, digests: Sequence[str], seen: int | None = None, by: Origin
    ) -> bool:
        self.require_standing(by)
        user = self.by_id.get(user_id)
        if user is None or not user.two_factor or seen not in (None, user.updated_at):
            return False
        self._recovery[user_id] = set(digests)
        self.by_id[user_id] = replace(user, updated_at=by.at)
        self._write(events.noted("recovery_codes", self.by_id[user_id], by))
        return True

    async def use_recovery_code(self, user_id: str, *, digest: str) -> bool:
        left = self._recovery.get(user_id, set())
        known = digest in left
        left.discard(digest)
        return known

    async def recovery_codes_left(self, user_id: str) -> int:
        return len(self._recovery.get(user_id, ()))

    def has(self, customer_id: str, user_id: str | None) -> bool:
        """Whether there is this customer, with this user if one is named."""
        if user_id is None:
            return customer_id in self._customers
        user = self.by_id.get(user_id)
        return user is not None and user.customer_id == customer_id

    def end(self, token: Token, by: Origin, *, reason: str | None = None) -> Event:
        """Revoke a token that is not revoked.  Returns its event, which is the caller's to write."""
        self.tokens[token.id] = replace(token, revoked_at=by.at)
        return events.revoked(token, by, reason=reason)

    def _is_last_superuser(self, user: User) -> bool:
        colleagues = [each for each in self._others(user.id) if each.customer_id == user.customer_id]
        return user.is_active_superuser and not any(each.is_active_superuser for each in colleagues)

    def _others(self, user_id: str) -> list[User]:
        return [each for each in self.by_id.values() if each.id != user_id]


def age(record: Token | Customer | User | Service) -> tuple[int, str]:
    """What lists are sorted by: the oldest first, and ties by id."""
    return record.created_at, record.id
