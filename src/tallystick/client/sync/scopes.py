"""The API of scopes for programs that wait for their answers."""

from collections.abc import Iterable

from tallystick.client import _scopes
from tallystick.client.models import Receipt, ScopeDefinition
from tallystick.client.sync._api import Api


class ScopesApi(Api):
    """What tokens can be made with: a Tallystick server's own.

        with ScopesApi(url="https://tokens.example.com") as api:
            api.put_scope("orders:read", description="Read orders", roles=["engineer"], password=password)

    Made and closed like `TokensApi`, with the same arguments and the same errors.
    """

    def delete_scope(self, name: str, *, password: str | None = None, otp: str | None = None) -> Receipt | None:
        """Take a scope away, as a superuser.  `Conflict` while live tokens carry it, or other scopes include it.

        `password`, `otp`: as for `TokensApi.create_token`.  Returns: see `TokensApi.revoke_token`.
        """
        return self._run(_scopes.delete_scope(self._line, name, password=password, otp=otp))

    def list_scopes(self) -> list[ScopeDefinition]:
        """The scopes that there are: those that are built in, then those of the customer by name."""
        return self._run(_scopes.list_scopes(self._line))

    def put_scope(
        self,
        name: str,
        *,
        description: str = "",
        includes: Iterable[str] = (),
        roles: Iterable[str] = (),
        password: str | None = None,
        otp: str | None = None,
    ) -> ScopeDefinition:
        """Define a scope as a superuser, in place of what had its name.  Tokens that carry it give what it says now.

        `includes`: names of others.  `roles`: whose users may make tokens with it, beside superusers.  `password`, `otp`: as for
        `TokensApi.create_token`.  `Conflict` where the scopes come from the operator's file.
        """
        return self._run(
            _scopes.put_scope(
                self._line,
                name,
                description=description,
                includes=includes,
                roles=roles,
                password=password,
                otp=otp,
            )
        )
