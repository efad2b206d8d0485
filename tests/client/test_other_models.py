"""What the other answers say; and that any answer at all is read, or is our error."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.client import models
from tallystick.client.models import (
    AutomationToken,
    Changed,
    Customer,
    Event,
    Receipt,
    ReceiptRecord,
    Service,
    UsageHour,
    User,
)
from tallystick.core.errors import TallystickError
from tests.client import shapes
from tests.client.shapes import SECRET

CREATED_AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
READERS = {name: getattr(models, name) for name in models.__all__ if name.startswith("read_")}


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("shape", [shapes.AUTOMATION_CREATED, shapes.AUTOMATION_CREATED_2024], ids=["2025", "2024"])
def test_a_new_automation_token_is_read_as_it_was_recorded(shape: dict[str, Any]) -> None:
    issued = models.read_issued_automation_token(raw(shape))

    assert issued.secret.reveal() == SECRET
    assert (issued.role, issued.scopes, issued.services, issued.user_id) == ("engineer", ("global",), (), None)
    assert (issued.expires_at, issued.last_used_at, issued.ip, issued.user_agent) == (None, None, None, None)
    assert issued.created_at == CREATED_AT


def test_an_automation_token_is_read_with_services_null_and_no_secret() -> None:
    token = models.read_automation_token(raw(shapes.AUTOMATION_READ))

    assert type(token) is AutomationToken
    assert (token.id, token.services, token.tls_access, token.creator_id) == ("6rTk8sWm2ZtYc1Rb9LxUa7", (), None, None)


def test_an_automation_token_is_listed_with_its_scopes_in_a_string() -> None:
    page = {"data": [shapes.AUTOMATION_LISTED | {"scopes": "purge_all purge_select"}], "meta": {"total_pages": 3}}

    [token], meta = models.read_page_of_automation_tokens(raw(page))

    assert token.scopes == ("purge_all", "purge_select")
    assert (token.creator_id, token.tls_access) == ("1aBcD2eFgH3iJkL4mNoPq5", False)
    assert meta.total_pages == 3


def test_an_automation_token_knows_itself_as_a_token_of_nobody() -> None:
    assert models.read_token(raw(shapes.READ | {"user_id": None})).user_id is None


def test_a_new_automation_token_does_not_show_its_secret() -> None:
    issued = models.read_issued_automation_token(raw(shapes.AUTOMATION_CREATED))

    assert SECRET not in f"{issued!r} {issued} {issued.record!r} {list(issued.__rich_repr__())}"
    with pytest.raises(TypeError):
        msgspec.json.encode(issued)


def test_new_automation_tokens_are_compared_and_hashed_by_their_record() -> None:
    one, other = (
        models.read_issued_automation_token(raw(shapes.AUTOMATION_CREATED | {"access_token": text}))
        for text in ("s1", "s2")
    )

    assert one == other
    assert len({one, other}) == 1
    assert type(one.record) is AutomationToken
    assert one != models.read_issued_automation_token(raw(shapes.AUTOMATION_CREATED | {"role": "user"}))


@pytest.mark.parametrize("data", [["a", "b"], [{"id": "a", "name": "shop"}, {"id": "b"}]])
def test_services_of_an_automation_token_are_ids_however_they_are_written(data: list[Any]) -> None:
    assert models.read_page_of_ids(raw({"data": data, "meta": {}}))[0] == ["a", "b"]


def test_a_user_is_read_as_recorded() -> None:
    assert models.read_user(raw(shapes.USER)) == User(
        id="1aBcD2eFgH3iJkL4mNoPq5",
        login="ada@example.com",
        name="Ada",
        role="superuser",
        customer_id="9zYxW8vUtS7rQpO6nMlK5j",
        locked=False,
        two_factor_auth_enabled=False,
        created_at=CREATED_AT,
        updated_at=datetime(2026, 2, 4, 4, 5, 6, tzinfo=UTC),
        last_active_at=None,
    )


def test_a_customer_and_a_service_are_read_as_recorded() -> None:
    customer = Customer(id="9zYxW8vUtS7rQpO6nMlK5j", name="Acme", created_at=CREATED_AT, updated_at=None)
    service = Service(
        id="2bNmV1cXzL0kJhG9fDsA8p", name="shop", customer_id=customer.id, created_at=CREATED_AT, updated_at=None
    )

    assert models.read_customer(raw(shapes.CUSTOMER)) == customer
    assert models.read_service(raw(shapes.SERVICE)) == service
    assert models.read_page_of_services(raw([shapes.SERVICE]))[0] == [service]


def test_an_event_is_read_whole() -> None:
    [event], meta = models.read_page_of_events(raw({"data": [shapes.EVENT], "meta": {"next_cursor": "x"}}))

    assert event == Event(**shapes.EVENT | {"created_at": datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)})
    assert meta.next_cursor == "x"


@pytest.mark.parametrize("key, reason", [("created_at", "without a time"), ("id", "without an id")])
def test_an_event_without_a_time_or_an_id_is_our_error(key: str, reason: str) -> None:
    with pytest.raises(TallystickError, match=reason):
        models.read_page_of_events(raw({"data": [shapes.EVENT | {key: ""}]}))


def test_what_a_revocation_by_rule_met_is_read_with_its_sample() -> None:
    plan = models.read_plan(raw(shapes.PLAN))

    assert (plan.count, plan.dry_run, plan.reason) == (3, True, "key_compromise")
    assert plan.sample == (models.read_token(raw(shapes.READ)),)


def test_a_receipt_is_read_whole() -> None:
    assert models.read_receipt(raw(shapes.RECEIPT)) == ReceiptRecord(
        seq=12,
        created_at=datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC),
        heard_at=datetime(2026, 2, 3, 4, 5, 6, 795_000, tzinfo=UTC),
        verifiers=2,
        waited_ms=4,
        request_id="a-request",
        count=1,
        changes=(Changed("token", "4pQk8sWm2ZtYc1Rb9LxUa7"),),
    )


def test_of_a_receipt_that_is_not_noted_yet_some_is_none_and_without_its_time_it_is_our_error() -> None:
    unheard = models.read_receipt(raw(shapes.RECEIPT | {"heard_at": None, "verifiers": None, "waited_ms": None}))

    assert (unheard.heard_at, unheard.verifiers, unheard.waited_ms) == (None, None, None)
    with pytest.raises(TallystickError, match="without a time"):
        models.read_receipt(raw(shapes.RECEIPT | {"created_at": ""}))


@pytest.mark.parametrize(
    "header, receipt",
    [
        ("seq=12, verifiers=2, waited_ms=4", Receipt(seq=12, verifiers=2, waited_ms=4)),
        ("waited_ms=4,seq=12 ,verifiers=0, newer=1, odd", Receipt(seq=12, verifiers=0, waited_ms=4)),
        ("seq=12, verifiers=2", None),
        ("seq=12, verifiers=two, waited_ms=4", None),
        ("seq=-1, verifiers=2, waited_ms=4", None),
        ("seq=" + "9" * 400 + ", verifiers=2, waited_ms=4", None),
        ("", None),
        (None, None),
    ],
)
def test_a_receipt_in_a_header_is_read_or_passed_over(header: str | None, receipt: Receipt | None) -> None:
    assert models.told_receipt({} if header is None else {"tallystick-receipt": header}) == receipt


def test_usage_is_read_whole_and_adds_up() -> None:
    used = models.read_usage(raw(shapes.USAGE))

    first, last = used.hours
    assert first == UsageHour(
        hour=CREATED_AT.replace(hour=3, minute=0, second=0),
        allowed=1150,
        expired=0,
        revoked=0,
        locked=0,
        scope=6,
        service=0,
    )
    assert (last.refused, used.allowed, used.refused) == (3, 1200, 9)
    assert (used.since, used.until) == (datetime(2026, 2, 2, 5, tzinfo=UTC), CREATED_AT)


@pytest.mark.parametrize("broken", [{"since": ""}, {"until": ""}, {"hours": [{"hour": ""}]}])
def test_usage_without_its_times_is_our_error(broken: dict[str, Any]) -> None:
    with pytest.raises(TallystickError, match="without a time"):
        models.read_usage(raw(shapes.USAGE | broken))


def test_unknown_keys_are_ignored() -> None:
    assert models.read_user(raw(shapes.USER | {"email_hash": "x"})) == models.read_user(raw(shapes.USER))


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_record_without_an_id_is_our_error(name: str) -> None:
    for body in ({"id": ""}, [{"id": ""}], {"data": [{"id": ""}]}, {"token": {"id": ""}}):
        with pytest.raises(TallystickError, match="not what the Tokens API sends"):
            READERS[name](raw(body))


KEYS = sorted(
    {key for shape in vars(shapes).values() if isinstance(shape, dict) for key in shape if key.isidentifier()}
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=6,
)
ANY_RECORD = st.sampled_from(
    [
        shapes.CREATED,
        shapes.READ,
        shapes.AUTOMATION_CREATED,
        shapes.AUTOMATION_LISTED,
        shapes.USER,
        shapes.EVENT,
        shapes.RECEIPT,
    ]
).flatmap(
    lambda shape: st.dictionaries(st.sampled_from(sorted(shape)), ANY_JSON, max_size=2).map(lambda odd: shape | odd)
)
ANY_VALUE = ANY_JSON | ANY_RECORD | st.lists(ANY_RECORD, max_size=2)
ANY_BODY = st.binary() | ANY_VALUE.map(raw) | ANY_VALUE.map(lambda value: raw({"data": value, "meta": {}}))


@given(body=ANY_BODY)
@pytest.mark.parametrize("name", sorted(READERS))
def test_whatever_the_answer_the_readers_return_or_raise_ours(name: str, body: bytes) -> None:
    try:
        result = READERS[name](body)
    except TallystickError:
        return
    assert isinstance(result, msgspec.Struct | list | tuple)
