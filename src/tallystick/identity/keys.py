"""The master key, which lives in a file beside the database and never in it, and what is derived from it."""

import base64
import binascii
import secrets
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.core.errors import Invalid

_HEADER: Final = "tallystick-key-1:"  # the format's number: a later one can be told apart
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # AES-GCM, NIST SP 800-38D; random, and far from 2 ** 32 seals under one key


class Keys(msgspec.Struct, frozen=True):
    """Everything that is kept outside the database.  Each use has a key of its own, so that none weakens another."""

    digests: bytes
    guesses: bytes
    recovery: bytes
    fingerprint: str
    _seals: bytes

    @classmethod
    def derive(cls, master: bytes) -> Self:
        """All keys from 32 random bytes (HKDF-SHA-256, RFC 5869)."""

        def key(purpose: str) -> bytes:
            return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tallystick {purpose}".encode()).derive(master)

        return cls(
            key("token digests"), key("guess log"), key("recovery codes"), key("fingerprint").hex()[:32], key("seals")
        )

    def seal(self, plaintext: bytes, *, owner: str) -> bytes:
        """Encrypt under AES-256-GCM, bound to `owner` (a user id): a sealed value moved to another row does not open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._seals).encrypt(nonce, plaintext, owner.encode())

    def unseal(self, sealed: bytes, *, owner: str) -> bytes:
        """The plaintext again.  Raises `Invalid` when key, owner or content do not fit."""
        try:
            return AESGCM(self._seals).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: shorter than a nonce
            raise Invalid("a sealed value does not open: it was made under another key, or changed") from error

    def __repr__(self) -> str:
        return f"Keys(fingerprint={self.fingerprint!r}, …)"


def new_key_file() -> str:
    """The text of a new key file."""
    return _HEADER + base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode() + "\n"


def parse_key_file(text: str) -> Keys:
    """The keys behind the text of a key file.  Raises `Invalid` when it is not one."""
    body = text.strip().removeprefix(_HEADER)
    try:
        master = base64.b64decode(body, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        master = b""
    if not text.startswith(_HEADER) or len(master) != _KEY_BYTES:
        raise Invalid(f"it is not a key file: expected one line that starts with {_HEADER}")
    return Keys.derive(master)
