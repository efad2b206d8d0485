"""The API of automation tokens for programs that wait for their answers."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Unpack

from tallystick.client import _automation
from tallystick.client.limits import LimitsToSet
from tallystick.client.models import AutomationToken, IssuedAutomationToken, Receipt
from tallystick.client.sync._api import Api


class AutomationTokensApi(Api):
    """Tokens that belong to a customer and to no person, against a Tallystick server or Fastly itself.

        with AutomationTokensApi(url="https://tokens.example.com") as api:
            issued = api.create_automation_token(name="deploy", role="engineer", password=password)

    Made and closed like `TokensApi`, with the same arguments and the same errors.
    """

    def create_automation_token(
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
        """Create an automation token.  What it returns holds the secret, which cannot be had again.

        For superusers in sudo: `password` and `otp` raise the token of this client, as for `TokensApi.create_token`.
        `role`: `billing`, `engineer` or `user`.  `scope`, `services`, `expires_at`, `limits`: as for
        `TokensApi.create_token`, which also has what looks at limits and sets them.
        `tls_access`: whether it may touch certificates.

        It is never sent twice on its own: after `Unavailable` look into the list before you try again.
        """
        return self._run(
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

    def get_automation_token_id(self, token_id: str) -> AutomationToken:
        """The record of one automation token."""
        return self._run(_automation.get_automation_token_id(self._line, token_id))

    def get_automation_tokens_id_services(self, token_id: str) -> list[str]:
        """The ids of all services that an automation token is limited to, none for all."""
        return self._run(_automation.get_automation_tokens_id_services(self._line, token_id))

    def iter_automation_tokens(self, *, per_page: int = 100) -> Iterator[AutomationToken]:
        """The automation tokens of the customer, one after the other, asked for page by page when they are needed."""
        return self._each(_automation.page_automation_tokens(self._line, per_page=per_page))

    def list_automation_tokens(self) -> list[AutomationToken]:
        """The automation tokens of the customer: all of them, however many pages that takes."""
        return self._run(_automation.list_automation_tokens(self._line))

    def revoke_automation_token_id(self, token_id: str) -> Receipt | None:
        """Revoke one automation token.  `NotFound` for a person's, which stays as it is.  Returns: see `TokensApi.revoke_token`."""
        return self._run(_automation.revoke_automation_token_id(self._line, token_id))
