"""Passwords: hash, verify, and refuse what anybody would guess.

Argon2id (RFC 9106) by argon2-cffi.  It is slow on purpose: never call `hash` or `verify` on the event loop.
"""

from typing import Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from zxcvbn import zxcvbn

from tallystick.core.errors import Invalid

CHARS_MIN: Final = 8  # NIST SP 800-63B, 5.1.1.2
CHARS_MAX: Final = 256  # room for any passphrase; longer ones only burn time
_SCORED_CHARS: Final = 72  # zxcvbn's own limit: what follows can only add
_SCORE_MIN: Final = 2  # of 0 to 4: fewer than 10^6 guesses is what a list of common passwords finds


class Passwords:
    """Hash and verify under one set of parameters."""

    def __init__(self, parameters: Parameters) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        # What an unknown login is checked against, so that it takes exactly as long as a known one.
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The string to store."""
        return self._hasher.hash(_bytes(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it fits.  `None`, for a login that does not exist, takes as long and is False."""
        try:
            self._hasher.verify(password_hash or self._nobody, _bytes(password))
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the parameters have risen since it was made."""
        return self._hasher.check_needs_rehash(password_hash)


def check_acceptable(password: str, *, known_words: list[str]) -> None:
    """Raise `Invalid` for a password that is too short, too long, or among the first million that anybody would try.

    `known_words`: login, name and such; a password made of these is no secret.
    """
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise Invalid(f"a password has {CHARS_MIN} to {CHARS_MAX} characters")
    if zxcvbn(password[:_SCORED_CHARS], user_inputs=known_words)["score"] < _SCORE_MIN:
        raise Invalid("this password is too easy to guess: take a longer one, or several unrelated words")


def _bytes(password: str) -> bytes:
    # A lone surrogate cannot come from a real keyboard, but it can come from JSON: it is a wrong password, not a 500.
    return password[: CHARS_MAX + 1].encode("utf-8", "surrogatepass")
