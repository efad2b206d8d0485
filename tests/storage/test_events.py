"""Each change leaves one event, which says who did what; what changed nothing leaves none."""

import re
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.core.budget import WriteBudgets
from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict, Unauthenticated, Unavailable
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.find import Wanted
from tallystick.core.guesses import GuessLog
from tallystick.core.outcome import Added, HandOver
from tallystick.core.people import Role, UserChange
from tallystick.core.ports import Directory, EventLog, Store, TokenStore
from tallystick.core.secret import Secret, digester
from tallystick.core.token import Token
from tallystick.core.usage import UsageLog
from tallystick.storage.sqlite.store import SqliteStore
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, NOW, OTHER, ROOT, SECOND, SHOP, add, at, token, user

ASKING = token(ROOT, "asking")
ACMES, ANNAS = Reach(ACME.id, None), Reach(ACME.id, ANNA.id)
BY = Origin(
    at=NOW + SECOND, user_id=ROOT.id, token_id=ASKING.id, ip="192.0.2.1", user_agent="curl/8", request_id="request-1"
)
NEW = user("new")
MACHINE = replace(token(name="machine", services=(SHOP.id,)), user_id=None, role=Role.ENGINEER, creator_id=ROOT.id)
TOKEN = {
    "name": "t",
    "scope": "global",
    "services": [],
    "created_at": NOW - DAY,
    "user_id": ANNA.id,
    "tls_access": False,
}

Write = Callable[[Store], Awaitable[Any]]


async def put(store: Store, one: Token, by: Origin = BY) -> Added:
    return await store.tokens.add(one, digester(bytes(32))(Secret.mint()), limit=100, parent_id=None, by=by)


async def logged(store: Store, **sought: Any) -> list[Event]:
    return await store.events.find(ACME.id, Sought(since=NOW, **sought), after=None, size=100)


def told(event: Event) -> tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]:
    return event.action, event.target_id, event.before, event.after


