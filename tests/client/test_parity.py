"""The two clients are one: same names, same arguments, same words."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, get_args, get_origin

import pytest

from tallystick import AsyncTokensApi, TokensApi

PAIRS = {"close": "aclose", "__enter__": "__aenter__", "__exit__": "__aexit__"}
SEED = {
    "bulk_revoke_tokens",
    "create_token",
    "get_token",
    "get_token_current",
    "list_tokens_customer",
    "list_tokens_user",
    "revoke_token",
    "revoke_token_current",
}


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}


def signature(method: Callable[..., Any]) -> tuple[object, object]:
    """Parameters and result, both kinds of iterator being one."""
    told = inspect.signature(method)
    result = told.return_annotation
    return told.parameters, get_args(result) if get_origin(result) in (Iterator, AsyncIterator) else result


def test_both_have_the_same_methods() -> None:
    assert {PAIRS.get(name, name) for name in methods(TokensApi)} == set(methods(AsyncTokensApi))
    assert set(methods(TokensApi)) >= SEED


@pytest.mark.parametrize("name", sorted(set(methods(TokensApi)) - {"__init__"}))
def test_a_method_takes_and_returns_the_same_and_only_the_waiting_differs(name: str) -> None:
    ours, theirs = methods(TokensApi)[name], methods(AsyncTokensApi)[PAIRS.get(name, name)]

    assert signature(ours) == signature(theirs)
    assert inspect.iscoroutinefunction(theirs) == (
        get_origin(inspect.signature(theirs).return_annotation) is not AsyncIterator
    )
    assert not inspect.iscoroutinefunction(ours)


def test_both_are_made_from_the_same_arguments_except_for_the_transport() -> None:
    ours, theirs = (dict(inspect.signature(each).parameters) for each in (TokensApi, AsyncTokensApi))

    assert ours.pop("transport").name == theirs.pop("transport").name
    assert ours == theirs


@pytest.mark.parametrize("name", sorted(SEED | {"verify"}))
def test_every_operation_is_documented_once_and_pointed_to_from_the_other(name: str) -> None:
    assert len(inspect.getdoc(getattr(TokensApi, name)) or "") > 20
    assert inspect.getdoc(getattr(AsyncTokensApi, name)) == f"See `TokensApi.{name}`."
