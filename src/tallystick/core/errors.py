"""What can go wrong, as one tree.

    TallystickError
    ├── Invalid            what was sent cannot be used as it is; the message says what to change
    │   ├── Unprocessable  it was understood, but its value can never work (a date in the past)
    │   └── TooLarge       it is bigger than we read
    ├── Unauthenticated    no live token, or no valid password, came with it
    ├── Forbidden          we know who asks, and the answer is no
    ├── NotFound           no such thing, or none that this caller may know of
    ├── Conflict           it would be right, had the world not moved on
    ├── Throttled          too often; try again after `retry_after` seconds
    └── Unavailable        the store cannot answer now; nothing was done, unless the message says otherwise; try again

`str(error)` is always safe to show to whoever asked.  What only the operator may know travels in `__cause__`.
"""

from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from tallystick.core.explain import Because


class TallystickError(Exception):
    """The root: everything that this package raises on purpose is one of its leaves.

    `msg`: one sentence for the reader.  `detail`: a second one, if there is more to say.  `code`: a word for programs
    (`invalid_grant`, `2fa.verify`).  `status`: the HTTP status that carried it, when it came over the wire, else None.
    `retry_after`: seconds until a retry makes sense, None where it does not.  `refusal`: the name of this refusal, by which a
    superuser can have it explained, when one came over the wire.
    """

    default_retry_after: ClassVar[int | None] = None
    because: "Because | None" = None  # what only those may know who may have it explained
    refusal: str | None = None

    def __init__(
        self,
        msg: str,
        *,
        detail: str | None = None,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(msg)
        self.msg = msg
        self.detail = detail
        self.code = code
        self.status = status
        self.retry_after = self.default_retry_after if retry_after is None else retry_after


class Invalid(TallystickError):
    """What was sent cannot be used as it is; the message says what to change."""


class Unprocessable(Invalid):
    """It was understood, but its value can never work, such as a date in the past."""


class TooLarge(Invalid):
    """It is bigger than we read."""


class Unauthenticated(TallystickError):
    """No live token, or no valid password, came with it."""


class Forbidden(TallystickError):
    """We know who asks, and the answer is no.

    `scope`: the words that a token would need, where it is for want of one; None where it is something else.
    """

    scope: str | None = None

    @classmethod
    def by_scope(cls, msg: str, *, scope: str) -> Self:
        """For want of a scope that does, such as `scope`."""
        error = cls(msg)
        error.scope = scope
        return error


class NotFound(TallystickError):
    """No such thing, or none that this caller may know of: the two must look alike."""


class Conflict(TallystickError):
    """It would be right, had the world not moved on.

    `token_ids`: the live tokens that stand in the way, oldest first; none where it is something else.
    """

    token_ids: tuple[str, ...] = ()


class Throttled(TallystickError):
    """Too often.  `retry_after` says when to try again."""

    default_retry_after = 1


class Unavailable(TallystickError):
    """The store, or the service itself, cannot answer now.  Nothing was done half."""

    default_retry_after = 1
