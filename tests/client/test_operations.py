"""The operations, each through both clients: what goes out, what comes back, in which order."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

from tallystick import AsyncTokensApi, Secret, TokensApi
from tallystick.core.errors import (
    Forbidden,
    Invalid,
    NotFound,
    TallystickError,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from tests.client.conftest import Drive
from tests.client.shapes import CREATED, NEEDS_OTP, NEEDS_SUDO, READ, SECRET, SUDO, USAGE, Script, says

PASSWORD = "correct horse"
OURS = "https://tokens.test"


def form(request: httpx2.Request) -> list[tuple[str, str]]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return parse_qsl(request.content.decode(), strict_parsing=True)


@pytest.mark.parametrize(
    "name, args, line, body",
    [
        ("get_token", ("t1",), "GET /tokens/t1", READ),
        ("get_token_current", (), "GET /tokens/self", READ),
        ("list_tokens_user", (), "GET /tokens", [READ]),
        ("list_tokens_customer", ("c1",), "GET /customer/c1/tokens", [READ]),
        ("verify", (), "GET /verify", {"token": READ}),
        ("revoke_token", ("t1",), "DELETE /tokens/t1", None),
        ("revoke_token_current", (), "DELETE /tokens/self", None),
        ("bulk_revoke_tokens", (["t1"],), "DELETE /tokens", None),
    ],
)
def test_each_operation_is_one_request_with_the_key(
    drive: Drive, name: str, args: tuple[Any, ...], line: str, body: object
) -> None:
    server = Script(says(204) if body is None else says(200, body))

    drive(server, lambda api: getattr(api, name)(*args))

    assert server.lines == [line]
    headers = server.asked[0].headers
    assert headers["fastly-key"] == "key"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("tallystick/")


def test_the_prefix_of_the_address_is_kept(drive: Drive) -> None:
    server = Script(says(200, READ))

    drive(server, lambda api: api.get_token("t1"), url="https://gate.example/tally/")

    assert str(server.asked[0].url) == "https://gate.example/tally/tokens/t1"


def test_bulk_sends_the_ids_in_the_recorded_shape(drive: Drive) -> None:
    server = Script(says(204))

    drive(server, lambda api: api.bulk_revoke_tokens(iter(["a", "b"])))

    assert server.asked[0].headers["content-type"] == "application/vnd.api+json; ext=bulk"
    assert json.loads(server.asked[0].content) == {"data": [{"type": "token", "id": "a"}, {"type": "token", "id": "b"}]}


def test_bulk_without_ids_asks_nothing(drive: Drive) -> None:
    server = Script()

    drive(server, lambda api: api.bulk_revoke_tokens([]))

    assert server.asked == []


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "a b", "é", "x" * 129, "%2e"])
@pytest.mark.parametrize("name", ["get_token", "revoke_token", "list_tokens_customer"])
def test_an_id_that_would_be_another_path_is_refused_before_anything_is_sent(drive: Drive, name: str, bad: str) -> None:
    server = Script()

    with pytest.raises(Invalid, match="letters, digits"):
        drive(server, lambda api: getattr(api, name)(bad))

    assert server.asked == []


def test_one_string_is_not_taken_for_a_list_of_ids(drive: Drive) -> None:
    with pytest.raises(Invalid, match="one string"):
        drive(Script(), lambda api: api.bulk_revoke_tokens("abc"))
    with pytest.raises(Invalid, match="one string"):
        drive(Script(), lambda api: api.create_token(services="abc"))


@pytest.mark.parametrize("name", ["get_token_current", "list_tokens_user", "revoke_token_current", "verify"])
def test_without_a_token_nothing_is_sent_and_the_error_says_where_to_put_one(drive: Drive, name: str) -> None:
    with pytest.raises(Unauthenticated, match="FASTLY_API_TOKEN"):
        drive(Script(), lambda api: getattr(api, name)(), token=None)


@pytest.mark.parametrize("client", [TokensApi, AsyncTokensApi])
def test_a_client_knows_whether_it_has_a_token(client: type[TokensApi | AsyncTokensApi]) -> None:
    assert client("key").has_token
    assert not client("").has_token


def test_usage_is_asked_for_between_instants(drive: Drive) -> None:
    server = Script(says(200, USAGE))
    since = datetime(2026, 2, 1, 1, tzinfo=timezone(timedelta(hours=1)))

    used = drive(server, lambda api: api.get_token_usage("self", since=since, until="2026-02-03T00:00:00Z"), url=OURS)

    assert server.lines[0].startswith("GET /tokens/self/usage")
    assert dict(parse_qsl(server.asked[0].url.query.decode())) == {
        "since": "2026-02-01T01:00:00+01:00",
        "until": "2026-02-03T00:00:00Z",
    }
    assert (used.token_id, used.allowed, used.refused) == ("4pQk8sWm2ZtYc1Rb9LxUa7", 1200, 9)
    assert [each.hour for each in used.hours] == [datetime(2026, 2, 3, hour, tzinfo=UTC) for hour in (3, 4)]


@pytest.mark.parametrize(
    "token_id, since",
    [("t1", datetime(2026, 2, 3)), ("t1", "\ud800"), ("a/b", None), ("", None)],  # noqa: DTZ001
)
def test_usage_of_what_is_no_id_or_since_what_is_no_instant_is_not_asked_for(
    drive: Drive, token_id: str, since: datetime | str | None
) -> None:
    server = Script()

    with pytest.raises(Invalid):
        drive(server, lambda api: api.get_token_usage(token_id, since=since), url=OURS)

    assert server.asked == []


# create


def test_without_a_token_the_password_goes_with_the_wish_and_no_key_does(drive: Drive) -> None:
    server = Script(says(200, CREATED))

    issued = drive(
        server,
        lambda api: api.create_token(name="ci purge", username="ada@example.com", password=PASSWORD, otp="123 456"),
        token=None,
    )

    assert issued.secret.reveal() == SECRET
    assert server.lines == ["POST /tokens"]
    assert "fastly-key" not in server.asked[0].headers
    assert server.asked[0].headers["fastly-otp"] == "123456"
    assert form(server.asked[0]) == [("name", "ci purge"), ("username", "ada@example.com"), ("password", PASSWORD)]


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}])
def test_without_a_token_both_username_and_password_are_needed(drive: Drive, given: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="username and password"):
        drive(Script(), lambda api: api.create_token(**given), token="")


def test_a_username_without_its_password_is_refused(drive: Drive) -> None:
    with pytest.raises(Invalid, match="needs its password"):
        drive(Script(), lambda api: api.create_token(username="ada"))


def test_with_a_token_the_password_raises_it_first_and_stays_out_of_the_wish(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(200, CREATED))

    drive(server, lambda api: api.create_token(scope="purge_select", services=["a", "b"], password=PASSWORD))

    assert server.lines == ["POST /sudo", "POST /tokens"]
    assert [each.headers["fastly-key"] for each in server.asked] == ["key", "key"]
    assert form(server.asked[0]) == [("password", PASSWORD)]
    assert form(server.asked[1]) == [("scope", "purge_select"), ("services[]", "a"), ("services[]", "b")]


def test_the_username_goes_with_sudo_if_it_is_given(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(200, CREATED))

    drive(server, lambda api: api.create_token(username="ada", password=PASSWORD))

    assert form(server.asked[0]) == [("username", "ada"), ("password", PASSWORD)]


def test_a_one_time_code_is_spent_on_sudo_and_not_sent_again(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(200, CREATED))

    drive(server, lambda api: api.create_token(password=PASSWORD, otp="123456"))

    assert server.asked[0].headers["fastly-otp"] == "123456"
    assert "fastly-otp" not in server.asked[1].headers


def test_a_server_that_wants_the_code_with_the_wish_itself_gets_it_there(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(400, NEEDS_OTP), says(200, CREATED))

    drive(server, lambda api: api.create_token(password=PASSWORD, otp="123456"))

    assert server.lines == ["POST /sudo", "POST /tokens", "POST /tokens"]
    assert server.asked[2].headers["fastly-otp"] == "123456"


def test_sudo_that_has_run_out_in_between_is_renewed_once(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(403, NEEDS_SUDO), says(200, SUDO), says(200, CREATED))

    issued = drive(server, lambda api: api.create_token(password=PASSWORD))

    assert issued.id == CREATED["id"]
    assert server.lines == ["POST /sudo", "POST /tokens", "POST /sudo", "POST /tokens"]


def test_sudo_is_renewed_only_once(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(403, NEEDS_SUDO), says(200, SUDO), says(403, NEEDS_SUDO))

    with pytest.raises(Forbidden):
        drive(server, lambda api: api.create_token(password=PASSWORD))

    assert server.left == 0


def test_sudo_is_not_renewed_with_a_code_that_is_spent(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(403, NEEDS_SUDO))

    with pytest.raises(Forbidden):
        drive(server, lambda api: api.create_token(password=PASSWORD, otp="123456"))


def test_any_other_no_is_final(drive: Drive) -> None:
    server = Script(says(200, SUDO), says(403, {"msg": "Read only tokens are not allowed to access this endpoint"}))

    with pytest.raises(Forbidden, match="Read only"):
        drive(server, lambda api: api.create_token(password=PASSWORD))


def test_a_wrong_password_stops_before_the_wish(drive: Drive) -> None:
    server = Script(says(403, {"msg": "Forbidden", "code": "forbidden"}))

    with pytest.raises(Forbidden) as caught:
        drive(server, lambda api: api.create_token(password="wrong"))

    assert caught.value.code == "forbidden"
    assert server.lines == ["POST /sudo"]


def test_with_a_token_and_no_password_it_must_have_been_raised_already(drive: Drive) -> None:
    server = Script(says(200, CREATED), says(403, NEEDS_SUDO))

    drive(server, lambda api: api.create_token(name="n"))
    with pytest.raises(Forbidden) as caught:
        drive(server, lambda api: api.create_token(name="n"))

    assert server.lines == ["POST /tokens", "POST /tokens"]
    assert caught.value.detail == "Pass the password too, and the token is raised first."


@pytest.mark.parametrize("token", ["key", ""])
def test_a_missing_one_time_code_has_a_code_that_the_caller_can_act_on(drive: Drive, token: str) -> None:
    server = Script(says(400, NEEDS_OTP))

    with pytest.raises(Invalid) as caught:
        drive(server, lambda api: api.create_token(username="ada", password=PASSWORD), token=token)

    assert (caught.value.code, caught.value.status) == ("2fa.verify", 400)
    assert "otp" in str(caught.value)


@pytest.mark.parametrize("otp", ["", "12\n34", "１２３４５６", "Bearer x:y"])
def test_a_code_that_cannot_be_a_header_is_refused(drive: Drive, otp: str) -> None:
    with pytest.raises(Invalid, match="letters and digits"):
        drive(Script(), lambda api: api.create_token(password=PASSWORD, otp=otp))


@pytest.mark.parametrize(
    "expires_at, sent",
    [
        (datetime(2031, 1, 1, tzinfo=UTC), "2031-01-01T00:00:00+00:00"),
        (datetime(2031, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2031-01-01T00:00:00+02:00"),
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
    ],
)
def test_an_end_is_an_instant_with_a_time_zone(drive: Drive, expires_at: datetime | str, sent: str) -> None:
    server = Script(says(200, CREATED))

    drive(server, lambda api: api.create_token(expires_at=expires_at))

    assert form(server.asked[0]) == [("expires_at", sent)]


def test_an_end_without_a_time_zone_is_refused(drive: Drive) -> None:
    with pytest.raises(Invalid, match="time zone"):
        drive(Script(), lambda api: api.create_token(expires_at=datetime(2031, 1, 1)))  # noqa: DTZ001  (the point)


@pytest.mark.parametrize("trouble", [503, 429, 502, 500, httpx2.ReadTimeout("x"), httpx2.RemoteProtocolError("x")])
def test_a_creation_that_may_have_worked_is_never_repeated(drive: Drive, trouble: Any) -> None:
    server = Script(says(trouble) if isinstance(trouble, int) else trouble)

    with pytest.raises(TallystickError):
        drive(server, lambda api: api.create_token(name="n"))

    assert server.lines == ["POST /tokens"]


def test_a_password_that_cannot_be_encoded_is_not_in_the_error(drive: Drive) -> None:
    with pytest.raises(Invalid) as caught:
        drive(Script(), lambda api: api.create_token(password="hunter\ud800"))

    assert "hunter" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


# refusals


def test_a_refusal_carries_what_the_server_said(drive: Drive) -> None:
    server = Script(says(404, {"msg": "Record not found", "detail": "Cannot find token"}))

    with pytest.raises(NotFound) as caught:
        drive(server, lambda api: api.get_token("t1"))

    assert (caught.value.status, caught.value.msg, caught.value.detail) == (
        404,
        "Record not found",
        "Cannot find token",
    )


def test_throttled_says_when_to_try_again(drive: Drive) -> None:
    server = Script(says(429, {"msg": "slow down"}, retry_after="3600"))

    with pytest.raises(Throttled) as caught:
        drive(server, lambda api: api.get_token("t1"))

    assert caught.value.retry_after == 3600


def test_a_redirect_is_not_followed(drive: Drive) -> None:
    server = Script(says(302, location="https://api.fastly.com/tokens"))

    with pytest.raises(TallystickError, match=r"sends us elsewhere: https://api\.fastly\.com/tokens") as caught:
        drive(server, lambda api: api.list_tokens_user(), token=Secret.mint(), url="https://t.example")

    assert caught.value.status == 302
    assert len(server.asked) == 1


def test_a_server_that_repeats_our_secrets_does_not_get_them_into_the_error(drive: Drive) -> None:
    def echo(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(500, text=f"{dict(request.headers)} {parse_qsl(request.content.decode())}")

    with pytest.raises(TallystickError) as caught:
        drive(
            echo,
            lambda api: api.create_token(username="ada", password=PASSWORD, otp="123456"),
            token="a-secret-key",
        )

    shown = f"{caught.value} {caught.value.detail}"
    assert "fastly-key" in shown
    for secret in ("a-secret-key", PASSWORD, "123456"):
        assert secret not in shown


def test_a_lost_connection_is_unavailable_and_repeated_where_it_is_safe(drive: Drive) -> None:
    server = Script(says(503, retry_after="0"), says(200, READ))

    assert drive(server, lambda api: api.get_token("t1")).id == READ["id"]
    assert server.lines == ["GET /tokens/t1"] * 2


@pytest.mark.parametrize("name, args, gone", [("revoke_token", ("t1",), 404), ("revoke_token_current", (), 401)])
def test_a_revocation_whose_first_attempt_worked_unseen_is_done(
    drive: Drive, name: str, args: tuple[str, ...], gone: int
) -> None:
    server = Script(says(503, retry_after="0"), says(gone, {"msg": "gone"}))

    drive(server, lambda api: getattr(api, name)(*args))

    assert server.left == 0


def test_a_bulk_revocation_that_knows_an_id_no_more_is_still_an_error(drive: Drive) -> None:
    """It is all or nothing: the 404 may be about another id, and then nothing was revoked."""
    server = Script(says(503, retry_after="0"), says(404, {"msg": "gone"}))

    with pytest.raises(NotFound):
        drive(server, lambda api: api.bulk_revoke_tokens(["a"]))


def test_the_drivers_wait_as_long_as_the_server_says(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("asyncio.sleep", wait)
    server = Script(says(429, retry_after="7"), says(200, READ))

    drive(server, lambda api: api.get_token("t1"))

    assert waits == [7]


def test_without_patience_the_first_accident_is_the_answer(drive: Drive) -> None:
    server = Script(httpx2.ConnectError("[Errno 111] Connection refused"))

    with pytest.raises(Unavailable, match=r"^Cannot reach https://t\.example: Connection refused$"):
        drive(server, lambda api: api.get_token("t1"), url="https://t.example", patience=0)
