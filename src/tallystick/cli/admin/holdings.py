"""What somebody holds, for the commands that show it or that it stands in the way of."""

from collections.abc import Sequence

import msgspec

from tallystick.cli.clock import SystemClock
from tallystick.cli.offline import Desk
from tallystick.core.guesses import Failures
from tallystick.core.people import Customer, User
from tallystick.core.token import Token
from tallystick.identity import guess
from tallystick.identity.offboard import held


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A user with all that decides whether they, and their programs, are let in.  `tokens`: the live ones, oldest first."""

    user: User
    customer: Customer
    failures: Failures | None
    tokens: list[Token]


class Holding(msgspec.Struct, frozen=True):
    """A token, and the login of whoever holds it, or `automation`."""

    token: Token
    login: str


async def look_up(desk: Desk, login: str) -> Person:
    """By login.  Raises `NotFound`."""
    user = await desk.accounts.by_login(login)
    customer = await desk.store.people.customer(user.customer_id)
    assert customer is not None, "no customer is ever deleted"
    return Person(
        user=user,
        customer=customer,
        failures=await desk.store.guesses.failures(guess_key(desk, user)),
        tokens=await live_tokens(desk, user),
    )


async def live_tokens(desk: Desk, user: User) -> list[Token]:
    """Oldest first."""
    return await held(desk.store.tokens, user, now=SystemClock().now())


async def by_ids(desk: Desk, token_ids: Sequence[str]) -> list[Holding]:
    """In this order; what is gone meanwhile is left out."""
    found = [await desk.store.tokens.get(each) for each in token_ids]
    logins = {user.id: user.login for user in await desk.store.people.users()}
    return [Holding(token, logins.get(token.owner_id, "automation")) for token in found if token is not None]


def guess_key(desk: Desk, user: User) -> str:
    """Under which failed guesses at them are noted."""
    return guess.login_key(user.login, key=desk.keys.guesses)
