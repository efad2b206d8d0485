"""When a request is sent again, when not, and how long we wait: pure, without a client, a clock or a sleep."""

from typing import Any

import pytest

from tallystick.client._flow import Answer, Flow, Lost, Reply, Request, send
from tallystick.core.errors import Unavailable

GET = Request(method="GET", url="https://t.example/tokens")
DELETE = Request(method="DELETE", url="https://t.example/tokens/a", gone=frozenset({404}))
PUT = Request(method="PUT", url="https://t.example/service/a")
POST = Request(method="POST", url="https://t.example/tokens")

OK = Answer(status=200)
BUSY = Answer(status=503)
NEVER_SENT = Lost(error=Unavailable("refused"), sent=False, final=False)
BROKEN_OFF = Lost(error=Unavailable("reset"), sent=True, final=False)
TIMED_OUT = Lost(error=Unavailable("too late"), sent=True, final=True)


def play(flow: Flow[Any], *replies: Reply) -> tuple[list[Request], Any]:
    """What the flow sends when these are the replies, and what it returns."""
    sent = [next(flow)]
    for reply in replies:
        try:
            sent.append(flow.send(reply))
        except StopIteration as end:
            return sent, end.value
    raise AssertionError("the flow wants more replies")


def told(status: int, **headers: str) -> Answer:
    return Answer(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, at=1000.0)


@pytest.mark.parametrize("request_", [GET, PUT, DELETE])
@pytest.mark.parametrize("trouble", [BUSY, Answer(status=429), NEVER_SENT, BROKEN_OFF])
def test_what_is_the_same_twice_is_sent_again(request_: Request, trouble: Reply) -> None:
    sent, answer = play(send(request_, patience=30), trouble, OK)

    assert [each.method for each in sent] == [request_.method] * 2
    assert answer is OK


@pytest.mark.parametrize("trouble", [BUSY, Answer(status=429), Answer(status=500), Answer(status=403)])
def test_a_post_that_was_answered_is_never_sent_again(trouble: Answer) -> None:
    sent, answer = play(send(POST, patience=30), trouble)

    assert len(sent) == 1
    assert answer is trouble


@pytest.mark.parametrize("trouble", [BROKEN_OFF, TIMED_OUT])
def test_a_post_that_may_have_been_carried_out_is_never_sent_again(trouble: Lost) -> None:
    flow = send(POST, patience=30)
    next(flow)

    with pytest.raises(Unavailable) as caught:
        flow.send(trouble)

    assert caught.value is trouble.error


def test_a_post_that_never_reached_the_server_is_sent_again() -> None:
    sent, answer = play(send(POST, patience=30), NEVER_SENT, OK)

    assert len(sent) == 2
    assert answer is OK


def test_a_time_out_is_final_because_the_caller_has_waited_as_long_as_it_would() -> None:
    flow = send(GET, patience=30)
    next(flow)

    with pytest.raises(Unavailable):
        flow.send(TIMED_OUT)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 502, 504])
def test_an_answer_that_would_be_the_same_again_is_returned_at_once(status: int) -> None:
    sent, answer = play(send(GET, patience=30), Answer(status=status))

    assert len(sent) == 1
    assert answer.status == status


def test_after_two_repeats_the_last_answer_counts() -> None:
    sent, answer = play(send(GET, patience=30), BUSY, BUSY, BUSY)

    assert len(sent) == 3
    assert answer is BUSY


def test_the_first_request_does_not_wait_and_later_ones_wait_longer() -> None:
    sent, _ = play(send(GET, patience=30), BUSY, BUSY, OK)

    waits = [each.after for each in sent]
    assert waits[0] == 0
    assert 0.1 < waits[1] < 0.3
    assert 0.7 < waits[2] < 1.3


@pytest.mark.parametrize(
    "trouble, wait",
    [
        (told(429, retry_after="7"), 7.0),
        (told(503, retry_after="7"), 7.0),
        (told(503, retry_after="Thu, 01 Jan 1970 00:17:00 GMT"), 20.0),
        (told(429, fastly_ratelimit_reset="1005"), 5.0),
        (told(429, fastly_ratelimit_reset="900"), 0.0),
        (told(429, retry_after="2", fastly_ratelimit_reset="1005"), 2.0),
    ],
)
def test_the_server_says_how_long_to_wait(trouble: Answer, wait: float) -> None:
    sent, _ = play(send(GET, patience=30), trouble, OK)

    assert sent[1].after == wait


@pytest.mark.parametrize("nonsense", ["soon", "-3", "1e9", "٣", "Thu, 99 Nix 9999 99:99:99 GMT", "9" * 400])
def test_a_wait_that_cannot_be_read_is_as_if_none_was_told(nonsense: str) -> None:
    sent, answer = play(send(GET, patience=30), told(429, retry_after=nonsense), OK)

    assert sent[1].after < 1
    assert answer is OK


def test_the_reset_of_the_rate_that_comes_with_every_write_is_no_wait() -> None:
    assert told(503, fastly_ratelimit_reset="1005").retry_after is None
    assert told(429, fastly_ratelimit_reset="1005").retry_after == 5


def test_a_server_that_asks_for_more_than_our_patience_gets_no_repeat() -> None:
    trouble = told(429, fastly_ratelimit_reset="4600")

    sent, answer = play(send(GET, patience=30), trouble)

    assert len(sent) == 1
    assert answer is trouble


def test_all_waits_together_stay_within_our_patience() -> None:
    slow = told(503, retry_after="20")

    sent, answer = play(send(GET, patience=30), slow, slow)

    assert len(sent) == 2
    assert answer is slow


def test_no_patience_means_no_repeats() -> None:
    sent, answer = play(send(GET, patience=0), BUSY)

    assert len(sent) == 1
    assert answer is BUSY


@pytest.mark.parametrize("trouble", [BUSY, BROKEN_OFF])
def test_not_found_on_a_repeated_revocation_means_that_the_first_one_worked(trouble: Reply) -> None:
    _, answer = play(send(DELETE, patience=30), trouble, Answer(status=404))

    assert answer.status == 204


@pytest.mark.parametrize("trouble", [Answer(status=429), NEVER_SENT])
def test_not_found_stays_an_error_when_the_first_attempt_did_nothing(trouble: Reply) -> None:
    _, answer = play(send(DELETE, patience=30), trouble, Answer(status=404))

    assert answer.status == 404


def test_not_found_at_the_first_attempt_stays_an_error() -> None:
    _, answer = play(send(DELETE, patience=30), Answer(status=404))

    assert answer.status == 404


def test_requests_and_answers_do_not_show_what_they_carry() -> None:
    request = Request(
        method="POST",
        url="https://t.example/tokens",
        headers={"Fastly-Key": "s3cret"},
        content=b"s3cret",
        hidden=("s3cret",),
    )
    answer = Answer(status=200, headers={"x": "s3cret"}, body=b"s3cret")

    assert "s3cret" not in repr(request) + repr(answer)
