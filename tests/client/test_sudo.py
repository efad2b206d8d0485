"""What only a token in sudo may ask for, and what Fastly is not asked for, through both clients."""

from typing import Any

import pytest

from tallystick import Forbidden, Invalid, NotFound
from tests.client.conftest import Drive
from tests.client.shapes import AUTOMATION_CREATED, NEEDS_SUDO, PLAN, SUDO, USER, Script, says
from tests.client.test_apis import NEW_PASSWORD, PASSWORD, URL, body_of

# sudo


@pytest.mark.parametrize(
    "api, name, kwargs, line, answer",
    [
        ("AutomationTokensApi", "create_automation_token", {"name": "n", "role": "user"}, "POST /automation-tokens", AUTOMATION_CREATED),
        ("UsersApi", "create_user", {"login": "a@b.c", "new_password": NEW_PASSWORD}, "POST /user", USER),
        ("TokensApi", "revoke_matching", {"reason": "unspecified", "dry_run": True, "search": "ci"}, "POST /revocations", PLAN),
    ],
)  # fmt: skip
class TestWhatTakesSudo:
    def test_the_password_raises_the_token_first_and_stays_out_of_the_wish(
        self, drive: Drive, api: str, name: str, kwargs: Any, line: str, answer: Any
    ) -> None:
        server = Script(says(200, SUDO), says(200, answer))

        drive(
            server,
            lambda client: getattr(client, name)(**kwargs | {"password": PASSWORD, "otp": "123 456"}),
            api=api,
            url=URL,
        )

        assert server.lines == ["POST /sudo", line]
        assert body_of(server.asked[0]) == [("password", PASSWORD)]
        assert server.asked[0].headers["fastly-otp"] == "123456"
        assert PASSWORD not in str(body_of(server.asked[1]))
        assert "fastly-otp" not in server.asked[1].headers

    def test_without_a_password_the_error_says_that_it_helps(
        self, drive: Drive, api: str, name: str, kwargs: Any, line: str, answer: Any
    ) -> None:
        with pytest.raises(Forbidden) as caught:
            drive(Script(says(403, NEEDS_SUDO)), lambda client: getattr(client, name)(**kwargs), api=api, url=URL)

        assert caught.value.detail == "Pass the password too, and the token is raised first."

    def test_a_wrong_password_stops_before_the_wish(
        self, drive: Drive, api: str, name: str, kwargs: Any, line: str, answer: Any
    ) -> None:
        server = Script(says(403, {"msg": "Forbidden", "code": "forbidden"}))

        with pytest.raises(Forbidden):
            drive(server, lambda client: getattr(client, name)(**kwargs | {"password": "wrong"}), api=api, url=URL)

        assert server.lines == ["POST /sudo"]


def test_a_one_time_code_goes_with_a_new_password(drive: Drive) -> None:
    server = Script(says(200, USER))

    drive(server, lambda api: api.update_user_password(PASSWORD, NEW_PASSWORD, otp="123 456"), api="UsersApi", url=URL)

    assert server.asked[0].headers["fastly-otp"] == "123456"


# ours only


@pytest.mark.parametrize(
    "api, use",
    [
        ("EventsApi", lambda api: api.iter_events()),
        ("TokensApi", lambda api: api.revoke_matching(reason="unspecified", dry_run=True, search="ci")),
        ("TokensApi", lambda api: api.get_token_usage("t1")),
        ("UsersApi", lambda api: api.create_user(login="a@b.c", new_password=NEW_PASSWORD)),
        ("UsersApi", lambda api: api.update_user_password(PASSWORD, NEW_PASSWORD, end_other_tokens=True)),
    ],
    ids=["events", "revocations", "usage", "new user", "password"],
)
def test_what_fastly_would_misunderstand_is_not_sent_there(drive: Drive, api: str, use: Any) -> None:
    with pytest.raises(NotFound, match=r"^Fastly does not know .* only a Tallystick server does\.$"):
        drive(Script(), use, api=api)


@pytest.mark.parametrize("filters", [{}, {"search": None, "created_before": None}])
def test_a_revocation_by_rule_without_a_rule_is_refused_before_anything_is_sent(
    drive: Drive, filters: dict[str, None]
) -> None:
    server = Script()

    with pytest.raises(Invalid, match="at least one filter"):
        drive(
            server,
            lambda api: api.revoke_matching(reason="unspecified", dry_run=False, password=PASSWORD, **filters),
            url=URL,
        )

    assert server.asked == []


@pytest.mark.parametrize("name", ["limit", "sort", "cursor", "user"])
def test_a_revocation_by_rule_takes_filters_only(drive: Drive, name: str) -> None:
    def use(api: Any) -> Any:
        return api.revoke_matching(reason="unspecified", dry_run=False, search="ci", **{name: "1"})

    with pytest.raises(TypeError, match=f"no filter '{name}'"):
        drive(Script(), use, url=URL)


def test_a_new_password_for_a_user_or_an_automation_token_that_cannot_be_encoded_is_not_in_the_error(
    drive: Drive,
) -> None:
    with pytest.raises(Invalid) as caught:
        drive(Script(), lambda api: api.update_user_password("hunter\ud800", "x"), api="UsersApi", url=URL)
    with pytest.raises(Invalid, match="lone surrogate"):
        drive(
            Script(),
            lambda api: api.create_automation_token(name="\ud800", role="user"),
            api="AutomationTokensApi",
            url=URL,
        )

    assert "hunter" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__
