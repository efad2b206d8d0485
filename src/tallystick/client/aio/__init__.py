"""The APIs for programs that run in an asyncio loop."""

from tallystick.client.aio.automation import AsyncAutomationTokensApi
from tallystick.client.aio.events import AsyncEventsApi
from tallystick.client.aio.scopes import AsyncScopesApi
from tallystick.client.aio.services import AsyncServicesApi
from tallystick.client.aio.tokens import AsyncTokensApi
from tallystick.client.aio.users import AsyncUsersApi
from tallystick.client.aio.verifier import AsyncVerifier

__all__ = [
    "AsyncAutomationTokensApi",
    "AsyncEventsApi",
    "AsyncScopesApi",
    "AsyncServicesApi",
    "AsyncTokensApi",
    "AsyncUsersApi",
    "AsyncVerifier",
]
