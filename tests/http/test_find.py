"""Finding tokens: filters, orders and pages of both lists; who asks for none of it is answered as ever."""

import base64
import re
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from tallystick.core.people import User
from tallystick.core.token import LastUse
from tallystick.http.find import QUERIES
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, NOW, OTHER, ROOT, SECOND, SHOP, STRANGER
from tests.http.world import World, a_world, error_of, main_id, sqlite_in

CUSTOMERS = f"/customer/{ACME.id}/tokens"
AT = "2026-02-03T04:05:06Z"  # NOW, in whole seconds
HOSTILE = "'; DROP TABLE token; --"


async def names(world: World, path: str, who: User | str = ROOT, **params: Any) -> list[str]:
    response = await world.ask("GET", path, who, params=params)
    assert response.status_code == 200, response.text
    return [one["name"] for one in response.json()]


def next_of(response: httpx2.Response) -> str | None:
    """Where the `Link` leads, if there is one."""
    if "link" not in response.headers:
        return None
    match = re.fullmatch(r'<(/\S+)>; rel="next"', response.headers["link"])
    assert match is not None, response.headers["link"]
    return match[1]


async def walked(world: World, path: str, who: User | str = ROOT) -> list[list[str]]:
    """The names on each page, from this one on."""
    pages = []
    there: str | None = path
    while there is not None:
        response = await world.ask("GET", there, who)
        assert response.status_code == 200, response.text
        pages.append([one["name"] for one in response.json()])
        there = next_of(response)
    return pages


@pytest.fixture
async def found(world: World) -> World:
    """A world with some tokens to find.  `main` is everybody's, made a day ago and never used as far as is written."""
    for owner, name, fields in (
        (ANNA, "Deploy Web", {"created_at": NOW - 9 * DAY, "services": (SHOP.id, BLOG.id)}),
        (ANNA, "deploy api", {"created_at": NOW - 8 * DAY, "expires_at": NOW + DAY, "services": (BLOG.id,)}),
        (BERT, "cron", {"created_at": NOW - 7 * DAY, "expires_at": NOW + 9 * DAY}),
    ):
        await world.give(owner, name, **fields)
    used = {"Deploy Web": NOW - 3 * DAY, "cron": NOW - 2 * DAY}
    ids = {one["name"]: one["id"] for one in (await world.ask("GET", CUSTOMERS, ROOT)).json()}
    await world.store.tokens.touch([(ids[name], LastUse(at, "192.0.2.9", "ci/1")) for name, at in used.items()])
    return world


# --- Without any of it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 600])
async def test_who_asks_for_nothing_is_answered_as_ever(tmp_path: Path, count: int) -> None:
    async with a_world(sqlite_in(tmp_path)) as world:
        for number in range(count):
            await world.give(ANNA, f"{number:05}", created_at=NOW + number)
        for path, who in (("/tokens", ANNA), (CUSTOMERS, ROOT)):
            plain = await world.ask("GET", path, who)
            unrelated = await world.ask("GET", f"{path}?foo=1&page=2&per_page=1", who)
            asked = await world.ask("GET", f"{path}?limit=1000", who)

            assert plain.status_code == 200
            assert dict(plain.headers).keys() <= {"content-type", "cache-control", "content-length"}
            assert (unrelated.content, unrelated.headers) == (plain.content, plain.headers)
            # And a page that holds everything is the same, byte for byte.
            assert (asked.content, asked.headers) == (plain.content, plain.headers)


