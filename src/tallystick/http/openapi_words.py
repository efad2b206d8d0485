"""What no type can say of the service: sentences for the OpenAPI document, each list in one place."""

from typing import Final

from tallystick.http import (
    automation_shapes,
    batch,
    check,
    events,
    find,
    limiting,
    paging,
    revocations,
    scopes,
    usage,
    verifiers,
)
from tallystick.http.queries import Json, Query

# What a name means wherever it occurs in a shape, and the form that its text has.
FIELDS: Final[dict[str, Json]] = {
    "access_token": {"description": "The secret, in this answer only.", "pattern": "^tly_[0-9A-Za-z]{38}$"},
    "scope": {
        "description": "Words with spaces between: `global`, `global:read`, `purge_all`, `purge_select`, `verify`, and those that"
        " `GET /scopes` lists."
    },
    "services": {"description": "Ids of the services it is limited to; none means all."},
    "service_id": {"description": "The last of `services`, for programs that only know one."},
    "expires_at": {"description": "When it ends; null means never.", "format": "date-time"},
    "expiry_time": {"description": "When the raise ends.", "format": "date-time"},
    "sudo_expires_at": {"description": "Raised until then, or raised until then once.", "format": "date-time"},
    "limits": {"description": "What else limits it: networks, rules, rates and so on.  Only of a token that has some."},
    "not_before": {"description": "It holds from then on.", "format": "date-time"},
    **{name: {"format": "date-time"} for name in ("first_at", "last_at", "at")},
    "role": {"description": "What it may do: `user`, `billing`, `engineer`; a user also `superuser`."},
    **{f"{what}_at": {"format": "date-time"} for what in ("last_used", "last_active", "created", "updated", "deleted")},
    "heard_at": {"description": "When everybody had heard of it; null until that is noted.", "format": "date-time"},
    **{name: {"format": "date-time"} for name in ("since", "until", "hour")},
    **{name: {"format": "password"} for name in ("password", "old_password", "new_password")},
}
# The type forgives an item without id, for the sake of a better sentence; the operation does not.
BULK_ITEM: Final = {
    "properties": {"id": {"type": "string", "minLength": 1}, "type": {"type": "string", "const": "token"}},
    "required": ["id"],
}
PARAMETERS: Final = {
    "token_id": "The public id of a token, never its secret.  `self` is the token that asks.",
    "customer_id": "The id of the customer.",
    "service_id": "The id of a service.",
    "user_id": "The id of a user.",
    "request_id": "The name of a refusal: `Tallystick-Refusal` of the answer that refused.",
    "scope_name": "What it is called: an area and what may be done in it, such as `orders:read`.",
    "seq": "The number of a change, from `tallystick-receipt`.",
    "verifier_id": "What the verifier calls itself: a random id of its own, 16 to 64 characters.",
}
QUERIES: Final[dict[str, tuple[Query, ...]]] = {
    "verify": (Query("services", "`false` leaves the services out.", {"type": "string"}, str),),
    "check": check.QUERIES,
    **{handler.__name__: check.QUERIES for handler in check.BY_OTHERS.values()},
    "list_tokens_user": find.QUERIES,
    "list_tokens_customer": find.QUERIES,
    "list_services": paging.PAGES,
    "list_automation_tokens": paging.PAGES,
    "get_automation_token_services": paging.PAGES,
    "get_automation_token_workspaces": automation_shapes.WORKSPACES,
    "search_service": (Query("name", "The whole name.  It must be given.", {"type": "string"}, str),),
    "list_events": events.QUERIES,
    "get_token_usage": usage.QUERIES,
}
JSON_ONLY: Final = (
    automation_shapes.CreateAutomation,
    revocations.RevokeMatching,
    limiting.LimitsForm,
    scopes.ScopeForm,
    verifiers.Sync,
    list[batch.Asked],
)
OTP: Final = "The six digits of the user's authenticator app, where two-factor authentication is on.  Each works once."
HEADERS: Final = {
    "Cache-Control": "`no-store`: what is said here holds for this moment only.",
    "WWW-Authenticate": "`Bearer`; on paths that are not Fastly's also what is wrong with the token (RFC 6750, 3.1).",
    "Allow": "The methods that this path takes.",
    "Link": "Where the next page is, if there is one (RFC 8288).",
    "Retry-After": "Seconds until a retry makes sense.",
    "fastly-ratelimit-remaining": "How many writes are left in this hour.  On writes only, and where a limit is set.",
    "fastly-ratelimit-reset": "When the next hour begins: Unix seconds.  With the one before.",
    "tallystick-refusal": "Of a refusal: what it can be explained by, with `GET /explain/{request_id}`; nobody else can read it.",
    "tallystick-receipt": "Of a change: `seq`, its number, `verifiers` that have all heard of it, and `waited_ms` for that.",
}

LEFT: Final = ("fastly-ratelimit-remaining", "fastly-ratelimit-reset")
