"""Five minutes of sudo, on one token, in whole seconds: what the wire says is what holds."""

import pytest

from tallystick.core import sudo
from tallystick.core.caller import Caller
from tallystick.core.errors import Unauthenticated, Unprocessable
from tallystick.storage.memory import MemoryStore
from tests.core.world import ANNA, MINUTE, NOW, SECOND, add, at, populated, token


def test_it_lasts_five_minutes_rounded_up_to_the_second() -> None:
    until = sudo.ends_at(None, now=NOW)

    assert until % SECOND == 0
    assert NOW + 5 * MINUTE <= until < NOW + 5 * MINUTE + SECOND


def test_less_may_be_wished_for_but_never_more() -> None:
    longest = sudo.ends_at(None, now=NOW)

    assert sudo.ends_at(NOW + MINUTE, now=NOW) == NOW + MINUTE
    assert sudo.ends_at(NOW + 60 * MINUTE, now=NOW) == longest


@pytest.mark.parametrize("wished", [NOW, NOW - 1, 0])
def test_a_raise_that_would_be_over_already_is_refused(wished: int) -> None:
    with pytest.raises(Unprocessable, match="must be in the future"):
        sudo.ends_at(wished, now=NOW)


async def test_only_the_token_that_asked_is_raised() -> None:
    store = await populated(MemoryStore())
    asking, other = await add(store, token(ANNA, "asking")), await add(store, token(ANNA, "other"))

    await sudo.raise_token(store.tokens, Caller(asking, ANNA), until=NOW + MINUTE, by=at(NOW))

    raised, left = await store.tokens.get(asking.id), await store.tokens.get(other.id)
    assert raised is not None
    assert raised.is_in_sudo(NOW)
    assert left is not None
    assert not left.is_in_sudo(NOW)


async def test_a_token_revoked_meanwhile_is_not_raised() -> None:
    store = await populated(MemoryStore())
    asking = Caller(await add(store, token(ANNA, "asking")), ANNA)
    await store.tokens.revoke(asking.token.id, reach=asking.reach, by=at(NOW))

    with pytest.raises(Unauthenticated):
        await sudo.raise_token(store.tokens, asking, until=NOW + MINUTE, by=at(NOW))
