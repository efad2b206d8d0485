"""3 · What a token allows: parse, show, ask.

Four words are Fastly's.  `global`: all that the owner may do.  `global:read`: all of it that only reads.
`purge_all`, `purge_select`: purging, which our own operations never are.  One is ours: `verify` lets a program ask about other
tokens, whose secrets it was sent; no other word has it, not even `global`.  More can be defined (`scopes.py`): our own
operations take none of those, and neither `global` nor `verify` has any.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final, Self

import msgspec

from tallystick.core.errors import Forbidden, Invalid

GLOBAL: Final = "global"
GLOBAL_READ: Final = "global:read"
VERIFY: Final = "verify"
FASTLYS: Final = (GLOBAL, GLOBAL_READ, "purge_all", "purge_select")
WORDS: Final = (*FASTLYS, VERIFY)
MEANINGS: Final = {  # the narrowest first: who asks for a purge needs no more than that
    "purge_select": "Purge single objects of a service, by address or key.",
    "purge_all": "Purge everything of a service at once.",
    GLOBAL_READ: "Read everything that you may read, and change nothing.",
    GLOBAL: "Everything that you may do: read, change, make and revoke tokens. Not for what runs unattended.",
    VERIFY: "Ask whether other tokens are good, whose secrets were sent to a program of yours. No other scope has this.",
}
"""Those that are built in, and what each lets its holder do."""

_SAID_MAX: Final = 20  # of a catalogue of hundreds a sentence names some


class Scope(msgspec.Struct, frozen=True):
    """A set of capabilities in the order they were asked for; `str()` gives the wire's space-separated form.

    `own`: what it gives of scopes that are not built in, with all that they include.  Empty until the catalogue was asked: a
    word alone gives nothing.
    """

    words: tuple[str, ...]
    own: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, *, more: Collection[str] = ()) -> Self:
        """The scope that `text` names.  `more`: words that there are beside those that are built in.

        Raises `Invalid` (code `invalid_scope`) for an unknown word or none at all.
        """
        words = tuple(dict.fromkeys(text.split()))
        unknown = [word for word in words if word not in WORDS and word not in more]
        if unknown or not words:
            said = f"unknown scope {' '.join(unknown)!r}" if unknown else "scope is empty"
            known = [*WORDS, *more]
            named = ", ".join(known[:_SAID_MAX]) + (", …" if len(known) > _SAID_MAX else "")
            raise Invalid(f"{said}: use one or more of {named}", code="invalid_scope")
        return cls(words)

    @property
    def given(self) -> str:
        """What it gives, as text: its words, without those that are not defined any more, and what they include."""
        return " ".join((*(word for word in self.words if word in WORDS), *self.own)) if self.is_own else str(self)

    @property
    def is_own(self) -> bool:
        """Whether it has words that are not built in."""
        return bool(own_words(self.words))

    @property
    def reads(self) -> bool:
        """Whether it may read what lies beyond the token itself and its user's tokens."""
        return GLOBAL in self.words or GLOBAL_READ in self.words

    @property
    def writes(self) -> bool:
        """Whether it may change anything but end itself."""
        return GLOBAL in self.words

    def __str__(self) -> str:
        return " ".join(self.words)


def own_words(words: Collection[str]) -> tuple[str, ...]:
    """Those that are not built in."""
    return tuple(word for word in words if word not in WORDS)


@lru_cache(maxsize=1024)
def told(text: str) -> Scope:
    """The scope that a server says a token gives: whatever there is to include, it has included."""
    words = tuple(text.split())
    return Scope(words, own_words(words))


@lru_cache(maxsize=1024)
def stored(text: str) -> Scope:
    """The scope of a row.  Not checked again: a row holds what `parse` let through, and must stay readable if `WORDS` changes."""
    return Scope(tuple(text.split()))


def require_write(scope: Scope) -> None:
    """Raise `Forbidden` unless it may change things.  The read-only sentence is the wire's, recorded."""
    if scope.writes:
        return
    if scope.reads:
        raise Forbidden.by_scope("Read only tokens are not allowed to access this endpoint", scope=GLOBAL)
    said = f"Tokens with scope {scope} are not allowed to access this endpoint; it takes {GLOBAL}"
    raise Forbidden.by_scope(said, scope=GLOBAL)


def require_read(scope: Scope) -> None:
    """Raise `Forbidden` unless it may read beyond itself."""
    if not scope.reads:
        said = f"Tokens with scope {scope} are not allowed to access this endpoint; it takes {GLOBAL} or {GLOBAL_READ}"
        raise Forbidden.by_scope(said, scope=GLOBAL_READ)
