"""One-time codes, RFC 6238: six digits, steps of 30 seconds, SHA-1, as every authenticator app expects."""

import base64
import hmac
import secrets
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

_DIGITS: Final = 6
_STEP_SECONDS: Final = 30
_SECRET_BYTES: Final = 20  # RFC 4226, 4: 160 bits recommended
_DRIFT_STEPS: Final = (0, -1, 1)  # RFC 6238, 5.2: one step of network delay and clock drift


def new_secret() -> bytes:
    """The secret to share with an authenticator app."""
    return secrets.token_bytes(_SECRET_BYTES)


def base32(secret: bytes) -> str:
    """The form in which people type a secret into an app."""
    return base64.b32encode(secret).decode()


def otpauth_uri(secret: bytes, *, login: str) -> str:
    """The URI that authenticator apps read from a QR code."""
    return _totp(secret).get_provisioning_uri(login, "Tallystick")


def code_at(secret: bytes, now: int) -> str:
    """The code at `now` (ms since the epoch)."""
    return _totp(secret).generate(now // 1000).decode()


def matching_step(secret: bytes, code: str, now: int) -> int | None:
    """The time step whose code this is, one step of drift allowed; None when it is no code of these.

    The caller has the store mark the step as used: each works once.
    """
    given = code.strip().encode("utf-8", "surrogatepass")
    step = now // 1000 // _STEP_SECONDS
    for drift in _DRIFT_STEPS:
        expected = _totp(secret).generate((step + drift) * _STEP_SECONDS)
        if hmac.compare_digest(expected, given):
            return step + drift
    return None


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303 - the algorithm that apps implement; HMAC-SHA-1 stands
