"""POST /revocations: a superuser in sudo ends all tokens of which something is true, and nothing else."""

from typing import Any

import httpx2
import pytest

from tallystick.core.events import Sought
from tallystick.core.people import Role
from tallystick.core.revoke import Reason
from tallystick.core.token import LastUse
from tallystick.http import find, openapi
from tallystick.http.app import ROUTES
from tallystick.http.revocations import RevokeMatching
from tests.core.world import ACME, ANNA, BERT, DAY, MINUTE, NOW, ROOT, SHOP, STRANGER
from tests.http.world import World, error_of, main_id

RAISED: dict[str, Any] = {"sudo_until": NOW + 5 * MINUTE}
ASKING = "asking"


@pytest.fixture
async def asking(world: World) -> str:
    """The secret of a superuser's token in sudo."""
    _, secret = await world.give(ROOT, ASKING, id=ASKING, **RAISED)
    return secret


async def rule(world: World, who: str, **fields: Any) -> httpx2.Response:
    return await world.ask("POST", "/revocations", who, json=fields)


async def live(world: World) -> set[str]:
    """All that nobody revoked, of both customers."""
    found = [await world.ask("GET", f"/customer/{one.customer_id}/tokens", one) for one in (ROOT, STRANGER)]
    return {each["id"] for response in found for each in response.json()}


EVERYBODY = {main_id(one) for one in (ROOT, ANNA, BERT, STRANGER)} | {ASKING}


# --- What ends ------------------------------------------------------------------------------------------------------------


async def test_what_is_asked_for_ends_at_once_and_each_end_says_why(world: World, asking: str) -> None:
    kept, _ = await world.give(BERT, "spare")
    _, secret = await world.give(ANNA, "spare")

    response = await rule(world, asking, user_id=ANNA.id, reason="key_compromise")

    assert response.status_code == 200
    assert (response.json()["count"], response.json()["dry_run"], response.json()["reason"]) == (
        2,
        False,
        "key_compromise",
    )
    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 401
    world.secrets[ROOT.id] = asking
    assert await live(world) == {kept.id, *EVERYBODY} - {main_id(ANNA)}
    told = await world.store.events.find(ACME.id, Sought(action="token.revoke"), after=None, size=9)
    assert {(event.reason, event.by.user_id, event.by.token_id) for event in told} == {
        ("key_compromise", ROOT.id, ASKING)
    }
    assert len(told) == 2


async def test_a_dry_run_shows_what_would_end_and_ends_nothing(world: World, asking: str) -> None:
    some = [(await world.give(BERT, f"old {n:02}", created_at=NOW - DAY + n))[0].id for n in range(12)]
    before = await live(world)

    response = await rule(world, asking, search="old", dry_run=True)
    shown = response.json()

    assert list(shown) == ["count", "dry_run", "reason", "sample"]
    assert (shown["count"], shown["dry_run"], shown["reason"]) == (12, True, "unspecified")
    assert [each["id"] for each in shown["sample"]] == some[:10]
    read = await world.ask("GET", f"/tokens/{some[0]}", ROOT)
    assert shown["sample"][0] == read.json()
    assert await live(world) == before
    assert await world.store.events.find(ACME.id, Sought(action="token.revoke"), after=None, size=9) == []
    assert (await rule(world, asking, search="old")).json() == {**shown, "dry_run": False}


async def test_the_sample_has_the_newest_use(world: World, asking: str) -> None:
    _, secret = await world.give(ANNA, "spare")
    await world.ask("GET", "/tokens/self", secret)

    (shown,) = (await rule(world, asking, search="spare", dry_run=True)).json()["sample"]

    assert shown["last_used_at"] == "2026-02-03T04:05:06Z"


@pytest.mark.parametrize("dry_run", [True, False])
async def test_the_token_that_asks_is_spared_and_not_counted(world: World, asking: str, dry_run: bool) -> None:
    response = await rule(world, asking, created_before="2100-01-01T00:00:00Z", dry_run=dry_run)

    assert response.json()["count"] == 3
    assert ASKING not in {each["id"] for each in response.json()["sample"]}
    assert (await world.ask("GET", "/tokens/self", asking)).status_code == 200