USER = {
    "login": "new@example.com",
    "name": "New",
    "role": "user",
    "two_factor": False,
    "locked": False,
    "created_at": NOW - DAY,
}
BY_RULE = "revoking by rule"
WRITES: dict[str, tuple[Write, list[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]]]] = {
    "a token": (lambda store: put(store, token()), [("token.create", token().id, None, TOKEN)]),
    "an automation token": (
        lambda store: put(store, MACHINE),
        [
            (
                "token.create",
                MACHINE.id,
                None,
                {
                    "name": "machine",
                    "scope": "global",
                    "services": [SHOP.id],
                    "created_at": NOW - DAY,
                    "role": "engineer",
                    "creator_id": ROOT.id,
                    "tls_access": False,
                },
            )
        ],
    ),
    "sudo": (
        lambda store: store.tokens.raise_sudo(token(name="old").id, until=NOW + DAY, by=BY),
        [("token.raise", token(name="old").id, {"sudo_until": None}, {"sudo_until": NOW + DAY})],
    ),
    "revoking one": (
        lambda store: store.tokens.revoke(token(name="old").id, reach=ACMES, by=BY),
        [("token.revoke", token(name="old").id, {**TOKEN, "name": "old"}, None)],
    ),
    "revoking many": (
        lambda store: store.tokens.revoke_all([token(name="old").id, token(name="over").id] * 2, reach=ACMES, by=BY),
        [("token.revoke", token(name="old").id, {**TOKEN, "name": "old"}, None)],
    ),
    BY_RULE: (
        lambda store: store.tokens.revoke_matching(ACMES, Wanted(user_id=ANNA.id), reason="superseded", by=BY),
        [("token.revoke", token(name="old").id, {**TOKEN, "name": "old"}, None)],
    ),
    "a customer's name": (
        lambda store: store.people.rename_customer(ACME.id, name="Apex", by=BY),
        [("customer.update", ACME.id, {"name": "Acme"}, {"name": "Apex"})],
    ),
    "a user": (
        lambda store: store.people.add_user(NEW, password_hash="!", by=BY),
        [("user.create", NEW.id, None, USER)],
    ),
    "a user's change": (
        lambda store: store.people.change_user(
            BERT.id, customer_id=ACME.id, change=UserChange(role=Role.BILLING, locked=True, name=BERT.name), by=BY
        ),
        [("user.update", BERT.id, {"role": "user", "locked": False}, {"role": "billing", "locked": True})],
    ),
    "a user's end": (
        lambda store: store.people.remove_user(BERT.id, customer_id=ACME.id, by=BY),
        [("user.delete", BERT.id, {**USER, "login": BERT.login, "name": BERT.name}, None)],
    ),
    "a password": (
        lambda store: store.people.set_password(ANNA.id, password_hash="new", replacing=None, by=BY),
        [("user.password", ANNA.id, None, None)],
    ),
    "a password that ends tokens": (
        lambda store: store.people.set_password(ANNA.id, password_hash="new", replacing=None, by=BY, kept="none"),
        [
            ("token.revoke", token(name="old").id, {**TOKEN, "name": "old"}, None),
            ("user.password", ANNA.id, None, None),
        ],
    ),
    "a second factor": (
        lambda store: store.people.set_totp(ANNA.id, sealed=b"sealed", by=BY),
        [("user.two_factor", ANNA.id, {"two_factor": False}, {"two_factor": True})],
    ),
    "no second factor, where there was none": (
        lambda store: store.people.set_totp(ANNA.id, sealed=None, by=BY),
        [("user.two_factor", ANNA.id, None, None)],
    ),
    "a login that is unlocked": (
        lambda store: store.guesses.unlock(["opaque"], user=ANNA, by=BY),
        [("user.unlock", ANNA.id, None, None)],
    ),
    "a service": (
        lambda store: store.people.add_service(replace(SHOP, id="sNew"), by=BY),
        [("service.create", "sNew", None, {"name": "shop", "created_at": SHOP.created_at})],
    ),
    "a service's name": (
        lambda store: store.people.rename_service(BLOG.id, customer_id=ACME.id, name="news", by=BY),
        [("service.update", BLOG.id, {"name": "blog"}, {"name": "news"})],
    ),
    "a service's end": (
        lambda store: store.people.remove_service(BLOG.id, customer_id=ACME.id, by=BY),
        [("service.delete", BLOG.id, {"name": "blog", "created_at": BLOG.created_at}, None)],
    ),
}
ANSWERED = {"a token", "an automation token"}  # what is against it is an answer: test_store.py
KEPT_QUIET = "a hash with newer parameters"
NOTHING: dict[str, Write] = {
    "one token too many": lambda store: store.tokens.add(
        token(name="more"), digester(bytes(32))(Secret.mint()), limit=1, parent_id=None, by=BY
    ),
    "sudo of none": lambda store: store.tokens.raise_sudo("nothing", until=NOW + DAY, by=BY),
    "revoking twice": lambda store: store.tokens.revoke(token(name="over").id, reach=ACMES, by=BY),
    "revoking out of reach": lambda store: store.tokens.revoke(
        token(name="old").id, reach=Reach(OTHER.id, None), by=BY
    ),
    "revoking many with one foreign": lambda store: store.tokens.revoke_all(
        [token(name="old").id, "foreign"], reach=ACMES, by=BY
    ),
    "revoking by rule what is not there": lambda store: store.tokens.revoke_matching(
        ACMES, Wanted(search="nothing is called so"), reason="superseded", by=BY
    ),
    "no customer": lambda store: store.people.rename_customer("nothing", name="x", by=BY),
    "no service": lambda store: store.people.rename_service(SHOP.id, customer_id=OTHER.id, name="x", by=BY),
    "a service in use": lambda store: store.people.remove_service(SHOP.id, customer_id=ACME.id, by=BY),
    "a user with tokens": lambda store: store.people.remove_user(ANNA.id, customer_id=ACME.id, by=BY),
    "the last superuser": lambda store: store.people.change_user(
        ROOT.id, customer_id=ACME.id, change=UserChange(role=Role.USER), by=BY
    ),
    "another's password": lambda store: store.people.set_password(
        ANNA.id, password_hash="new", replacing="another", by=BY, kept="none"
    ),
    KEPT_QUIET: lambda store: store.people.renew_hash(ANNA.id, password_hash="new", replacing="!"),
    "recovery codes of who has no second factor": lambda store: store.people.set_recovery_codes(
        BERT.id, digests=["a" * 32], by=BY
    ),
    "nobody's second factor": lambda store: store.people.set_totp("nothing", sealed=None, by=BY),
}


@pytest.fixture
async def busy(store: Store) -> Store:
    await made_busy(store)
    return store


async def made_busy(store: Store) -> None:
    """Root asks; Anna has a token, and one that is over; one is limited to the shop.  All of it happened before NOW."""
    for one in (ASKING, token(name="old"), token(name="over"), token(ROOT, "shop", services=(SHOP.id,))):
        await add(store, one)
    await store.tokens.revoke(token(name="over").id, reach=ACMES, by=at(NOW - 1))


@pytest.mark.parametrize("what", WRITES)
async def test_every_change_leaves_one_event_for_each_record_that_it_changed(busy: Store, what: str) -> None:
    write, expected = WRITES[what]

    await write(busy)

    events = await logged(busy)
    assert sorted((told(event) for event in events), key=str) == expected
    assert {event.by for event in events} == {BY}
    reason = "superseded" if what == BY_RULE else None
    assert {(event.customer_id, event.reason) for event in events} == {(ACME.id, reason)}
    assert all(event.action.startswith(f"{event.target_kind}.") for event in events)


