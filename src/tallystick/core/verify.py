"""6 · Is this secret good, right now?

A refusal is an answer, not an error: `Verdict.ok` says yes or no, and `refusal` why not.
"""

from enum import Enum, auto

import msgspec

from tallystick.core.caller import Caller
from tallystick.core.errors import Unauthenticated
from tallystick.core.events import Origin
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.ports import Seen


class Refusal(Enum):
    """Why a secret is not accepted.  A stranger is told the difference only for EXPIRED, which takes the real secret."""

    UNKNOWN = auto()
    REVOKED = auto()
    EXPIRED = auto()
    LOCKED = auto()  # its user is; the token is as good as ever once they are not


class Verdict(msgspec.Struct, frozen=True):
    """The answer to "may it?".  `caller` when it may; else `refusal`, with what was seen, for the sentence that says so."""

    caller: Caller | None
    refusal: Refusal | None = None
    seen: Seen | None = None

    @property
    def ok(self) -> bool:
        """Whether it was accepted."""
        return self.caller is not None


_UNKNOWN = Verdict(None, Refusal.UNKNOWN)


def judge(seen: Seen | None, now: int) -> Verdict:
    """Judge what the store knows of a digest, at `now` (ms since the epoch)."""
    if seen is None:
        return _UNKNOWN
    token = seen.token
    if token.revoked_at is not None:
        return Verdict(None, Refusal.REVOKED, seen)
    if seen.user is not None and seen.user.locked:
        return Verdict(None, Refusal.LOCKED, seen)
    if token.is_expired(now):
        return Verdict(None, Refusal.EXPIRED, seen)
    return Verdict(Caller(token, seen.user))


def require_standing(seen: Seen | None, by: Origin) -> None:
    """Raise `Unauthenticated` unless the token behind a change is as good as when it was let in, and still the same user's.

    For the transaction of the change, which may come long after: `seen` is what the store knows of `by.token_id` there.
    """
    caller = judge(seen, by.at).caller
    if caller is None or caller.token.user_id != by.user_id:
        raise Unauthenticated(NO_CREDENTIALS)