async def test_another_customers_tokens_are_out_of_reach(world: World, asking: str) -> None:
    assert (await rule(world, asking, user_id=STRANGER.id)).json()["count"] == 0
    await rule(world, asking, created_before="2100-01-01T00:00:00Z")

    assert await world.live(main_id(STRANGER))


@pytest.mark.parametrize(
    "fields, ended",
    [
        ({"created_before": "2026-02-01T00:00:00Z"}, {"old"}),
        ({"created_after": "2026-02-03T00:00:00+00:00", "kind": "user"}, {"young"}),
        ({"used_before": "2026-02-02T00:00:00Z"}, {"old"}),
        ({"used_after": "2026-02-02T00:00:00Z", "search": "O"}, {"young"}),
        ({"expires_before": "2027-01-01T00:00:00Z"}, {"young"}),
        ({"unused_since": "2026-02-02T00:00:00Z"}, {"old"}),
        ({"search": "OLD"}, {"old"}),
        ({"kind": "automation"}, {"robot"}),
        ({"user_id": BERT.id, "created_before": "2026-02-01T00:00:00Z"}, {"old"}),
        ({"service_id": SHOP.id}, {"robot"}),
        ({"service_id": SHOP.id, "kind": "user"}, set()),
    ],
)
async def test_each_filter_means_what_it_means_in_a_list(
    world: World, asking: str, fields: dict[str, str], ended: set[str]
) -> None:
    await world.give(BERT, "old", id="old", created_at=NOW - 9 * DAY)
    await world.give(BERT, "young", id="young", created_at=NOW, expires_at=NOW + DAY)
    nobodys: dict[str, Any] = {"user_id": None, "role": Role.USER, "creator_id": ROOT.id, "services": (SHOP.id,)}
    await world.give(ROOT, "robot", id="robot", **nobodys)
    await world.store.tokens.touch([("old", LastUse(NOW - 5 * DAY, None, None)), ("young", LastUse(NOW, None, None))])
    before = await live(world)
    listed = await world.ask("GET", f"/customer/{ACME.id}/tokens", asking, params=fields)

    response = await rule(world, asking, **fields)

    assert before - await live(world) == ended
    assert response.json()["count"] == len(ended)
    assert {each["id"] for each in response.json()["sample"]} == ended == {each["id"] for each in listed.json()}


async def test_it_costs_one_write_however_many_end(world: World, asking: str) -> None:
    first = await rule(world, asking, user_id=ANNA.id, dry_run=True)
    second = await rule(world, asking, created_before="2100-01-01T00:00:00Z")

    left = [int(each.headers["fastly-ratelimit-remaining"]) for each in (first, second)]
    assert left[0] - left[1] == 1


# --- Who may --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner, more, msg",
    [
        (ROOT, {}, "You must POST /sudo to access this endpoint"),
        (ROOT, {"sudo_until": NOW}, "You must POST /sudo to access this endpoint"),
        (ANNA, RAISED, "Only a superuser may revoke tokens by rule"),
        (ROOT, {**RAISED, "scope": "global:read"}, "Read only tokens are not allowed to access this endpoint"),
        (
            ROOT,
            {**RAISED, "scope": "purge_all"},
            "Tokens with scope purge_all are not allowed to access this endpoint; it takes global",
        ),
        (
            ROOT,
            {**RAISED, "services": (SHOP.id,)},
            "Tokens limited to services are not allowed to access this endpoint",
        ),
        (
            ROOT,
            {**RAISED, "user_id": None, "role": Role.ENGINEER, "creator_id": ROOT.id},
            "Only a superuser may revoke tokens by rule",
        ),
    ],
    ids=["no sudo", "sudo is over", "no superuser", "read only", "purge", "limited to services", "automation"],
)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_who_may_not_is_refused_and_learns_nothing(
    world: World, owner: Any, more: dict[str, Any], msg: str, dry_run: bool
) -> None:
    _, secret = await world.give(owner, "asks", **more)
    before = await live(world)

    response = await rule(world, secret, user_id=BERT.id, dry_run=dry_run)

    assert (response.status_code, error_of(response)) == (403, {"msg": msg})
    assert await live(world) == before


# --- What is not understood -----------------------------------------------------------------------------------------------

_UNKNOWN = "the body does not fit: Object contains unknown field `{}`"


