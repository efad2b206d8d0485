"""The APIs for programs that wait for their answers."""

from tallystick.client.sync.automation import AutomationTokensApi
from tallystick.client.sync.events import EventsApi
from tallystick.client.sync.scopes import ScopesApi
from tallystick.client.sync.services import ServicesApi
from tallystick.client.sync.tokens import TokensApi
from tallystick.client.sync.users import UsersApi
from tallystick.client.sync.verifier import Verifier

__all__ = ["AutomationTokensApi", "EventsApi", "ScopesApi", "ServicesApi", "TokensApi", "UsersApi", "Verifier"]
