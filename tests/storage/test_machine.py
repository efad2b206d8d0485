"""Whatever is asked, in whatever order: SQLite and PostgreSQL answer as memory does.

The rare states are counted, and the test fails if one was never reached: otherwise a green run would say little.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from tallystick.core.caller import Reach
from tallystick.core.errors import Conflict
from tallystick.core.events import Event, Sought
from tallystick.core.find import Kind, Wanted
from tallystick.core.outcome import Added, HandOver, Outcome
from tallystick.core.people import Role, Service, User, UserChange
from tallystick.core.ports import Seen, Store
from tallystick.core.scope import Scope
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import COUNTED, Usage
from tallystick.storage.memory import MemoryStore
from tests.core.world import ACME, ANNA, BERT, BLOG, OTHER, ROOT, SHOP, STRANGER, at, populated
from tests.storage.conftest import Opened

T = TypeVar("T")

LIMIT: Final = 3
ROUNDS_MAX: Final = 40  # five or so are the rule
EACH_MIN: Final = 3
RARE: Final = (
    "limit reached",
    "automation token beyond its maker's limit",
    "an expired one made room",
    "parent gone",
    "service gone",
    "service removed",
    "service in use",
    "last superuser kept",
    "user locked",
    "login taken",
    "user removed",
    "left with tokens moved and revoked",
    "stale plan",
    "user has live tokens",
    "other tokens ended",
    "id taken",
    "refused among others",
    "revoked by its user",
    "revoked by a superuser",
    "foreign: not revoked",
    "revoked before",
    "revoked though expired",
    "all revoked",
    "some foreign: none revoked",
    "revoked by rule",
    "by rule, but one spared",
    "one of all revoked before",
    "sudo",
    "sudo too late",
    "newer use",
    "older use",
    "counted again in its hour",
    "hours forgotten",
    "counts gone with their token",
    "looked up though revoked",
    "listed though expired",
    "list of several batches",
    "step used",
    "step used before",
    "second app refused",
    "recovery code used",
    "recovery code used before",
    "no recovery codes without a second factor",
    "changed since it was seen",
    "password replaced",
    "password replaced by another meanwhile",
    "one of several writes in its hour",
)

ALL_REACHES: Final = (
    Reach(ACME.id, None),
    Reach(ACME.id, ANNA.id),
    Reach(ACME.id, BERT.id),
    Reach(OTHER.id, None),
    Reach(OTHER.id, STRANGER.id),
    Reach(OTHER.id, ANNA.id),
)


people = st.sampled_from([ANNA, ANNA, ANNA, BERT, STRANGER])
reaches = st.sampled_from([Reach(ACME.id, None), Reach(ACME.id, ANNA.id), *ALL_REACHES])
numbers = st.sampled_from([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, -1])  # tokens, counted from the newest; -1 is not there
parents = st.none() | st.none() | numbers
lifetimes = st.sampled_from([None, 5, 20, 60])
codes = st.sampled_from([letter * 32 for letter in "abc"])
keys = st.lists(st.sampled_from("abc"), max_size=3)
counts = st.lists(st.integers(0, 2), min_size=len(COUNTED), max_size=len(COUNTED))

# Any: strategies of all kinds, by argument.
STEPS: Final[dict[str, dict[str, Any]]] = {
    "wait": {"milliseconds": st.integers(1, 20)},
    "add": {
        "again": st.sampled_from([False, False, False, True]),
        "owner": people,
        "parent": parents,
        "scope": st.sampled_from(["global", "global:read", "purge_all purge_select"]),
        "services": st.sampled_from([(), (), (SHOP.id,), (BLOG.id, SHOP.id)]),
        "lifetime": lifetimes,
        "machine": st.sampled_from([False, False, False, True]),
    },
    "add_at_once": {"wanted": st.lists(st.tuples(people, lifetimes, parents), min_size=2, max_size=6)},
    "revoke": {"number": numbers, "reach": reaches},
    "revoke_all": {
        "some": st.lists(numbers, min_size=1, max_size=5),
        "reach": reaches,
        "stray": st.sampled_from([False, False, True]),
    },
    "revoke_matching": {
        "reach": reaches,
        "ago": st.sampled_from([None, 5, 5, 20]),
        "service": st.sampled_from([None, None, SHOP, BLOG]),
        "kind": st.none() | st.none() | st.sampled_from(Kind),
        "spared": numbers,
    },
    "raise_sudo": {"number": numbers, "milliseconds": st.integers(1, 9)},
    "touch": {"some": st.lists(st.tuples(numbers, st.integers(-3, 3)), min_size=1, max_size=5)},
    "add_counts": {"some": st.lists(st.tuples(numbers, st.integers(0, 2), counts), min_size=1, max_size=5)},
    "forget_usage": {"back": st.integers(0, 2)},
    "use_totp_step": {"person": people, "step": st.integers(1, 4)},
    "set_totp": {"person": people, "sealed": st.sampled_from([None, b"", b"sealed"]), "first": st.booleans()},
    "set_recovery_codes": {
        "person": people,
        "codes": st.lists(codes, max_size=3, unique=True),
        "fresh": st.sampled_from([None, None, True, True, False]),
    },
    "use_recovery_code": {"person": people, "code": codes},
    "set_password": {"person": people, "new": st.sampled_from("ab"), "replacing": st.sampled_from([None, "a", "b"])},
    "end_other_tokens": {"person": people, "number": numbers},
    "remove_service": {"service": st.sampled_from([SHOP, SHOP, BLOG])},
    "change_user": {
        "person": st.sampled_from([ANNA, BERT, ROOT]),
        "change": st.builds(
            UserChange,
            login=st.sampled_from([None, "Taken@example.com"]),
            role=st.sampled_from([None, Role.USER, Role.SUPERUSER]),
            locked=st.sampled_from([None, False, False, True]),
        ),
    },
    "hand_over": {
        "person": st.sampled_from([BERT, BERT, ANNA]),
        "every": st.integers(1, 3),
        "delete": st.booleans(),
        "stray": st.sampled_from([False, False, True]),
    },
    "remove_user": {"person": st.sampled_from([BERT, BERT, ROOT])},
    "note_failure": {"keys": keys, "back": st.integers(0, 3)},
    "forget": {"keys": keys, "before": st.integers(0, 30)},
    "spend": {"keys": st.lists(st.sampled_from("ab"), min_size=1, max_size=4), "back": st.integers(0, 1)},
    "forget_hours": {"back": st.integers(0, 1)},
}

# One rule for all of it: of several, Hypothesis switches most off in each run ("swarm testing"), and what matters here is
# how they mix.
# What leads to the rare states comes more often: who has many tokens reaches limits, and most steps only take away.
OFTEN: Final = {"add": 5, "add_at_once": 3, "revoke": 2, "revoke_all": 3, "touch": 2, "wait": 2, "change_user": 1}
steps = st.one_of(
    [
        st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name]))
        for name in STEPS
        for _ in range(1 + OFTEN.get(name, 0))
    ]
)


class Machine(RuleBasedStateMachine):
    """Two stores, asked the same."""

    opened: Opened
    in_turn: bool
    reached: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        # Not asyncio.Runner: per call it spends half a millisecond on the handler of Ctrl-C.
        self.loop = asyncio.new_event_loop()
        self.now, self.count = 1000, 0
        self.memory = MemoryStore()
        self.database = self.loop.run_until_complete(type(self).opened())
        for store in (self.memory, self.database):
            self.loop.run_until_complete(populated(store))

    def teardown(self) -> None:
        for tell in (_told, _numbered):
            memory, database = (self.loop.run_until_complete(tell(store)) for store in (self.memory, self.database))
            assert memory == database
        self.loop.run_until_complete(self.database.close())
        self.loop.close()

    # Any: a lambda that is given a store; what it returns is compared, then returned.
    def both(self, ask: Any) -> Any:
        expected, answer = self.loop.run_until_complete(self._both(ask))
        assert answer == expected
        return expected

    async def _both(self, ask: Any) -> tuple[Any, Any]:
        return await _outcome(ask(self.memory)), await _outcome(ask(self.database))

    def id(self, number: int) -> str:
        """Of the tokens that are there, the one with this number, counted from the newest."""
        there = list(self.memory.tokens._tokens)
        return there[-1 - number] if 0 <= number < len(there) else "nothing"

    def known(self, token_id: str) -> Token | None:
        return self.loop.run_until_complete(self.memory.tokens.get(token_id))

    def note(self, rare: str, happened: bool) -> None:
        self.reached[rare] += happened

    # Any: the arguments of the step, by name, from the table above.
    @rule(step=steps)
    def step(self, step: tuple[str, dict[str, Any]]) -> None:
        name, wanted = step
        getattr(self, name)(**wanted)

    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds

    def add(
        self,
        again: bool,
        owner: User,
        parent: int | None,
        scope: str,
        services: tuple[str, ...],
        lifetime: int | None,
        machine: bool,
    ) -> None:
        one = replace(self._token(owner, lifetime, again=again), scope=Scope.parse(scope), services=services)
        if machine:
            one = replace(one, user_id=None, role=Role.ENGINEER, creator_id=owner.id)
        unrevoked = len(self._listed(Reach(owner.customer_id, owner.id)))

        parent_id = self._parent(parent)

        answer = self.both(lambda store: self._add(store, one, parent_id))

        self.note("limit reached", answer is Added.TOO_MANY)
        self.note("automation token beyond its maker's limit", machine and answer is Added.DONE and unrevoked >= LIMIT)
        self.note("an expired one made room", not machine and answer is Added.DONE and unrevoked >= LIMIT)
        self.note("parent gone", answer is Added.PARENT_GONE)
        self.note("id taken", answer is Conflict)
        self.note("service gone", answer is Added.SERVICE_GONE)

    def add_at_once(self, wanted: list[tuple[User, int | None, int | None]]) -> None:
        tokens = [(self._token(owner, lifetime), self._parent(parent)) for owner, lifetime, parent in wanted]

        answers = self.both(
            lambda store: _all((self._add(store, one, parent_id) for one, parent_id in tokens), in_turn=self.in_turn)
        )

        self.note("refused among others", Added.DONE in answers and any(each is not Added.DONE for each in answers))

    def revoke(self, number: int, reach: Reach) -> None:
        token_id = self.id(number)
        before = self.known(token_id)

        revoked = self.both(lambda store: store.tokens.revoke(token_id, reach=reach, by=at(self.now)))

        if before is not None:
            self.note("revoked by its user", revoked and reach.owner_id is not None)
            self.note("revoked by a superuser", revoked and reach.owner_id is None)
            self.note("revoked though expired", revoked and before.is_expired(self.now))
            self.note("revoked before", not revoked and reach.covers(before))
            self.note("foreign: not revoked", not revoked and not reach.covers(before) and before.revoked_at is None)

    def revoke_all(self, some: list[int], reach: Reach, stray: bool) -> None:
        asked = {self.id(number): self.known(self.id(number)) for number in some}
        ids = [token_id for token_id, one in asked.items() if stray or (one is not None and reach.covers(one))] * 2
        before = [self.known(token_id) for token_id in ids]

        foreign = self.both(lambda store: store.tokens.revoke_all(ids, reach=reach, by=at(self.now)))

        ended = [one is not None and one.revoked_at is not None for one in before]
        self.note("all revoked", not foreign and len(set(ids)) > 1)
        self.note("some foreign: none revoked", 0 < len(foreign) < len(set(ids)))
        self.note("one of all revoked before", not foreign and any(ended) and not all(ended))

    def revoke_matching(
        self, reach: Reach, ago: int | None, service: Service | None, kind: Kind | None, spared: int
    ) -> None:
        listed = self._listed(reach)
        wanted = Wanted(
            created_before=None if ago is None else self.now - ago,
            service_id=None if service is None else service.id,
            kind=kind,
            other_than=listed[spared % len(listed)].id if listed and spared >= 0 else self.id(spared),
        )
        before = [one for one in listed if replace(wanted, other_than=None).matches(one)]

        ended = self.both(
            lambda store: store.tokens.revoke_matching(reach, wanted, reason="superseded", by=at(self.now))
        )

        self.note("revoked by rule", ended > 1)
        self.note("by rule, but one spared", ended < len(before))

    def raise_sudo(self, number: int, milliseconds: int) -> None:
        token_id = self.id(number)

        raised = self.both(
            lambda store: store.tokens.raise_sudo(token_id, until=self.now + milliseconds, by=at(self.now))
        )

        self.note("sudo", raised)
        self.note("sudo too late", not raised and self.known(token_id) is not None)

    def touch(self, some: list[tuple[int, int]]) -> None:
        uses = [(self.id(number), LastUse(self.now + offset, f"192.0.2.{offset}", None)) for number, offset in some]
        before = {token_id: self.known(token_id) for token_id, _ in uses}

        self.both(lambda store: store.tokens.touch(uses))

        for token_id, use in uses:
            one, after = before[token_id], self.known(token_id)
            if one is not None and after is not None and one.last_use is not None:
                self.note("newer use", after.last_use != one.last_use)
                self.note("older use", after.last_use == one.last_use and use.at < one.last_use.at)

    def add_counts(self, some: list[tuple[int, int, list[int]]]) -> None:
        usage = [Usage(self.id(number), self.now // 10 - back, *told) for number, back, told in some]
        known = {(each.token_id, each.hour) for hours in self.memory.people.usage.values() for each in hours}

        self.both(lambda store: store.tokens.touch([], usage))

        self.note("counted again in its hour", any((each.token_id, each.hour) in known for each in usage))

    def forget_usage(self, back: int) -> None:
        before = self._counted_hours()

        self.both(lambda store: store.usage.forget_older(before=self.now // 10 - back))

        self.note("hours forgotten", self._counted_hours() < before)

    def use_totp_step(self, person: User, step: int) -> None:
        used = self.both(lambda store: store.people.use_totp_step(person.id, step=step))

        self.note("step used", used)
        self.note("step used before", not used)

    def set_totp(self, person: User, sealed: bytes | None, first: bool) -> None:
        done = self.both(lambda store: store.people.set_totp(person.id, sealed=sealed, first=first, by=at(self.now)))

        assert done or first
        self.note("second app refused", not done)

    def set_recovery_codes(self, person: User, codes: list[str], fresh: bool | None) -> None:
        known = self.memory.people.by_id.get(person.id)
        seen = None if fresh is None or known is None else known.updated_at - (not fresh)

        done = self.both(
            lambda store: store.people.set_recovery_codes(person.id, digests=codes, seen=seen, by=at(self.now))
        )

        if known is not None:
            self.note("no recovery codes without a second factor", not known.two_factor and not done)
            self.note("changed since it was seen", known.two_factor and not done)
        self.both(lambda store: store.people.recovery_codes_left(person.id))

    def use_recovery_code(self, person: User, code: str) -> None:
        used = self.both(lambda store: store.people.use_recovery_code(person.id, digest=code))

        self.note("recovery code used", used)
        self.note("recovery code used before", not used)
        self.both(lambda store: store.people.recovery_codes_left(person.id))

    def set_password(self, person: User, new: str, replacing: str | None) -> None:
        replaced = self.both(
            lambda store: store.people.set_password(person.id, password_hash=new, replacing=replacing, by=at(self.now))
        )

        self.note("password replaced", replaced and replacing is not None)
        self.note("password replaced by another meanwhile", not replaced)

    def end_other_tokens(self, person: User, number: int) -> None:
        before, kept = len(self._listed(Reach(person.customer_id, person.id))), self.id(number)

        assert self.both(
            lambda store: store.people.set_password(
                person.id, password_hash="a", replacing=None, by=at(self.now), kept=kept
            )
        )

        self.note("other tokens ended", len(self._listed(Reach(person.customer_id, person.id))) < before)

    def remove_service(self, service: Service) -> None:
        removal = self.both(lambda store: store.people.remove_service(service.id, customer_id=ACME.id, by=at(self.now)))

        self.note("service removed", removal.outcome is Outcome.DONE)
        self.note("service in use", removal.outcome is Outcome.IN_USE)
        if removal.outcome is Outcome.DONE and self.now % 3:
            self.both(lambda store: store.people.add_service(service, by=at(self.now)))

    def change_user(self, person: User, change: UserChange) -> None:
        outcome = self.both(
            lambda store: store.people.change_user(person.id, customer_id=ACME.id, change=change, by=at(self.now))
        )

        self.note("last superuser kept", outcome is Outcome.LAST_SUPERUSER)
        self.note("user locked", outcome is Outcome.DONE and change.locked is True)
        self.note("login taken", outcome is Conflict)

    def remove_user(self, person: User) -> None:
        theirs = sorted(each.id for each in self.memory.people.tokens.values() if each.user_id == person.id)
        # Who goes has used what they had: left to chance that is hardly ever met.
        self.both(lambda store: store.tokens.touch([], [Usage(each, self.now // 10, allowed=1) for each in theirs]))
        before = self._counted_hours()
        removal = self.both(lambda store: store.people.remove_user(person.id, customer_id=ACME.id, by=at(self.now)))

        self.note("user removed", removal.outcome is Outcome.DONE)
        self.note("counts gone with their token", self._counted_hours() < before)
        self.note("user has live tokens", removal.outcome is Outcome.IN_USE)
        if removal.outcome is Outcome.DONE:
            self.both(lambda store: store.people.add_user(person, password_hash="b", by=at(self.now)))

    def hand_over(self, person: User, every: int, delete: bool, stray: bool) -> None:
        live = [
            one.id for one in self.memory.tokens._tokens.values() if one.user_id == person.id and one.is_live(self.now)
        ]
        moved = tuple(live[::every])
        ended = (*(each for each in live if each not in moved), *(["nothing"] if stray else []))
        plan = HandOver(moved=moved, ended=ended, role=Role.ENGINEER, delete=delete)

        result = self.both(
            lambda store: store.people.hand_over(person.id, customer_id=ACME.id, plan=plan, by=at(self.now))
        )

        self.note("left with tokens moved and revoked", result.outcome is Outcome.DONE and bool(moved) and bool(ended))
        self.note("stale plan", result.outcome is Outcome.STALE)
        if result.outcome is Outcome.DONE and delete:
            self.both(lambda store: store.people.add_user(person, password_hash="b", by=at(self.now)))
        elif result.outcome is Outcome.DONE:
            self.change_user(person, UserChange(locked=False))

    def note_failure(self, keys: list[str], back: int) -> None:
        self.both(lambda store: store.guesses.note_failure(keys, now=self.now - back))

    def forget(self, keys: list[str], before: int) -> None:
        self.both(lambda store: store.guesses.forget(keys))
        self.both(lambda store: store.guesses.forget_older(before=self.now - before))

    def spend(self, keys: list[str], back: int) -> None:
        hour = self.now // 10 - back

        numbers = self.both(
            lambda store: _all((store.budgets.spend(key, hour=hour) for key in keys), in_turn=self.in_turn)
        )

        self.note("one of several writes in its hour", max(numbers) > 1)

    def forget_hours(self, back: int) -> None:
        self.both(lambda store: store.budgets.forget_older(before=self.now // 10 - back))

    @invariant()
    def both_hold_the_same(self) -> None:
        seen, batches, _ = self.both(self._everything)

        revoked = [each for each in seen if each is not None and each.token.revoked_at is not None]
        self.note("looked up though revoked", bool(revoked))
        self.note("list of several batches", len(batches[0]) > 1)
        self.note("listed though expired", any(one.is_expired(self.now) for batch in batches[0] for one in batch))

    async def _everything(self, store: Store) -> tuple[list[Seen | None], list[list[list[Token]]], list[object]]:
        """Whatever a store can be asked without changing it."""
        ids = [*self.memory.tokens._tokens, "nothing"]
        seen = [await store.tokens.look_up(_digest(token_id)) for token_id in ids]
        assert [each and each.token for each in seen] == [await store.tokens.get(token_id) for token_id in ids]
        batches = [await _batches(store, reach) for reach in ALL_REACHES]
        proofs = [await store.people.credentials(person.login) for person in (ANNA, BERT, STRANGER)]
        usage = [await store.usage.of_token(token_id, since=0, until=self.now) for token_id in ids]
        return seen, batches, [*proofs, *usage, *[await store.guesses.failures(key) for key in "abc"]]

    def _counted_hours(self) -> int:
        return sum(map(len, self.memory.people.usage.values()))

    def _listed(self, reach: Reach) -> list[Token]:
        return [one for batch in self.loop.run_until_complete(_batches(self.memory, reach)) for one in batch]

    def _token(self, owner: User, lifetime: int | None, *, again: bool = False) -> Token:
        number, self.count = self.count, self.count + 1
        return Token(
            id=self.id(0) if again else _id(number),
            user_id=owner.id,
            customer_id=owner.customer_id,
            name=f"token {number}",
            scope=Scope.parse("global"),
            services=(),
            created_at=self.now - number % 2,
            expires_at=None if lifetime is None else self.now + lifetime,
        )

    def _parent(self, number: int | None) -> str | None:
        return None if number is None else self.id(number)

    def _add(self, store: Store, one: Token, parent_id: str | None) -> Coroutine[Any, Any, Added]:
        return store.tokens.add(one, _digest(one.id), limit=LIMIT, parent_id=parent_id, by=at(self.now))


def test_a_database_answers_as_memory_does(opened: Opened, request: pytest.FixtureRequest) -> None:
    on_server = "postgresql" in request.node.name
    Machine.opened, Machine.reached = staticmethod(opened), Counter()
    # Who comes first of those that come at once is decided by their locks there.
    Machine.in_turn = on_server
    # derandomize: Hypothesis turns it on by itself where CI is set, and then every round would be the same one.
    some = settings(
        max_examples=8 if on_server else 30,  # each question takes so much longer there
        stateful_step_count=50,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )

    for _ in range(1 if on_server else ROUNDS_MAX):
        run_state_machine_as_test(Machine, settings=some)
        if min(Machine.reached[rare] for rare in RARE) >= EACH_MIN:
            break

    if not on_server:
        assert [rare for rare in RARE if Machine.reached[rare] < EACH_MIN] == []
        assert set(Machine.reached) == set(RARE)


def _id(number: int) -> str:
    return f"token{number:017}"


def _digest(token_id: str) -> Digest:
    return Digest(token_id.encode().ljust(32))


async def _batches(store: Store, reach: Reach) -> list[list[Token]]:
    return [batch async for batch in store.tokens.batches(reach, size=2)]


async def _told(store: Store) -> list[Event]:
    """All events of both customers, without their ids."""
    found = [
        replace(event, id="")
        for customer in (ACME, OTHER)
        for event in await store.events.find(customer.id, Sought(), after=None, size=10**6)
    ]
    return sorted(found, key=str)


async def _numbered(store: Store) -> list[object]:
    """Whose all changes are, when and by whom.  Not what they are about: of those by rule each store says it in its own way."""
    kept = [await store.changes.numbered(seq) for seq in range(await store.changes.head() + 2)]
    return [each and (each.seq, each.customer_id, each.at, each.user_id, each.token_id) for each in kept]


async def _outcome(asked: Coroutine[Any, Any, T]) -> T | type[Exception]:
    """The answer, or the kind of error."""
    try:
        return await asked
    except Conflict as error:
        return type(error)


async def _all(asked: Iterable[Coroutine[Any, Any, T]], *, in_turn: bool) -> list[T | type[Exception]]:
    if in_turn:
        return [await _outcome(each) for each in asked]
    return await asyncio.gather(*map(_outcome, asked))
