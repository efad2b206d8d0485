"""Customers, users and services in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from tallystick.core.events import Origin
from tallystick.core.people import Credentials, Customer, Service, User, UserChange, normal_login
from tallystick.core.ports import HandOver, Outcome, Removal
from tallystick.storage import rows
from tallystick.storage.sqlite import changes, handover, recovery
from tallystick.storage.sqlite.changes import Addition, Change, Parameters
from tallystick.storage.sqlite.handover import Leaving
from tallystick.storage.sqlite.reader import Reader
from tallystick.storage.sqlite.writer import Writer
from tallystick.storage.statements import load
from tallystick.storage.text import is_storable, require_storable

_SQL: Final = load("sqlite", driver="sqlite3")


class SqliteDirectory:
    """`ports.Directory`."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def add_customer(self, customer: Customer, *, by: Origin) -> None:
        require_storable(customer.name)
        await self._writer.submit(changes.add_customers, Addition(customer, rows.of_customer(customer), by))

    async def add_user(self, user: User, *, password_hash: str, by: Origin) -> None:
        require_storable(user.login, user.name)
        new = replace(user, two_factor=False, locked=False)
        wanted = rows.of_user(user, password_hash=password_hash)
        await self._writer.submit(changes.add_users, Addition(new, wanted, by))

    async def add_service(self, service: Service, *, by: Origin) -> None:
        require_storable(service.name)
        await self._writer.submit(changes.add_services, Addition(service, rows.of_service(service), by))

    async def customers(self) -> list[Customer]:
        return [rows.customer(row) for row in self._reader.all(_SQL.customers, {})]

    async def users(self, customer_id: str | None = None) -> list[User]:
        found = self._all_or_of(customer_id, every=_SQL.users, of_customer=_SQL.users_of_customer)
        return [rows.user(row) for row in found]

    async def known_services(self, customer_id: str, service_ids: Sequence[str]) -> frozenset[str]:
        if not service_ids:
            return frozenset()  # most tokens are not limited: no question, no answer
        wanted = {"customer_id": customer_id, "ids": rows.json(tuple(filter(is_storable, service_ids)))}
        return frozenset(row[0] for row in self._reader.all(_SQL.known_services, wanted))

    async def services(self, customer_id: str | None = None) -> list[Service]:
        found = self._all_or_of(customer_id, every=_SQL.services, of_customer=_SQL.services_of_customer)
        return [rows.service(row) for row in found]

    async def customer(self, customer_id: str) -> Customer | None:
        row = self._reader.one(_SQL.customer, {"id": customer_id})
        return None if row is None else rows.customer(row)

    async def user(self, user_id: str) -> User | None:
        row = self._reader.one(_SQL.user, {"id": user_id})
        return None if row is None else rows.user(row)

    async def service(self, service_id: str) -> Service | None:
        row = self._reader.one(_SQL.service, {"id": service_id})
        return None if row is None else rows.service(row)

    async def rename_customer(self, customer_id: str, *, name: str, by: Origin) -> bool:
        require_storable(name)
        change = Change({"id": customer_id, "name": name}, by)
        return is_storable(customer_id) and await self._writer.submit(changes.rename_customers, change)

    async def rename_service(self, service_id: str, *, customer_id: str, name: str, by: Origin) -> bool:
        require_storable(name)
        change = Change({"id": service_id, "customer_id": customer_id, "name": name}, by)
        return is_storable(service_id) and await self._writer.submit(changes.rename_services, change)

    async def remove_service(self, service_id: str, *, customer_id: str, by: Origin) -> Removal:
        if not is_storable(service_id):
            return Removal(Outcome.UNKNOWN)
        removal = Change({"id": service_id, "customer_id": customer_id, "now": by.at}, by)
        return await self._writer.submit(changes.remove_services, removal)

    async def change_user(self, user_id: str, *, customer_id: str, change: UserChange, by: Origin) -> Outcome:
        require_storable(change.login or "", change.name or "")
        if not is_storable(user_id):
            return Outcome.UNKNOWN
        wanted = {"id": user_id, "customer_id": customer_id, "now": by.at, **rows.of_change(change)}
        return await self._writer.submit(changes.change_users, Change(wanted, by))

    async def remove_user(self, user_id: str, *, customer_id: str, by: Origin) -> Removal:
        if not is_storable(user_id):
            return Removal(Outcome.UNKNOWN)
        removal = Change({"id": user_id, "customer_id": customer_id, "now": by.at}, by)
        return await self._writer.submit(changes.remove_users, removal)

    async def hand_over(self, user_id: str, *, customer_id: str, plan: HandOver, by: Origin) -> Removal:
        if not is_storable(user_id):
            return Removal(Outcome.UNKNOWN)
        leaving = Leaving(Change({"id": user_id, "customer_id": customer_id, "now": by.at}, by), plan)
        return await self._writer.submit(handover.hand_over, leaving)

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        row = self._reader.one(_SQL.credentials, {"login_key": normal_login(login)})
        return None if row is None else rows.proof(row)

    async def set_password(
        self, user_id: str, *, password_hash: str, replacing: str | None, by: Origin, kept: str | None = None
    ) -> bool:
        wanted = {"id": user_id, "password_hash": password_hash, "replacing": replacing, "now": by.at, "kept": kept}
        return await self._writer.submit(changes.set_passwords, Change(wanted, by))

    async def renew_hash(self, user_id: str, *, password_hash: str, replacing: str) -> None:
        wanted = {"id": user_id, "password_hash": password_hash, "replacing": replacing}
        await self._writer.submit(_renew_hash, wanted)

    async def set_totp(self, user_id: str, *, sealed: bytes | None, by: Origin) -> bool:
        change = Change({"id": user_id, "sealed": sealed, "now": by.at}, by)
        return await self._writer.submit(changes.set_totps, change)

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        return await self._writer.submit(_use_totp_step, {"id": user_id, "step": step})

    async def set_recovery_codes(self, user_id: str, *, digests: Sequence[str], by: Origin) -> bool:
        wanted = {"id": user_id, "digests": recovery.kept(digests), "now": by.at}
        return await self._writer.submit(recovery.set_codes, Change(wanted, by))

    async def use_recovery_code(self, user_id: str, *, digest: str) -> bool:
        return await self._writer.submit(recovery.use_codes, {"id": user_id, "digest": recovery.kept([digest])})

    async def recovery_codes_left(self, user_id: str) -> int:
        row = self._reader.one(_SQL.recovery, {"id": user_id})
        return 0 if row is None else len(row[0].split())

    def _all_or_of(self, customer_id: str | None, *, every: str, of_customer: str) -> list[rows.Row]:
        if customer_id is None:
            return self._reader.all(every, {})
        return self._reader.all(of_customer, {"customer_id": customer_id})


def _renew_hash(connection: sqlite3.Connection, renewals: Sequence[Parameters]) -> list[None]:
    for each in renewals:
        connection.execute(_SQL.renew_hash, each)
    return [None] * len(renewals)


def _use_totp_step(connection: sqlite3.Connection, uses: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.use_totp_step, each).rowcount == 1 for each in uses]
