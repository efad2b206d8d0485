"""A token's own limits over HTTP: set, shown, enforced at every door, narrowed, reported, explained."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tallystick.cli.chores import write_shadows
from tallystick.core.limits import Limits
from tallystick.core.rates import WINDOWS_MS
from tests.core.world import ANNA, BERT, MINUTE, NOW, ROOT, STRANGER
from tests.http.world import World, a_world, error_of

NOBODY = {"msg": "Provided credentials are missing or invalid"}
ORDERS = {"x-original-uri": "/orders/7", "x-original-method": "GET"}
HERE = "192.0.2.1"


async def limited(world: World, owner: Any = ANNA, **limits: Any) -> tuple[str, str]:
    """The id and the secret of a token that was asked for with these limits."""
    _, raised = await world.give(owner, f"raised {len(limits)}", sudo_until=NOW + MINUTE)
    made = await world.ask("POST", "/tokens", raised, json={"limits": limits})
    assert made.status_code == 200, made.text
    return made.json()["id"], made.json()["access_token"]


async def narrowed(world: World, token_id: str, who: Any = ANNA, **limits: Any) -> httpx2.Response:
    return await world.ask("PUT", f"/tokens/{token_id}/limits", who, json=limits)


# Set and shown

WISHED = {
    "networks": ["192.0.2.0/24", "2001:db8::1"],
    "not_before": "2026-02-03T04:05:06Z",
    "rules": ["get /orders/*"],
    "per_second": 5,
    "uses": 9,
    "shadow": ["rules"],
}
SHOWN = {**WISHED, "networks": ["192.0.2.0/24", "2001:db8::1/128"], "rules": ["GET /orders/*"]}


async def test_they_stand_wherever_the_token_is_shown_and_nowhere_else(world: World) -> None:
    token_id, secret = await limited(world, **WISHED)
    plain, _ = await world.give(ANNA, "plain")

    listed = {each["id"]: each.get("limits") for each in (await world.ask("GET", "/tokens", ANNA)).json()}
    read = (await world.ask("GET", f"/tokens/{token_id}", ANNA)).json()
    itself = (await world.ask("GET", "/tokens/self", secret)).json()
    own = (await world.ask("GET", f"/tokens/{token_id}/limits", ANNA)).json()

    assert (listed[token_id], read["limits"], itself["limits"]) == (SHOWN, SHOWN, SHOWN)
    assert own == {"token_id": token_id, "limits": SHOWN, "uses_spent": 1}
    assert listed[plain.id] is None
    assert "limits" not in (await world.ask("GET", f"/tokens/{plain.id}", ANNA)).json()


async def test_an_automation_token_can_have_them_too(world: World) -> None:
    _, raised = await world.give(ROOT, "raised", sudo_until=NOW + MINUTE)
    body = {"name": "m", "role": "engineer", "limits": {"uses": 1}}

    made = (await world.ask("POST", "/automation-tokens", raised, json=body)).json()
    (listed,) = (await world.ask("GET", "/automation-tokens", ROOT)).json()["data"]

    assert made["limits"] == listed["limits"] == {"uses": 1}
    assert (await world.ask("GET", "/check", made["access_token"])).status_code == 200
    assert (await world.ask("GET", "/check", made["access_token"])).status_code == 401


async def test_a_form_sends_them_as_json(world: World) -> None:
    _, raised = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)

    made = await world.ask("POST", "/tokens", raised, data={"limits": '{"uses": 2}'})
    wrong = await world.ask("POST", "/tokens", raised, data={"limits": "uses=2"})

    assert made.json()["limits"] == {"uses": 2}
    assert (wrong.status_code, error_of(wrong)["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body, status, said",
    [
        ({"limits": {"networks": ["here"]}}, 400, "is no network"),
        ({"limits": {"rules": ["/orders"]}}, 400, "is no access rule"),
        ({"limits": {"uses": 0}}, 400, "uses"),
        ({"limits": {"shadow": ["uses"]}}, 400, "not there"),
        ({"limits": {"shadow": ["nothing"]}}, 400, "Invalid enum value"),
        ({"limits": {"network": ["192.0.2.1"]}}, 400, "network"),
        ({"limits": {"not_before": "tomorrow"}}, 422, "not_before"),
        ({"limits": {"not_before": "2030-01-01T00:00:00Z"}, "expires_at": "2029-01-01T00:00:00Z"}, 422, "not_before"),
        ({"networks": ["192.0.2.1"]}, 400, "write limits"),
        ({"rules": []}, 400, "write limits"),
        ({"uses": 1}, 400, "write limits"),
        ({"per_second": 1}, 400, "write limits"),
        ({"Limits": {}}, 400, "write limits"),
    ],
)
async def test_what_cannot_be_a_limit_makes_no_token(world: World, body: Any, status: int, said: str) -> None:
    _, raised = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)
    before = len((await world.ask("GET", "/tokens", ANNA)).json())

    response = await world.ask("POST", "/tokens", raised, json=body)

    assert response.status_code == status
    assert said in response.text
    assert len((await world.ask("GET", "/tokens", ANNA)).json()) == before


# Enforced, at every door

DOORS = ["GET /check", "POST /check", "GET /tokens/self", "GET /verify", "GET /tokens", "GET /current_user"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("limits", [{"networks": ["198.51.100.0/24"]}, {"not_before": "2030-01-01T00:00:00Z"}])
async def test_where_or_when_it_may_not_be_it_is_answered_as_one_that_nobody_has(
    world: World, door: str, limits: dict[str, Any]
) -> None:
    _, secret = await limited(world, **limits)
    method, path = door.split()

    refused, unknown = await world.ask(method, path, secret), await world.ask(method, path, "tly_" + "x" * 38)

    assert (refused.status_code, error_of(refused)) == (401, NOBODY)
    assert refused.content == unknown.content
    assert {k: len(v) for k, v in refused.headers.items()} == {k: len(v) for k, v in unknown.headers.items()}


@pytest.mark.parametrize("door", DOORS)
async def test_from_where_it_may_be_it_is_let_in_from_memory_too(world: World, door: str) -> None:
    _, secret = await limited(world, networks=[HERE, "::1"], not_before="2026-02-03T04:05:06Z")
    method, path = door.split()

    assert [(await world.ask(method, path, secret)).status_code for _ in range(3)] == [200] * 3


async def test_memory_looks_at_the_address_of_each_request() -> None:
    async with a_world(trusted_proxies=[HERE]) as world:
        _, secret = await limited(world, networks=["203.0.113.0/24"])

        async def asked(forwarded: str) -> int:
            headers = {"x-forwarded-for": forwarded} if forwarded else {}
            return (await world.ask("GET", "/check", secret, headers=headers)).status_code

        assert await asked("203.0.113.7") == 200
        assert await asked("198.51.100.7") == 401
        assert await asked("198.51.100.7, 203.0.113.7") == 200
        assert await asked("203.0.113.7, 198.51.100.7") == 401
        assert await asked("203.0.113.7, nonsense") == 401
        assert await asked("") == 401


async def test_an_address_told_by_who_is_not_trusted_is_no_address(world: World) -> None:
    _, secret = await limited(world, networks=["0.0.0.0/0", "::/0"])

    assert (await world.ask("GET", "/check", secret)).status_code == 200
    told = await world.ask("GET", "/check", secret, headers={"x-forwarded-for": HERE})
    assert told.status_code == 401


async def test_rules_are_for_what_the_gateway_says_is_asked(world: World) -> None:
    _, secret = await limited(world, rules=["GET /orders/*", "POST api.example.com/orders"])

    async def asked(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await world.ask("GET", "/check", secret, headers=named)).status_code

    other = {"x_forwarded_uri": "/orders", "x_forwarded_method": "POST"}
    for _ in range(2):  # the second time from memory
        assert await asked(x_original_uri="/orders/7?a=b", x_original_method="GET") == 200
        assert await asked(x_forwarded_uri="/orders/7", x_forwarded_method="HEAD") == 200
        assert await asked(**other, x_forwarded_host="API.example.com:443") == 200
        assert await asked(**other) == 403
        assert await asked(x_original_uri="/orders/7", x_original_method="DELETE") == 403
        assert await asked(x_original_uri="/orders/../x", x_original_method="GET") == 403
        assert await asked(x_original_uri="/orders/7") == 403
        assert await asked() == 403
        # One of the two came from the client, and nobody knows which.
        assert await asked(x_original_uri="/orders/7", x_original_method="GET", x_forwarded_uri="/admin") == 403
        assert await asked(x_original_uri="/admin", x_original_method="GET", x_forwarded_uri="/orders/7") == 403


async def test_a_token_with_rules_can_do_nothing_here_but_see_and_end_itself(world: World) -> None:
    token_id, secret = await limited(world, rules=["* /**"])

    for method, path in (
        ("GET", "/tokens"),
        ("GET", f"/tokens/{token_id}"),
        ("POST", "/sudo"),
        ("GET", "/current_user"),
    ):
        refused = await world.ask(method, path, secret, headers=ORDERS)
        assert (refused.status_code, error_of(refused)) == (403, {"msg": "This token is not for this request"})
    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 200
    assert (await world.ask("GET", "/verify", secret)).status_code == 200
    assert (await world.ask("DELETE", "/tokens/self", secret)).status_code == 204


@pytest.mark.parametrize(
    "limits", [{"networks": ["198.51.100.1"]}, {"not_before": "2030-01-01T00:00:00Z"}, {"rules": ["GET /a"]}]
)
async def test_what_was_found_can_be_ended_wherever_it_was_found(world: World, limits: dict[str, Any]) -> None:
    token_id, secret = await limited(world, **limits)

    assert (await world.ask("DELETE", "/tokens/self", secret)).status_code == 204
    assert (await world.ask("GET", f"/tokens/{token_id}", ANNA)).status_code == 404


async def test_so_many_uses_and_no_more_at_whatever_door(world: World) -> None:
    token_id, secret = await limited(world, uses=3)

    used = [
        await world.ask(method, path, secret)
        for method, path in (("GET", "/check"), ("GET", "/tokens"), ("GET", "/verify"))
    ]
    over = [await world.ask(method, path, secret) for method, path in map(str.split, DOORS)]

    assert [answer.status_code for answer in used] == [200] * 3
    assert [(answer.status_code, error_of(answer)) for answer in over] == [(401, NOBODY)] * len(DOORS)
    assert (await world.ask("GET", f"/tokens/{token_id}/limits", ANNA)).json()["uses_spent"] == 3


async def test_what_is_refused_for_another_reason_takes_no_use(world: World) -> None:
    token_id, secret = await limited(world, uses=3, rules=["GET /orders/*"])

    await world.ask("GET", "/check", secret)
    await world.ask("GET", "/check", secret, headers=ORDERS, params={"scope": "verify"})
    await world.ask("GET", "/check", secret, headers=ORDERS)

    assert (await world.ask("GET", f"/tokens/{token_id}/limits", ANNA)).json()["uses_spent"] == 1


async def test_a_body_that_comes_is_one_use(world: World) -> None:
    token_id, secret = await limited(world, uses=3)

    await world.ask("POST", "/sudo", secret, data={"password": "wrong"})

    assert (await world.ask("GET", f"/tokens/{token_id}/limits", ANNA)).json()["uses_spent"] == 1


@pytest.mark.parametrize("window, name", list(enumerate(["per_second", "per_minute", "per_day"])))
async def test_so_many_in_a_window_then_429_until_it_ends(world: World, window: int, name: str) -> None:
    _, secret = await limited(world, **{name: 2})
    length = WINDOWS_MS[window]
    left = length - world.clock.now() % length

    answers = [await world.ask("GET", path, secret) for path in ("/check", "/tokens/self", "/check", "/tokens")]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[2].headers["retry-after"] == str(-(-left // 1000))
    assert error_of(answers[2])["msg"].startswith("This token has made all the requests")
    world.clock.move(left)
    assert (await world.ask("GET", "/check", secret)).status_code == 200


async def test_the_usage_says_how_often_limits_refused(world: World) -> None:
    token_id, secret = await limited(world, networks=["198.51.100.1"])

    for path in ("/check", "/tokens"):
        await world.ask("GET", path, secret)

    (hour,) = (await world.ask("GET", f"/tokens/{token_id}/usage", ANNA)).json()["hours"]
    assert (hour["allowed"], hour["limited"]) == (0, 2)


async def test_who_verifies_for_others_says_where_it_was_presented_and_for_what(world: World) -> None:
    _, asking = await world.give(ROOT, "verifier", "verify")
    limits = {"networks": ["203.0.113.0/24"], "rules": ["GET /orders/*"]}
    _, secret = await limited(world, **limits)

    async def asked(**more: Any) -> dict[str, Any]:
        body = [{"secret": secret, "method": "GET", "uri": "/orders/7", "ip": "203.0.113.7", **more}]
        found: dict[str, Any] = (await world.ask("POST", "/check/batch", asking, json=body)).json()["checked"][0]
        return found

    good = await asked()
    assert (good["ok"], good["counted"]) == (True, False)
    assert good["limits"] == limits
    assert (await asked(ip=None))["reason"] == "networks"
    assert (await asked(uri="/admin"))["reason"] == "rules"


@pytest.mark.parametrize("limits", [{"uses": 1}, {"per_day": 1}, {"networks": ["::1"], "shadow": ["networks"]}])
async def test_what_is_counted_here_must_be_asked_about_each_time(world: World, limits: dict[str, Any]) -> None:
    _, asking = await world.give(ROOT, "verifier", "verify")
    _, secret = await limited(world, **limits)

    (found,) = (await world.ask("POST", "/check/batch", asking, json=[{"secret": secret}])).json()["checked"]

    assert (found["ok"], found["counted"]) == (True, True)


async def test_one_request_may_be_asked_about_again_and_is_counted_once(world: World) -> None:
    _, asking = await world.give(ROOT, "verifier", "verify")
    token_id, secret = await limited(world, uses=1, per_minute=1, networks=["203.0.113.0/24"])

    async def asked(**more: Any) -> str | None:
        body = [{"secret": secret, "ip": "203.0.113.7", **more}]
        (found,) = (await world.ask("POST", "/check/batch", asking, json=body)).json()["checked"]
        reason: str | None = found["reason"]
        return reason

    assert [await asked(), await asked(again=True), await asked(again=True)] == [None] * 3
    assert await asked(again=True, ip="192.0.2.1") == "networks"
    assert await asked(again=True, scope="verify") == "scope"
    assert await asked() == "per_minute"
    (hour,) = (await world.ask("GET", f"/tokens/{token_id}/usage", ANNA)).json()["hours"]
    assert (hour["allowed"], hour["limited"], hour["scope"]) == (1, 1, 0)


async def test_introspection_goes_by_them_and_says_from_when(world: World) -> None:
    _, asking = await world.give(ROOT, "verifier", "verify")
    _, secret = await limited(world, networks=["203.0.113.0/24"], not_before="2026-02-03T04:05:06Z")

    without = await world.ask("POST", "/oauth/introspect", asking, data={"token": secret})
    with_it = await world.ask("POST", "/oauth/introspect", asking, data={"token": secret, "ip": "203.0.113.7"})

    assert without.json() == {"active": False}
    assert (with_it.json()["active"], with_it.json()["nbf"]) == (True, NOW // 1000)


# Changed


async def test_a_token_in_use_is_narrowed_by_whoever_may_revoke_it(world: World) -> None:
    token_id, secret = await limited(world, networks=["192.0.2.0/24"])
    await world.ask("GET", "/check", secret)

    narrow = await narrowed(world, token_id, networks=["192.0.2.0/30"], uses=1)

    assert narrow.json()["limits"] == {"networks": ["192.0.2.0/30"], "uses": 1}
    assert "tallystick-receipt" in narrow.headers
    assert [(await world.ask("GET", "/check", secret)).status_code for _ in range(2)] == [200, 401]
    assert (await narrowed(world, token_id, BERT, uses=1)).status_code == 404


async def test_memory_forgets_what_was_before_it_was_narrowed(world: World) -> None:
    made, secret = await world.give(ANNA, "plain")
    assert [(await world.ask("GET", "/check", secret)).status_code for _ in range(2)] == [200, 200]

    await narrowed(world, made.id, networks=["198.51.100.1"])

    assert (await world.ask("GET", "/check", secret)).status_code == 401


async def test_to_let_in_more_takes_a_token_in_sudo_that_may_itself(world: World) -> None:
    token_id, _ = await limited(world, networks=["192.0.2.0/24"])
    _, raised = await world.give(ANNA, "raised again", sudo_until=NOW + MINUTE)
    _, inside = await world.give(ANNA, "inside", sudo_until=NOW + MINUTE, limits=Limits(networks=("192.0.2.0/24",)))

    assert (await narrowed(world, token_id, networks=["192.0.0.0/16"])).status_code == 403
    assert (await narrowed(world, token_id)).status_code == 403
    assert (await narrowed(world, token_id, networks=["192.0.2.0/24"], shadow=["networks"])).status_code == 403
    assert (await narrowed(world, token_id, inside, networks=["192.0.0.0/16"])).status_code == 403
    assert (await narrowed(world, token_id, raised, networks=["192.0.0.0/16"])).status_code == 200
    assert (await narrowed(world, token_id, raised)).json()["limits"] == {}


async def test_a_token_mints_none_that_is_less_limited_than_itself(world: World) -> None:
    inside = Limits(networks=("192.0.2.0/24",))
    cases: list[tuple[Limits, dict[str, Any], int]] = [
        (inside, {}, 403),
        (inside, {"networks": ["192.0.0.0/16"]}, 403),
        (inside, {"networks": ["192.0.2.128/25"]}, 200),
        (Limits(uses=9), {"uses": 1}, 403),
        (Limits(per_day=9), {"per_day": 1}, 403),
    ]
    for number, (limits, wished, status) in enumerate(cases):
        _, raised = await world.give(ANNA, f"raised {number}", sudo_until=NOW + MINUTE, limits=limits)
        made = await world.ask("POST", "/tokens", raised, json={"limits": wished})
        assert made.status_code == status, (limits, wished)


async def test_a_reading_token_narrows_nothing(world: World) -> None:
    made, _ = await world.give(ANNA, "other")
    _, reading = await world.give(ANNA, "reading", "global:read")

    assert (await narrowed(world, made.id, reading, uses=1)).status_code == 403


# Reported only


async def test_a_shadow_lets_in_and_says_what_it_would_have_refused(world: World) -> None:
    token_id, secret = await limited(
        world, rules=["GET /orders/*"], networks=["198.51.100.1"], uses=1, shadow=["rules", "networks", "uses"]
    )

    for _ in range(2):
        assert (await world.ask("GET", "/check", secret, headers=ORDERS)).status_code == 200
    admin = {"x-original-uri": "/admin?key=1", "x-original-method": "GET", "user-agent": "curl/8"}
    assert (await world.ask("GET", "/check", secret, headers=admin)).status_code == 200
    await write_shadows(world.store, world.wiring.admission.shadows)

    report = (await world.ask("GET", f"/tokens/{token_id}/shadow", ANNA)).json()
    assert report["shadow"] == ["rules", "networks", "uses"]
    found = {(each["limit"], each["detail"]): each["count"] for each in report["would_refuse"]}
    assert found == {("networks", HERE): 3, ("uses", ""): 2, ("rules", "GET /admin"): 1}
    (rule,) = [each for each in report["would_refuse"] if each["limit"] == "rules"]
    assert (rule["ip"], rule["user_agent"], rule["last_at"]) == (HERE, "curl/8", "2026-02-03T04:05:06Z")


async def test_what_is_refused_is_in_no_report_and_one_that_is_switched_on_begins_anew(world: World) -> None:
    token_id, secret = await limited(world, rules=["GET /orders/*"], networks=["198.51.100.1"], shadow=["rules"])
    await world.ask("GET", "/check", secret)
    await write_shadows(world.store, world.wiring.admission.shadows)
    assert (await world.ask("GET", f"/tokens/{token_id}/shadow", ANNA)).json()["would_refuse"] == []

    assert (await narrowed(world, token_id, rules=["GET /orders/*"], networks=["198.51.100.1"])).status_code == 200
    assert (await world.ask("GET", f"/tokens/{token_id}/shadow", BERT)).status_code == 404


# Explained


async def explained(world: World, refused: httpx2.Response, who: Any = ROOT) -> dict[str, Any]:
    answer: dict[str, Any] = (await world.ask("GET", f"/explain/{refused.headers['tallystick-refusal']}", who)).json()
    return answer


@pytest.mark.parametrize(
    "limits, params, why, rule, cure",
    [
        ({"networks": ["198.51.100.1"]}, {}, "networks", f"came from {HERE}, the token is for 198.51.100.1/32", HERE),
        ({"rules": ["GET /a"]}, {}, "rules", "GET /orders/7, the token is for GET /a", "'GET /orders/7'"),
        ({"not_before": "2030-01-01T00:00:00Z"}, {}, "not_before", "2030-01-01T00:00:00", "another instant"),
        ({"per_day": 1}, {}, "per_day", "all 1 requests of that day", "next day"),
        ({"uses": 1}, {}, "uses", "for 1 requests", "larger number"),
        ({}, {"scope": "verify"}, "scope", "it takes verify, the token has global", "the scope verify"),
        ({}, {"service": "nothing"}, "service", "does not reach nothing", "limited to no service"),
    ],
)
async def test_a_superuser_is_told_which_rule_it_was_and_what_would_do(
    world: World, limits: dict[str, Any], params: dict[str, str], why: str, rule: str, cure: str
) -> None:
    token_id, secret = await limited(world, **limits)
    if {"uses", "per_day"} & limits.keys():
        await world.ask("GET", "/check", secret)

    told = await explained(world, await world.ask("GET", "/check", secret, headers=ORDERS, params=params))

    assert (told["why"], told["token_id"], told["at"]) == (why, token_id, "2026-02-03T04:05:06.789Z")
    assert rule in told["rule"]
    assert cure in told["cure"]


@pytest.mark.parametrize(
    "secret, why",
    [(None, "missing"), ("nonsense", "malformed"), ("tly_" + "0" * 38, "malformed"), ("unknown", "unknown")],
)
async def test_one_without_a_token_of_ours_is_explained_too(world: World, secret: str | None, why: str) -> None:
    if secret == "unknown":
        _, secret = await world.give(ANNA, "gone")
        await world.ask("DELETE", "/tokens/self", secret)
        why = "revoked"

    told = await explained(world, await world.ask("GET", "/tokens/self", secret))

    assert told["why"] == why


async def test_what_is_said_to_the_caller_is_what_is_explained_where_there_is_no_more(world: World) -> None:
    told = await explained(world, await world.ask("GET", f"/customer/{ANNA.customer_id}/tokens", ANNA))

    assert (told["why"], told["rule"]) == ("said", "Only a superuser of this customer may access this endpoint")


async def test_nobody_else_can_have_it_explained(world: World) -> None:
    _, secret = await limited(world, networks=["198.51.100.1"])
    refused = await world.ask("GET", "/check", secret)
    name = refused.headers["tallystick-refusal"]

    assert (await world.ask("GET", f"/explain/{name}", ANNA)).status_code == 403
    assert (await world.ask("GET", f"/explain/{name}")).status_code == 401
    assert (await world.ask("GET", f"/explain/{name[:-2]}xx", ROOT)).status_code == 400
    assert (await world.ask("GET", "/explain/nothing", ROOT)).status_code == 400
    assert refused.headers["x-request-id"] == name
    assert secret not in str(refused.headers)


async def test_what_names_a_refusal_is_of_one_length_and_never_the_same(world: World) -> None:
    _, secret = await limited(world, rules=["GET /" + "a" * 400])
    long = {"x-original-uri": "/" + "\N{GRINNING FACE}".encode().hex() * 500, "x-original-method": "GET"}
    answers = [
        await world.ask("GET", "/check", each, headers=long)
        for each in (None, "x", secret, secret, world.secrets[ROOT.id] + "x")
    ]
    names = [answer.headers["tallystick-refusal"] for answer in answers]

    assert len(set(names)) == len(names)
    assert len(set(map(len, names))) == 1


async def test_another_customers_token_is_none_that_can_be_explained(world: World) -> None:
    _, theirs = await limited(world, networks=["198.51.100.1"])

    told = await explained(world, await world.ask("GET", "/check", theirs), STRANGER)

    assert (told["why"], told["token_id"]) == ("unknown", None)
    assert "198.51.100.1" not in str(told)


async def test_an_own_request_id_stays_and_the_refusal_has_a_name_beside_it(world: World) -> None:
    refused = await world.ask(
        "PUT", "/user/nobody", ANNA, json={"role": "superuser"}, headers={"x-request-id": "mine-7"}
    )

    assert refused.headers["x-request-id"] == "mine-7"
    assert (await explained(world, refused))["why"] == "said"


async def test_a_secret_in_a_path_is_in_no_report(world: World) -> None:
    token_id, secret = await limited(world, rules=["GET /orders/*"], shadow=["rules"])
    asked = {"x-original-uri": f"/with/{secret}", "x-original-method": "GET"}

    await world.ask("GET", "/check", secret, headers=asked)
    await write_shadows(world.store, world.wiring.admission.shadows)

    report = await world.ask("GET", f"/tokens/{token_id}/shadow", ANNA)
    assert report.json()["would_refuse"][0]["detail"].startswith("GET /with/tly_")
    assert secret not in report.text


async def test_a_token_that_is_narrowed_while_its_body_comes_changes_nothing(world: World) -> None:
    made, secret = await world.give(ANNA, "slow", sudo_until=NOW + MINUTE)

    async def body() -> AsyncIterator[bytes]:
        yield b'{"name":'
        assert (await narrowed(world, made.id, networks=["198.51.100.1"])).status_code == 200
        yield b'"late"}'

    answer = await world.ask("POST", "/tokens", secret, content=body(), headers={"content-type": "application/json"})

    assert answer.status_code == 401
    assert "late" not in [each["name"] for each in (await world.ask("GET", "/tokens", ANNA)).json()]


async def test_self_is_the_token_that_asks(world: World) -> None:
    made, secret = await world.give(ANNA, "itself")

    narrow = await world.ask("PUT", "/tokens/self/limits", secret, json={"per_day": 9})

    assert narrow.json()["token_id"] == made.id
    assert (await world.ask("GET", "/tokens/self/limits", secret)).json()["limits"] == {"per_day": 9}
    assert (await world.ask("GET", "/tokens/self/shadow", secret)).json()["token_id"] == made.id
