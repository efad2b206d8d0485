"""Is this login really asking?  Password, then one-time code, each guess counted.

The order matters.  A slot is taken first, because hashing costs memory; whoever holds it reads the failures, so that at
most `slots` guesses are ever judged by an old count.  An unknown login goes the same way as a known one, hash and all.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import Any, Protocol

import msgspec

from tallystick.core.errors import Throttled, Unavailable
from tallystick.core.guesses import GuessLog
from tallystick.core.people import Credentials, User
from tallystick.core.ports import Clock, Directory
from tallystick.identity import guess, recovery, totp
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords


class Shortfall(Enum):
    """Why somebody is not proven."""

    WRONG = auto()  # unknown login or wrong password: which of the two is nobody's business
    CODE = auto()  # the password is right; the one-time code is missing, wrong, or used before
    LOCKED = auto()  # too many failures in a row
    BARRED = auto()  # all of it is right, but an administrator has locked this user


class Proof(msgspec.Struct, frozen=True):
    """How it ended: the user, or why not.  `password_hash`: what the proven password is kept as from now on; it never prints.

    `mark`: where only the code falls short, that the password is right, until it is changed.  It opens nothing by itself.
    """

    user: User | None
    shortfall: Shortfall | None = None
    password_hash: str = ""
    mark: str | None = None

    def __repr__(self) -> str:
        return f"Proof(user={self.user!r}, shortfall={self.shortfall!r})"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says to prove who they are, and from which address.  It holds a password: it never prints.

    `proven`: the mark (`Proof.mark`) of the same password, which was proven a moment ago; then `password` is not looked at.
    """

    login: str
    password: str
    code: str | None
    address: str
    proven: str | None = None

    def __repr__(self) -> str:
        return "Claim(…)"


class InThread(Protocol):
    """Runs a slow, blocking call somewhere else: the driver's thread pool."""

    def __call__(self, call: Callable[..., Any], /, *args: Any) -> Awaitable[Any]: ...


class Prover:
    """Judges claims.  `slot`: an async context in which at most a few claims are at once (each hash takes 64 MiB)."""

    def __init__(
        self,
        people: Directory,
        guesses: GuessLog,
        *,
        clock: Clock,
        keys: Keys,
        passwords: Passwords,
        in_thread: InThread,
        slot: AbstractAsyncContextManager[Any],
    ) -> None:
        self._people = people
        self._guesses = guesses
        self._clock = clock
        self._keys = keys
        self._passwords = passwords
        self._in_thread = in_thread
        self._slot = slot
        self._uncounted: list[list[str]] = []

    async def prove(self, claim: Claim) -> Proof:
        """Judge a claim.  Raises `Throttled` when login or address have to wait, `Unavailable` when guesses cannot be counted.

        Either way nobody learns whether it was right.
        """
        login_key = guess.login_key(claim.login, key=self._keys.guesses)
        address_key = guess.address_key(claim.address, key=self._keys.guesses)
        async with self._slot:
            await self._count()
            by_login = await self._guesses.failures(login_key)
            if guess.is_locked(by_login):
                return Proof(None, Shortfall.LOCKED)
            by_address = await self._guesses.failures(address_key)
            now = self._clock.now()
            wait = max(guess.wait_ms(by_login, guess.LOGIN, now), guess.wait_ms(by_address, guess.ADDRESS, now))
            if wait > 0:
                seconds = -(-wait // 1000)
                soon = f"{seconds} second{'' if seconds == 1 else 's'}"
                raise Throttled(f"Too many failed attempts: try again in {soon}", retry_after=seconds)
            proof, guessed = await self._judge(claim)
            if guessed:
                self._uncounted.append([login_key, address_key])
                await self._count()
            elif proof.user is not None and by_login is not None:
                # The address is not forgiven: a guesser with one good account would use it to go on.
                await self._guesses.forget([login_key])
            return proof

    async def _count(self) -> None:
        """Note the failures that are not noted yet.  Raises `Unavailable`: while nobody can count, nothing is judged.

        Otherwise a full disk would give as many guesses as one likes, and the answer to a right one is another than 503.
        """
        while self._uncounted:
            keys = self._uncounted.pop()
            try:
                await self._guesses.note_failure(keys, now=self._clock.now())
            except Unavailable:
                self._uncounted.append(keys)
                raise

    async def _judge(self, claim: Claim) -> tuple[Proof, bool]:
        """How it ends, and whether it was a wrong guess (a code that was not given is none)."""
        found = await self._people.credentials(claim.login)
        right = await self._is_right(claim, None if found is None else found[1])
        if found is None or not right:
            return Proof(None, Shortfall.WRONG), True
        user, credentials = found
        kept = credentials.password_hash
        if claim.proven is None:
            kept = await self._renew_hash(claim, credentials)
        if credentials.totp_sealed is not None:
            mark = self._mark(user.id, kept)
            if not claim.code:
                return Proof(None, Shortfall.CODE, mark=mark), False
            if not await self._is_fresh_code(claim.code, credentials.totp_sealed, user):
                return Proof(None, Shortfall.CODE, mark=mark), True
        if user.locked:
            # Said only to who knows the password: to everybody else this login is like any other.
            return Proof(None, Shortfall.BARRED), False
        return Proof(user, password_hash=kept), False

    async def _is_right(self, claim: Claim, known: Credentials | None) -> bool:
        if claim.proven is not None:
            return known is not None and hmac.compare_digest(
                claim.proven, self._mark(known.user_id, known.password_hash)
            )
        right: bool = await self._in_thread(
            self._passwords.verify, claim.password, None if known is None else known.password_hash
        )
        return right

    def _mark(self, user_id: str, password_hash: str) -> str:
        what = f"proven:{user_id}:{password_hash}".encode()
        return hashlib.blake2b(what, key=self._keys.guesses, digest_size=16).hexdigest()

    async def _is_fresh_code(self, code: str, sealed: bytes, user: User) -> bool:
        """Whether it is a one-time code, or one of what stands in for these, that was not used before."""
        digest = recovery.digest_of(code, key=self._keys.recovery, user_id=user.id)
        if digest is not None:
            return await self._people.use_recovery_code(user.id, digest=digest)
        step = totp.matching_step(self._keys.unseal(sealed, owner=user.id), code, self._clock.now())
        return step is not None and await self._people.use_totp_step(user.id, step=step)

    async def _renew_hash(self, claim: Claim, credentials: Credentials) -> str:
        """What it is kept as after this.

        Parameters rise over the years; this is the only moment at which the password is at hand.
        """
        old = credentials.password_hash
        if not self._passwords.is_outdated(old):
            return old
        new: str = await self._in_thread(self._passwords.hash, claim.password)
        if await self._people.renew_hash(credentials.user_id, password_hash=new, replacing=old):
            return new
        # Somebody was faster: with the same password, or, and then this proves nothing, with another.
        return await self._kept_now(claim, otherwise=new)

    async def _kept_now(self, claim: Claim, *, otherwise: str) -> str:
        found = await self._people.credentials(claim.login)
        if found is None or not await self._in_thread(self._passwords.verify, claim.password, found[1].password_hash):
            return otherwise
        return found[1].password_hash
