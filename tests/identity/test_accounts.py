"""The rules for customers, users and services, that the command line and the HTTP API share."""

from collections.abc import Callable
from typing import Any

import pytest
from argon2.profiles import CHEAPEST

from tallystick.core.errors import Conflict, Invalid, NotFound
from tallystick.core.people import Customer, Role, User
from tallystick.core.token import Token
from tallystick.identity import totp
from tallystick.identity.accounts import Accounts, NewUser
from tallystick.identity.keys import new_key_file, parse_key_file
from tallystick.identity.password import Passwords
from tallystick.storage.memory import MemoryStore
from tests.core.world import NOW, add, at, token

PASSWORD = "correct horse battery"
PASSWORDS = Passwords(CHEAPEST)


class World:
    """A customer, and whoever is made in it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.slow_calls = 0
        self.accounts = Accounts(
            self.store.people,
            keys=parse_key_file(new_key_file()),
            passwords=PASSWORDS,
            in_thread=self.in_thread,
        )

    async def in_thread(self, call: Callable[..., Any], /, *args: Any) -> Any:
        self.slow_calls += 1
        return call(*args)

    async def customer(self) -> Customer:
        return await self.accounts.add_customer("Acme", by=at(NOW))

    async def user(self, login: str = "ada", password: str = PASSWORD, name: str = "Ada Lovelace") -> User:
        known = await self.store.people.customers() or [await self.customer()]
        new = NewUser(customer_id=known[0].id, login=login, name=name, role=Role.USER, password=password)
        return await self.accounts.add_user(new, by=at(NOW))

    async def token(self, owner: User, name: str, services: tuple[str, ...] = ()) -> Token:
        return await add(self.store, token(owner, name, services=services, created_at=NOW))

    async def kept(self, one: Token) -> Token:
        found = await self.store.tokens.get(one.id)
        assert found is not None
        return found

    async def hash_of(self, user: User) -> str:
        found = await self.store.people.credentials(user.login)
        assert found is not None
        return found[1].password_hash


async def test_a_user_is_made_without_spaces_around_login_and_name() -> None:
    world = World()

    made = await world.user("  ada ", name=" Ada ")

    assert (made.login, made.name, made.two_factor) == ("ada", "Ada", False)
    assert made.created_at == made.updated_at == NOW
    assert PASSWORDS.verify(PASSWORD, await world.hash_of(made))


async def test_hashing_is_left_to_the_thread() -> None:
    world = World()

    await world.user()

    assert world.slow_calls == 1


async def test_a_taken_login_costs_no_hash() -> None:
    world = World()
    await world.user("ada")

    with pytest.raises(Conflict, match="the login Ada is taken"):
        await world.user("Ada")

    assert world.slow_calls == 1


@pytest.mark.parametrize("login", ["", " ", "a\x00b", "a\tb", "a\u202eb", "x" * 256])
async def test_a_login_that_cannot_be_seen_whole_is_refused(login: str) -> None:
    with pytest.raises(Invalid, match="a login has 1 to 255 characters"):
        await World().user(login)


@pytest.mark.parametrize("password", ["", "short", "password1", "adalovelace", "x" * 257])
async def test_a_password_that_anybody_would_guess_is_refused_for_new_and_old_users(password: str) -> None:
    world = World()
    user = await world.user()

    with pytest.raises(Invalid, match="password"):
        await world.user("bob", password, name="Ada Lovelace")
    with pytest.raises(Invalid, match="password"):
        await world.accounts.set_password(user, password, by=at(NOW))

    assert PASSWORDS.verify(PASSWORD, await world.hash_of(user))
    assert [one.login for one in await world.store.people.users()] == ["ada"]


async def test_a_new_password_replaces_the_old_one() -> None:
    world = World()
    user = await world.user()

    await world.accounts.set_password(user, "battery staple, correct", by=at(NOW))

    assert PASSWORDS.verify("battery staple, correct", await world.hash_of(user))


@pytest.mark.parametrize("ends", [True, False])
async def test_a_new_password_ends_all_tokens_of_the_user_or_none(ends: bool) -> None:
    world = World()
    ada, bob = await world.user("ada"), await world.user("bob")
    theirs, others = [await world.token(ada, name) for name in "ab"], await world.token(bob, "c")

    await world.accounts.set_password(ada, "battery staple, correct", end_tokens=ends, by=at(NOW))

    live = [(await world.kept(each)).is_live(NOW) for each in (*theirs, others)]
    assert live == [not ends, not ends, True]


async def test_who_cannot_be_deleted_is_told_which_tokens_stand_in_the_way() -> None:
    world = World()
    ada = await world.user()
    shop = await world.accounts.add_service(ada.customer_id, "shop", by=at(NOW))
    first, second = await world.token(ada, "a"), await world.token(ada, "b", services=(shop.id,))

    with pytest.raises(Conflict) as user_stays:
        await world.accounts.remove_user(ada.customer_id, ada.id, by=at(NOW))
    with pytest.raises(Conflict) as service_stays:
        await world.accounts.remove_service(ada.customer_id, shop.id, by=at(NOW))

    assert user_stays.value.token_ids == (first.id, second.id)
    assert service_stays.value.token_ids == (second.id,)


async def test_the_code_that_confirms_an_enrolment_is_used_up_by_it() -> None:
    world, secret = World(), totp.new_secret()
    user = await world.user()

    await world.accounts.enrol_totp(user, secret, code=totp.code_at(secret, NOW), by=at(NOW))

    step = totp.matching_step(secret, totp.code_at(secret, NOW), NOW)
    assert step is not None
    assert not await world.store.people.use_totp_step(user.id, step=step)
    assert await world.store.people.use_totp_step(user.id, step=step + 1)


async def test_a_code_of_another_secret_enrols_nobody() -> None:
    world = World()
    user = await world.user()

    with pytest.raises(Invalid, match="that code does not fit"):
        await world.accounts.enrol_totp(user, totp.new_secret(), code="000000x", by=at(NOW))

    assert not (await world.accounts.by_login("ada")).two_factor


async def test_one_app_does_not_take_the_place_of_another_unless_it_is_meant_to() -> None:
    world = World()
    user = await world.user()
    await world.accounts.enrol_totp(user, totp.new_secret(), code=None, first=True, by=at(NOW))
    kept = await world.store.people.credentials("ada")

    with pytest.raises(Conflict, match="is on already"):
        await world.accounts.enrol_totp(user, totp.new_secret(), code=None, first=True, by=at(NOW))

    assert await world.store.people.credentials("ada") == kept
    await world.accounts.enrol_totp(user, totp.new_secret(), code=None, by=at(NOW))
    assert await world.store.people.credentials("ada") != kept


async def test_the_secret_is_kept_sealed() -> None:
    world, secret = World(), totp.new_secret()
    user = await world.user()

    await world.accounts.enrol_totp(user, secret, code=None, by=at(NOW))

    found = await world.store.people.credentials("ada")
    assert found is not None
    assert found[1].totp_sealed is not None
    assert secret not in found[1].totp_sealed


async def test_removing_it_makes_the_password_enough() -> None:
    world = World()
    user = await world.user()
    await world.accounts.enrol_totp(user, totp.new_secret(), code=None, by=at(NOW))

    await world.accounts.remove_totp(user, by=at(NOW))

    assert not (await world.accounts.by_login("ada")).two_factor


async def test_who_is_not_there_is_not_found() -> None:
    world = World()

    with pytest.raises(NotFound, match="no user has the login ada"):
        await world.accounts.by_login("ada")
    with pytest.raises(NotFound):
        await world.accounts.add_service("nobody", "shop", by=at(NOW))


def test_a_new_user_shows_no_password() -> None:
    new = NewUser(customer_id="c", login="ada", name="Ada", role=Role.USER, password=PASSWORD)

    assert PASSWORD not in repr(new)


async def test_a_password_that_was_changed_meanwhile_is_not_replaced() -> None:
    world = World()
    user = await world.user()
    before = await world.store.people.credentials("ada")

    with pytest.raises(Conflict):
        await world.accounts.change_password(
            user, "quite another horse 42", replacing="$argon2id$older", end_tokens=False, spared=None, by=at(NOW)
        )

    assert await world.store.people.credentials("ada") == before
