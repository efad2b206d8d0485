"""What the answers say, whatever shape they come in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tallystick.client.models import Token, read_identity, read_issued, read_token, read_tokens
from tallystick.core.errors import TallystickError
from tests.client.shapes import CREATED, READ, SECRET

CREATED_AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def token(**fields: Any) -> Token:
    return read_token(json.dumps({"id": "a", **fields}).encode())


def test_a_recorded_record_is_read_whole() -> None:
    assert read_token(json.dumps(READ).encode()) == Token(
        id="4pQk8sWm2ZtYc1Rb9LxUa7",
        name="ci purge",
        user_id="1aBcD2eFgH3iJkL4mNoPq5",
        customer_id="9zYxW8vUtS7rQpO6nMlK5j",
        scopes=("global",),
        services=(),
        created_at=CREATED_AT,
        updated_at=None,
        expires_at=None,
        last_used_at=None,
        sudo_expires_at=None,
        ip=None,
        user_agent=None,
    )


def test_a_recorded_creation_is_read_with_its_secret() -> None:
    issued = read_issued(json.dumps(CREATED).encode())

    assert issued.secret.reveal() == SECRET
    assert issued.services == ("2bNmV1cXzL0kJhG9fDsA8p", "7hGfE6dCbA5zYxW4vUtS3r")
    assert issued.expires_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert issued.updated_at == issued.created_at == CREATED_AT


def test_a_list_keeps_the_order_of_the_server() -> None:
    rows = [READ | {"id": id_} for id_ in "cab"]

    assert [each.id for each in read_tokens(json.dumps(rows).encode())] == ["c", "a", "b"]


def test_a_list_in_an_envelope_is_read_too() -> None:
    assert [each.id for each in read_tokens(json.dumps({"data": [READ], "meta": {}}).encode())] == [READ["id"]]


@pytest.mark.parametrize(
    "wire, scopes",
    [
        ({"scope": "global"}, ("global",)),
        ({"scope": "purge_all purge_select"}, ("purge_all", "purge_select")),
        ({"scope": ["global:read"]}, ("global:read",)),
        ({"scopes": "global"}, ("global",)),
        ({"scopes": ["purge_all", "purge_select"]}, ("purge_all", "purge_select")),
        ({"scope": None, "scopes": ["global"]}, ("global",)),
        ({"scope": "", "scopes": None}, ()),
        ({}, ()),
    ],
)
def test_scopes_come_as_string_or_array_under_either_name(wire: dict[str, Any], scopes: tuple[str, ...]) -> None:
    assert token(**wire).scopes == scopes
    assert token(**wire).scope == " ".join(scopes)


@pytest.mark.parametrize(
    "wire, services",
    [
        ({"services": ["a", "b"], "service_id": "b"}, ("a", "b")),
        ({"services": [], "service_id": None}, ()),
        ({"services": None}, ()),
        ({"service_id": "a"}, ("a",)),
        ({"services": None, "service_id": "a"}, ("a",)),
        ({"services": [], "service_id": "a"}, ("a",)),
        ({}, ()),
    ],
)
def test_a_limited_token_never_reads_as_unlimited(wire: dict[str, Any], services: tuple[str, ...]) -> None:
    assert token(**wire).services == services


@pytest.mark.parametrize("never", [None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"])
def test_every_way_to_write_never_is_none(never: str | None) -> None:
    assert token(expires_at=never).expires_at is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-03T04:05:06Z",
        "2026-02-03T04:05:06+00:00",
        "2026-02-03T06:05:06+02:00",
        "2026-02-03T04:05:06.000Z",
        "2026-02-03 04:05:06",
        "2026-02-03 04:05:06 UTC",
    ],
)
def test_every_way_to_write_an_instant_is_the_same_in_utc(text: str) -> None:
    read = token(created_at=text).created_at

    assert read == CREATED_AT
    assert read is not None
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["soon", "9999-12-31T23:59:59-12:00", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_an_error_and_not_never(text: str) -> None:
    with pytest.raises(TallystickError, match="a time in it"):
        token(expires_at=text)


def test_missing_null_and_empty_texts_are_one_thing() -> None:
    assert token(ip="", user_agent=None) == token()
    assert token().name == ""


def test_unknown_keys_are_ignored() -> None:
    assert token(tls_access=False, deleted_at=None) == token()


NO_TOKENS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"id":""}',
    b'{"id":5}',
    b"<html>",
    b"\xff",
    b'{"id":"\xff"}',
    b'{"id":"a","x":' + b"[" * 100_000,
]


@pytest.mark.parametrize("body", NO_TOKENS, ids=range(len(NO_TOKENS)))
def test_an_answer_that_is_no_token_is_our_error(body: bytes) -> None:
    with pytest.raises(TallystickError, match="not what the Tokens API sends"):
        read_token(body)


@pytest.mark.parametrize("secret", [None, ""])
def test_a_creation_without_a_secret_is_our_error(secret: str | None) -> None:
    with pytest.raises(TallystickError, match="no secret"):
        read_issued(json.dumps(CREATED | {"access_token": secret}).encode())


def test_an_unreadable_creation_does_not_show_the_secret() -> None:
    with pytest.raises(TallystickError) as caught:
        read_issued(json.dumps(CREATED | {"services": SECRET}).encode())

    error = caught.value
    assert SECRET not in f"{error!r} {error} {error.detail} {error.__cause__!r}"
    assert error.__suppress_context__


def test_an_issued_token_does_not_show_its_secret() -> None:
    issued = read_issued(json.dumps(CREATED).encode())

    assert SECRET not in f"{issued!r} {issued} {issued.record!r} {list(issued.__rich_repr__())}"
    with pytest.raises(TypeError):
        msgspec.json.encode(issued)


def test_issued_tokens_are_compared_and_hashed_by_their_record() -> None:
    one, other = (read_issued(json.dumps(CREATED | {"access_token": text}).encode()) for text in ("s1", "s2"))

    assert one == other
    assert len({one, other}) == 1
    assert type(one.record) is Token
    assert one != read_issued(json.dumps(CREATED | {"id": "b"}).encode())


def test_models_are_frozen() -> None:
    with pytest.raises(AttributeError):
        token().name = "other"  # type: ignore[misc]  # on purpose


def test_who_a_token_speaks_for_is_read_from_verify() -> None:
    body = {
        "customer": {"id": "c", "name": "Acme"},
        "user": {"id": "u", "name": "Ada", "login": "ada@example.com"},
        "services": {"s": "www"},
        "token": {"id": "t", "name": "n", "created_at": "2026-02-03T04:05:06Z", "expires_at": None, "scope": "global"},
        "features": [],
    }

    identity = read_identity(json.dumps(body).encode())

    assert (identity.login, identity.customer_name, identity.services) == ("ada@example.com", "Acme", {"s": "www"})
    assert (identity.token.user_id, identity.token.customer_id, identity.token.scope) == ("u", "c", "global")


@pytest.mark.parametrize("services", [{"services": None}, {}])
def test_verify_may_leave_out_everything_but_the_token(services: dict[str, Any]) -> None:
    identity = read_identity(json.dumps({"token": {"id": "t"}, **services}).encode())

    assert (identity.user_id, identity.services, identity.token.id) == (None, {}, "t")
