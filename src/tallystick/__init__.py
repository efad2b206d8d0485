"""API tokens for your own API: issue, list, verify, revoke.  These are the names that are promised to last.

They are loaded when they are first used: `import tallystick` costs nothing, and no server code comes with a client.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tallystick.client._verify import Verdict
    from tallystick.client.aio import (
        AsyncAutomationTokensApi,
        AsyncEventsApi,
        AsyncScopesApi,
        AsyncServicesApi,
        AsyncTokensApi,
        AsyncUsersApi,
        AsyncVerifier,
    )
    from tallystick.client.filters import (
        EventListing,
        TokenFilters,
        TokenListing,
    )
    from tallystick.client.limits import LimitsToSet
    from tallystick.client.models import (
        AutomationToken,
        Changed,
        Customer,
        Event,
        Explanation,
        Identity,
        IssuedAutomationToken,
        IssuedToken,
        Limits,
        Receipt,
        ReceiptRecord,
        RevocationPlan,
        ScopeDefinition,
        Service,
        Token,
        TokenLimits,
        TokenShadow,
        TokenUsage,
        UsageHour,
        User,
        WouldRefuse,
    )
    from tallystick.client.sync import (
        AutomationTokensApi,
        EventsApi,
        ScopesApi,
        ServicesApi,
        TokensApi,
        UsersApi,
        Verifier,
    )
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
    "AsyncAutomationTokensApi",
    "AsyncEventsApi",
    "AsyncScopesApi",
    "AsyncServicesApi",
    "AsyncTokensApi",
    "AsyncUsersApi",
    "AsyncVerifier",
    "AutomationToken",
    "AutomationTokensApi",
    "Changed",
    "Conflict",
    "Customer",
    "Event",
    "EventListing",
    "EventsApi",
    "Explanation",
    "Forbidden",
    "Identity",
    "Invalid",
    "IssuedAutomationToken",
    "IssuedToken",
    "Limits",
    "LimitsToSet",
    "NotFound",
    "Receipt",
    "ReceiptRecord",
    "RevocationPlan",
    "ScopeDefinition",
    "ScopesApi",
    "Secret",
    "Service",
    "ServicesApi",
    "TallystickError",
    "Throttled",
    "Token",
    "TokenFilters",
    "TokenLimits",
    "TokenListing",
    "TokenShadow",
    "TokenUsage",
    "TokensApi",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "UsageHour",
    "User",
    "UsersApi",
    "Verdict",
    "Verifier",
    "WouldRefuse",
    "__version__",
]

_ERRORS: Final = "tallystick.core.errors"
_MODELS: Final = "tallystick.client.models"
_FILTERS: Final = "tallystick.client.filters"
_SYNC: Final = "tallystick.client.sync"
_ASYNC: Final = "tallystick.client.aio"
_HOME: Final = {
    "AsyncAutomationTokensApi": _ASYNC,
    "AsyncEventsApi": _ASYNC,
    "AsyncScopesApi": _ASYNC,
    "AsyncServicesApi": _ASYNC,
    "AsyncTokensApi": _ASYNC,
    "AsyncUsersApi": _ASYNC,
    "AsyncVerifier": _ASYNC,
    "AutomationToken": _MODELS,
    "AutomationTokensApi": _SYNC,
    "Changed": _MODELS,
    "Conflict": _ERRORS,
    "Customer": _MODELS,
    "Event": _MODELS,
    "EventListing": _FILTERS,
    "EventsApi": _SYNC,
    "Explanation": _MODELS,
    "Forbidden": _ERRORS,
    "Identity": _MODELS,
    "Invalid": _ERRORS,
    "IssuedAutomationToken": _MODELS,
    "IssuedToken": _MODELS,
    "Limits": _MODELS,
    "LimitsToSet": "tallystick.client.limits",
    "NotFound": _ERRORS,
    "Receipt": _MODELS,
    "ReceiptRecord": _MODELS,
    "RevocationPlan": _MODELS,
    "ScopeDefinition": _MODELS,
    "ScopesApi": _SYNC,
    "Secret": "tallystick.core.secret",
    "Service": _MODELS,
    "ServicesApi": _SYNC,
    "TallystickError": _ERRORS,
    "Throttled": _ERRORS,
    "Token": _MODELS,
    "TokenFilters": _FILTERS,
    "TokenLimits": _MODELS,
    "TokenListing": _FILTERS,
    "TokenShadow": _MODELS,
    "TokenUsage": _MODELS,
    "TokensApi": _SYNC,
    "TooLarge": _ERRORS,
    "Unauthenticated": _ERRORS,
    "Unavailable": _ERRORS,
    "Unprocessable": _ERRORS,
    "UsageHour": _MODELS,
    "User": _MODELS,
    "UsersApi": _SYNC,
    "Verdict": "tallystick.client._verify",
    "Verifier": _SYNC,
    "WouldRefuse": _MODELS,
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
