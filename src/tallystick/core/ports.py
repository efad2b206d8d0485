"""What the core asks of the outside: a clock, and a store in parts.

A method that changes something takes its `Origin`, whose `at` is the time of the change, and writes one event for each
record that it changed, in the same transaction: where that cannot be written, nothing was changed.  It raises
`Unauthenticated`, and changes nothing, when the origin's token is over by then, or another's, or its user is locked
(`verify.require_standing`); `TokenStore.add` says so in its answer.

`storage/memory.py` is the executable specification; every store passes the same contract suite.  All of it is async, so
that a store across a network fits; one that answers from a local file simply does not wait.  Any method may raise
`Unavailable`, and then has done nothing, or has done all of it and does not know: then its code is `outcome.OUTCOME_UNKNOWN`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypeAlias

import msgspec

from tallystick.core.admission import LimitStore
from tallystick.core.budget import WriteBudgets
from tallystick.core.caller import Reach
from tallystick.core.changes import Changes
from tallystick.core.events import Event, Origin, Sought
from tallystick.core.find import EVERY, Page, Place, Sort, Wanted
from tallystick.core.guesses import GuessLog
from tallystick.core.outcome import Added, HandOver, Outcome, Removal
from tallystick.core.people import Credentials, Customer, Service, User, UserChange
from tallystick.core.scopes import Catalogue, Defined
from tallystick.core.secret import Digest
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Once, Usage, UsageLog


class Clock(Protocol):
    """What time it is."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""


class Seen(msgspec.Struct, frozen=True):
    """What the store knows behind a digest: the record, live or not, and its user; an automation token has none.

    Here, and nowhere else, its scope says what it gives (`Scope.own`): as of the same moment as all the rest.
    """

    token: Token
    user: User | None


Position: TypeAlias = tuple[int, str]
"""Where a list goes on: the instant and the id of the last one that was seen."""


class TokenStore(Protocol):
    """Tokens.  Each method that writes is one transaction, acknowledged only when it is on disk."""

    async def look_up(self, digest: Digest) -> Seen | None:
        """The token behind a digest, also when it is revoked or expired, with its user."""

    async def get(self, token_id: str) -> Token | None:
        """The token with this id, also when it is revoked or expired."""

    def batches(self, reach: Reach, *, size: int) -> AsyncIterator[list[Token]]:
        """All tokens within reach that are not revoked, oldest first (by `created_at`, then id), `size` at a time.

        Each batch is read when it is asked for, so a list of any length stays flat in memory.
        """

    async def find(
        self, reach: Reach, wanted: Wanted, *, sort: Sort, size: int, after: Place | None = None, skip: int = 0
    ) -> Page:
        """Up to `size` (at least 1) of the wanted tokens within reach that are not revoked, in order.

        `after`: only what comes after this place, which need not be that of a token any more.  Who goes on from each
        page's `last` sees each token once that is there, and stands where it stands, all the while, whatever comes and goes
        between.  `skip`: so many are left out at the beginning.
        """

    async def count(self, reach: Reach, wanted: Wanted, *, most: int = EVERY) -> int:
        """How many tokens `find` finds in all, or `most`, if there are as many as that: it looks no further."""

    async def add(
        self, token: Token, digest: Digest, *, limit: int, parent_id: str | None, by: Origin, proof: str | None = None
    ) -> Added:
        """Add it as new, unless the token `parent_id` has been revoked, its user (an automation token's maker) is locked or has a password that is not kept
        as `proof` (None = any), one of its services is not the customer's, or the user has `limit` live tokens.  The first
        of these that holds is what is said; before all of them that one of its scopes is not defined.

        As new: not raised, used or revoked yet, whatever the record says.  Raises `Conflict` when its id or digest is
        taken, `NotFound` when there is no such user of that customer, or no such customer, `Invalid` for a name that no
        database can hold.  Automation tokens have no user, so no limit.
        """

    async def raise_sudo(self, token_id: str, *, until: int, by: Origin) -> bool:
        """Set `sudo_until`.  False when the token has been revoked meanwhile."""

    async def revoke(self, token_id: str, *, reach: Reach, by: Origin) -> bool:
        """End one, expired or not.  False when there is none with that id within reach, or it had been revoked before."""

    async def revoke_all(self, token_ids: Sequence[str], *, reach: Reach, by: Origin) -> tuple[str, ...]:
        """End all of them, or none.  Returns the ids that are not within reach; when there are any, nothing was done.

        Ids named twice, and tokens that had been revoked before, count as done; those keep the time at which they were.
        What is returned is in the order asked for, each once.
        """

    async def revoke_matching(self, reach: Reach, wanted: Wanted, *, reason: str, by: Origin) -> int:
        """End all that `find` finds, together, each with an event that says why.  Returns how many there were."""

    async def touch(
        self, uses: Sequence[tuple[str, LastUse]], usage: Sequence[Usage] = (), *, once: Once | None = None
    ) -> None:
        """Note when tokens were last used, by id, and add to what was counted of them.

        An older use never replaces a newer one; an unknown id is passed over.  When it raises, nothing was added, or, with
        OUTCOME_UNKNOWN, perhaps all.  `once`: which batch it is; one that was added, or an older one of its writer, is passed over.
        """


