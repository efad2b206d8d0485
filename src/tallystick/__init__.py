"""API tokens for your own API: issue, list, verify, revoke.  These are the names that are promised to last.

They are loaded when they are first used: `import tallystick` costs nothing, and no server code comes with a client.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tallystick.client.aio import AsyncTokensApi
    from tallystick.client.filters import TokenFilters, TokenListing
    from tallystick.client.models import Identity, IssuedToken, RevocationPlan, Token
    from tallystick.client.sync import TokensApi
    from tallystick.core.errors import (
        Conflict,
        Forbidden,
        Invalid,
        NotFound,
        TallystickError,
        Throttled,
        TooLarge,
        Unauthenticated,
        Unavailable,
        Unprocessable,
    )
    from tallystick.core.secret import Secret

__version__ = "0.1.0"

__all__ = [
    "AsyncTokensApi",
    "Conflict",
    "Forbidden",
    "Identity",
    "Invalid",
    "IssuedToken",
    "NotFound",
    "RevocationPlan",
    "Secret",
    "TallystickError",
    "Throttled",
    "Token",
    "TokenFilters",
    "TokenListing",
    "TokensApi",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "__version__",
]

_ERRORS: Final = "tallystick.core.errors"
_MODELS: Final = "tallystick.client.models"
_FILTERS: Final = "tallystick.client.filters"
_HOME: Final = {
    "AsyncTokensApi": "tallystick.client.aio",
    "Conflict": _ERRORS,
    "Forbidden": _ERRORS,
    "Identity": _MODELS,
    "Invalid": _ERRORS,
    "IssuedToken": _MODELS,
    "NotFound": _ERRORS,
    "RevocationPlan": _MODELS,
    "Secret": "tallystick.core.secret",
    "TallystickError": _ERRORS,
    "Throttled": _ERRORS,
    "Token": _MODELS,
    "TokenFilters": _FILTERS,
    "TokenListing": _FILTERS,
    "TokensApi": "tallystick.client.sync",
    "TooLarge": _ERRORS,
    "Unauthenticated": _ERRORS,
    "Unavailable": _ERRORS,
    "Unprocessable": _ERRORS,
}


def __getattr__(name: str) -> object:
    """Fetch a public name from the module where it lives (PEP 562), and keep it here."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
