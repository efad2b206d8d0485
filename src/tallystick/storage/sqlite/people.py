"""Customers, users and services in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tallystick.core.people import Credentials, Customer, Service, User, UserChange, normal_login
from tallystick.core.ports import Outcome, Removal
from tallystick.storage import rows
from tallystick.storage.sqlite import changes
from tallystick.storage.sqlite.changes import Parameters
from tallystick.storage.sqlite.connection import refused
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

    async def add_customer(self, customer: Customer) -> None:
        require_storable(customer.name)
        await self._writer.submit(_add_customer, rows.of_customer(customer))

    async def add_user(self, user: User, *, password_hash: str) -> None:
        require_storable(user.login, user.name)
        await self._writer.submit(_add_user, rows.of_user(user, password_hash=password_hash))

    async def add_service(self, service: Service) -> None:
        require_storable(service.name)
        await self._writer.submit(_add_service, rows.of_service(service))

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

    async def rename_customer(self, customer_id: str, *, name: str) -> bool:
        require_storable(name)
        wanted = {"id": customer_id, "name": name}
        return is_storable(customer_id) and await self._writer.submit(changes.rename_customer, wanted)

    async def rename_service(self, service_id: str, *, customer_id: str, name: str) -> bool:
        require_storable(name)
        wanted = {"id": service_id, "customer_id": customer_id, "name": name}
        return is_storable(service_id) and await self._writer.submit(changes.rename_service, wanted)

    async def remove_service(self, service_id: str, *, customer_id: str, now: int) -> Removal:
        if not is_storable(service_id):
            return Removal(Outcome.UNKNOWN)
        wanted = {"id": service_id, "customer_id": customer_id, "now": now}
        return await self._writer.submit(changes.remove_service, wanted)

    async def change_user(self, user_id: str, *, customer_id: str, change: UserChange, now: int) -> Outcome:
        require_storable(change.login or "", change.name or "")
        if not is_storable(user_id):
            return Outcome.UNKNOWN
        wanted = {"id": user_id, "customer_id": customer_id, "now": now, **rows.of_change(change)}
        return await self._writer.submit(changes.change_user, wanted)

    async def remove_user(self, user_id: str, *, customer_id: str, now: int) -> Removal:
        if not is_storable(user_id):
            return Removal(Outcome.UNKNOWN)
        wanted = {"id": user_id, "customer_id": customer_id, "now": now}
        return await self._writer.submit(changes.remove_user, wanted)

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        row = self._reader.one(_SQL.credentials, {"login_key": normal_login(login)})
        return None if row is None else rows.proof(row)

    async def set_password(
        self, user_id: str, *, password_hash: str, replacing: str | None, now: int, kept: str | None = None
    ) -> bool:
        wanted = {"id": user_id, "password_hash": password_hash, "replacing": replacing, "now": now}
        if kept is None:
            return await self._writer.submit(_set_password, wanted)
        return await self._writer.submit(changes.set_password_and_end, wanted | {"user_id": user_id, "kept": kept})

    async def set_totp(self, user_id: str, *, sealed: bytes | None, now: int) -> bool:
        return await self._writer.submit(_set_totp, {"id": user_id, "sealed": sealed, "now": now})

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        return await self._writer.submit(_use_totp_step, {"id": user_id, "step": step})

    def _all_or_of(self, customer_id: str | None, *, every: str, of_customer: str) -> list[rows.Row]:
        if customer_id is None:
            return self._reader.all(every, {})
        return self._reader.all(of_customer, {"customer_id": customer_id})


def _add_customer(connection: sqlite3.Connection, customers: Sequence[Parameters]) -> list[None]:
    return _insert(connection, _SQL.add_customer, customers, taken="a customer with this id exists already")


def _add_user(connection: sqlite3.Connection, users: Sequence[Parameters]) -> list[None]:
    return _insert(connection, _SQL.add_user, users, taken="a user with this id or login exists already")


def _add_service(connection: sqlite3.Connection, services: Sequence[Parameters]) -> list[None]:
    return _insert(connection, _SQL.add_service, services, taken="a service with this id exists already")


def _insert(connection: sqlite3.Connection, sql: str, items: Sequence[Parameters], *, taken: str) -> list[None]:
    try:
        for item in items:
            connection.execute(sql, item)
    except sqlite3.IntegrityError as error:
        raise refused(error, taken=taken, missing="no such customer") from error
    return [None] * len(items)


def _set_password(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.set_password, each).rowcount == 1 for each in changes]


def _set_totp(connection: sqlite3.Connection, changes: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.set_totp, each).rowcount == 1 for each in changes]


def _use_totp_step(connection: sqlite3.Connection, uses: Sequence[Parameters]) -> list[bool]:
    return [connection.execute(_SQL.use_totp_step, each).rowcount == 1 for each in uses]
