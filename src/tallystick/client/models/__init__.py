"""What the answers say, as values that hold nothing but valid data.

The wire is looser than the values: times may be null, `""`, year 1 or missing; scopes a string, an array, or both under two
names; services null or one `service_id`; lists bare or in an envelope.  All of that is read here, once.
"""

from tallystick.client.models._read import Meta
from tallystick.client.models.events import Event, read_page_of_events
from tallystick.client.models.limits import (
    Explanation,
    Limits,
    TokenLimits,
    TokenShadow,
    WouldRefuse,
    read_explanation,
    read_limits,
    read_shadow,
)
from tallystick.client.models.people import (
    Customer,
    Service,
    User,
    read_customer,
    read_page_of_services,
    read_service,
    read_user,
    read_users,
)
from tallystick.client.models.receipts import Changed, Receipt, ReceiptRecord, read_receipt, told_receipt
from tallystick.client.models.scopes import ScopeDefinition, read_scope, read_scopes
from tallystick.client.models.tokens import (
    AutomationToken,
    Identity,
    IssuedAutomationToken,
    IssuedToken,
    RevocationPlan,
    Token,
    read_automation_token,
    read_identity,
    read_issued,
    read_issued_automation_token,
    read_page_of_automation_tokens,
    read_page_of_ids,
    read_page_of_tokens,
    read_plan,
    read_token,
    read_tokens,
)
from tallystick.client.models.usage import TokenUsage, UsageHour, read_usage

__all__ = [
    "AutomationToken",
    "Changed",
    "Customer",
    "Event",
    "Explanation",
    "Identity",
    "IssuedAutomationToken",
    "IssuedToken",
    "Limits",
    "Meta",
    "Receipt",
    "ReceiptRecord",
    "RevocationPlan",
    "ScopeDefinition",
    "Service",
    "Token",
    "TokenLimits",
    "TokenShadow",
    "TokenUsage",
    "UsageHour",
    "User",
    "WouldRefuse",
    "read_automation_token",
    "read_customer",
    "read_explanation",
    "read_identity",
    "read_issued",
    "read_issued_automation_token",
    "read_limits",
    "read_page_of_automation_tokens",
    "read_page_of_events",
    "read_page_of_ids",
    "read_page_of_services",
    "read_page_of_tokens",
    "read_plan",
    "read_receipt",
    "read_scope",
    "read_scopes",
    "read_service",
    "read_shadow",
    "read_token",
    "read_tokens",
    "read_usage",
    "read_user",
    "read_users",
    "told_receipt",
]
