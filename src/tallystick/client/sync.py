"""The Tokens API for programs that wait for their answers.  All logic is in `_calls.py`."""

import time
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallystick.client._calls import HEADERS, Calls
from tallystick.client._flow import Flow, Reply, Request, T, answered, lost
from tallystick.client._target import target
from tallystick.client.models import Identity, IssuedToken, Token
from tallystick.core.secret import Secret

if TYPE_CHECKING:
    import httpx2


class TokensApi:
    """The eight token operations of Fastly's API, against a Tallystick server or Fastly itself.

        with TokensApi(url="https://tokens.example.com") as api:
            issued = api.create_token(name="ci purge", scope="purge_select", password=password)

    `token`: the secret to speak with; else FASTLY_API_TOKEN; `""` for none, whatever the environment says.
    `url`: else TALLYSTICK_URL, else https://api.fastly.com.  A token of a Tallystick server is never sent to Fastly.
    `timeout`: seconds for connecting, and for each wait for data.  `patience`: seconds that the repeats of a request which
    may be repeated (GET, DELETE, or what never reached the server) may wait in all; 0 for no repeats.
    `transport`: an httpx2 transport, for tests and for special TLS settings.

    Every method raises a `TallystickError`: the leaf says what is wrong, `msg` and `detail` say it in words, and `code`,
    `status` and `retry_after` are for programs.  Redirects are not followed.  One client may be used by many threads.
    """

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        url: str | None = None,
        timeout: float = 10.0,
        patience: float = 30.0,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        # Here, not above: it is two thirds of the import time of the whole client.
        import httpx2

        self._calls = Calls(target(token, url), patience=patience)
        self._http = httpx2.Client(timeout=timeout, transport=transport, headers=HEADERS)
        self._accidents = (httpx2.HTTPError, httpx2.InvalidURL)

    @property
    def has_token(self) -> bool:
        """Whether this client speaks with a token; without one it can only create one, by password."""
        return self._calls.has_token

    def bulk_revoke_tokens(self, ids: Iterable[str]) -> None:
        """Revoke many tokens by id in one request.  Superusers may include those of others.

        A Tallystick server does all or nothing: `NotFound` names the ids that it does not know.  No ids, no request.
        """
        return self._run(self._calls.bulk_revoke_tokens(ids))

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
    ) -> IssuedToken:
        """Create a token.  What it returns holds the secret, which cannot be had again.

        `scope`: words with spaces between them, `global` if None.  `services`: ids that it is limited to, none for all.
        `expires_at`: a datetime with a time zone, or RFC 3339; None for never.

        Who may do this proves it again.  Without a token: by `username` and `password`.  With one: by `password`, with
        which the token is raised to sudo first (`username` is optional then); with no password the token must have been
        raised already, else `Forbidden`.  `otp`: a current code of those who have two-factor authentication; without it,
        or with one that was used before, the error is `Invalid` and its `code` is `2fa.verify`.

        It is never sent twice on its own: after `Unavailable` look into the list before you try again.
        """
        return self._run(
            self._calls.create_token(
                name=name,
                scope=scope,
                services=services,
                expires_at=expires_at,
                username=username,
                password=password,
                otp=otp,
            )
        )

    def get_token(self, token_id: str) -> Token:
        """The record of one token.  `NotFound` if there is none, or none that this caller may know of."""
        return self._run(self._calls.get_token(token_id))

    def get_token_current(self) -> Token:
        """The record of the token that this client speaks with."""
        return self._run(self._calls.get_token_current())

    def list_tokens_customer(self, customer_id: str) -> list[Token]:
        """The tokens of all users of a customer.  For superusers of that customer, else `Forbidden`."""
        return self._run(self._calls.list_tokens_customer(customer_id))

    def list_tokens_user(self) -> list[Token]:
        """The tokens of the user that this client speaks for."""
        return self._run(self._calls.list_tokens_user())

    def revoke_token(self, token_id: str) -> None:
        """Revoke one token: one's own, or that of another user for superusers."""
        return self._run(self._calls.revoke_token(token_id))

    def revoke_token_current(self) -> None:
        """Revoke the token that this client speaks with.  It is good for nothing afterwards."""
        return self._run(self._calls.revoke_token_current())

    def verify(self) -> Identity:
        """Who the token that this client speaks with speaks for."""
        return self._run(self._calls.verify())

    def close(self) -> None:
        """Close the connections.  `with` does it too."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        try:
            request = next(flow)
            while True:
                request = flow.send(self._exchange(request))
        except StopIteration as end:
            result: T = end.value
            return result

    def _exchange(self, request: Request) -> Reply:
        if request.after:
            time.sleep(request.after)  # noqa: TID251  (the server said how long)
        try:
            response = self._http.request(
                request.method, request.url, headers=request.headers, content=request.content or None
            )
        except self._accidents as error:
            return lost(error, request)
        return answered(response, now=time.time())
