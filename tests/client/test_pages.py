"""Lists that come page by page, through both clients: lazily, to the end, and to no other host."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tallystick import Forbidden, Invalid, NotFound, TallystickError, Token
from tests.client.conftest import Drive
from tests.client.shapes import READ, Script, says
from tests.client.test_apis import ENTRY, PAGE

URL = "https://t.example"
KEY = "a-secret-key"
NEXT = '<https://t.example/tokens?limit=2&cursor=two>; rel="next"'


def row(id_: str) -> dict[str, Any]:
    return READ | {"id": id_}


def everything(name: str, *args: Any, **filters: Any) -> Callable[[Any], Any]:
    return lambda api: getattr(api, name)(*args, **filters)


def ids(tokens: list[Token]) -> list[str]:
    return [token.id for token in tokens]


def query(request: httpx2.Request) -> dict[str, str]:
    return dict(request.url.params.multi_items())


@pytest.mark.parametrize(
    "name, args, path", [("iter_tokens_user", (), "/tokens"), ("iter_tokens_customer", ("c1",), "/customer/c1/tokens")]
)
def test_an_iterator_follows_the_pages_to_the_end(drive: Drive, name: str, args: tuple[str, ...], path: str) -> None:
    server = Script(says(200, [row("a"), row("b")], link=NEXT), says(200, [row("c")]))

    assert ids(drive(server, everything(name, *args, limit=2), url=URL)) == ["a", "b", "c"]
    assert server.lines == [f"GET {path}?limit=2", f"GET {path}?limit=2&cursor=two"]
    assert all(request.headers["fastly-key"] == "key" for request in server.asked)
    assert all(request.url.host == "t.example" for request in server.asked)


def test_a_page_is_asked_for_when_it_is_needed_and_not_before(drive: Drive) -> None:
    server = Script(says(200, [row("a"), row("b")], link=NEXT))

    def first(api: Any) -> Any:
        items = api.iter_tokens_user(limit=2)
        assert server.asked == []
        return anext(items) if inspect.isasyncgen(items) else next(items)

    assert isinstance(drive(server, first, url=URL), Token)
    assert len(server.asked) == 1


def test_filters_go_out_as_the_wire_has_them(drive: Drive) -> None:
    server = Script(says(200, []))
    filters = {
        "created_before": datetime(2026, 1, 2, tzinfo=UTC),
        "created_after": "2025-01-02T00:00:00Z",
        "used_before": None,
        "search": "ci & purge",
        "kind": "automation",
        "sort": "-last_used_at",
    }

    drive(server, everything("iter_tokens_user", **filters), url=URL)

    assert query(server.asked[0]) == {
        "limit": "100",
        "created_before": "2026-01-02T00:00:00+00:00",
        "created_after": "2025-01-02T00:00:00Z",
        "search": "ci & purge",
        "kind": "automation",
        "sort": "-last_used_at",
    }


@pytest.mark.parametrize("name, args", [("iter_tokens_user", ()), ("iter_tokens_customer", ("c1",))])
def test_a_filter_that_does_not_exist_is_refused_where_it_is_written(drive: Drive, name: str, args: Any) -> None:
    def use(api: Any) -> None:
        getattr(api, name)(*args, create_before="2026-01-01T00:00:00Z")

    with pytest.raises(TypeError, match="no filter 'create_before'"):
        drive(Script(), use, url=URL)


@pytest.mark.parametrize("value, reason", [("", "is empty"), (datetime(2026, 1, 1), "time zone"), (True, "must be")])  # noqa: DTZ001  (the point)
def test_a_filter_that_cannot_be_meant_is_refused_where_it_is_written(drive: Drive, value: Any, reason: str) -> None:
    def use(api: Any) -> None:
        api.iter_tokens_user(unused_since=value)

    with pytest.raises(Invalid, match=reason):
        drive(Script(), use, url=URL)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/tokens?cursor=two",
        "https://t.example.evil.example/tokens?cursor=two",
        "https://t.example@evil.example/tokens?cursor=two",
        "https://t.example:8443/tokens?cursor=two",
        "//evil.example/tokens?cursor=two",
        "https://[/tokens?cursor=two",
        "https://t.example:99999/tokens?cursor=two",
    ],
)
def test_a_link_to_another_host_is_an_error_and_nothing_is_sent_there(drive: Drive, link: str) -> None:
    server = Script(says(200, [row("a")], link=f'<{link}>; rel="next"'))

    with pytest.raises(TallystickError, match=r"^https://t\.example sends us elsewhere"):
        drive(server, everything("iter_tokens_user"), token=KEY, url=URL)

    assert [request.url.host for request in server.asked] == ["t.example"]


def test_a_link_elsewhere_that_repeats_our_token_does_not_get_it_into_the_error(drive: Drive) -> None:
    server = Script(says(200, [row("a")], link=f'<https://evil.example/?key={KEY}>; rel="next"'))

    with pytest.raises(TallystickError) as caught:
        drive(server, everything("iter_tokens_user"), token=KEY, url=URL)

    assert "evil.example" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "link",
    [
        "https://gate.example/tally/tokens?cursor=two",
        "https://gate.example/tokens?cursor=two",  # the gate took the prefix off
        "http://gate.example/tokens?cursor=two",  # and the TLS
        "https://GATE.example:443/tokens?cursor=two",
        "/tokens?cursor=two",
        "?cursor=two",
    ],
)
def test_where_the_next_page_is_asked_for_is_ours_whatever_the_link_says(drive: Drive, link: str) -> None:
    server = Script(says(200, [row("a")], link=f'<{link}>; rel="next"'), says(200, [row("b")]))

    assert ids(drive(server, everything("iter_tokens_user"), url="https://gate.example/tally")) == ["a", "b"]
    assert str(server.asked[1].url) == "https://gate.example/tally/tokens?cursor=two"


@pytest.mark.parametrize(
    "link, pages",
    [
        ('</tokens?page=9>; rel="last", </tokens?cursor=two>; rel="next"', 2),
        ('</tokens?cursor=two>; title="a, b"; rel=next', 2),
        ('</tokens?cursor=two>; rel="prefetch next"', 2),
        ('</tokens?cursor=two>; REL="NEXT"', 2),
        ('</tokens?cursor=two>; rel="last"', 1),
        ('</tokens?cursor=two>; title="next"', 1),
        ("nonsense", 1),
        ("", 1),
    ],
)
def test_only_the_link_to_the_next_page_is_followed(drive: Drive, link: str, pages: int) -> None:
    server = Script(says(200, [row("a")], link=link), says(200, [row("b")]))

    drive(server, everything("iter_tokens_user"), url=URL)

    assert len(server.asked) == pages


def test_a_list_that_goes_in_a_circle_is_an_error(drive: Drive) -> None:
    server = Script(says(200, [row("a")], link='</tokens?limit=100>; rel="next"'))

    with pytest.raises(TallystickError, match="has no end"):
        drive(server, everything("iter_tokens_user"), url=URL)


def test_a_page_that_is_refused_ends_the_iterator_with_the_error(drive: Drive) -> None:
    server = Script(says(200, [row("a"), row("b")], link=NEXT), says(403, {"msg": "no more"}))

    with pytest.raises(Forbidden, match="no more"):
        drive(server, everything("iter_tokens_user"), url=URL)


def test_a_page_is_asked_for_again_where_the_server_was_busy(drive: Drive) -> None:
    server = Script(says(200, [row("a")], link=NEXT), says(503, retry_after="0"), says(200, [row("b")]))

    assert ids(drive(server, everything("iter_tokens_user"), url=URL)) == ["a", "b"]


# Fastly


def test_fastly_is_asked_for_its_whole_list(drive: Drive) -> None:
    server = Script(says(200, [row("a"), row("b")]))

    assert ids(drive(server, everything("iter_tokens_user", limit=1))) == ["a", "b"]
    assert server.lines == ["GET /tokens"]


@pytest.mark.parametrize("filters", [{"search": "ci"}, {"sort": "name"}])
def test_fastly_would_pass_over_filters_so_they_are_not_sent_there(drive: Drive, filters: dict[str, str]) -> None:
    with pytest.raises(NotFound, match="Fastly does not know filters"):
        drive(Script(), everything("iter_tokens_user", **filters))


def test_a_server_that_passes_over_filters_is_found_out_where_it_can_be(drive: Drive) -> None:
    server = Script(says(200, [row("a"), row("b"), row("c")]))

    with pytest.raises(NotFound, match="does not know filters"):
        drive(server, everything("iter_tokens_user", search="ci", limit=2), url=URL)


# the other lists


def test_automation_tokens_are_listed_to_the_last_page_by_link(drive: Drive) -> None:
    link = '<https://t.example/automation-tokens?page=2&per_page=100>; rel="next", <https://t.example/x>; rel="last"'
    server = Script(says(200, {"data": PAGE["data"]}, link=link), says(200, PAGE))

    listed = drive(server, lambda api: api.list_automation_tokens(), api="AutomationTokensApi", url=URL)

    assert len(listed) == 2
    assert server.lines[1] == "GET /automation-tokens?page=2&per_page=100"


def test_automation_tokens_are_listed_to_the_last_page_where_only_its_number_is_told(drive: Drive) -> None:
    pages = [PAGE | {"meta": {"current_page": number, "total_pages": 3}} for number in (1, 2, 3)]
    server = Script(*(says(200, page) for page in pages))

    listed = drive(server, lambda api: api.iter_automation_tokens(per_page=1), api="AutomationTokensApi", url=URL)

    assert len(listed) == 3
    assert server.lines[1:] == [f"GET /automation-tokens?per_page=1&page={number}" for number in (2, 3)]


def test_events_go_on_by_the_cursor(drive: Drive) -> None:
    first = ENTRY | {"meta": {"limit": 1, "next_cursor": "a b"}}
    server = Script(says(200, first), says(200, first | {"meta": {"next_cursor": "c"}}), says(200, ENTRY))

    events = drive(server, lambda api: api.iter_events(limit=1, action="token"), api="EventsApi", url=URL)

    assert len(events) == 3
    assert server.lines[1:] == [f"GET /events?limit=1&action=token&cursor={cursor}" for cursor in ("a+b", "c")]
