"""1 · Mint a secret, tell a real one from garbage, and turn it into the digest that we keep.

    tly_ + 32 random base62 characters + 6 characters of CRC-32        (42 in all)

The secret leaves in one response and is then known to its holder only.  From here on the token's life goes on with the
digest: `token.py`.
"""

import hashlib
import re
import secrets
import zlib
from collections.abc import Iterable
from typing import Final, NewType, NoReturn

# Never change it: scanners look for it, and every token that was ever issued starts with it.
PREFIX: Final = "tly_"

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BIASED: Final = bytes(range(248, 256))
_TO_BASE62: Final = bytes(ord(_ALPHABET[byte % 62]) for byte in range(256))
_RANDOM_CHARS: Final = 32  # log2(62 ** 32) = 190 bits
# The checksum has six digits, 62 ** 6 > 2 ** 32; made two at a time, since it is made on every request.
_PAIRS: Final = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHAPE: Final = re.compile(r"tly_[0-9A-Za-z]{38}")
SECRET_CHARS: Final = len(PREFIX) + _RANDOM_CHARS + 6

Digest = NewType("Digest", bytes)
"""Keyed BLAKE2b-256 of a secret, 32 bytes: what the store keeps and looks up by."""


class Secret:
    """The plaintext that the holder keeps.  It never prints, pickles or compares by `==`; `reveal()` is the one way out."""

    __slots__ = ("_plaintext",)

    def __init__(self, plaintext: str) -> None:
        self._plaintext = plaintext

    @classmethod
    def mint(cls) -> "Secret":
        """A new secret of 190 random bits from the operating system."""
        random = random_base62(_RANDOM_CHARS)
        return cls(PREFIX + random + _check(random))

    def reveal(self) -> str:
        """The plaintext.  Grep for this name in review: each call is a place where a secret leaves."""
        return self._plaintext

    def is_ours(self) -> bool:
        """Whether it starts with our prefix, and so must never be sent to anybody else's service."""
        return self._plaintext.startswith(PREFIX)

    def is_well_formed(self) -> bool:
        """Whether shape and checksum fit.  Garbage is refused here, before it costs a look-up."""
        if _SHAPE.fullmatch(self._plaintext) is None:
            return False
        body = self._plaintext[len(PREFIX) :]
        return _check(body[:_RANDOM_CHARS]) == body[_RANDOM_CHARS:]

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("a Secret is not compared: compare digests, in constant time")

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret is not a dictionary key: use its digest or the token id")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would end up in a file")


class Digester:
    """From secret to digest under one key.

    No salt: 190 random bits cannot be guessed, and the digest is what we look up by.  A key all the same: whoever can only
    write to the database cannot mint a token.  The prepared hash object is copied, which costs a third of a fresh HMAC.
    """

    __slots__ = ("_prepared",)

    def __init__(self, key: bytes) -> None:
        self._prepared = hashlib.blake2b(key=key, digest_size=32)

    def __call__(self, secret: Secret) -> Digest:
        return self.of(secret.reveal().encode("utf-8", "surrogatepass"))

    def of(self, presented: bytes) -> Digest:
        """The same of what somebody presents, for whoever asks so often that one more object counts."""
        state = self._prepared.copy()
        state.update(presented)
        return state.digest()  # type: ignore[return-value]  # to call a NewType takes a tenth as long as all of this


def digester(key: bytes) -> Digester:
    """For a key of 32 bytes, which is kept outside the database."""
    return Digester(key)


def redacted(text: str) -> str:
    """The text without the secrets that somebody put where none belongs: a name, a header."""
    return _SHAPE.sub(f"{PREFIX}…", text) if PREFIX in text else text


def new_id() -> str:
    """A public handle of 22 base62 characters (131 bits): tokens, users, customers and services have one each."""
    return random_base62(22)


def random_base62(length: int) -> str:
    """`length` characters, each of the 62 equally likely.

    Bytes from 248 up are thrown away, so that the rest divides evenly by 62.  One call into C for the whole string:
    `secrets.choice` per character took 30 times as long, which was a fifth of what issuing a token costs.
    """
    kept = b""
    while len(kept) < length:
        kept += secrets.token_bytes(length + 16).translate(_TO_BASE62, _BIASED)
    return kept[:length].decode()


def _check(random: str) -> str:
    rest, last = divmod(zlib.crc32(random.encode()), len(_PAIRS))
    first, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


SEVERAL_TOKENS: Final = "several different tokens were sent: send one"
"""Which of two was meant must never be a guess (RFC 6750, 2)."""


def all_presented(headers: Iterable[tuple[str, str]]) -> set[str]:
    """What came as `Fastly-Key` or as `Authorization: Bearer`, each once; names in any case.  Empty ones, and Basic, are none."""
    given = set()
    for name, value in headers:
        if name.lower() == "fastly-key":
            given.add(value.strip())
        elif name.lower() == "authorization":
            kind, _, credentials = value.strip().partition(" ")
            given.add(credentials.strip() if kind.lower() == "bearer" else "")
    return given - {""}
