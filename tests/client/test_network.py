"""Over a real socket: the drivers, their accidents, and what they leave in the log."""

import asyncio
import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from tallystick import AsyncTokensApi, TallystickError, Throttled, TokensApi, Unavailable
from tests.client.server import serving
from tests.client.shapes import CREATED, READ, SECRET

KEY = "a-secret-key"
PASSWORD = "correct horse"
OTP = "123456"

Call = Callable[..., Any]


def call_sync(url: str, use: Callable[[Any], Any], **options: Any) -> Any:
    with TokensApi(KEY, url=url, **options) as api:
        return use(api)


def call_async(url: str, use: Callable[[Any], Any], **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncTokensApi(KEY, url=url, **options) as api:
            return await use(api)

    return asyncio.run(main())


@pytest.fixture(params=[call_sync, call_async])
def call(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_token_is_created_read_listed_and_revoked_over_a_socket(call: Call) -> None:
    with serving(
        POST_sudo=[(200, {}, {})],
        POST_tokens=[(200, CREATED, {})],
        GET_tokens_self=[(200, READ, {})],
        GET_tokens=[(200, [READ], {})],
        DELETE_tokens_t1=[(204, None, {})],
        DELETE_tokens=[(204, None, {})],
    ) as server:
        issued = call(server.url, lambda api: api.create_token(password=PASSWORD))
        current = call(server.url, lambda api: api.get_token_current())
        listed = call(server.url, lambda api: api.list_tokens_user())
        call(server.url, lambda api: api.revoke_token("t1"))
        call(server.url, lambda api: api.bulk_revoke_tokens(["t1", "t2"]))

    assert issued.secret.reveal() == SECRET
    assert listed == [current]
    assert server.asked == [
        "POST /sudo", "POST /tokens", "GET /tokens/self", "GET /tokens", "DELETE /tokens/t1", "DELETE /tokens",
    ]  # fmt: skip


def test_a_busy_server_is_asked_again_when_it_says(call: Call) -> None:
    with serving(GET_tokens=[(503, {"msg": "busy"}, {"Retry-After": "0"}), (200, [READ], {})]) as server:
        listed = call(server.url, lambda api: api.list_tokens_user())

    assert len(listed) == 1
    assert server.asked == ["GET /tokens"] * 2


def test_a_throttled_creation_comes_back_at_once_with_the_wait(call: Call) -> None:
    answer = (429, {"msg": "slow down"}, {"Retry-After": "9"})
    with serving(POST_tokens=[answer]) as server, pytest.raises(Throttled) as caught:
        call(server.url, lambda api: api.create_token(name="n"))

    assert caught.value.retry_after == 9
    assert server.asked == ["POST /tokens"]


def test_nobody_there_is_unavailable_and_says_where(call: Call) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Unavailable) as caught:
            call(url, lambda api: api.get_token_current(), patience=0)

    assert url in str(caught.value)
    assert caught.value.status is None


def test_a_server_that_says_nothing_is_unavailable_after_the_time_out(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(Unavailable, match="did not answer in time") as caught:
            call(url, lambda api: api.create_token(name="n"), timeout=0.05)

    assert caught.value.detail == "The request had been sent and may have been carried out."


def test_no_secret_is_in_any_log_or_traceback_of_any_call(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []
    with serving(POST_sudo=[(200, {}, {})], POST_tokens=[(200, CREATED, {}), (500, {"msg": KEY}, {})]) as server:
        issued = call(server.url, lambda api: api.create_token(password=PASSWORD, otp=OTP))
        seen.append(f"{issued!r} {issued}")
        with pytest.raises(TallystickError) as refused:
            call(server.url, lambda api: api.create_token(password=PASSWORD, otp=OTP))
    with pytest.raises(Unavailable) as lost:
        call(server.url, lambda api: api.create_token(password=PASSWORD, otp=OTP), patience=0)

    seen += ["".join(traceback.format_exception(caught.value)) for caught in (refused, lost)]
    seen += [record.getMessage() for record in caplog.records]
    assert any("POST" in text for text in seen)
    for secret in (KEY, SECRET, PASSWORD, OTP):
        assert not [text for text in seen if secret in text.replace(PASSWORD.replace(" ", "+"), PASSWORD)]


def test_the_client_itself_does_not_show_its_token() -> None:
    with TokensApi(KEY) as api:
        assert KEY not in f"{api!r} {vars(api)!r} {vars(api._line)!r}"
