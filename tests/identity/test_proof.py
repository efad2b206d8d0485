"""Is this login really asking?  Strangers learn nothing, guessers are slowed, and each code works once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from argon2.profiles import CHEAPEST, PRE_21_2
from msgspec.structs import replace

from tallystick.core.errors import Invalid, Throttled, Unavailable
from tallystick.identity import guess, recovery, totp
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords
from tallystick.identity.proof import Claim, Proof, Prover, Shortfall
from tallystick.storage.memory import MemoryStore
from tests.core.world import ANNA, BERT, MINUTE, SECOND, FakeClock, at, populated

KEYS = Keys.derive(bytes(range(32)))
PASSWORD = "correct horse battery staple"
TOTP_SECRET = b"12345678901234567890"


class World:
    """A prover over a store in which Anna has a password, and Bert a password and an authenticator."""

    def __init__(self, store: MemoryStore, slots: int = 4) -> None:
        self.store = store
        self.clock = FakeClock()
        self.passwords = Passwords(CHEAPEST)
        # What was run off the loop, in order.
        self.ran: list[str] = []
        self.prover = self.prover_of(self.passwords, slots)

    def prover_of(self, passwords: Passwords, slots: int = 4) -> Prover:
        return Prover(
            self.store.people,
            self.store.guesses,
            clock=self.clock,
            keys=KEYS,
            passwords=passwords,
            in_thread=self._in_thread,
            slot=asyncio.Semaphore(slots),
        )

    # Any: as the port has it.
    async def _in_thread(self, call: Callable[..., Any], /, *args: Any) -> Any:
        self.ran.append(call.__name__)
        return await asyncio.to_thread(call, *args)

    async def prove(
        self, login: str = ANNA.login, password: str = PASSWORD, code: str | None = None, address: str = "192.0.2.1"
    ) -> Proof:
        return await self.prover.prove(Claim(login=login, password=password, code=code, address=address))

    async def failures(self, login: str) -> int:
        noted = await self.store.guesses.failures(guess.login_key(login, key=KEYS.guesses))
        return 0 if noted is None else noted.count

    async def fail(self, login: str, times: int) -> None:
        """So many failures of a login, noted now, from nowhere."""
        for _ in range(times):
            await self.store.guesses.note_failure([guess.login_key(login, key=KEYS.guesses)], now=self.clock.now())

    def code(self, drift: int = 0) -> str:
        return totp.code_at(TOTP_SECRET, self.clock.now() + drift * 30 * SECOND)


async def a_world(slots: int = 4) -> World:
    world = World(await populated(MemoryStore()), slots)
    stored = world.passwords.hash(PASSWORD)
    now = world.clock.now()
    for person in (ANNA, BERT):
        await world.store.people.set_password(person.id, password_hash=stored, replacing=None, by=at(now))
    await world.store.people.set_totp(BERT.id, sealed=KEYS.seal(TOTP_SECRET, owner=BERT.id), by=at(now))
    return world


# --- Strangers learn nothing ----------------------------------------------------------------------------------------------


async def test_the_right_password_proves_its_user() -> None:
    world = await a_world()

    proof = await world.prove(" ANNA@example.com ")

    assert proof.user is not None
    assert (proof.user.id, proof.shortfall) == (ANNA.id, None)


@pytest.mark.parametrize("times", [1, 5, 6, 99])
async def test_unknown_and_known_logins_go_the_same_way(times: int) -> None:
    outcomes = []
    for login in (ANNA.login, BERT.login, "nobody@example.com"):
        world = await a_world()
        await world.fail(login, times)
        try:
            how: object = await world.prove(login, "wrong password")
        except Throttled as error:
            how = (str(error), error.retry_after)
        outcomes.append((how, world.ran, await world.failures(login)))

    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert outcomes[0][1] == (["verify"] if times < 5 else []), "one hash, or none for everybody"


async def test_a_locked_login_looks_alike_known_or_not_and_its_right_password_does_not_open_it() -> None:
    world = await a_world()
    for login in (ANNA.login, "nobody@example.com"):
        await world.fail(login, 100)

    proofs = [await world.prove(login) for login in (ANNA.login, "nobody@example.com")]

    assert proofs == [Proof(None, Shortfall.LOCKED)] * 2
    assert world.ran == []


async def test_the_right_password_with_a_wrong_code_counts_as_a_guess() -> None:
    world = await a_world()

    proof = await world.prove(BERT.login, code="000000")

    assert (proof.user, proof.shortfall) == (None, Shortfall.CODE)
    assert await world.failures(BERT.login) == 1


async def test_a_missing_code_is_asked_for_and_does_not_count() -> None:
    world = await a_world()

    proofs = [await world.prove(BERT.login, code=code) for code in (None, "")]

    assert [(proof.user, proof.shortfall) for proof in proofs] == [(None, Shortfall.CODE)] * 2
    assert await world.failures(BERT.login) == 0


async def test_a_right_code_with_a_wrong_password_is_a_wrong_password_and_leaves_the_code_unused() -> None:
    world = await a_world()

    proof = await world.prove(BERT.login, "wrong password", world.code())

    assert proof == Proof(None, Shortfall.WRONG)
    assert (await world.prove(BERT.login, code=world.code())).user is not None


async def test_a_proof_shows_no_hash() -> None:
    proof = await (await a_world()).prove(ANNA.login)

    assert proof.password_hash.startswith("$argon2id$")
    assert "argon2" not in f"{proof} {proof!r} {[proof]}"


async def test_a_claim_never_prints() -> None:
    claim = Claim(login=ANNA.login, password=PASSWORD, code="123456", address="192.0.2.1")

    assert f"{claim} {claim!r} {[claim]}" == "Claim(…) Claim(…) [Claim(…)]"


# --- Codes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [-1, 0, 1])
async def test_a_code_one_step_off_is_accepted_once(drift: int) -> None:
    world = await a_world()
    code = world.code(drift)

    first = await world.prove(BERT.login, code=code)
    again = await world.prove(BERT.login, code=code)

    assert first.user is not None
    assert (again.user, again.shortfall) == (None, Shortfall.CODE)


@pytest.mark.parametrize("drift", [-2, 2])
async def test_a_stale_code_is_refused(drift: int) -> None:
    world = await a_world()

    assert (await world.prove(BERT.login, code=world.code(drift))).shortfall is Shortfall.CODE


async def test_a_step_before_the_one_that_was_used_is_used_too() -> None:
    world = await a_world()
    earlier = world.code(-1)
    await world.prove(BERT.login, code=world.code())

    assert (await world.prove(BERT.login, code=earlier)).shortfall is Shortfall.CODE


async def test_the_same_code_at_the_same_time_works_once() -> None:
    world = await a_world()

    proofs = await asyncio.gather(*(world.prove(BERT.login, code=world.code()) for _ in range(4)))

    assert sum(proof.user is not None for proof in proofs) == 1


async def test_a_sealed_secret_of_somebody_else_opens_nothing() -> None:
    world = await a_world()
    await world.store.people.set_totp(ANNA.id, sealed=KEYS.seal(TOTP_SECRET, owner=BERT.id), by=at(world.clock.now()))

    with pytest.raises(Invalid, match="does not open"):
        await world.prove(ANNA.login, code=world.code())


# --- Guessers wait --------------------------------------------------------------------------------------------------------


async def test_five_wrong_guesses_are_judged_the_sixth_waits_even_with_the_right_password() -> None:
    world = await a_world()
    for _ in range(5):
        assert (await world.prove(password="wrong password")).shortfall is Shortfall.WRONG

    with pytest.raises(Throttled, match=r"try again in 1 second$") as caught:
        await world.prove()

    assert caught.value.retry_after == 1
    assert await world.failures(ANNA.login) == 5, "what was not judged is no failure"
    world.clock.move(SECOND)
    assert (await world.prove()).user is not None


async def test_success_ends_the_row_of_failures_of_the_login_but_not_of_the_address() -> None:
    world = await a_world()
    for _ in range(4):
        await world.prove(password="wrong password")

    await world.prove()

    address = await world.store.guesses.failures(guess.address_key("192.0.2.1", key=KEYS.guesses))
    assert await world.failures(ANNA.login) == 0
    assert address is not None
    assert address.count == 4


async def test_an_address_that_tries_many_logins_waits_and_another_address_does_not() -> None:
    world = await a_world()
    for number in range(20):
        await world.prove(f"user{number}@example.com", "wrong password")

    with pytest.raises(Throttled):
        await world.prove()

    assert (await world.prove(address="192.0.2.2")).user is not None
    world.clock.move(15 * MINUTE)
    assert (await world.prove()).user is not None


async def test_guessing_goes_on_from_many_addresses_only_until_the_login_is_locked() -> None:
    world = await a_world()
    judged = 0
    while (proof := await world.prove(password="wrong password", address=f"198.51.100.{judged}")).shortfall is not (
        Shortfall.LOCKED
    ):
        assert proof.shortfall is Shortfall.WRONG
        judged += 1
        world.clock.move(MINUTE)

    assert judged == 100
    assert (await world.prove()).shortfall is Shortfall.LOCKED


async def test_while_guesses_cannot_be_counted_none_is_judged_and_the_last_one_is_counted_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await a_world()

    async def away(keys: object, *, now: int) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.store.guesses, "note_failure", away)
        for password in ("wrong", "another", PASSWORD):
            with pytest.raises(Unavailable):
                await world.prove(password=password)
        assert world.ran == ["verify"], "only the first, whose wrong guess nobody could count"
    assert (await world.prove(password="wrong")).shortfall is Shortfall.WRONG
    assert await world.failures(ANNA.login) == 2


@pytest.mark.parametrize("slots", [1, 3])
async def test_of_guesses_at_the_same_time_only_as_many_as_there_are_slots_go_by_an_old_count(slots: int) -> None:
    world = await a_world(slots)

    outcomes = await asyncio.gather(
        *(world.prove(password="wrong password") for _ in range(40)), return_exceptions=True
    )

    judged = [one for one in outcomes if isinstance(one, Proof)]
    assert all(isinstance(one, Proof | Throttled) for one in outcomes)
    assert 5 <= len(judged) <= 5 + slots - 1
    assert await world.failures(ANNA.login) == len(judged)


# --- Hashes are renewed ---------------------------------------------------------------------------------------------------


async def hash_of_anna(world: World) -> str:
    found = await world.store.people.credentials(ANNA.login)
    assert found is not None
    return found[1].password_hash


async def test_a_hash_under_older_parameters_is_renewed_when_the_password_is_at_hand() -> None:
    world = await a_world()
    newer = Passwords(PRE_21_2)
    world.prover = world.prover_of(newer)
    old = await hash_of_anna(world)
    await world.prove(password="wrong password")
    assert await hash_of_anna(world) == old

    await world.prove()

    renewed = await hash_of_anna(world)
    assert not newer.is_outdated(renewed)
    assert newer.verify(PASSWORD, renewed)
    assert world.ran == ["verify", "verify", "hash"]


async def test_a_hash_is_renewed_though_the_code_comes_later_and_what_was_proven_holds() -> None:
    world = await a_world()
    await world.store.people.set_totp(ANNA.id, sealed=KEYS.seal(TOTP_SECRET, owner=ANNA.id), by=at(world.clock.now()))
    newer = Passwords(PRE_21_2)
    world.prover = world.prover_of(newer)

    half = await world.prove()
    code = totp.code_at(TOTP_SECRET, world.clock.now())
    claim = Claim(login=ANNA.login, password="", code=code, address="192.0.2.1", proven=half.mark)
    whole = await world.prover.prove(claim)

    assert not newer.is_outdated(await hash_of_anna(world))
    assert (half.user, whole.user is not None) == (None, True)
    assert whole.password_hash == await hash_of_anna(world)


async def test_a_hash_under_these_parameters_is_left_alone() -> None:
    world = await a_world()
    before = await hash_of_anna(world)

    await world.prove()

    assert await hash_of_anna(world) == before
    assert world.ran == ["verify"]


async def test_a_password_changed_while_its_hash_is_renewed_stays_changed() -> None:
    world = await a_world()
    newer = Passwords(PRE_21_2)
    changed = newer.hash("another good password")

    async def in_thread(call: Callable[..., Any], /, *args: Any) -> Any:
        if call.__name__ == "hash":
            now = world.clock.now()
            await world.store.people.set_password(ANNA.id, password_hash=changed, replacing=None, by=at(now))
        return call(*args)

    world._in_thread = in_thread  # type: ignore[method-assign]  # the driver's part: where a slow call runs
    world.prover = world.prover_of(newer)

    await world.prove()

    assert await hash_of_anna(world) == changed


async def test_a_recovery_code_stands_in_for_a_one_time_code_once() -> None:
    world = await a_world()
    code = "23456-789ab"
    digest = recovery.digest_of(code, key=KEYS.recovery, user_id=BERT.id)
    assert digest is not None
    await world.store.people.set_recovery_codes(BERT.id, digests=[digest], by=at(world.clock.now()))

    first = await world.prove(BERT.login, code="2345 6789AB")
    again = await world.prove(BERT.login, code=code)

    assert first.user is not None
    assert (again.user, again.shortfall) == (None, Shortfall.CODE)


async def test_a_recovery_code_is_only_its_users_and_only_with_the_password() -> None:
    world = await a_world()
    code = "23456-789ab"
    foreign = recovery.digest_of(code, key=KEYS.recovery, user_id=ANNA.id)
    own = recovery.digest_of("fghjk-mnpqr", key=KEYS.recovery, user_id=BERT.id)
    assert foreign is not None
    assert own is not None
    await world.store.people.set_recovery_codes(BERT.id, digests=[foreign, own], by=at(world.clock.now()))

    assert (await world.prove(BERT.login, code=code)).shortfall is Shortfall.CODE
    assert (await world.prove(BERT.login, "wrong", code="fghjk-mnpqr")).shortfall is Shortfall.WRONG
    assert await world.store.people.recovery_codes_left(BERT.id) == 2


async def test_that_the_password_was_right_is_good_for_the_code_and_until_it_is_changed() -> None:
    world = await a_world()
    before = await world.prove(BERT.login)
    assert before.mark is not None
    claim = Claim(login=BERT.login, password="", code=world.code(), address="192.0.2.1", proven=before.mark)

    wrong = await world.prover.prove(replace(claim, proven="0" * 32))
    other = await world.prover.prove(replace(claim, login=ANNA.login))
    right = await world.prover.prove(claim)
    await world.store.people.set_password(BERT.id, password_hash="new", replacing=None, by=at(world.clock.now()))
    late = await world.prover.prove(claim)

    assert [proof.shortfall for proof in (wrong, other, late)] == [Shortfall.WRONG] * 3
    assert right.user is not None


async def test_who_signs_in_twice_at_once_while_the_hash_is_renewed_can_go_on_in_both() -> None:
    world = await a_world()
    await world.store.people.set_totp(ANNA.id, sealed=KEYS.seal(TOTP_SECRET, owner=ANNA.id), by=at(world.clock.now()))
    world.prover = world.prover_of(Passwords(PRE_21_2))

    halves = await asyncio.gather(world.prove(), world.prove())

    assert halves[0].mark == halves[1].mark
    claim = Claim(login=ANNA.login, password="", code=world.code(), address="192.0.2.1", proven=halves[1].mark)
    assert (await world.prover.prove(claim)).user is not None
