"""Who may have which token: never more than asks for it, and the secret once."""

import pytest
from msgspec.structs import replace

from tallystick.core import issue
from tallystick.core.caller import Caller
from tallystick.core.errors import Conflict, Forbidden, Invalid, TallystickError, Unauthenticated, Unprocessable
from tallystick.core.issue import LIVE_TOKENS_PER_USER, SERVICES_MAX, Wish, check_wish, require_may_issue
from tallystick.core.people import Role
from tallystick.core.ports import Seen
from tallystick.core.scope import Scope
from tallystick.core.secret import digester
from tallystick.core.verify import judge
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, ANNA, BLOG, FOREIGN, NOW, SECOND, SHOP, add, at, caller, populated, token

DIGEST = digester(bytes(32))
KNOWN = frozenset({SHOP.id, BLOG.id})


def wish(
    name: str | None = None, scope: str = "global", services: tuple[str, ...] = (), expires_at: int | None = None
) -> Wish:
    return Wish(name=name, scope=Scope.parse(scope), services=services, expires_at=expires_at)


def check(asked: Wish, who: Caller | None = None) -> None:
    check_wish(asked, by=Role.USER, caller=who, known_services=KNOWN & set(asked.services), now=NOW)


# --- May it issue? --------------------------------------------------------------------------------------------------------


def test_sudo_or_a_fresh_password_lets_a_global_token_issue() -> None:
    require_may_issue(caller(sudo_until=NOW + 1), proven=False, now=NOW)
    require_may_issue(caller(), proven=True, now=NOW)


@pytest.mark.parametrize("until", [None, NOW, NOW - 1])
def test_without_either_it_is_told_to_post_sudo(until: int | None) -> None:
    with pytest.raises(Forbidden) as caught:
        require_may_issue(caller(sudo_until=until), proven=False, now=NOW)

    assert str(caught.value) == "You must POST /sudo to access this endpoint"


@pytest.mark.parametrize("scope", ["global:read", "purge_all", "purge_select purge_all"])
def test_a_narrower_scope_issues_nothing_even_with_the_password(scope: str) -> None:
    with pytest.raises(Forbidden, match="not allowed"):
        require_may_issue(caller(scope=scope, sudo_until=NOW + 1), proven=True, now=NOW)


# --- May it have this one? ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, kind, said",
    [
        (wish(name="x" * 256), Invalid, "name is longer than 255 characters"),
        (wish(expires_at=NOW), Unprocessable, "expires_at must be in the future"),
        (wish(expires_at=NOW - 1), Unprocessable, "expires_at must be in the future"),
        (wish(services=("nothing",)), Invalid, "no such service: nothing"),
        (wish(services=(SHOP.id, FOREIGN.id)), Invalid, f"no such service: {FOREIGN.id}"),
        (wish(services=("",)), Invalid, "no such service: "),
        (wish(services=tuple(str(n) for n in range(SERVICES_MAX + 1))), Invalid, "at most 1000 services"),
    ],
    ids=["name", "now", "past", "unknown", "foreign", "empty", "many"],
)
def test_a_wish_that_cannot_be_met_is_refused_saying_why(asked: Wish, kind: type[TallystickError], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        check(asked)

    assert type(caught.value) is kind
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "asked",
    [wish(), wish(name="x" * 255), wish(name=""), wish(expires_at=NOW + 1), wish(services=(SHOP.id, BLOG.id))],
    ids=["least", "name", "empty name", "soon", "services"],
)
def test_a_wish_within_the_limits_passes(asked: Wish) -> None:
    check(asked)
    check(asked, caller())


@pytest.mark.parametrize("services", [(), (BLOG.id,), (SHOP.id, BLOG.id), (FOREIGN.id,)])
def test_a_limited_token_never_mints_a_wider_one(services: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden, match="limited to services can only create"):
        check(wish(services=services), caller(services=(SHOP.id,)))


@pytest.mark.parametrize("services", [(SHOP.id,), (BLOG.id,), (BLOG.id, SHOP.id)])
def test_a_limited_token_may_mint_one_as_wide_or_narrower(services: tuple[str, ...]) -> None:
    check(wish(services=services), caller(services=(SHOP.id, BLOG.id)))


