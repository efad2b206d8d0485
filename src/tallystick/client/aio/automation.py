"""The API of automation tokens for programs that run in an asyncio loop."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Unpack

from tallystick.client import _automation
from tallystick.client.aio._api import AsyncApi
from tallystick.client.limits import LimitsToSet
from tallystick.client.models import AutomationToken, IssuedAutomationToken, Receipt


class AsyncAutomationTokensApi(AsyncApi):
    """`AutomationTokensApi` with `await` before every method.

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    async def create_automation_token(
        self,
        *,
        name: str,
        role: str,
        scope: str | None = None,
        services: Iterable[str] = (),
        expires_at: datetime | str | None = None,
        tls_access: bool = False,
        password: str | None = None,
        otp: str | None = None,
        **limits: Unpack[LimitsToSet],
    ) -> IssuedAutomationToken:
        """See `AutomationTokensApi.create_automation_token`."""
        return await self._run(
            _automation.create_automation_token(
                self._line,
                name=name,
                role=role,
                scope=scope,
                services=services,
                expires_at=expires_at,
                tls_access=tls_access,
                password=password,
                otp=otp,
                **limits,
            )
        )

    async def get_automation_token_id(self, token_id: str) -> AutomationToken:
        """See `AutomationTokensApi.get_automation_token_id`."""
        return await self._run(_automation.get_automation_token_id(self._line, token_id))

    async def get_automation_tokens_id_services(self, token_id: str) -> list[str]:
        """See `AutomationTokensApi.get_automation_tokens_id_services`."""
        return await self._run(_automation.get_automation_tokens_id_services(self._line, token_id))

    def iter_automation_tokens(self, *, per_page: int = 100) -> AsyncIterator[AutomationToken]:
        """See `AutomationTokensApi.iter_automation_tokens`."""
        return self._each(_automation.page_automation_tokens(self._line, per_page=per_page))

    async def list_automation_tokens(self) -> list[AutomationToken]:
        """See `AutomationTokensApi.list_automation_tokens`."""
        return await self._run(_automation.list_automation_tokens(self._line))

    async def revoke_automation_token_id(self, token_id: str) -> Receipt | None:
        """See `AutomationTokensApi.revoke_automation_token_id`."""
        return await self._run(_automation.revoke_automation_token_id(self._line, token_id))