# --- Filters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params, expected",
    [
        ({"created_before": "2026-01-26T04:05:06Z"}, ["Deploy Web"]),
        ({"created_before": "2026-01-26T04:05:07Z"}, ["Deploy Web", "deploy api"]),
        ({"created_after": "2026-01-27T04:05:06Z", "created_before": "2026-02-01T00:00:00Z"}, ["cron"]),
        ({"used_before": "2026-02-01T00:00:00Z"}, ["Deploy Web"]),
        ({"used_after": "2026-02-01T00:00:00Z"}, ["cron"]),
        ({"expires_before": "2026-02-05T00:00:00Z"}, ["deploy api"]),
        ({"unused_since": "2026-02-01T00:00:00Z"}, ["Deploy Web", "deploy api"]),
        ({"search": "DEPLOY"}, ["Deploy Web", "deploy api"]),
        ({"search": "%"}, []),
        ({"search": HOSTILE}, []),
        ({"search": "main", "user_id": BERT.id}, ["main"]),
        ({"user_id": BERT.id}, ["cron", "main"]),
        ({"user_id": STRANGER.id}, []),
        ({"user_id": HOSTILE}, []),
        ({"service_id": BLOG.id}, ["Deploy Web", "deploy api"]),
        ({"service_id": SHOP.id}, ["Deploy Web"]),
        ({"service_id": "nothing"}, []),
        ({"kind": "automation"}, []),
        ({"kind": "user", "search": "cron"}, ["cron"]),
        ({"sort": "name"}, ["Deploy Web", "cron", "deploy api", "main", "main", "main"]),
        ({"sort": "-name", "limit": "2"}, ["main", "main"]),
        ({"sort": "-last_used_at", "limit": "2"}, ["cron", "Deploy Web"]),
        ({"sort": "expires_at", "limit": "2"}, ["deploy api", "cron"]),
        ({"sort": "-created_at", "search": "o"}, ["cron", "deploy api", "Deploy Web"]),
        ({"sort": "created_at", "search": "o"}, ["Deploy Web", "deploy api", "cron"]),
    ],
)
async def test_a_superuser_finds_what_is_asked_for(found: World, params: dict[str, str], expected: list[str]) -> None:
    assert await names(found, CUSTOMERS, **params) == expected


async def test_the_whole_id_finds_a_token_too(found: World) -> None:
    (one,) = (await found.ask("GET", CUSTOMERS, ROOT, params={"search": main_id(BERT)})).json()

    assert (one["id"], one["user_id"]) == (main_id(BERT), BERT.id)


async def test_an_offset_is_understood_when_its_plus_is_escaped(found: World) -> None:
    asked = f"{CUSTOMERS}?created_before=2026-01-26T06:05:07"

    assert (await found.ask("GET", f"{asked}%2B02:00", ROOT)).json() != []
    refused = await found.ask("GET", f"{asked}+02:00", ROOT)
    assert (refused.status_code, "%2B" in error_of(refused)["detail"]) == (400, True)


@pytest.mark.parametrize(
    "params", [{"user_id": BERT.id}, {"search": "cron"}, {"search": main_id(BERT)}, {"user_id": STRANGER.id}]
)
async def test_what_is_asked_for_never_widens_the_reach(found: World, params: dict[str, str]) -> None:
    assert await names(found, "/tokens", ANNA, **params) == []
    # A superuser's own list is their own, and the customer's holds nobody else's.
    assert await names(found, "/tokens", ROOT, **params) == []
    assert (await found.ask("GET", f"/customer/{OTHER.id}/tokens", ROOT, params=params)).status_code == 403
    assert (await found.ask("GET", CUSTOMERS, ANNA, params=params)).status_code == 403
    assert (await found.ask("GET", CUSTOMERS, STRANGER, params=params)).status_code == 403


async def test_who_may_not_is_told_so_before_what_was_wrong_with_the_question(found: World) -> None:
    assert (await found.ask("GET", f"{CUSTOMERS}?limit=x", ANNA)).status_code == 403
    assert (await found.ask("GET", f"{CUSTOMERS}?limit=x")).status_code == 401


async def test_an_ordinary_user_finds_among_their_own(found: World) -> None:
    assert await names(found, "/tokens", ANNA, search="deploy", sort="-name") == ["deploy api", "Deploy Web"]
    assert await names(found, "/tokens", ANNA, user_id=ANNA.id, service_id=SHOP.id) == ["Deploy Web"]


async def test_revoked_tokens_are_not_found_expired_ones_are(world: World) -> None:
    gone, _ = await world.give(ANNA, "gone")
    await world.give(ANNA, "expired", expires_at=NOW - SECOND)
    await world.ask("DELETE", f"/tokens/{gone.id}", ANNA)

    assert await names(world, "/tokens", ANNA, sort="-expires_at") == ["main", "expired"]


async def test_the_newest_use_is_shown_and_what_is_written_is_asked(world: World) -> None:
    world.clock.move(2 * SECOND)
    (before,) = (await world.ask("GET", f"/tokens?unused_since={AT}", ANNA)).json()
    uses = world.wiring.uses
    await world.store.tokens.touch(uses.take().last)
    uses.written()

    after = (await world.ask("GET", f"/tokens?unused_since={AT}", ANNA)).json()

    assert (before["last_used_at"], after) == ("2026-02-03T04:05:08Z", [])
    assert await names(world, "/tokens", ANNA, used_after=AT) == ["main"]


