"""A token's own limits through both clients: what goes out, what comes back, and the same with a real server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

import tallystick
from tallystick import (
    Forbidden,
    Invalid,
    Limits,
    NotFound,
    TallystickError,
    TokensApi,
    Unauthenticated,
    WouldRefuse,
)
from tallystick.testing import RunningServer
from tests.client.conftest import Drive
from tests.client.shapes import AUTOMATION_CREATED, CREATED, SUDO, Script, says
from tests.client.test_real_server import Call, call, server

__all__ = ["call", "server"]  # fixtures

OURS = "https://tokens.test"
WISHED: dict[str, Any] = {
    "networks": ["192.0.2.0/24"],
    "not_before": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    "rules": iter(["GET /orders/*"]),
    "per_minute": 60,
    "uses": None,
    "shadow": ("rules",),
}
SENT = {
    "networks": ["192.0.2.0/24"],
    "not_before": "2026-02-03T04:05:06+00:00",
    "rules": ["GET /orders/*"],
    "per_minute": 60,
    "shadow": ["rules"],
}
NARROW = {"token_id": "t1", "limits": SENT, "uses_spent": None}


def wished() -> dict[str, Any]:
    return WISHED | {"rules": iter(["GET /orders/*"])}


def test_a_token_is_created_with_limits_which_its_record_shows(drive: Drive) -> None:
    answer = CREATED | {"limits": {"networks": ["192.0.2.0/24"], "not_before": "2026-02-03T04:05:06Z"}}
    script = Script(says(200, SUDO), says(200, answer))

    issued = drive(script, lambda api: api.create_token(password="correct horse", **wished()), url=OURS)

    sent = dict(parse_qsl(script.asked[1].content.decode()))
    assert json.loads(sent["limits"]) == SENT
    assert issued.limits == issued.record.limits
    assert issued.limits == Limits(networks=("192.0.2.0/24",), not_before=WISHED["not_before"])


def test_an_automation_token_too(drive: Drive) -> None:
    script = Script(says(200, AUTOMATION_CREATED))

    issued = drive(
        script,
        lambda api: api.create_automation_token(name="deploy", role="engineer", **wished()),
        api="AutomationTokensApi",
        url=OURS,
    )

    assert json.loads(script.asked[0].content)["limits"] == SENT
    assert issued.limits is None


@pytest.mark.parametrize("none", [{}, {"uses": None, "networks": (), "not_before": None}])
def test_without_limits_nothing_is_said_of_them(drive: Drive, none: dict[str, Any]) -> None:
    script = Script(says(200, CREATED), says(200, AUTOMATION_CREATED))

    drive(script, lambda api: api.create_token(**none))
    drive(
        script,
        lambda api: api.create_automation_token(name="deploy", role="engineer", **none),
        api="AutomationTokensApi",
    )

    assert all(b"limits" not in each.content for each in script.asked)


def test_they_are_set_after_the_token_was_raised(drive: Drive) -> None:
    receipt = {"Tallystick-Receipt": "seq=7, verifiers=2, waited_ms=3"}
    script = Script(says(200, SUDO), says(200, NARROW, **receipt))

    found = drive(script, lambda api: api.set_token_limits("t1", password="correct horse", **wished()), url=OURS)

    assert script.lines == ["POST /sudo", "PUT /tokens/t1/limits"]
    assert json.loads(script.asked[1].content) == SENT
    assert (found.limits.per_minute, found.limits.shadow, found.receipt.seq) == (60, ("rules",), 7)


@pytest.mark.parametrize(
    "bad",
    [{"networks": "192.0.2.1"}, {"rules": 3}, {"uses": "3"}, {"uses": True}, {"not_before": datetime(2026, 1, 1)}, {"not_before": 3}],  # noqa: DTZ001
)  # fmt: skip
def test_what_cannot_be_meant_is_not_sent(drive: Drive, bad: dict[str, Any]) -> None:
    for use in (lambda api: api.create_token(**bad), lambda api: api.set_token_limits("t1", **bad)):
        with pytest.raises(Invalid):
            drive(Script(), use, url=OURS)


def test_a_limit_that_there_is_not_is_an_error_and_not_passed_over(drive: Drive) -> None:
    with pytest.raises(TypeError, match="per_hour"):
        drive(Script(), lambda api: api.create_token(per_hour=3), url=OURS)


@pytest.mark.parametrize(
    "use",
    [
        lambda api: api.create_token(uses=1),
        lambda api: api.get_token_limits("t1"),
        lambda api: api.set_token_limits("t1", uses=1),
        lambda api: api.get_token_shadow("t1"),
        lambda api: api.explain_refusal("ref_x"),
    ],
    ids=["create", "get", "set", "shadow", "explain"],
)
def test_fastly_is_not_asked_for_what_it_does_not_know(drive: Drive, use: Any) -> None:
    with pytest.raises(NotFound, match="Fastly does not know"):
        drive(Script(), use)


@pytest.mark.parametrize("name", ["", "a/b", "..", "ref x", "x" * 1001])
def test_the_name_of_a_refusal_is_no_path(drive: Drive, name: str) -> None:
    with pytest.raises(Invalid, match="Tallystick-Refusal"):
        drive(Script(), lambda api: api.explain_refusal(name), url=OURS)


def test_limits_from_creation_to_their_end(call: Call, server: RunningServer) -> None:
    own, proof = server["USER_TOKEN"], {"password": server["USER_PASSWORD"]}
    begins = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    limits = {"networks": ["127.0.0.0/8", "2001:db8::1"], "not_before": begins, "rules": ["GET /orders/*"], "uses": 9}

    made = call("TokensApi", lambda api: api.create_token(**limits, **proof), token=own)
    read = call("TokensApi", lambda api: api.get_token(made.id), token=own)
    (listed,) = [
        each for each in call("TokensApi", lambda api: api.list_tokens_user(), token=own) if each.id == made.id
    ]
    narrow = call("TokensApi", lambda api: api.set_token_limits(made.id, **limits | {"uses": 3}), token=own)
    wide = call("TokensApi", lambda api: api.set_token_limits(made.id, **proof), token=own)
    after = call("TokensApi", lambda api: api.get_token_limits(made.id), token=own)

    assert made.limits == read.limits == listed.limits
    assert made.limits == Limits(
        networks=("127.0.0.0/8", "2001:db8::1/128"), not_before=begins, rules=("GET /orders/*",), uses=9
    )
    assert (narrow.limits.uses, narrow.uses_spent) == (3, 0)
    assert narrow.receipt is not None
    assert (wide.limits, after.limits, after.receipt) == (Limits(), Limits(), None)


def test_to_widen_takes_the_password_and_the_error_says_so(call: Call, server: RunningServer) -> None:
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        unraised = api.create_token(password=server["USER_PASSWORD"]).secret.reveal()
        made = api.create_token(password=server["USER_PASSWORD"], uses=3)

    with pytest.raises(Forbidden) as refused:
        call("TokensApi", lambda api: api.set_token_limits(made.id, uses=4), token=unraised)

    assert "password" in str(refused.value.detail)


def test_a_superuser_is_told_why_a_request_was_refused(call: Call, server: RunningServer) -> None:
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        made = api.create_token(password=server["USER_PASSWORD"], networks=["198.51.100.0/24"])

    refusals: list[TallystickError] = []
    for token in (made.secret.reveal(), "nonsense"):
        with pytest.raises(Unauthenticated) as refused:
            call("TokensApi", lambda api: api.list_tokens_user(), token=token)
        refusals.append(refused.value)
    told, nobody = (call("TokensApi", lambda api, error=each: api.explain_refusal(error.refusal)) for each in refusals)

    assert str(refusals[0]) == str(refusals[1])
    assert (told.why, told.token_id, told.request_id) == ("networks", made.id, refusals[0].refusal)
    assert "127.0.0.1" in told.rule
    assert nobody.token_id is None
    with pytest.raises(Forbidden):
        call("TokensApi", lambda api: api.explain_refusal(refusals[0].refusal), token=server["USER_TOKEN"])


def test_what_would_be_refused_is_reported(call: Call, server: RunningServer) -> None:
    with TokensApi(server["USER_TOKEN"], url=server.url) as api:
        made = api.create_token(password=server["USER_PASSWORD"], networks=["198.51.100.0/24"], shadow=["networks"])
    headers = {"Fastly-Key": made.secret.reveal(), "User-Agent": "shop/1"}
    for _ in range(3):
        httpx2.get(f"{server.url}/tokens/self", headers=headers).raise_for_status()

    def reported() -> Any:
        return call("TokensApi", lambda api: api.get_token_shadow(made.id))

    while not (report := reported()).would_refuse or report.would_refuse[0].count < 3:
        pass
    (found,) = report.would_refuse

    assert (report.token_id, report.shadow) == (made.id, ("networks",))
    assert isinstance(found, WouldRefuse)
    assert (found.limit, found.detail, found.count, found.user_agent) == ("networks", "127.0.0.1", 3, "shop/1")
    assert found.first_at <= found.last_at <= datetime.now(UTC)


def test_the_names_are_promised() -> None:
    for name in ("Limits", "LimitsToSet", "TokenLimits", "TokenShadow", "WouldRefuse", "Explanation"):
        assert name in tallystick.__all__
