"""The Tokens API for programs that run in an asyncio loop."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Unpack

from tallystick.client import _limits, _tokens
from tallystick.client.aio._api import AsyncApi
from tallystick.client.filters import TokenFilters, TokenListing
from tallystick.client.limits import LimitsToSet
from tallystick.client.models import (
    Explanation,
    Identity,
    IssuedToken,
    Receipt,
    ReceiptRecord,
    RevocationPlan,
    Token,
    TokenLimits,
    TokenShadow,
    TokenUsage,
)


class AsyncTokensApi(AsyncApi):
    """`TokensApi` with `await` before every method.

        async with AsyncTokensApi(url="https://tokens.example.com") as api:
            issued = await api.create_token(name="ci purge", scope="purge_select", password=password)
            async for token in api.iter_tokens_user():
                ...

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    async def bulk_revoke_tokens(self, ids: Iterable[str]) -> Receipt | None:
        """See `TokensApi.bulk_revoke_tokens`."""
        return await self._run(_tokens.bulk_revoke_tokens(self._line, ids))

    async def create_token(
        self,
        *,
        name: str | None = None,
        scope: str | None = None,
        services: Iterable[str] = (),
        expires_at: datetime | str | None = None,
        username: str | None = None,
        password: str | None = None,
        otp: str | None = None,
        **limits: Unpack[LimitsToSet],
    ) -> IssuedToken:
        """See `TokensApi.create_token`."""
        return await self._run(
            _tokens.create_token(
                self._line,
                name=name,
                scope=scope,
                services=services,
                expires_at=expires_at,
                username=username,
                password=password,
                otp=otp,
                **limits,
            )
        )

    async def explain_refusal(self, request_id: str) -> Explanation:
        """See `TokensApi.explain_refusal`."""
        return await self._run(_limits.explain_refusal(self._line, request_id))

    async def get_receipt(self, seq: int) -> ReceiptRecord:
        """See `TokensApi.get_receipt`."""
        return await self._run(_tokens.get_receipt(self._line, seq))

    async def get_token(self, token_id: str) -> Token:
        """See `TokensApi.get_token`."""
        return await self._run(_tokens.get_token(self._line, token_id))

    async def get_token_current(self) -> Token:
        """See `TokensApi.get_token_current`."""
        return await self._run(_tokens.get_token_current(self._line))

    async def get_token_limits(self, token_id: str) -> TokenLimits:
        """See `TokensApi.get_token_limits`."""
        return await self._run(_limits.get_token_limits(self._line, token_id))

    async def get_token_shadow(self, token_id: str) -> TokenShadow:
        """See `TokensApi.get_token_shadow`."""
        return await self._run(_limits.get_token_shadow(self._line, token_id))

    async def get_token_usage(
        self, token_id: str, *, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> TokenUsage:
        """See `TokensApi.get_token_usage`."""
        return await self._run(_tokens.get_token_usage(self._line, token_id, since=since, until=until))

    def iter_tokens_customer(self, customer_id: str, **filters: Unpack[TokenListing]) -> AsyncIterator[Token]:
        """See `TokensApi.iter_tokens_customer`."""
        return self._each(_tokens.page_tokens_customer(self._line, customer_id, **filters))

    def iter_tokens_user(self, **filters: Unpack[TokenListing]) -> AsyncIterator[Token]:
        """See `TokensApi.iter_tokens_user`."""
        return self._each(_tokens.page_tokens_user(self._line, **filters))

    async def list_tokens_customer(self, customer_id: str) -> list[Token]:
        """See `TokensApi.list_tokens_customer`."""
        return await self._run(_tokens.list_tokens_customer(self._line, customer_id))

    async def list_tokens_user(self) -> list[Token]:
        """See `TokensApi.list_tokens_user`."""
        return await self._run(_tokens.list_tokens_user(self._line))

    async def revoke_matching(
        self,
        *,
        reason: str,
        dry_run: bool,
        password: str | None = None,
        otp: str | None = None,
        **filters: Unpack[TokenFilters],
    ) -> RevocationPlan:
        """See `TokensApi.revoke_matching`."""
        return await self._run(
            _tokens.revoke_matching(self._line, reason=reason, dry_run=dry_run, password=password, otp=otp, **filters)
        )

    async def revoke_token(self, token_id: str) -> Receipt | None:
        """See `TokensApi.revoke_token`."""
        return await self._run(_tokens.revoke_token(self._line, token_id))

    async def revoke_token_current(self) -> Receipt | None:
        """See `TokensApi.revoke_token_current`."""
        return await self._run(_tokens.revoke_token_current(self._line))

    async def set_token_limits(
        self,
        token_id: str,
        *,
        password: str | None = None,
        otp: str | None = None,
        **limits: Unpack[LimitsToSet],
    ) -> TokenLimits:
        """See `TokensApi.set_token_limits`."""
        return await self._run(_limits.set_token_limits(self._line, token_id, password=password, otp=otp, **limits))

    async def verify(self) -> Identity:
        """See `TokensApi.verify`."""
        return await self._run(_tokens.verify(self._line))