@pytest.mark.parametrize(
    "body, detail",
    [
        ({}, "say which tokens: at least one filter is needed"),
        ({"dry_run": True, "reason": "superseded"}, "say which tokens: at least one filter is needed"),
        ({"user_id": BERT.id, "created_befor": "2026-01-01T00:00:00Z"}, _UNKNOWN.format("created_befor")),
        ({"user_id": BERT.id, "sort": "name"}, _UNKNOWN.format("sort")),
        ({"user_id": BERT.id, "limit": 1}, _UNKNOWN.format("limit")),
        ({"user_id": BERT.id, "other_than": main_id(BERT)}, _UNKNOWN.format("other_than")),
        ({"user_id": BERT.id, "services": [SHOP.id]}, _UNKNOWN.format("services")),
        ({"user_id": BERT.id, "service_id": None}, "the body does not fit: Expected `str`, got `null`"),
        ({"user_id": [BERT.id]}, "the body does not fit: Expected `str`, got `array`"),
        ({"user_id": ""}, "user_id must not be empty"),
        ({"search": "", "user_id": BERT.id}, "search must not be empty"),
        ({"kind": "robot"}, "kind must be one of user, automation"),
        ({"created_before": "yesterday"}, "created_before must be an RFC 3339 date and time"),
        ({"created_before": 1770091506}, "the body does not fit: Expected `str`, got `int`"),
        ({"unused_since": "0001-01-01T00:00:00Z"}, "unused_since must be an RFC 3339 date and time"),
        ({"user_id": BERT.id, "dry_run": "true"}, "the body does not fit: Expected `bool`, got `str`"),
        ({"user_id": BERT.id, "dry_run": None}, "the body does not fit: Expected `bool`, got `null`"),
        ({"user_id": BERT.id, "reason": "keyCompromise"}, "the body does not fit: Invalid enum value 'keyCompromise'"),
        ({"user_id": "\x00"}, "the body holds a NUL character"),
    ],
)
async def test_what_is_not_understood_is_400_and_ends_nothing(
    world: World, asking: str, body: dict[str, Any], detail: str
) -> None:
    response = await world.ask("POST", "/revocations", asking, json=body)

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_request")
    assert error_of(response)["detail"].startswith(detail)
    assert await live(world) == EVERYBODY


@pytest.mark.parametrize(
    "body",
    [
        f'{{"user_id":"nobody","user_id":"{BERT.id}"}}',
        f'{{"user_id":"{BERT.id}","dry_run":true,"dry_run":false}}',
    ],
)
async def test_a_field_that_came_twice_is_400_and_ends_nothing(world: World, asking: str, body: str) -> None:
    response = await world.ask(
        "POST", "/revocations", asking, content=body, headers={"content-type": "application/json"}
    )

    assert response.status_code == 400
    assert error_of(response)["detail"].endswith("was given more than once")
    assert await live(world) == EVERYBODY


async def test_a_filter_beside_the_body_is_not_passed_over(world: World, asking: str) -> None:
    response = await world.ask("POST", f"/revocations?user_id={BERT.id}", asking, json={"kind": "user"})

    assert response.status_code == 400
    assert await live(world) == EVERYBODY


async def test_no_body_ends_nothing(world: World, asking: str) -> None:
    assert (await world.ask("POST", "/revocations", asking)).status_code == 400
    assert await live(world) == EVERYBODY


# --- One table ------------------------------------------------------------------------------------------------------------


def test_it_takes_every_filter_of_lists_as_it_is_described_there() -> None:
    taken = list(RevokeMatching.__struct_fields__)
    schema = openapi.document(ROUTES)["components"]["schemas"]["RevokeMatching"]

    assert taken == [*(query.name for query in find.FILTERS), "reason", "dry_run"]
    for query in find.FILTERS:
        assert schema["properties"][query.name] == {**query.schema, "description": query.about}
    assert schema["additionalProperties"] is False


def test_the_reasons_are_those_of_the_rfc_that_fit() -> None:
    # RFC 5280, 5.3.1, without what is about authorities and about taking it back.
    rfc = [
        "unspecified",
        "keyCompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "privilegeWithdrawn",
    ]

    assert [reason.replace("_", "") for reason in Reason] == [name.lower() for name in rfc]
