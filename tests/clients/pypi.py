"""PyPI `fastly` as it is, aimed at the service under test."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import fastly
import pytest
from fastly.api.automation_tokens_api import AutomationTokensApi
from fastly.api.customer_api import CustomerApi
from fastly.api.service_api import ServiceApi
from fastly.api.sudo_api import SudoApi
from fastly.api.tokens_api import TokensApi
from fastly.api.user_api import UserApi
from fastly.model.automation_token_create_request import AutomationTokenCreateRequest
from fastly.model.sudo_request import SudoRequest
from fastly.model.token_created_response import TokenCreatedResponse

from tests.clients.refusals import Refusal
from tests.clients.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


# Any, throughout: this client has no types.
def client(world: World, token: str, **basic: str) -> Any:
    settings = fastly.Configuration(host=world.api_url, **basic)
    settings.api_token = token
    return fastly.ApiClient(settings)


def tokens(world: World, token: str, **basic: str) -> Any:
    """The eight operations, with this token."""
    return TokensApi(client(world, token, **basic))


def users(world: World, token: str, **basic: str) -> Any:
    return UserApi(client(world, token, **basic))


def customers(world: World, token: str) -> Any:
    return CustomerApi(client(world, token))


def services(world: World, token: str) -> Any:
    return ServiceApi(client(world, token))


def machines(world: World, token: str) -> Any:
    """The operations on automation tokens."""
    return AutomationTokensApi(client(world, token))


def in_sudo(world: World) -> str:
    """The secret of a new token of the superuser's, raised."""
    proof = {"username": world.superuser_login, "password": world.superuser_password}
    secret: str = create(world, **proof).access_token
    SudoApi(client(world, secret)).request_sudo_access(sudo_request=SudoRequest(**proof))
    return secret


def machine(world: World, **fields: Any) -> Any:
    """A new automation token.  Unchecked: the client's model wants another `id` than there is."""
    wish = AutomationTokenCreateRequest(**{"name": "ci", "role": "engineer", "expires_at": None} | fields)
    api = machines(world, in_sudo(world))
    return api.create_automation_token(automation_token_create_request=wish, _check_return_type=False)


def create(
    world: World, token: str = "", *, otp: str | None = None, services: Sequence[str] = (), **fields: str
) -> Any:
    """A create with fields: the client's `create_token` takes none, so this is the call below it."""
    return client(world, token).call_api(
        "/tokens",
        "POST",
        header_params=FORM if otp is None else {**FORM, "Fastly-OTP": otp},
        # Spaces become `+` here.
        post_params=[*fields.items(), *(("services[]", service) for service in services)],
        response_type=(TokenCreatedResponse,),
        auth_settings=["token"] if token else [],
        _return_http_data_only=True,
        _check_type=True,
    )


def granted(world: World, *, services: Sequence[str] = (), **fields: str) -> Any:
    """A token of the ordinary user's, by password alone.  It is not in sudo."""
    return create(world, username=world.user_login, password=world.user_password, services=services, **fields)


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal that the client raises, taken out of its exception."""
    with pytest.raises(fastly.ApiException) as caught:
        call()
    return Refusal.of(caught.value.status, json.loads(caught.value.body))
