"""May a token do this?  What `/check` answers, for whoever stands in front of an API.

A scope is had when the token has that word, or, of Fastly's, `global`, which holds the others.  One that is not built in is had
when the catalogue says so (`scopes.py`), whatever else the token has: a word that nobody has defined is had by no token.
A service is reached when the token is limited to it, or, without limits, when it is one of the customer's.
"""

from tallystick.core.scope import FASTLYS, GLOBAL, WORDS, Scope


def has_scope(scope: Scope, wanted: str) -> bool:
    """Whether each word of `wanted` is had."""
    return all(_has(scope, word) for word in wanted.split())


def is_limited_to(services: tuple[str, ...], service_id: str) -> bool | None:
    """Whether a token limited to `services` reaches one; None for one that is not limited, where the customer's services say."""
    return service_id in services if services else None


def _has(scope: Scope, word: str) -> bool:
    if word in WORDS:
        return word in scope.words or (word in FASTLYS and GLOBAL in scope.words)
    return word in scope.own
