"""The service's description of itself says what the service does."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from tallystick.http import find, openapi, openapi_html, wire
from tallystick.http.app import ROUTES
from tallystick.http.guards import anyone
from tests.core.world import ANNA
from tests.http.world import World

DOCUMENT = openapi.document(ROUTES)
OPERATIONS = [(path, verb, op) for path, item in DOCUMENT["paths"].items() for verb, op in item.items()]
TAKING = [(path, verb, op) for path, verb, op in OPERATIONS if "requestBody" in op]


def schema(name: str) -> Any:
    return DOCUMENT["components"]["schemas"][name]


async def test_what_is_served_is_the_document_of_the_table(world: World) -> None:
    response = await world.ask("GET", "/openapi.json")

    assert response.json() == DOCUMENT
    assert response.json()["openapi"] == "3.1.0"


def test_every_route_is_described_and_nothing_else() -> None:
    assert {f"{verb.upper()} {path}" for path, verb, _ in OPERATIONS} == {f"{r.method} {r.path}" for r in ROUTES}
    assert {op["operationId"] for _, _, op in OPERATIONS} == {r.handler.__name__ for r in ROUTES}


def test_the_eight_operations_have_the_names_that_fastlys_clients_give_them() -> None:
    assert {op["operationId"] for _, _, op in OPERATIONS} >= {
        *("create_token", "list_tokens_user", "bulk_revoke_tokens", "get_token_current", "revoke_token_current"),
        *("get_token", "revoke_token", "list_tokens_customer"),
    }


@pytest.mark.parametrize("path, verb, op", OPERATIONS, ids=[f"{verb} {path}" for path, verb, _ in OPERATIONS])
def test_an_operation_says_what_it_is_for_who_may_and_what_can_go_wrong(path: str, verb: str, op: Any) -> None:
    assert op["summary"]
    assert not op["summary"].endswith(".")
    assert [one["name"] for one in op.get("parameters", []) if one["in"] == "path"] == re.findall(r"{(\w+)}", path)
    (route,) = [route for route in ROUTES if (route.path, route.method.lower()) == (path, verb)]
    assert (op["security"] == []) is (route.guard is anyone)
    assert ("401" in op["responses"]) is (route.guard is not anyone)
    assert ({"413", "415"} <= set(op["responses"])) is (route.takes is not None)


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(DOCUMENT).decode()))

    assert len(references) > 10
    for reference in references:
        place = DOCUMENT
        for part in reference.split("/"):
            place = place[part]


@pytest.mark.parametrize("path, verb, op", TAKING, ids=[f"{verb} {path}" for path, verb, _ in TAKING])
async def test_a_body_is_accepted_in_the_types_that_are_described_and_in_no_other(
    world: World, path: str, verb: str, op: Any
) -> None:
    described = set(op["requestBody"]["content"])
    known = {"application/json", "application/vnd.api+json", "application/x-www-form-urlencoded", "text/plain"}

    for kind in known:
        response = await world.ask(verb.upper(), path, ANNA, content=b"x", headers={"content-type": kind})

        assert (response.status_code == 415) is (kind not in described)
    assert described < known


def test_the_query_of_both_lists_is_described_with_what_it_may_hold() -> None:
    lists = [op for _, _, op in OPERATIONS if op["operationId"] in ("list_tokens_user", "list_tokens_customer")]

    for op in lists:
        described = {one["name"]: one["schema"] for one in op["parameters"] if one["in"] == "query"}
        assert list(described) == [query.name for query in find.QUERIES]
        assert described["created_before"] == {"type": "string", "format": "date-time"}
        assert described["limit"] == {"type": "integer", "minimum": 1, "maximum": 1000}
        assert described["kind"] == {"type": "string", "enum": ["user", "automation"]}
        assert set(described["sort"]["enum"]) >= {"created_at", "-created_at", "name", "-name"}
        assert "Link" in op["responses"]["200"]["headers"]


def test_what_a_quirk_leaves_out_is_not_required() -> None:
    assert set(schema("TokenRead")["properties"]) - set(schema("TokenRead")["required"]) == {
        *("user_id", "last_used_at", "expires_at", "ip", "user_agent"),
        "limits",  # no quirk: only of a token that has some
    }
    assert list(schema("TokenRead")["properties"]) == list(wire.TokenRead.__struct_fields__)


def test_the_error_has_a_msg_and_perhaps_more() -> None:
    assert schema("Error")["required"] == ["msg"]
    assert list(schema("Error")["properties"]) == ["msg", "detail", "code"]


# --- The page -------------------------------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """Every tag, attribute and id of a page; balanced, or it raises."""

    VOID = ("meta", "wbr", "br", "link")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


async def test_the_page_loads_nothing_runs_nothing_and_its_policy_says_so(world: World) -> None:
    response = await world.ask("GET", "/docs")

    seen = Seen(response.text)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        policy,
    )
    assert seen.tags.isdisjoint({"script", "link", "img", "iframe", "form", "object"})
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "style", "srcset")]
    assert "url(" not in response.text
    assert "@import" not in response.text
    assert "http" not in "".join(seen.values("href"))


async def test_the_page_has_every_operation_and_every_link_on_it_leads_somewhere(world: World) -> None:
    page = (await world.ask("GET", "/docs")).text

    seen = Seen(page)
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    assert {op["operationId"] for _, _, op in OPERATIONS} <= set(ids)
    assert "key_compromise" in page
    assert {link for link in seen.values("href") if not link.startswith("#")} == {"/openapi.json"}
    assert {link.removeprefix("#") for link in seen.values("href") if link.startswith("#")} <= set(ids)


def test_whatever_stands_in_the_document_is_text_to_the_page() -> None:
    hostile = "<script>alert(1)</script>\"'&`<b>`"

    def spoiled(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: value if key in ("$ref", "operationId", "tags") else spoiled(value) for key, value in part.items()
            }
        if isinstance(part, list):
            return [spoiled(one) for one in part]
        return part + hostile if isinstance(part, str) else part

    document = spoiled({key: value for key, value in DOCUMENT.items() if key != "tags"})
    document["tags"] = [{**tag, "description": hostile} for tag in DOCUMENT["tags"]]

    page = openapi_html.page(document, "")

    assert "script" not in Seen(page).tags
    assert "&lt;script&gt;" in page
    assert "<code>&lt;b&gt;</code>" in page