@pytest.mark.parametrize("what", [what for what in WRITES if what not in ANSWERED])
@pytest.mark.parametrize("fall", ["revoked", "locked", "moved"])
async def test_who_fell_since_they_were_let_in_changes_nothing(busy: Store, what: str, fall: str) -> None:
    await fell(busy, fall)

    with pytest.raises(Unauthenticated):
        await WRITES[what][0](busy)

    assert await logged(busy) == []


@pytest.mark.parametrize("what", ["revoking many", "a password that ends tokens"])
async def test_what_ends_the_token_that_asks_is_done_whole(busy: Store, what: str) -> None:
    by = replace(BY, user_id=ANNA.id, token_id=token(name="old").id)

    if what == "revoking many":
        await busy.tokens.revoke_all([token(name="old").id, ASKING.id], reach=ACMES, by=by)
    else:
        await busy.people.set_password(ANNA.id, password_hash="new", replacing=None, by=by, kept="none")

    assert len(await logged(busy)) == 2


async def test_nor_does_anybody_leave_at_their_word(busy: Store) -> None:
    await fell(busy, "revoked")
    plan = HandOver(moved=(), ended=(token(name="old").id,), role=Role.USER, delete=True)

    with pytest.raises(Unauthenticated):
        await busy.people.hand_over(ANNA.id, customer_id=ACME.id, plan=plan, by=BY)

    assert await logged(busy) == []


async def fell(store: Store, how: str) -> None:
    """What becomes of Root, or of the token that asks, before NOW."""
    by = at(NOW - 1)
    superuser, locked = UserChange(role=Role.SUPERUSER), UserChange(locked=True)
    await store.people.change_user(BERT.id, customer_id=ACME.id, change=superuser, by=by)
    if how == "revoked":
        await store.tokens.revoke(ASKING.id, reach=ACMES, by=by)
    elif how == "locked":
        await store.people.change_user(ROOT.id, customer_id=ACME.id, change=locked, by=by)
    else:
        plan = HandOver(moved=(ASKING.id, token(ROOT, "shop").id), ended=(), role=Role.ENGINEER, delete=False)
        await store.people.hand_over(ROOT.id, customer_id=ACME.id, plan=plan, by=by)


@pytest.mark.parametrize("what", NOTHING)
async def test_what_changed_nothing_leaves_no_event(busy: Store, what: str) -> None:
    await NOTHING[what](busy)

    assert await logged(busy) == []


@pytest.mark.parametrize("what", [what for what in NOTHING if what != KEPT_QUIET])
async def test_what_leaves_no_event_leaves_no_other_trace(sqlite: SqliteStore, path: Path, what: str) -> None:
    await made_busy(sqlite)
    before = _dump(path)

    await NOTHING[what](sqlite)

    assert [line for line in _dump(path) if line not in before] == []


async def test_a_customers_first_event_is_its_own(busy: Store) -> None:
    new = replace(ACME, id="cNew")

    await busy.people.add_customer(new, by=BY)
    with pytest.raises(Conflict):
        await busy.people.add_customer(new, by=BY)

    (event,) = await busy.events.find(new.id, Sought(), after=None, size=2)
    assert told(event) == ("customer.create", new.id, None, {"name": "Acme", "created_at": ACME.created_at})
    assert event.by == BY


async def test_every_method_that_takes_an_origin_is_among_those_that_are_walked() -> None:
    parts = (TokenStore, Directory, GuessLog, UsageLog, WriteBudgets, EventLog)
    methods = {
        name for part in parts for name, each in vars(part).items() if "by" in getattr(each, "__annotations__", ())
    }
    text = Path(__file__).read_text(encoding="utf-8")

    assert {name for name in methods if not re.search(rf"\.{name}\(", text)} == set()


@pytest.mark.parametrize("what", WRITES)
async def test_a_change_whose_event_cannot_be_written_does_not_happen(
    sqlite: SqliteStore, path: Path, what: str
) -> None:
    await made_busy(sqlite)
    before = _dump(path)
    _run(path, "ALTER TABLE event RENAME TO away")

    with pytest.raises(Unavailable):
        await WRITES[what][0](sqlite)

    _run(path, "ALTER TABLE away RENAME TO event")
    assert _dump(path) == before


