"""Every operation but creating tokens, each through both clients: what goes out, and what comes back."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx2
import pytest

from tallystick import Conflict, Invalid, NotFound, Receipt, TallystickError, Unavailable
from tests.client.conftest import Drive
from tests.client.shapes import (
    AUTOMATION_CREATED,
    AUTOMATION_LISTED,
    AUTOMATION_READ,
    CUSTOMER,
    EVENT,
    PLAN,
    PROBLEM,
    RECEIPT,
    SERVICE,
    USER,
    Script,
    says,
)
from tests.client.test_parity import OPERATIONS

URL = "https://t.example"
KEY = "a-secret-key"
PASSWORD = "correct horse"
NEW_PASSWORD = "battery staple"
ENTRY = {"data": [EVENT], "meta": {"limit": 100, "next_cursor": None}}
PAGE = {"data": [AUTOMATION_LISTED], "meta": {"per_page": 100, "current_page": 1, "record_count": 1, "total_pages": 1}}
IDS = {"data": ["s1", "s2"], "meta": {"per_page": 100, "current_page": 1, "record_count": 2, "total_pages": 1}}
SCOPE = {"name": "orders:read", "description": "Read", "includes": [], "roles": ["superuser"], "built_in": False}
HEADER = "seq=12, verifiers=2, waited_ms=4"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Case(NamedTuple):
    """One call.  `body`: what goes with it, decoded.  `answer`: None for 204."""

    api: str
    name: str
    args: tuple[str, ...]
    kwargs: dict[str, Any]
    line: str
    body: object
    answer: Any

    def use(self, client: Any) -> Any:
        return getattr(client, self.name)(*self.args, **self.kwargs)

    @property
    def said(self) -> httpx2.Response:
        return says(204) if self.answer is None else says(200, self.answer)


TABLE = [
    Case("AutomationTokensApi", "get_automation_token_id", ("t1",), {}, "GET /automation-tokens/t1", None, AUTOMATION_READ),
    Case("AutomationTokensApi", "get_automation_tokens_id_services", ("t1",), {},
     "GET /automation-tokens/t1/services?page=1&per_page=100", None, IDS),
    Case("AutomationTokensApi", "iter_automation_tokens", (), {"per_page": 7}, "GET /automation-tokens?page=1&per_page=7", None, PAGE),
    Case("AutomationTokensApi", "list_automation_tokens", (), {}, "GET /automation-tokens?page=1&per_page=100", None, PAGE),
    Case("AutomationTokensApi", "revoke_automation_token_id", ("t1",), {}, "DELETE /automation-tokens/t1", None, None),
    Case("AutomationTokensApi", "create_automation_token", (), {"name": "deploy", "role": "engineer"}, "POST /automation-tokens",
     {"name": "deploy", "role": "engineer", "services": [], "expires_at": None, "tls_access": False}, AUTOMATION_CREATED),
    Case("AutomationTokensApi", "create_automation_token", (),
     {"name": "n", "role": "user", "scope": "purge_all", "services": ["s1"], "expires_at": "2031-01-01T00:00:00Z", "tls_access": True},
     "POST /automation-tokens",
     {"name": "n", "role": "user", "services": ["s1"], "expires_at": "2031-01-01T00:00:00Z", "tls_access": True, "scope": "purge_all"},
     AUTOMATION_CREATED),
    Case("UsersApi", "create_user", (), {"login": "ada@example.com"}, "POST /user", [("login", "ada@example.com")], USER),
    Case("UsersApi", "create_user", (), {"login": "a@b.c", "name": "Ada", "role": "engineer", "new_password": NEW_PASSWORD}, "POST /user",
     [("login", "a@b.c"), ("name", "Ada"), ("role", "engineer"), ("password", NEW_PASSWORD)], USER),
    Case("UsersApi", "delete_user", ("u1",), {}, "DELETE /user/u1", None, {"status": "ok"}),
    Case("UsersApi", "get_current_user", (), {}, "GET /current_user", None, USER),
    Case("UsersApi", "get_customer", ("c1",), {}, "GET /customer/c1", None, CUSTOMER),
    Case("UsersApi", "get_logged_in_customer", (), {}, "GET /current_customer", None, CUSTOMER),
    Case("UsersApi", "get_user", ("u1",), {}, "GET /user/u1", None, USER),
    Case("UsersApi", "list_users", ("c1",), {}, "GET /customer/c1/users", None, [USER]),
    Case("UsersApi", "update_customer", ("c1",), {"name": "Acme & Co"}, "PUT /customer/c1", [("name", "Acme & Co")], CUSTOMER),
    Case("UsersApi", "update_user", ("u1",), {"name": "Ada"}, "PUT /user/u1", [("name", "Ada")], USER),
    Case("UsersApi", "update_user", ("u1",), {"login": "a@b.c", "role": "user", "locked": False}, "PUT /user/u1",
     [("login", "a@b.c"), ("role", "user"), ("locked", "false")], USER),
    Case("UsersApi", "update_user_password", (PASSWORD, NEW_PASSWORD), {}, "POST /current_user/password",
     [("old_password", PASSWORD), ("new_password", NEW_PASSWORD)], USER),
    Case("UsersApi", "update_user_password", (PASSWORD, NEW_PASSWORD), {"end_other_tokens": True}, "POST /current_user/password",
     [("old_password", PASSWORD), ("new_password", NEW_PASSWORD), ("end_other_tokens", "true")], USER),
    Case("ServicesApi", "create_service", (), {"name": "shop"}, "POST /service", [("name", "shop")], SERVICE),
    Case("ServicesApi", "delete_service", ("s1",), {}, "DELETE /service/s1", None, {"status": "ok"}),
    Case("ServicesApi", "get_service", ("s1",), {}, "GET /service/s1", None, SERVICE),
    Case("ServicesApi", "iter_services", (), {"per_page": 7}, "GET /service?page=1&per_page=7", None, [SERVICE]),
    Case("ServicesApi", "list_services", (), {}, "GET /service?page=1&per_page=100", None, [SERVICE]),
    Case("ServicesApi", "update_service", ("s1",), {"name": "shop"}, "PUT /service/s1", [("name", "shop")], SERVICE),
    Case("ScopesApi", "delete_scope", ("orders:read",), {}, "DELETE /scopes/orders:read", None, None),
    Case("ScopesApi", "list_scopes", (), {}, "GET /scopes", None, {"scopes": [SCOPE], "by_file": False}),
    Case("ScopesApi", "put_scope", ("orders:read",), {}, "PUT /scopes/orders:read", {"description": "", "includes": [], "roles": []}, SCOPE),
    Case("ScopesApi", "put_scope", ("orders:write",), {"description": "Change", "includes": ["orders:read"], "roles": ["user"]},
     "PUT /scopes/orders:write", {"description": "Change", "includes": ["orders:read"], "roles": ["user"]}, SCOPE),
    Case("EventsApi", "iter_events", (), {}, "GET /events?limit=100", None, ENTRY),
    Case("EventsApi", "iter_events", (), {"action": "token", "since": "2026-01-01T00:00:00Z", "limit": 7, "user_id": None},
     "GET /events?limit=7&action=token&since=2026-01-01T00%3A00%3A00Z", None, ENTRY),
    Case("TokensApi", "revoke_matching", (), {"reason": "superseded", "dry_run": False, "user_id": "u1", "search": None}, "POST /revocations",
     {"user_id": "u1", "reason": "superseded", "dry_run": False}, PLAN),
    Case("TokensApi", "get_receipt", (), {"seq": 12}, "GET /revocations/12", None, RECEIPT),
]  # fmt: skip


def cases(chosen: Callable[[Case], bool] = lambda _: True) -> pytest.MarkDecorator:
    named = [pytest.param(case, id=f"{case.name}-{number}") for number, case in enumerate(TABLE) if chosen(case)]
    return pytest.mark.parametrize("case", named)


def is_post(case: Case) -> bool:
    return case.line.startswith("POST")


def body_of(request: httpx2.Request) -> object:
    if not request.content:
        return None
    if request.headers["content-type"] == JSON:
        return json.loads(request.content)
    assert request.headers["content-type"] == FORM
    return parse_qsl(request.content.decode(), strict_parsing=True)


@cases()
def test_each_operation_is_one_request_with_the_key(drive: Drive, case: Case) -> None:
    server = Script(case.said)

    drive(server, case.use, api=case.api, url=URL)

    assert server.lines == [case.line]
    assert body_of(server.asked[0]) == case.body
    assert server.asked[0].headers["fastly-key"] == "key"


def test_the_table_holds_every_operation() -> None:
    tokens = {"get_receipt", "revoke_matching"}
    wanted = {
        (api, name) for api, names in OPERATIONS.items() for name in names if api != "TokensApi" or name in tokens
    }

    assert {(case.api, case.name) for case in TABLE} == wanted


@pytest.mark.parametrize("trouble", [503, 429, 502, httpx2.ReadError("x")])
@cases(is_post)
def test_a_post_is_never_repeated(drive: Drive, trouble: Any, case: Case) -> None:
    server = Script(says(trouble, retry_after="0") if isinstance(trouble, int) else trouble)

    with pytest.raises(TallystickError):
        drive(server, case.use, api=case.api, url=URL)

    assert server.lines == [case.line]


@cases(lambda case: not is_post(case))
def test_anything_else_is_asked_again_where_the_server_was_busy(drive: Drive, case: Case) -> None:
    server = Script(says(503, retry_after="0"), case.said)

    drive(server, case.use, api=case.api, url=URL)

    assert server.lines == [case.line, case.line]


@cases(lambda case: case.line.startswith("DELETE"))
def test_a_deletion_whose_first_attempt_worked_unseen_is_done(drive: Drive, case: Case) -> None:
    server = Script(says(503, retry_after="0"), says(404, {"msg": "gone"}))

    drive(server, case.use, api=case.api, url=URL)

    assert server.left == 0


@cases(lambda case: bool(case.args) and case.name != "update_user_password")
def test_an_id_that_would_be_another_path_is_refused_before_anything_is_sent(drive: Drive, case: Case) -> None:
    with pytest.raises(Invalid, match="letters, digits"):
        drive(Script(), case._replace(args=("../tokens",)).use, api=case.api, url=URL)


@pytest.mark.parametrize(
    "wish, reason",
    [
        ({"services": "abc"}, "one string"),
        ({"services": ["../x"]}, "letters, digits"),
        ({"expires_at": datetime(2031, 1, 1)}, "time zone"),  # noqa: DTZ001  (the point)
    ],
)
def test_an_automation_token_is_checked_before_anything_is_sent(
    drive: Drive, wish: dict[str, Any], reason: str
) -> None:
    def use(api: Any) -> Any:
        return api.create_automation_token(name="n", role="user", **wish)

    with pytest.raises(Invalid, match=reason):
        drive(Script(), use, api="AutomationTokensApi", url=URL)


@cases()
def test_an_argument_that_does_not_exist_is_refused(drive: Drive, case: Case) -> None:
    with pytest.raises(TypeError, match="nonsense"):
        drive(Script(), case._replace(kwargs=case.kwargs | {"nonsense": "x"}).use, api=case.api, url=URL)


@cases()
def test_a_server_that_repeats_our_secrets_does_not_get_them_into_the_error(drive: Drive, case: Case) -> None:
    def echo(request: httpx2.Request) -> httpx2.Response:
        said = f"{dict(request.headers)} {body_of(request)}"
        return httpx2.Response(500, text=said)

    with pytest.raises(TallystickError) as caught:
        drive(echo, case.use, token=KEY, api=case.api, url=URL)

    shown = f"{caught.value!r} {caught.value} {caught.value.detail}"
    assert "fastly-key" in shown
    for secret in (KEY, PASSWORD, NEW_PASSWORD):
        assert secret not in shown


@cases(lambda case: case.answer not in (None, {"status": "ok"}))
def test_an_answer_that_is_something_else_is_our_error(drive: Drive, case: Case) -> None:
    with pytest.raises(TallystickError, match="not what the Tokens API sends"):
        drive(Script(says(200, {"hello": "world"})), case.use, api=case.api, url=URL)


@pytest.mark.parametrize("seq", [0, -1])
def test_a_number_that_no_change_has_is_refused_before_anything_is_sent(drive: Drive, seq: int) -> None:
    with pytest.raises(Invalid, match="1 or more"):
        drive(Script(), lambda api: api.get_receipt(seq), url=URL)


def test_fastly_is_not_asked_for_a_receipt(drive: Drive) -> None:
    with pytest.raises(NotFound, match="only a Tallystick server"):
        drive(Script(), lambda api: api.get_receipt(12))


REVOKING: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "one": ("TokensApi", lambda api: api.revoke_token("t1")),
    "itself": ("TokensApi", lambda api: api.revoke_token_current()),
    "many": ("TokensApi", lambda api: api.bulk_revoke_tokens(["t1", "t2"])),
    "automation": ("AutomationTokensApi", lambda api: api.revoke_automation_token_id("t1")),
}


@pytest.mark.parametrize("what", REVOKING)
def test_a_revocation_returns_its_receipt_and_none_where_there_is_none(drive: Drive, what: str) -> None:
    api, use = REVOKING[what]
    told, silent = Script(says(204, **{"tallystick-receipt": HEADER})), Script(says(204))

    assert drive(told, use, api=api, url=URL) == Receipt(seq=12, verifiers=2, waited_ms=4)
    assert drive(silent, use, api=api, url=URL) is None


def test_of_a_deletion_whose_answer_was_lost_there_is_no_receipt(drive: Drive) -> None:
    server = Script(says(503, retry_after="0"), says(404, {"msg": "gone"}))

    assert drive(server, lambda api: api.revoke_token("t1"), url=URL) is None


def test_a_revocation_by_rule_has_its_receipt_with_it(drive: Drive) -> None:
    def use(api: Any) -> Any:
        return api.revoke_matching(reason="superseded", dry_run=False, user_id="u1")

    plan = drive(Script(says(200, PLAN, **{"tallystick-receipt": HEADER})), use, url=URL)

    assert (plan.count, plan.receipt) == (3, Receipt(seq=12, verifiers=2, waited_ms=4))
    assert drive(Script(says(200, PLAN)), use, url=URL).receipt is None


def test_at_fastly_an_automation_token_is_known_to_be_one_before_it_ends_as_any_token_does(drive: Drive) -> None:
    server, persons = Script(says(200, AUTOMATION_READ), says(204)), Script(says(404, {"msg": "Record not found"}))

    drive(server, lambda api: api.revoke_automation_token_id("t1"), api="AutomationTokensApi")
    with pytest.raises(NotFound):
        drive(persons, lambda api: api.revoke_automation_token_id("t1"), api="AutomationTokensApi")

    assert server.lines == ["GET /automation-tokens/t1", "DELETE /tokens/t1"]
    assert persons.lines == ["GET /automation-tokens/t1"]


def test_a_problem_is_read_as_any_other_refusal(drive: Drive) -> None:
    server = Script(says(400, PROBLEM, content_type="application/problem+json"))

    with pytest.raises(Invalid) as caught:
        drive(server, lambda api: api.create_automation_token(name="", role="user"), api="AutomationTokensApi", url=URL)

    # The title names the status; the detail is the sentence.
    assert (caught.value.msg, caught.value.detail, caught.value.status) == ("name is required", None, 400)


def test_what_stands_in_the_way_of_a_deletion_is_a_conflict_that_says_so(drive: Drive) -> None:
    server = Script(says(409, {"msg": "This user has live tokens", "detail": "t1, t2"}))

    with pytest.raises(Conflict) as caught:
        drive(server, lambda api: api.delete_user("u1"), api="UsersApi", url=URL)

    assert caught.value.detail == "t1, t2"


def test_a_server_that_is_gone_says_what_may_have_been_done(drive: Drive) -> None:
    with pytest.raises(Unavailable) as caught:
        drive(
            Script(httpx2.ReadError("reset")), lambda api: api.create_service(name="shop"), api="ServicesApi", url=URL
        )

    assert caught.value.detail == "The request had been sent and may have been carried out."
