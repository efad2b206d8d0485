"""Customers, users and services."""

from collections.abc import Sequence

from msgspec.structs import replace

from tallystick.core.events import Origin
from tallystick.core.outcome import HandOver, Outcome, Removal
from tallystick.core.people import Credentials, Customer, Service, User, UserChange, normal_login
from tallystick.storage import rows
from tallystick.storage.parts import changing, handover, recovery
from tallystick.storage.parts.changing import Addition, Change, within
from tallystick.storage.parts.handover import Leaving
from tallystick.storage.text import is_storable, require_storable
from tallystick.storage.transaction import Parameters, Reads, Transaction, Writes


class SqlDirectory:
    """`ports.Directory`."""

    def __init__(self, reader: Reads, writer: Writes) -> None:
        self._reader = reader
        self._writer = writer

    async def add_customer(self, customer: Customer, *, by: Origin) -> None:
        require_storable(customer.name)
        addition = Addition(customer, rows.of_customer(customer), by)
        await self._writer.submit(changing.add_customers, addition, within(by, customer=customer.id))

    async def add_user(self, user: User, *, password_hash: str, by: Origin) -> None:
        require_storable(user.login, user.name)
        new = replace(user, two_factor=False, locked=False)
        wanted = rows.of_user(user, password_hash=password_hash)
        await self._writer.submit(changing.add_users, Addition(new, wanted, by), within(by, customer=user.customer_id))

    async def add_service(self, service: Service, *, by: Origin) -> None:
        require_storable(service.name)
        addition = Addition(service, rows.of_service(service), by)
        await self._writer.submit(changing.add_services, addition, within(by, customer=service.customer_id))

    async def customers(self) -> list[Customer]:
        return [rows.customer(row) for row in await self._reader.all(self._reader.sql.customers, {})]

    async def users(self, customer_id: str | None = None) -> list[User]:
        found = await self._all_or_of(
            customer_id, every=self._reader.sql.users, of_customer=self._reader.sql.users_of_customer
        )
        return [rows.user(row) for row in found]

    async def known_services(self, customer_id: str, service_ids: Sequence[str]) -> frozenset[str]:
        if not service_ids:
            return frozenset()  # most tokens are not limited: no question, no answer
        wanted = {"customer_id": customer_id, "ids": rows.json(tuple(filter(is_storable, service_ids)))}
        return frozenset(row[0] for row in await self._reader.all(self._reader.sql.known_services, wanted))

    async def services(self, customer_id: str | None = None) -> list[Service]:
        found = await self._all_or_of(
            customer_id, every=self._reader.sql.services, of_customer=self._reader.sql.services_of_customer
        )
        return [rows.service(row) for row in found]

    async def customer(self, customer_id: str) -> Customer | None:
        row = await self._reader.one(self._reader.sql.customer, {"id": customer_id})
        return None if row is None else rows.customer(row)

    async def user(self, user_id: str) -> User | None:
        row = await self._reader.one(self._reader.sql.user, {"id": user_id})
        return None if row is None else rows.user(row)

    async def service(self, service_id: str) -> Service | None:
        row = await self._reader.one(self._reader.sql.service, {"id": service_id})
        return None if row is None else rows.service(row)

    async def rename_customer(self, customer_id: str, *, name: str, by: Origin) -> bool:
        require_storable(name)
        change = Change({"id": customer_id, "name": name}, by)
        if not is_storable(customer_id):
            return False
        return await self._writer.submit(changing.rename_customers, change, within(by, customer=customer_id))

    async def rename_service(self, service_id: str, *, customer_id: str, name: str, by: Origin) -> bool:
        require_storable(name)
        change = Change({"id": service_id, "customer_id": customer_id, "name": name}, by)
        if not is_storable(service_id):
            return False
        return await self._writer.submit(changing.rename_services, change, within(by, customer=customer_id))

    async def remove_service(self, service_id: str, *, customer_id: str, by: Origin) -> Removal:
        if not is_storable(service_id):
            return Removal(Outcome.UNKNOWN)
        removal = Change({"id": service_id, "customer_id": customer_id, "now": by.at}, by)
        return await self._writer.submit(changing.remove_services, removal, within(by, customer=customer_id))

    async def change_user(self, user_id: str, *, customer_id: str, change: UserChange, by: Origin) -> Outcome:
        require_storable(change.login or "", change.name or "")
        if not is_storable(user_id):
            return Outcome.UNKNOWN
        wanted = {"id": user_id, "customer_id": customer_id, "now": by.at, **rows.of_change(change)}
        whose = within(by, customer=customer_id)
        return await self._writer.submit(changing.change_users, Change(wanted, by), whose)

    async def remove_user(self, user_id: str, *, customer_id: str, by: Origin) -> Removal:
        if not is_storable(user_id):
            return Removal(Outcome.UNKNOWN)
        removal = Change({"id": user_id, "customer_id": customer_id, "now": by.at}, by)
        return await self._writer.submit(changing.remove_users, removal, within(by, customer=customer_id, much=True))

    async def hand_over(self, user_id: str, *, customer_id: str, plan: HandOver, by: Origin) -> Removal:
        if not is_storable(user_id):
            return Removal(Outcome.UNKNOWN)
        leaving = Leaving(Change({"id": user_id, "customer_id": customer_id, "now": by.at}, by), plan)
        return await self._writer.submit(handover.hand_over, leaving, within(by, customer=customer_id, much=True))

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        row = await self._reader.one(self._reader.sql.credentials, {"login_key": normal_login(login)})
        return None if row is None else rows.proof(row)

    async def set_password(
        self, user_id: str, *, password_hash: str, replacing: str | None, by: Origin, kept: str | None = None
    ) -> bool:
        wanted = {"id": user_id, "password_hash": password_hash, "replacing": replacing, "now": by.at, "kept": kept}
        return await self._writer.submit(changing.set_passwords, Change(wanted, by), within(by, user=user_id))

    async def renew_hash(self, user_id: str, *, password_hash: str, replacing: str) -> bool:
        wanted = {"id": user_id, "password_hash": password_hash, "replacing": replacing}
        return await self._writer.submit(_renew_hash, wanted)

    async def set_totp(self, user_id: str, *, sealed: bytes | None, first: bool = False, by: Origin) -> bool:
        change = Change({"id": user_id, "sealed": sealed, "first": int(first), "now": by.at}, by)
        return await self._writer.submit(changing.set_totps, change, within(by, user=user_id))

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        return await self._writer.submit(_use_totp_step, {"id": user_id, "step": step})

    async def set_recovery_codes(
        self, user_id: str, *, digests: Sequence[str], seen: int | None = None, by: Origin
    ) -> bool:
        wanted = {"id": user_id, "digests": recovery.kept(digests), "seen": seen, "now": by.at}
        return await self._writer.submit(recovery.set_codes, Change(wanted, by), within(by, user=user_id))

    async def use_recovery_code(self, user_id: str, *, digest: str) -> bool:
        return await self._writer.submit(recovery.use_codes, {"id": user_id, "digest": recovery.kept([digest])})

    async def recovery_codes_left(self, user_id: str) -> int:
        row = await self._reader.one(self._reader.sql.recovery, {"id": user_id})
        return 0 if row is None else len(row[0].split())

    async def _all_or_of(self, customer_id: str | None, *, every: str, of_customer: str) -> Sequence[rows.Row]:
        if customer_id is None:
            return await self._reader.all(every, {})
        return await self._reader.all(of_customer, {"customer_id": customer_id})


async def _renew_hash(tx: Transaction, renewals: Sequence[Parameters]) -> list[bool]:
    return [await tx.run(tx.sql.renew_hash, each) == 1 for each in renewals]


async def _use_totp_step(tx: Transaction, uses: Sequence[Parameters]) -> list[bool]:
    return [await tx.run(tx.sql.use_totp_step, each) == 1 for each in uses]
