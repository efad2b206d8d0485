"""Recovery codes: what to type when the phone with the one-time codes is gone.  Ten at a time, each works once.

7k3mq-x9dpa        49 bits, and guesses are slowed
"""

import hashlib
import re
import secrets
from typing import Final

COUNT: Final = 10
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
_SHAPE: Final = re.compile(f"[{_ALPHABET}]{{10}}")


def new_codes() -> tuple[str, ...]:
    """As many as somebody gets at once."""
    return tuple(f"{_some()}-{_some()}" for _ in range(COUNT))


def digest_of(code: str, *, key: bytes, user_id: str) -> str | None:
    """What is kept of a code, however it was typed: hexadecimal, 32 characters.  None when it cannot be one."""
    plain = re.sub(r"[\s-]", "", code).lower()
    if _SHAPE.fullmatch(plain) is None:
        return None
    # Keyed: whoever has the database only cannot try them all.
    return hashlib.blake2b(f"{user_id}:{plain}".encode(), key=key, digest_size=16).hexdigest()


def _some() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))
