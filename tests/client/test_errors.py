"""What a refusal becomes: the right leaf, readable words, and nothing that should not be seen."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.client.errors import STATUS, is_final, refusal, unreachable, was_sent
from tallystick.core import errors as core
from tallystick.core.errors import Invalid, TallystickError, Unavailable


def leaves(kind: type[TallystickError] = TallystickError) -> Iterator[type[TallystickError]]:
    for child in kind.__subclasses__():
        if child.__module__ == core.__name__:
            yield child
            yield from leaves(child)


def test_every_error_of_the_core_comes_back_as_itself() -> None:
    """The parity test: a class that is new in the core must get its status here."""
    assert set(leaves()) == set(STATUS.values())


@pytest.mark.parametrize("status", sorted(STATUS))
def test_a_status_becomes_its_class(status: int) -> None:
    error = refusal(status, b'{"msg":"No.","detail":"Really."}')

    assert type(error) is STATUS[status]
    assert (str(error), error.detail, error.status) == ("No.", "Really.", status)


@pytest.mark.parametrize("status", [402, 405, 415, 418, 500, 501, 599])
def test_any_other_status_is_the_root_and_carries_it(status: int) -> None:
    error = refusal(status, b"{}")

    assert type(error) is TallystickError
    assert error.status == status


@pytest.mark.parametrize(
    "body, msg, detail",
    [
        ({"msg": "Record not found", "detail": "Cannot find it"}, "Record not found", "Cannot find it"),
        ({"msg": "Record not found"}, "Record not found", None),
        ({"errors": [{"title": "Bad", "detail": "id is wrong"}, {"title": "x"}]}, "Bad", "id is wrong"),
        (
            {"title": "Bad Request", "status": 400, "detail": "name is required", "errors": None},
            "name is required",
            None,
        ),
        ({"title": "Quota", "status": 400, "detail": "name is required"}, "Quota", "name is required"),
        ({"title": "Bad Request", "status": 400}, "Bad Request", None),
        ({"detail": "name is required"}, "name is required", None),
        ({"code": "invalid_grant"}, "The username or the password is wrong.", None),
        ({"msg": "invalid_grant"}, "The username or the password is wrong.", None),
        ({"code": "new_code"}, "The server answered 400 without saying why.", None),
        ({"msg": 5, "detail": ["x"]}, "The server answered 400 without saying why.", None),
        ({"errors": []}, "The server answered 400 without saying why.", None),
        ([], "The server answered 400 without saying why.", None),
    ],
)
def test_all_families_of_bodies_become_the_same_fields(body: object, msg: str, detail: str | None) -> None:
    error = refusal(400, json.dumps(body).encode())

    assert (error.msg, error.detail) == (msg, detail)


@pytest.mark.parametrize(
    "status, title",
    [
        (413, "Request Entity Too Large"),
        (413, "Content Too Large"),
        (422, "Unprocessable Entity"),
        (422, "Unprocessable Content"),
    ],
)
def test_a_title_that_only_names_the_status_is_no_message_in_its_older_or_newer_words(status: int, title: str) -> None:
    error = refusal(status, json.dumps({"title": title, "status": status, "detail": "say less"}).encode())

    assert (error.msg, error.detail) == ("say less", None)


@pytest.mark.parametrize(
    "body, msg",
    [
        (b"upstream is down", "upstream is down"),
        (b"<html><body>Bad gateway</body></html>", "The server answered 502 without saying why."),
        (b"", "The server answered 502 without saying why."),
        (b"\xff\xfe", "��"),
        (b"[" * 100_000, "[" * 500),
    ],
)
def test_a_body_that_is_no_json_is_text_at_best(body: bytes, msg: str) -> None:
    assert refusal(502, body).msg == msg


@pytest.mark.parametrize(
    "body",
    [
        {"msg": "2fa.verify", "detail": "Invalid one-time password", "code": "2fa.verify"},
        {"msg": "2fa.verify"},
        {"code": "2fa.verify"},
        {"msg": "Bad request", "detail": "Invalid one-time password"},
    ],
)
def test_a_missing_one_time_code_has_one_code_however_it_is_said(body: dict[str, str]) -> None:
    error = refusal(400, json.dumps(body).encode())

    assert type(error) is Invalid
    assert error.code == "2fa.verify"


def test_what_was_sent_is_not_shown_even_if_the_server_repeats_it() -> None:
    error = refusal(400, b'{"msg":"bad key s3cret-key","detail":"s3cret-key!"}', hidden=("s3cret-key",))

    assert (error.msg, error.detail) == ("bad key …", "…!")


def test_a_message_cannot_steer_a_terminal_or_forge_a_log_line() -> None:
    error = refusal(400, json.dumps({"msg": "a\x1b[2Jb\nINFO all fine\u2028\x9b31m\u202e."}).encode())

    assert error.msg == "a [2Jb INFO all fine 31m ."


def test_how_long_to_wait_is_kept() -> None:
    assert refusal(429, b"{}", retry_after=7).retry_after == 7


@given(
    st.integers(100, 599),
    st.binary()
    | st.recursive(
        st.none() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["msg", "detail", "code", "errors", "title"]), inner)
        ),
    )
    .map(json.dumps)
    .map(str.encode),
)
def test_any_answer_at_all_becomes_a_readable_error(status: int, body: bytes) -> None:
    error = refusal(status, body)

    assert isinstance(error, TallystickError)
    assert error.msg.strip().isprintable() or error.msg
    error.msg.encode()


REQUEST = httpx2.Request(
    "POST", "https://t.example/tokens", headers={"Fastly-Key": "s3cret-key"}, content=b"s3cret-key"
)


def transport_errors() -> list[type[httpx2.RequestError]]:
    kinds = [getattr(httpx2, name) for name in dir(httpx2)]
    return [each for each in kinds if isinstance(each, type) and issubclass(each, httpx2.RequestError)]


@pytest.mark.parametrize("kind", transport_errors())
def test_every_accident_of_the_transport_is_unavailable_and_keeps_no_request(kind: type[httpx2.RequestError]) -> None:
    """Fails when httpx2 grows an exception that cannot be copied without its request."""
    accident = kind("it broke near s3cret-key", request=REQUEST)

    error = unreachable(accident, origin="https://t.example", hidden=("s3cret-key",))

    assert type(error) is Unavailable
    assert error.status is None
    cause = error.__cause__
    assert isinstance(cause, kind)
    assert cause._request is None
    assert cause.__traceback__ is None
    assert "s3cret" not in f"{error!r} {error} {error.detail} {cause!r} {vars(cause)}"
    assert "t.example" in str(error)


@pytest.mark.parametrize(
    "accident, sent, final",
    [
        (httpx2.ConnectError("x"), False, False),
        (httpx2.ConnectTimeout("x"), False, True),
        (httpx2.PoolTimeout("x"), False, True),
        (httpx2.ReadTimeout("x"), True, True),
        (httpx2.WriteError("x"), True, False),
        (httpx2.ReadError("x"), True, False),
        (httpx2.RemoteProtocolError("x"), True, False),
        (httpx2.LocalProtocolError("x"), False, True),
        (httpx2.UnsupportedProtocol("x"), False, True),
        (httpx2.DecodingError("x"), True, False),
    ],
)
def test_whether_it_was_sent_is_known_or_assumed(accident: Any, sent: bool, final: bool) -> None:
    assert (was_sent(accident), is_final(accident)) == (sent, final)


def test_a_lost_write_says_that_it_may_have_been_carried_out() -> None:
    error = unreachable(httpx2.ReadTimeout("x"), origin="https://t.example")

    assert error.detail == "The request had been sent and may have been carried out."
