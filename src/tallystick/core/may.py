"""May a token do this?  What `/check` answers, for whoever stands in front of an API.

A scope is had when the token has that word, or `global`, which holds all but `verify`; `global:read` is had by `global` too.
A service is reached when the token is limited to it, or, without limits, when it is one of the customer's.
"""

from tallystick.core.scope import GLOBAL, VERIFY, Scope


def has_scope(scope: Scope, wanted: str) -> bool:
    """Whether each word of `wanted` is had."""
    return all(word in scope.words or (word != VERIFY and GLOBAL in scope.words) for word in wanted.split())


def is_limited_to(services: tuple[str, ...], service_id: str) -> bool | None:
    """Whether a token limited to `services` reaches one; None for one that is not limited, where the customer's services say."""
    return service_id in services if services else None
