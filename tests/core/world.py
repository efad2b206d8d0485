"""A small world for tests that need people and tokens: one customer with a superuser and two users, and a stranger's."""

from typing import Any, TypeVar

import msgspec

from tallystick import testing
from tallystick.core.caller import Caller
from tallystick.core.events import Origin
from tallystick.core.outcome import Added
from tallystick.core.people import Customer, Role, Service, User
from tallystick.core.ports import Store
from tallystick.core.scope import stored
from tallystick.core.secret import Secret, digester
from tallystick.core.token import Token

# 2026-02-03T04:05:06Z, between two whole seconds: what rounds, shows.
NOW = 1_770_091_506_789
SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

StoreT = TypeVar("StoreT", bound=Store)


class FakeClock(testing.FakeClock):
    """It stands at NOW, until a test moves it."""

    def __init__(self) -> None:
        super().__init__(NOW)

    def move(self, milliseconds: int) -> None:
        self.advance(seconds=milliseconds / SECOND)


def at(now: int, **fields: Any) -> Origin:
    """Somebody changes something then."""
    return Origin(at=now, **fields)


ACME = Customer(id="cAcme0000000000000000A", name="Acme", created_at=NOW - DAY)
OTHER = Customer(id="cOther000000000000000B", name="Other", created_at=NOW - DAY)
FOREIGN = Service(id="sForeign0000000000000F", customer_id=OTHER.id, name="theirs", created_at=NOW - DAY)
SHOP = Service(id="sShop0000000000000000S", customer_id=ACME.id, name="shop", created_at=NOW - DAY)
BLOG = Service(id="sBlog0000000000000000B", customer_id=ACME.id, name="blog", created_at=NOW - DAY)


def user(name: str, role: Role = Role.USER, customer: Customer = ACME, *, two_factor: bool = False) -> User:
    return User(
        id=f"u{name:0<21}",
        customer_id=customer.id,
        login=f"{name}@example.com",
        name=name.title(),
        role=role,
        two_factor=two_factor,
        created_at=NOW - DAY,
        updated_at=NOW - DAY,
    )


ROOT = user("root", Role.SUPERUSER)
ANNA = user("anna")
BERT = user("bert")
STRANGER = user("stranger", Role.SUPERUSER, OTHER)


# Any: a test names only the fields that it is about.
def token(owner: User = ANNA, name: str = "t", scope: str = "global", **fields: Any) -> Token:
    plain = Token(
        id=f"{owner.name}{name}".ljust(22, "_"),
        user_id=owner.id,
        customer_id=owner.customer_id,
        name=name,
        scope=stored(scope),
        services=(),
        created_at=NOW - DAY,
    )
    return msgspec.structs.replace(plain, **fields)


def machine(name: str = "machine", scope: str = "global", **fields: Any) -> Token:
    """An automation token of Acme, which the superuser made."""
    return token(ROOT, name, scope, **{"user_id": None, "role": Role.ENGINEER, "creator_id": ROOT.id, **fields})


def caller(owner: User = ANNA, scope: str = "global", **fields: Any) -> Caller:
    return Caller(token(owner, "asking", scope, **fields), owner)


async def populated(store: StoreT) -> StoreT:
    """The store, with both customers, their users and services in it; nobody has a password that fits."""
    for customer in (ACME, OTHER):
        await store.people.add_customer(customer, by=at(NOW - DAY))
    for person in (ROOT, ANNA, BERT, STRANGER):
        await store.people.add_user(person, password_hash="!", by=at(NOW - DAY))
    for service in (SHOP, BLOG, FOREIGN):
        await store.people.add_service(service, by=at(NOW - DAY))
    return store


async def add(store: Store, one: Token, secret: Secret | None = None) -> Token:
    """The token as the store keeps it, behind `secret` or a secret that nobody has."""
    digest = digester(bytes(32))(secret or Secret.mint())
    assert await store.tokens.add(one, digest, limit=10**6, parent_id=None, by=at(one.created_at)) is Added.DONE
    kept = await store.tokens.get(one.id)
    assert kept is not None
    return kept