# --- Pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sort", ["", *(f"{turn}{by}" for by in ("created_at", "last_used_at", "expires_at", "name") for turn in ("", "-"))]
)
async def test_the_links_lead_through_all_pages_to_the_last_which_has_none(found: World, sort: str) -> None:
    query = f"&sort={sort}" if sort else ""

    pages = await walked(found, f"{CUSTOMERS}?limit=4{query}")

    assert [len(page) for page in pages] == [4, 2]
    assert [*chain(*pages)] == await names(found, CUSTOMERS, **({"sort": sort} if sort else {"limit": 6}))
    assert await walked(found, f"/tokens?limit=3{query}", ANNA) == [
        await names(found, "/tokens", ANNA, sort=sort or "created_at")
    ]


async def test_a_link_asks_what_was_asked_at_a_path_that_no_made_up_host_changes(found: World) -> None:
    asked = {"limit": "1", "search": "& é%", "sort": "-name", "created_before": "2027-01-01T00:00:00+00:00"}
    await found.give(ANNA, "first & é%")
    await found.give(ANNA, "other & é%")

    response = await found.ask("GET", "/tokens", ANNA, params=asked, headers={"host": "tokens.example.com:8443"})

    link = response.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/tokens")
    query = dict(parse_qsl(parts.query))
    assert query.pop("cursor")
    assert query == asked
    assert await walked(found, f"{parts.path}?{parts.query}", ANNA) == [["first & é%"]]


async def test_a_hundred_are_on_a_page_unless_another_number_is_asked_for(world: World) -> None:
    for number in range(1001):
        await world.give(ANNA, f"{number:05}", created_at=NOW + number)

    assert [len(page) for page in await walked(world, "/tokens?kind=user", ANNA)] == [100] * 10 + [2]
    pages = await walked(world, "/tokens?limit=1000", ANNA)  # more than one batch
    assert [len(page) for page in pages] == [1000, 2]
    assert [*chain(*pages)] == await names(world, "/tokens", ANNA)


async def test_an_exactly_full_last_page_has_no_link(found: World) -> None:
    response = await found.ask("GET", f"{CUSTOMERS}?limit=6", ROOT)

    assert (len(response.json()), next_of(response)) == (6, None)


async def test_head_has_the_link_and_no_body(found: World) -> None:
    response = await found.ask("HEAD", f"{CUSTOMERS}?limit=2", ROOT)

    assert (response.status_code, response.content) == (200, b"")
    assert next_of(response) is not None


# --- The cursor -----------------------------------------------------------------------------------------------------------


async def cursor_of(world: World, path: str, who: User) -> str:
    there = next_of(await world.ask("GET", path, who))
    assert there is not None
    return parse_qs(urlsplit(there).query)["cursor"][0]


async def test_a_cursor_belongs_to_its_sort(found: World) -> None:
    cursor = await cursor_of(found, f"{CUSTOMERS}?limit=1&sort=-name", ROOT)

    for query in ("", "&sort=name", "&sort=-created_at", "&sort=created_at"):
        response = await found.ask("GET", f"{CUSTOMERS}?cursor={cursor}{query}", ROOT)

        assert (response.status_code, error_of(response)["detail"]) == (400, "cursor belongs to sort=-name: send both")


async def test_a_cursor_goes_on_from_its_place_whatever_else_is_asked(found: World) -> None:
    cursor = await cursor_of(found, f"{CUSTOMERS}?limit=1", ROOT)  # after "Deploy Web"

    assert await names(found, CUSTOMERS, cursor=cursor, search="deploy") == ["deploy api"]


async def test_a_cursor_that_was_touched_is_400(found: World) -> None:
    cursor = await cursor_of(found, f"{CUSTOMERS}?limit=1", ROOT)
    wrong = [cursor[:at] + chr(ord(cursor[at]) ^ 1) + cursor[at + 1 :] for at in range(len(cursor))]
    wrong += [cursor[:-1], cursor + "A", f"{cursor}=", f" {cursor}", cursor.lower(), "x", "é", "\x00", "A" * 5000]
    plain = b'["created_at",0,"x"]'
    wrong += [base64.urlsafe_b64encode(part + plain).decode() for part in (b"", bytes(16))]

    for text in wrong:
        response = await found.ask("GET", CUSTOMERS, ROOT, params={"cursor": text})

        assert (response.status_code, error_of(response)["detail"]) == (400, "cursor must be passed on as it was given")
    assert (await found.ask("GET", CUSTOMERS, ROOT, params={"cursor": cursor})).status_code == 200