# --- The record and the secret --------------------------------------------------------------------------------------------


async def test_what_is_stored_is_what_was_wished_and_the_secret_opens_it() -> None:
    store = await populated(MemoryStore())
    asked = wish("ci", "purge_select purge_all", (BLOG.id, SHOP.id), NOW + SECOND)

    token, secret = await issue.issue(store.tokens, asked, user=ANNA, caller=None, digest=DIGEST, by=at(NOW))

    seen = await store.tokens.look_up(DIGEST(secret))
    assert seen is not None
    assert judge(seen, NOW).ok
    assert seen == Seen(token, ANNA)
    assert (token.name, str(token.scope), token.services) == ("ci", "purge_select purge_all", (BLOG.id, SHOP.id))
    assert (token.user_id, token.customer_id) == (ANNA.id, ACME.id)
    assert (token.created_at, token.expires_at) == (NOW, NOW + SECOND)
    assert (token.last_use, token.sudo_until, token.revoked_at) == (None, None, None)


@pytest.mark.parametrize("name", [None, ""])
async def test_a_token_without_a_name_gets_one(name: str | None) -> None:
    store = await populated(MemoryStore())

    token, _ = await issue.issue(store.tokens, wish(name), user=ANNA, caller=None, digest=DIGEST, by=at(NOW))

    assert token.name == f"token {token.id[:6]}"


async def test_the_hundred_and_first_live_token_of_a_user_is_refused() -> None:
    store = await populated(MemoryStore())
    short = wish(expires_at=NOW + 1)
    for asked in [short, *[wish()] * (LIVE_TOKENS_PER_USER - 1)]:
        await issue.issue(store.tokens, asked, user=ANNA, caller=None, digest=DIGEST, by=at(NOW))

    with pytest.raises(Invalid, match="already has 100 live tokens"):
        await issue.issue(store.tokens, wish(), user=ANNA, caller=None, digest=DIGEST, by=at(NOW))
    # The one that has expired by now makes room.
    await issue.issue(store.tokens, wish(), user=ANNA, caller=None, digest=DIGEST, by=at(NOW + 1))


async def test_a_token_revoked_while_it_asks_mints_nothing() -> None:
    store = await populated(MemoryStore())
    token, _ = await issue.issue(store.tokens, wish(), user=ANNA, caller=None, digest=DIGEST, by=at(NOW))
    asking = Caller(token, ANNA)
    await store.tokens.revoke(token.id, reach=asking.reach, by=at(NOW))

    with pytest.raises(Unauthenticated, match="missing or invalid"):
        await issue.issue(store.tokens, wish(), user=ANNA, caller=asking, digest=DIGEST, by=at(NOW))

    assert [batch async for batch in store.tokens.batches(asking.reach, size=10)] == []


# --- Sessions of the console ----------------------------------------------------------------------------------------------


async def test_a_session_is_an_ordinary_token_of_twelve_hours_that_fits_beside_the_limit() -> None:
    store = await populated(MemoryStore())
    for number in range(LIVE_TOKENS_PER_USER):
        await add(store, token(ANNA, f"n{number}"))

    made, secret = await issue.issue_session(store.tokens, user=ANNA, proof="!", digest=DIGEST, by=at(NOW))

    assert await store.tokens.look_up(DIGEST(secret)) == Seen(made, ANNA)
    assert (str(made.scope), made.services, made.expires_at) == ("global", (), NOW + issue.SESSION_MS)
    assert issue.is_session(made)
    assert not issue.is_session(token(ANNA, "console session"))
    assert not issue.is_session(replace(made, name="mine"))


async def test_there_is_no_session_for_a_password_that_was_changed_meanwhile() -> None:
    store = await populated(MemoryStore())

    with pytest.raises(Unauthenticated):
        await issue.issue_session(store.tokens, user=ANNA, proof="another", digest=DIGEST, by=at(NOW))


async def test_a_token_that_is_named_before_it_is_made_is_made_once() -> None:
    store = await populated(MemoryStore())

    async def make() -> None:
        await issue.issue(store.tokens, wish(), user=ANNA, caller=None, token_id="once", digest=DIGEST, by=at(NOW))

    await make()

    with pytest.raises(Conflict):
        await make()
