"""Every client is two that are one: same names, same arguments, same words."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, get_args, get_origin

import pytest

import tallystick
from tallystick.client.aio._api import AsyncApi
from tallystick.client.sync._api import Api

PAIRS = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
OPERATIONS = {
    "AutomationTokensApi": {
        "create_automation_token",
        "get_automation_token_id",
        "get_automation_tokens_id_services",
        "iter_automation_tokens",
        "list_automation_tokens",
        "revoke_automation_token_id",
    },
    "EventsApi": {"iter_events"},
    "ScopesApi": {"delete_scope", "list_scopes", "put_scope"},
    "ServicesApi": {
        "create_service",
        "delete_service",
        "get_service",
        "iter_services",
        "list_services",
        "update_service",
    },
    "TokensApi": {
        "bulk_revoke_tokens",
        "create_token",
        "explain_refusal",
        "get_receipt",
        "get_token",
        "get_token_current",
        "get_token_limits",
        "get_token_shadow",
        "get_token_usage",
        "iter_tokens_customer",
        "iter_tokens_user",
        "list_tokens_customer",
        "list_tokens_user",
        "revoke_matching",
        "revoke_token",
        "revoke_token_current",
        "set_token_limits",
        "verify",
    },
    "UsersApi": {
        "create_user",
        "delete_user",
        "get_current_user",
        "get_customer",
        "get_logged_in_customer",
        "get_user",
        "list_users",
        "update_customer",
        "update_user",
        "update_user_password",
    },
}


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}


def pair(name: str) -> tuple[type, type]:
    return getattr(tallystick, name), getattr(tallystick, f"Async{name}")


def signature(method: Callable[..., Any]) -> tuple[object, object]:
    """Parameters and result, both kinds of iterator being one."""
    told = inspect.signature(method)
    result = told.return_annotation
    return told.parameters, get_args(result) if get_origin(result) in (Iterator, AsyncIterator) else result


METHODS = [(*pair(kind), name, name) for kind, names in OPERATIONS.items() for name in sorted(names)]
METHODS += [(Api, AsyncApi, ours, theirs) for ours, theirs in PAIRS.items()]


@pytest.mark.parametrize("kind", sorted(OPERATIONS))
def test_both_have_the_operations_and_nothing_else(kind: str) -> None:
    ours, theirs = pair(kind)

    assert set(methods(ours)) == set(methods(theirs)) == OPERATIONS[kind]


def test_every_client_is_compared() -> None:
    assert {name for name in tallystick.__all__ if name.endswith("Api") and not name.startswith("Async")} == set(
        OPERATIONS
    )
    assert {PAIRS.get(name, name) for name in methods(Api)} == set(methods(AsyncApi))


@pytest.mark.parametrize("ours, theirs, name, other", METHODS)
def test_a_method_takes_and_returns_the_same_and_only_the_waiting_differs(
    ours: type, theirs: type, name: str, other: str
) -> None:
    waiting, awaited = methods(ours)[name], methods(theirs)[other]

    assert signature(waiting) == signature(awaited)
    assert inspect.iscoroutinefunction(awaited) == (not name.startswith("iter_"))
    assert not inspect.iscoroutinefunction(waiting)


@pytest.mark.parametrize("kind", sorted(OPERATIONS))
def test_all_are_made_from_the_same_arguments_except_for_the_transport(kind: str) -> None:
    ours, theirs = (dict(inspect.signature(each).parameters) for each in pair(kind))

    assert ours.pop("transport").name == theirs.pop("transport").name
    assert ours == theirs == {k: v for k, v in inspect.signature(tallystick.TokensApi).parameters.items() if k in ours}


@pytest.mark.parametrize("kind, name", [(kind, name) for kind, names in OPERATIONS.items() for name in sorted(names)])
def test_every_operation_is_documented_once_and_pointed_to_from_the_other(kind: str, name: str) -> None:
    ours, theirs = pair(kind)

    assert len(inspect.getdoc(getattr(ours, name)) or "") > 20
    assert inspect.getdoc(getattr(theirs, name)) == f"See `{kind}.{name}`."
