"""Stock OAuth clients, unmodified, introspect and revoke tokens over a real socket: Authlib, oauthlib, npm `openid-client`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from authlib.integrations.requests_client import OAuth2Session
from oauthlib.oauth2 import WebApplicationClient

from tests.clients.world import World

pytestmark = pytest.mark.xdist_group("oauth clients")
DRIVER = Path(__file__).with_name("oauth.mjs")


@pytest.fixture(scope="module")
def asking(world: World) -> dict[str, str]:
    """A client's id and secret: a token with the scope `verify`."""
    return made(world, username=world.superuser_login, password=world.superuser_password, scope="verify")


@pytest.fixture
def token(world: World) -> dict[str, str]:
    return made(world, username=world.user_login, password=world.user_password, scope="global:read")


def made(world: World, **form: str) -> dict[str, str]:
    created: dict[str, str] = httpx2.post(f"{world.api_url}/tokens", data=form).raise_for_status().json()
    return created


def of(token: dict[str, str], told: dict[str, Any]) -> bool:
    """Whether a client was told of this token, as it is."""
    mine = {"active": True, "client_id": token["id"], "sub": token["user_id"], "scope": "global:read"}
    return {name: told.get(name) for name in mine} == mine and told["token_type"] == "Bearer"


def test_authlib_introspects_and_revokes(world: World, asking: dict[str, str], token: dict[str, str]) -> None:
    session = OAuth2Session(asking["id"], asking["access_token"])
    secret = token["access_token"]

    with session:
        before = session.introspect_token(f"{world.api_url}/oauth/introspect", token=secret)
        ended = session.revoke_token(f"{world.api_url}/oauth/revoke", token=secret, token_type_hint="access_token")
        after = session.introspect_token(f"{world.api_url}/oauth/introspect", token=secret)

    assert of(token, before.json())
    assert ended.status_code == 200
    assert after.json() == {"active": False}


def test_authlib_is_refused_with_a_token_that_may_not_ask(world: World, token: dict[str, str]) -> None:
    with OAuth2Session(token["id"], token["access_token"]) as session:
        refused = session.introspect_token(f"{world.api_url}/oauth/introspect", token=token["access_token"])

    assert refused.status_code == 403


def test_oauthlib_revokes_also_what_is_unknown(world: World, token: dict[str, str]) -> None:
    client = WebApplicationClient("any")

    for secret in (token["access_token"], token["access_token"], "unknown"):
        # It makes requests for https alone.
        url, headers, body = client.prepare_token_revocation_request("https://x/oauth/revoke", secret)
        answer = httpx2.post(url.replace("https://x", world.api_url), headers=headers, content=body)
        assert answer.status_code == 200

    with httpx2.Client(headers={"Fastly-Key": token["access_token"]}) as gone:
        assert gone.get(f"{world.api_url}/tokens/self").status_code == 401


def test_openid_client_introspects_and_revokes(
    node: str, world: World, asking: dict[str, str], token: dict[str, str]
) -> None:
    before, ended, after = openid_client(node, world, asking, token["access_token"], how="basic")

    assert of(token, before)
    assert ended is None
    assert after == {"active": False}


def test_openid_client_is_refused_without_credentials_and_can_revoke_what_it_holds(
    node: str, world: World, asking: dict[str, str], token: dict[str, str]
) -> None:
    before, ended, after = openid_client(node, world, asking, token["access_token"], how="none")

    assert (before, ended, after) == ({"refused": 401}, None, {"refused": 401})


def openid_client(node: str, world: World, asking: dict[str, str], secret: str, *, how: str) -> Any:
    ran = subprocess.run(
        [node, str(DRIVER), world.api_url, asking["id"], secret, how],
        env={"CLIENT_SECRET": asking["access_token"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(ran.stdout)