async def test_another_ones_cursor_opens_nothing_of_theirs(found: World) -> None:
    cursor = await cursor_of(found, f"{CUSTOMERS}?limit=1", ROOT)

    assert set(await names(found, "/tokens", ANNA, cursor=cursor)) == {"deploy api", "main"}
    assert await names(found, "/tokens", STRANGER, cursor=cursor) == ["main"]
    assert (await found.ask("GET", CUSTOMERS, ANNA, params={"cursor": cursor})).status_code == 403


async def test_a_cursor_holds_no_more_than_was_shown(found: World) -> None:
    cursor = await cursor_of(found, f"{CUSTOMERS}?limit=1&sort=name", ROOT)

    held = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[16:]
    (shown, *_) = (await found.ask("GET", f"{CUSTOMERS}?limit=1&sort=name", ROOT)).json()
    assert held.decode() == f'["name","Deploy Web","{shown["id"]}"]'


# --- What is not understood -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, who", [("/tokens", ANNA), (CUSTOMERS, ROOT)])
@pytest.mark.parametrize(
    "query, detail",
    [
        ("created_before=yesterday", "created_before must be an RFC 3339 date and time, such as 2031-01-01T00:00:00Z"),
        ("unused_since=2026-02-30T00:00:00Z", "unused_since must be an RFC 3339 date and time"),
        ("used_after=0001-01-01T00:00:00Z", "used_after must be an RFC 3339 date and time"),
        ("used_before=", "used_before must be an RFC 3339 date and time"),
        ("expires_before=1770091506", "expires_before must be an RFC 3339 date and time"),
        ("kind=robot", "kind must be one of user, automation"),
        (
            "sort=id",
            "sort must be one of created_at, -created_at, last_used_at, -last_used_at, expires_at, -expires_at, name, -name",
        ),
        ("sort=--name", "sort must be one of"),
        ("sort=name DESC", "sort must be one of"),
        ("limit=0", "limit must be a number from 1 to 1000"),
        ("limit=1001", "limit must be a number from 1 to 1000"),
        ("limit=-1", "limit must be a number from 1 to 1000"),
        ("limit=²", "limit must be a number from 1 to 1000"),
        ("limit=", "limit must be a number from 1 to 1000"),
        ("search=", "search must not be empty"),
        ("user_id=", "user_id must not be empty"),
        ("service_id=", "service_id must not be empty"),
        ("cursor=", "cursor must not be empty"),
        ("limit=1&limit=1", "limit was given more than once"),
        ("user_id=a&search=b&user_id=c", "user_id was given more than once"),
        # A name that nobody knows, beside one of ours.
        ("limit=1&foo=2", "foo is not understood: this list takes created_before, created_after,"),
        # One that looks like ours.
        ("create_before=2026-01-01T00:00:00Z", "create_before is not understood: did you mean created_before?"),
        ("createdBefore=2026-01-01T00:00:00Z", "createdBefore is not understood: did you mean created_before?"),
        ("LIMIT=1", "LIMIT is not understood: did you mean limit?"),
        ("service_id[]=x", "service_id[] is not understood: did you mean service_id?"),
        ("unused-since=x", "unused-since is not understood: did you mean unused_since?"),
        ("services=x", "services is not understood: did you mean service_id?"),
    ],
)
async def test_what_is_not_understood_is_400_naming_it_and_what_is(
    world: World, path: str, who: User, query: str, detail: str
) -> None:
    response = await world.ask("GET", f"{path}?{query}", who)

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_request")
    assert error_of(response)["detail"].startswith(detail)


@pytest.mark.parametrize(
    "name", ["page", "per_page", "include", "fields", "filter", "customer_id", "offset", "order", "q", "_"]
)
async def test_a_name_that_is_nothing_like_ours_changes_nothing(world: World, name: str) -> None:
    plain = await world.ask("GET", "/tokens", ANNA)

    assert (await world.ask("GET", "/tokens", ANNA, params={name: "1"})).content == plain.content


async def test_more_names_than_anybody_means_are_refused_before_they_are_compared_with_ours(world: World) -> None:
    """To compare 13,000 of them, as many as one line of a request holds, took three seconds, in which nobody was served."""
    few, many = ("&".join(f"foreign{number}=" for number in range(count)) for count in (100, 101))

    assert (await world.ask("GET", f"/tokens?{few}", ANNA)).status_code == 200
    refused = await world.ask("GET", f"/tokens?{many}", ANNA)
    assert (refused.status_code, error_of(refused)["detail"]) == (400, "the query has more than 100 parameters")


def test_every_parameter_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert [query.name for query in QUERIES if not re.search(rf'"{query.name}"|\b{query.name}=', text)] == []