async def test_one_whose_event_cannot_be_written_takes_nobody_else_with_it(sqlite: SqliteStore, path: Path) -> None:
    _run(
        path,
        "CREATE TRIGGER picky BEFORE INSERT ON event WHEN new.target_id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
    )

    made = [put(sqlite, token(name=name, id=name)) for name in ("good", "bad", "fine")]
    results = [await _outcome(each) for each in made]

    assert [result is Added.DONE for result in results] == [True, False, True]
    assert await sqlite.tokens.get("bad") is None


async def test_events_are_found_by_who_what_and_when(store: Store) -> None:
    root, robot = at(NOW, user_id=ROOT.id, token_id=ASKING.id, request_id="r1"), at(NOW + 2, token_id="tRobot")
    for one in (ASKING, replace(MACHINE, id="tRobot")):
        await add(store, one)
    await put(store, token(name="a", id="a"), root)
    await put(store, token(name="b", id="b"), robot)
    await store.tokens.revoke("a", reach=ACMES, by=robot)
    await store.people.rename_customer(OTHER.id, name="Others", by=root)

    async def found(**sought: Any) -> set[tuple[str, str]]:
        return {(event.action, event.target_id) for event in await logged(store, **sought)}

    assert await found(user_id=ROOT.id) == {("token.create", "a")}
    assert await found(token_id="tRobot") == {("token.create", "b"), ("token.revoke", "a")}
    assert await found(target_id="a") == {("token.create", "a"), ("token.revoke", "a")}
    assert await found(request_id="r1") == {("token.create", "a")}
    assert await found(action="token") == {("token.create", "a"), ("token.create", "b"), ("token.revoke", "a")}
    assert await found(action="token.revoke") == {("token.revoke", "a")}
    assert await found(action="tok") == set()
    assert await found(until=NOW + 2) == {("token.create", "a")}
    assert await found(target_id=OTHER.id) == set()
    assert [event.by.at for event in await store.events.find(OTHER.id, Sought(since=NOW), after=None, size=9)] == [NOW]


async def test_the_newest_come_first_and_every_one_exactly_once(store: Store) -> None:
    for number in range(10):
        await put(store, token(name=f"n{number}"), at(NOW + number // 3))

    seen: list[Event] = []
    while page := await store.events.find(
        ACME.id, Sought(since=NOW), after=(seen[-1].by.at, seen[-1].id) if seen else None, size=3
    ):
        assert len(page) <= 3
        seen += page

    assert [event.by.at for event in seen] == [NOW + number // 3 for number in reversed(range(10))]
    assert len({event.id for event in seen}) == 10


async def test_a_list_that_goes_on_keeps_within_its_instants(store: Store) -> None:
    for number in range(10):
        await put(store, token(name=f"n{number}", id=f"n{number}"), at(NOW + number))

    async def found(after: int | None, since: int, until: int | None = None) -> list[int]:
        position = None if after is None else (NOW + after, "")
        events = await store.events.find(ACME.id, Sought(since=since, until=until), after=position, size=100)
        return [event.by.at - NOW for event in events]

    assert await found(None, since=NOW + 3, until=NOW + 6) == [5, 4, 3]
    assert await found(5, since=NOW + 3, until=NOW + 6) == [4, 3]
    assert await found(9, since=NOW + 3, until=NOW + 6) == [5, 4, 3]
    assert await found(2, since=NOW + 3) == []
    assert await found(None, since=NOW + 6, until=NOW + 6) == []


async def test_an_event_holds_no_secret_whatever_people_put_into_names(store: Store) -> None:
    secret = Secret.mint().reveal()

    await add(store, ASKING)
    await put(store, token(name=f"is it {secret}?", id="t"))
    await store.people.rename_service(SHOP.id, customer_id=ACME.id, name=secret, by=BY)

    events = await logged(store)
    assert secret not in str(events)
    assert [event.after and event.after["name"] for event in events if event.target_kind == "token"] == ["is it tly_…?"]


async def test_they_are_looked_for_outside_the_thread_of_the_loop(sqlite: SqliteStore) -> None:
    before = {thread.name for thread in threading.enumerate()}

    await logged(sqlite)

    assert {thread.name for thread in threading.enumerate()} - before == {"tallystick-finder_0"}


@pytest.mark.parametrize("agent", ["a\x00b", "\udfff", "\N{GRINNING FACE}"])
async def test_whatever_a_stranger_calls_itself_can_be_kept(store: Store, agent: str) -> None:
    await put(store, token(), replace(BY, user_agent=agent))

    (event,) = await logged(store)
    assert event.by.user_agent in (agent, agent.replace("\x00", "\N{REPLACEMENT CHARACTER}"), "?")


async def _outcome(write: Awaitable[Added]) -> object:
    try:
        return await write
    except Exception as error:  # noqa: BLE001 - it is what is asked for
        return error


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if line.startswith("INSERT")]


def _run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
