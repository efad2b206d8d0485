"""Tokens to ask with, and to end."""

from typing import Any

import httpx2

from tallystick import IssuedToken, TokensApi
from tallystick.testing import RunningServer


def verifying(server: RunningServer) -> str:
    """The secret of one that may verify others."""
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        return api.create_token(scope="verify", password=server["SUPERUSER_PASSWORD"]).secret.reveal()


def issued(server: RunningServer, **limits: Any) -> IssuedToken:
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        return api.create_token(password=server["USER_PASSWORD"], **limits)


def limited(server: RunningServer, **own: Any) -> IssuedToken:
    """One with limits of its own, as `PUT /tokens/{id}/limits` takes them."""
    one = issued(server)
    asked = f"{server.url}/tokens/{one.record.id}/limits"
    httpx2.put(asked, headers={"Fastly-Key": server["USER_TOKEN"]}, json=own).raise_for_status()
    return one


def revoke(server: RunningServer, one: IssuedToken) -> None:
    """Come back when its 204 has come."""
    with TokensApi(server["SUPERUSER_TOKEN"], url=server.url) as api:
        api.revoke_token(one.record.id)


def bearer(one: IssuedToken | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {one if isinstance(one, str) else one.secret.reveal()}"}
