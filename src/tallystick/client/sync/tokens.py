"""The Tokens API for programs that wait for their answers."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Unpack

from tallystick.client import _limits, _tokens
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
from tallystick.client.sync._api import Api


class TokensApi(Api):
    """The token operations of Fastly's API, against a Tallystick server or Fastly itself.

        with TokensApi(url="https://tokens.example.com") as api:
            issued = api.create_token(name="ci purge", scope="purge_select", password=password)

    `token`: the secret to speak with; else FASTLY_API_TOKEN; `""` for none, whatever the environment says.
    `url`: else TALLYSTICK_URL, else https://api.fastly.com.  A token of a Tallystick server is never sent to Fastly.
    `timeout`: seconds for connecting, and for each wait for data.  `patience`: seconds that the repeats of a request which
    may be repeated (GET, PUT, DELETE, or what never reached the server) may wait in all; 0 for no repeats.
    `transport`: an httpx2 transport, for tests and for special TLS settings.

    Every method raises a `TallystickError`: the leaf says what is wrong, `msg` and `detail` say it in words, and `code`,
    `status` and `retry_after` are for programs.  Redirects are not followed.  One client may be used by many threads.
    """

    def bulk_revoke_tokens(self, ids: Iterable[str]) -> Receipt | None:
        """Revoke many tokens by id in one request.  Superusers may include those of others.

        A Tallystick server does all or nothing: `NotFound` names the ids that it does not know.  No ids, no request.
        Returns: see `revoke_token`.
        """
        return self._run(_tokens.bulk_revoke_tokens(self._line, ids))

    def create_token(
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
        """Create a token.  What it returns holds the secret, which cannot be had again.

        `scope`: words with spaces between them, `global` if None.  `services`: ids that it is limited to, none for all.
        `expires_at`: a datetime with a time zone, or RFC 3339; None for never.  `limits`: see `LimitsToSet`; a Tallystick
        server's own, `NotFound` from any other.

        Who may do this proves it again.  Without a token: by `username` and `password`.  With one: by `password`, with
        which the token is raised to sudo first (`username` is optional then); with no password the token must have been
        raised already, else `Forbidden`.  `otp`: a current code of those who have two-factor authentication; without it,
        or with one that was used before, the error is `Invalid` and its `code` is `2fa.verify`.

        It is never sent twice on its own: after `Unavailable` look into the list before you try again.
        """
        return self._run(
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

    def explain_refusal(self, request_id: str) -> Explanation:
        """Why a request was refused, and what would have let it in.  `request_id`: `refusal` of the error, or `Tallystick-Refusal` of the
        answer.

        For superusers, else `Forbidden`.  A Tallystick server's own operation: `NotFound` from any other.
        """
        return self._run(_limits.explain_refusal(self._line, request_id))

    def get_receipt(self, seq: int) -> ReceiptRecord:
        """The receipt of a change again, by its number.  `NotFound` if there is none, or none that concerns this caller.

        A Tallystick server's own operation, which keeps them for 30 days: `NotFound` from any other.
        """
        return self._run(_tokens.get_receipt(self._line, seq))

    def get_token(self, token_id: str) -> Token:
        """The record of one token.  `NotFound` if there is none, or none that this caller may know of."""
        return self._run(_tokens.get_token(self._line, token_id))

    def get_token_current(self) -> Token:
        """The record of the token that this client speaks with."""
        return self._run(_tokens.get_token_current(self._line))

    def get_token_limits(self, token_id: str) -> TokenLimits:
        """What a token is limited to beyond scope, services and expiry.  A Tallystick server's own: `NotFound` from any other."""
        return self._run(_limits.get_token_limits(self._line, token_id))

    def get_token_shadow(self, token_id: str) -> TokenShadow:
        """What a token's limits that only report would have refused, how often, and for whom.

        Also of a token that was revoked.  A Tallystick server's own operation: `NotFound` from any other.
        """
        return self._run(_limits.get_token_shadow(self._line, token_id))

    def get_token_usage(
        self, token_id: str, *, since: datetime | str | None = None, until: datetime | str | None = None
    ) -> TokenUsage:
        """How often a token was let in or not, hour by hour; `self` for the token that this client speaks with.

        `since`, `until`: instants, at most 31 days apart; the last 24 hours if None.  Also of a token that was revoked, for
        those who could see it.  A Tallystick server's own operation: `NotFound` from any other.
        """
        return self._run(_tokens.get_token_usage(self._line, token_id, since=since, until=until))

    def iter_tokens_customer(self, customer_id: str, **filters: Unpack[TokenListing]) -> Iterator[Token]:
        """The tokens of a customer, of its users and its machines, one after the other: see `iter_tokens_user`.

        For superusers of that customer, else `Forbidden`.
        """
        return self._each(_tokens.page_tokens_customer(self._line, customer_id, **filters))

    def iter_tokens_user(self, **filters: Unpack[TokenListing]) -> Iterator[Token]:
        """The tokens of the user that this client speaks for, one after the other.

        They are asked for page by page, when they are needed.  `filters`: see `TokenListing`.  Filters and pages are a
        Tallystick server's own: Fastly gives all tokens at once, and any filter is `NotFound` there.
        """
        return self._each(_tokens.page_tokens_user(self._line, **filters))

    def list_tokens_customer(self, customer_id: str) -> list[Token]:
        """The tokens of all users of a customer.  For superusers of that customer, else `Forbidden`."""
        return self._run(_tokens.list_tokens_customer(self._line, customer_id))

    def list_tokens_user(self) -> list[Token]:
        """The tokens of the user that this client speaks for."""
        return self._run(_tokens.list_tokens_user(self._line))

    def revoke_matching(
        self,
        *,
        reason: str,
        dry_run: bool,
        password: str | None = None,
        otp: str | None = None,
        **filters: Unpack[TokenFilters],
    ) -> RevocationPlan:
        """Revoke all tokens of the customer that the filters are true of, at once; with `dry_run` only count them.

        For superusers in sudo; `password` and `otp` raise the token as for `create_token`.  `reason`: `unspecified`,
        `key_compromise`, `affiliation_changed`, `superseded`, `cessation_of_operation` or `privilege_withdrawn`.
        `filters`: at least one of `TokenFilters`, else `Invalid`.  The token that this client speaks with is never among
        them.  A Tallystick server's own operation: `NotFound` from any other.

        It is never sent twice on its own: after `Unavailable` look with `dry_run` before you try again.
        """
        return self._run(
            _tokens.revoke_matching(self._line, reason=reason, dry_run=dry_run, password=password, otp=otp, **filters)
        )

    def revoke_token(self, token_id: str) -> Receipt | None:
        """Revoke one token: one's own, or that of another user for superusers.

        Returns the receipt: that every process of the service has heard of it.  None from Fastly, which gives none, and when
        the answer to the first attempt was lost and the token turned out to be over.
        """
        return self._run(_tokens.revoke_token(self._line, token_id))

    def revoke_token_current(self) -> Receipt | None:
        """Revoke the token that this client speaks with.  It is good for nothing afterwards.  Returns: see `revoke_token`."""
        return self._run(_tokens.revoke_token_current(self._line))

    def set_token_limits(
        self,
        token_id: str,
        *,
        password: str | None = None,
        otp: str | None = None,
        **limits: Unpack[LimitsToSet],
    ) -> TokenLimits:
        """Limit a token otherwise: all of its limits become these, and with none of them it has none.

        `limits`: see `LimitsToSet`.  Who may revoke a token may narrow it.  To let in more takes sudo: `password` and `otp` raise
        the token as for `create_token`.  When this has returned, no verifier goes by what was before: `receipt` says so.  `Conflict`
        if the token has changed meanwhile.  A Tallystick server's own operation: `NotFound` from any other.
        """
        return self._run(_limits.set_token_limits(self._line, token_id, password=password, otp=otp, **limits))

    def verify(self) -> Identity:
        """Who the token that this client speaks with speaks for."""
        return self._run(_tokens.verify(self._line))