class Directory(Protocol):
    """Customers, users and services."""

    async def add_customer(self, customer: Customer, *, by: Origin) -> None:
        """Raises `Conflict` when the id is taken."""

    async def add_user(self, user: User, *, password_hash: str, by: Origin) -> None:
        """Raises `Conflict` when id or login is taken (logins differ in more than case), `NotFound` without its customer.

        Every user begins with one factor: the second is on while there is a one-time secret (`set_totp`).
        """

    async def add_service(self, service: Service, *, by: Origin) -> None:
        """Raises `Conflict` when the id is taken, `NotFound` without its customer."""

    async def customers(self) -> list[Customer]:
        """All, oldest first."""

    async def users(self, customer_id: str | None = None) -> list[User]:
        """All, or those of one customer, oldest first."""

    async def known_services(self, customer_id: str, service_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that are services of this customer."""

    async def services(self, customer_id: str | None = None) -> list[Service]:
        """All, or those of one customer, oldest first."""

    async def customer(self, customer_id: str) -> Customer | None:
        """By id."""

    async def user(self, user_id: str) -> User | None:
        """By id."""

    async def service(self, service_id: str) -> Service | None:
        """By id."""

    async def rename_customer(self, customer_id: str, *, name: str, by: Origin) -> bool:
        """False for an unknown customer."""

    async def rename_service(self, service_id: str, *, customer_id: str, name: str, by: Origin) -> bool:
        """False when the customer has no such service."""

    async def remove_service(self, service_id: str, *, customer_id: str, by: Origin) -> Removal:
        """Delete it, unless live tokens are limited to it.  Never ends as LAST_SUPERUSER."""

    async def change_user(self, user_id: str, *, customer_id: str, change: UserChange, by: Origin) -> Outcome:
        """Change what `change` names, unless that takes the customer's last active superuser.  Never ends as IN_USE; STALE when
        they are not as they were `seen`.

        Raises `Conflict` when another user has that login, `Invalid` for text that no database can hold.
        """

    async def remove_user(self, user_id: str, *, customer_id: str, by: Origin) -> Removal:
        """Delete them together with their revoked and expired tokens, unless they have live ones.

        Who has both live tokens and is the last active superuser is told about the latter: it is what cannot be helped.
        """

    async def hand_over(self, user_id: str, *, customer_id: str, plan: HandOver, by: Origin) -> Removal:
        """Carry out what was decided about somebody who leaves, in one transaction.  Never ends as IN_USE.

        STALE, with the ids that were left out or are not live tokens of theirs (any more), when the plan does not name
        exactly those, each once.  A token that is moved keeps its secret and all that it allows; it is nobody's and in no sudo.
        """

    async def credentials(self, login: str) -> tuple[User, Credentials] | None:
        """By login, in any case."""

    async def set_password(
        self, user_id: str, *, password_hash: str, replacing: str | None, by: Origin, kept: str | None = None
    ) -> bool:
        """Replace the hash; with `replacing`, only if it still is that one.  False when nothing was replaced.

        `kept`: with it all of the user's tokens but this one end in the same transaction; None ends none.
        """

    async def renew_hash(self, user_id: str, *, password_hash: str, replacing: str) -> bool:
        """Keep the same password with newer parameters, unless it was changed meanwhile: then False.  Nothing that an event tells."""

    async def set_totp(self, user_id: str, *, sealed: bytes | None, first: bool = False, by: Origin) -> bool:
        """Set the sealed one-time secret, or take it away; the step that was used and recovery codes go.

        `first`: only for who has none.  False when nothing was set: for an unknown user too.
        """

    async def use_totp_step(self, user_id: str, *, step: int) -> bool:
        """Mark a time step as used.  False when it, or a later one, was used before: each works once (RFC 6238, 5.2)."""

    async def set_recovery_codes(
        self, user_id: str, *, digests: Sequence[str], seen: int | None = None, by: Origin
    ) -> bool:
        """Replace what stands in for one-time codes: hexadecimal digests of one length.  False without a second factor.

        `seen`: only if the user was changed last at that instant.
        """

    async def use_recovery_code(self, user_id: str, *, digest: str) -> bool:
        """Take one away.  False when it is not there (any more): each works once."""

    async def recovery_codes_left(self, user_id: str) -> int:
        """How many they have."""


class Catalogues(Protocol):
    """Scopes that are not built in: a catalogue for each customer, or the operator's in place of them all."""

    async def of(self, customer_id: str) -> Catalogue:
        """The one that counts for them."""

    async def put(self, catalogue: Catalogue, *, replacing: int, dropped: str | None = None, by: Origin) -> Removal:
        """Write a customer's, with `replacing` and one as its version.

        STALE when it is not version `replacing` (any more), or the operator's counts.  `dropped`: the name of a scope that live
        tokens must not carry, else IN_USE.  Never ends as LAST_SUPERUSER or UNKNOWN.
        """

    async def put_for_all(self, scopes: Sequence[Defined], *, by: Origin) -> bool:
        """Write the operator's, or, without any scopes, take it away.  False when it is as it was: then nothing is written."""


class EventLog(Protocol):
    """What was written by all the methods above that take an `Origin`."""

    async def find(self, customer_id: str, sought: Sought, *, after: Position | None, size: int) -> list[Event]:
        """The newest `size` of a customer's events that match, or the next ones `after` a position."""


class Store(Protocol):
    """All of them together, over one database."""

    @property
    def tokens(self) -> TokenStore: ...
    @property
    def people(self) -> Directory: ...
    @property
    def limits(self) -> LimitStore: ...
    @property
    def catalogues(self) -> Catalogues: ...
    @property
    def guesses(self) -> GuessLog: ...
    @property
    def usage(self) -> UsageLog: ...
    @property
    def budgets(self) -> WriteBudgets: ...
    @property
    def events(self) -> EventLog: ...
    @property
    def changes(self) -> Changes: ...

    async def ready(self) -> None:
        """Raises `Unavailable` when the database cannot be read and written now."""

    async def close(self) -> None:
        """Finish what was accepted, and let go of the files."""
