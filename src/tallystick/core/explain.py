"""Why a request was refused, for whoever may know it: told in its request id, which only this service can read.

The stranger who was refused sees a name for the request, as long as every other.  Nothing is kept for it: the id holds what is
to be known, sealed under a key that is not in the database.
"""

import base64
import binascii
from typing import Final, NamedTuple, Protocol

from tallystick.core.errors import Invalid, TallystickError
from tallystick.core.secret import redacted

_OWNER: Final = "refused request"
_PREFIX: Final = "ref_"
_TEXT_BYTES: Final = 120
_LENGTH: Final = 8 + 2 + _TEXT_BYTES
_SEPARATOR: Final = "\x1f"


class Seals(Protocol):
    """What nobody can read or make who does not have the key (`identity.keys.Keys`)."""

    def seal(self, plaintext: bytes, *, owner: str) -> bytes:
        """Encrypted, and bound to `owner`."""

    def unseal(self, sealed: bytes, *, owner: str) -> bytes:
        """The plaintext.  Raises `Invalid` when it is none of ours."""


class Because(NamedTuple):
    """What is behind a refusal, for those who may know (`explain.py`); never shown to whoever was refused.

    `why`: a word, such as a `usage.Why`.  `token_id`: of the token that came, None where it is none of ours.  `detail`: what it
    is about, such as the scope that was asked for.
    """

    why: str
    token_id: str | None
    detail: str = ""


class Refused(NamedTuple):
    """A request that was refused at an instant (ms since the epoch), and why."""

    at: int
    because: Because


def named(error: TallystickError, *, at: int, seals: Seals) -> str:
    """The id of a request that `error` refused: URL-safe, and always of one length."""
    because = error.because or Because("said", None, error.msg)
    text = _SEPARATOR.join((because.why, because.token_id or "", redacted(because.detail)))
    told = text.encode("utf-8", "replace")[:_TEXT_BYTES]
    plain = at.to_bytes(8, "big", signed=True) + len(told).to_bytes(2, "big") + told
    sealed = seals.seal(plain.ljust(_LENGTH, b"\0"), owner=_OWNER)
    return _PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(request_id: str, *, seals: Seals) -> Refused:
    """What such an id says.  Raises `Invalid` for one that is none, or of a service with another key."""
    body = request_id.strip().removeprefix(_PREFIX)
    try:
        sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        plain = seals.unseal(sealed, owner=_OWNER)
    except (binascii.Error, ValueError, Invalid) as error:
        raise Invalid(
            "this is not the id of a request that was refused here: it stands in the header Tallystick-Refusal of the answer,"
            f" and begins with {_PREFIX}",
            code="invalid_request",
        ) from error
    length = int.from_bytes(plain[8:10], "big")
    why, token_id, detail = plain[10 : 10 + length].decode("utf-8", "ignore").split(_SEPARATOR, 2)
    return Refused(int.from_bytes(plain[:8], "big", signed=True), Because(why, token_id or None, detail))
