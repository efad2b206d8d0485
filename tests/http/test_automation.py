"""Automation tokens: who makes them, how they are shown, what they may do, and how they end."""

from typing import Any

import pytest

from tallystick.core.caller import Reach
from tallystick.core.people import Role, UserChange
from tests.core.world import ACME, ANNA, BERT, BLOG, DAY, FOREIGN, MINUTE, NOW, OTHER, ROOT, SECOND, SHOP, STRANGER, at
from tests.http.world import PASSWORD, World, main_id, problem_of

PATH = "/automation-tokens"
WISH = {"name": "ci", "role": "engineer", "scope": "global", "services": [SHOP.id], "tls_access": True}
SUDO_NEEDED = "You must POST /sudo to access this endpoint"


@pytest.fixture
async def root(world: World) -> str:
    """The secret of a superuser's token in sudo."""
    _, secret = await world.give(ROOT, "raised", sudo_until=NOW + MINUTE)
    return secret


async def make(world: World, root: str, **fields: Any) -> Any:
    response = await world.ask("POST", PATH, root, json=WISH | fields)
    assert response.status_code == 200, response.text
    return response.json()


# --- Making one -----------------------------------------------------------------------------------------------------------


async def test_the_answer_to_a_create_has_the_recorded_keys_and_the_secret_once(world: World, root: str) -> None:
    made = await make(world, root, expires_at="2031-01-01T00:00:00Z")

    secret = made.pop("access_token")
    assert list(made.items()) == [
        ("id", made["id"]),
        ("services", [SHOP.id]),
        ("name", "ci"),
        ("role", "engineer"),
        ("scope", "global"),
        ("ip", None),
        ("created_at", "2026-02-03T04:05:06Z"),
        ("last_used_at", None),
        ("expires_at", "2031-01-01T00:00:00Z"),
        ("user_agent", None),
        ("tls_access", True),
        ("customer_id", ACME.id),
    ]
    assert (await world.ask("GET", "/tokens/self", secret)).json()["id"] == made["id"]
    assert secret not in (await world.ask("GET", f"{PATH}/{made['id']}", ROOT)).text


async def test_what_older_clients_wrap_in_attributes_is_the_same(world: World, root: str) -> None:
    response = await world.ask("POST", PATH, root, json={"attributes": WISH})

    assert response.status_code == 200
    assert (response.json()["services"], response.json()["role"]) == ([SHOP.id], "engineer")


@pytest.mark.parametrize("expires_at", [None, "0001-01-01T00:00:00Z"])
async def test_null_and_gos_zero_time_mean_never(world: World, root: str, expires_at: str | None) -> None:
    assert (await make(world, root, expires_at=expires_at, services=None))["expires_at"] is None


async def test_rubys_time_is_understood(world: World, root: str) -> None:
    made = await make(world, root, expires_at="2030-03-17 17:46:40 UTC")

    assert made["expires_at"] == "2030-03-17T17:46:40Z"


async def test_defaults_that_are_spelled_out_change_nothing(world: World, root: str) -> None:
    defaults = {"scope": "global", "services": [], "limit_services": False, "limit_workspaces": True, "workspaces": []}

    spelled = await make(world, root, **defaults, tls_access=False, expires_at=None)
    plain = (await world.ask("POST", PATH, root, json={"name": "ci", "role": "engineer"})).json()

    own = {"id", "access_token"}
    assert {key: spelled[key] for key in spelled if key not in own} == {
        key: plain[key] for key in plain if key not in own
    }


@pytest.mark.parametrize("role", ["billing", "engineer", "user"])
async def test_roles_wins_over_role(world: World, root: str, role: str) -> None:
    assert (await make(world, root, roles=[role], role="superuser"))["role"] == role


@pytest.mark.parametrize(
    "fields, status, detail",
    [
        ({"role": None}, 400, "Invalid request: role is missing"),
        ({"role": "superuser"}, 400, "an automation token cannot be a superuser: use one of billing, engineer, user"),
        ({"role": "king"}, 400, "role 'king' is unknown: use one of user, billing, engineer, superuser"),
        ({"roles": []}, 400, "roles must name one role"),
        ({"roles": ["user", "engineer"]}, 400, "roles must name one role"),
        (
            {"roles": ["superuser"]},
            400,
            "an automation token cannot be a superuser: use one of billing, engineer, user",
        ),
        ({"name": None}, 400, "name is required"),
        ({"name": ""}, 400, "name is required"),
        ({"name": "x" * 256}, 400, "name is longer than 255 characters"),
        ({"scope": "everything"}, 400, None),
        ({"services": [FOREIGN.id]}, 400, f"no such service: {FOREIGN.id}"),
        ({"services": ["nothing"]}, 400, "no such service: nothing"),
        ({"services": SHOP.id}, 400, None),
        ({"limit_services": False}, 400, "limit_services and services contradict each other"),
        ({"limit_services": True, "services": []}, 400, "limit_services and services contradict each other"),
        ({"workspaces": ["w"]}, 400, "there are no workspaces here: a token cannot be limited to them"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_at must be in the future"),
        ({"expires_at": "tomorrow"}, 422, None),
        ({"tls_access": "yes"}, 400, None),
        ({"attributes": WISH}, 400, "there are fields within attributes and beside it: send them in one place"),
    ],
)
async def test_what_cannot_be_used_is_refused_and_nothing_is_made(
    world: World, root: str, fields: dict[str, Any], status: int, detail: str | None
) -> None:
    response = await world.ask("POST", PATH, root, json=WISH | fields)

    said = problem_of(response)
    assert said[0] == status
    assert detail is None or said[1].removeprefix("Invalid request: ") == detail.removeprefix("Invalid request: ")
    assert (await world.ask("GET", PATH, ROOT)).json()["meta"]["record_count"] == 0


async def test_it_takes_json(world: World, root: str) -> None:
    assert problem_of(await world.ask("POST", PATH, root, data={"name": "ci"}))[0] == 415
    assert (
        problem_of(await world.ask("POST", PATH, root, content=b"{", headers={"content-type": "application/json"}))[0]
        == 400
    )


async def test_only_a_superusers_token_in_sudo_that_may_write_makes_one(world: World, root: str) -> None:
    _, narrow = await world.give(ROOT, "narrow", "global:read", sudo_until=NOW + MINUTE)
    _, purging = await world.give(ROOT, "purging", "purge_all", sudo_until=NOW + MINUTE)
    _, annas = await world.give(ANNA, "annas", sudo_until=NOW + MINUTE)
    machine = (await make(world, root))["access_token"]

    asked = {
        "no sudo": await world.ask("POST", PATH, ROOT, json=WISH),
        "no sudo, but the password": await world.ask("POST", PATH, ROOT, json=WISH | {"password": PASSWORD}),
        "read only": await world.ask("POST", PATH, narrow, json=WISH),
        "purging": await world.ask("POST", PATH, purging, json=WISH),
        "no superuser": await world.ask("POST", PATH, annas, json=WISH),
        "automation": await world.ask("POST", PATH, machine, json=WISH),
    }

    said = {who: problem_of(response) for who, response in asked.items()}
    assert {status for status, _ in said.values()} == {403}
    assert said["no sudo"][1] == said["no sudo, but the password"][1] == SUDO_NEEDED
    assert said["read only"][1] == "Read only tokens are not allowed to access this endpoint"
    assert said["no superuser"][1] == "Only a superuser may create automation tokens"
    assert said["automation"][1] == "Automation tokens are not allowed to access this endpoint"


async def test_a_limited_token_makes_only_tokens_that_are_as_limited(world: World) -> None:
    _, limited = await world.give(ROOT, "limited", services=(SHOP.id,), sudo_until=NOW + MINUTE)

    assert (await world.ask("POST", PATH, limited, json=WISH)).status_code == 200
    for services in ([], None, [SHOP.id, BLOG.id]):
        assert problem_of(await world.ask("POST", PATH, limited, json=WISH | {"services": services}))[0] == 403


async def test_there_is_no_limit_of_a_hundred_for_those_that_belong_to_nobody(world: World, root: str) -> None:
    for number in range(101):
        await make(world, root, name=f"ci {number}")

    assert (await world.ask("GET", PATH, ROOT)).json()["meta"]["record_count"] == 101


# --- Reading --------------------------------------------------------------------------------------------------------------


async def test_read_and_listed_ones_have_the_recorded_keys(world: World, root: str) -> None:
    made = await make(world, root)
    await world.ask("GET", "/tokens/self", made["access_token"], headers={"user-agent": "make/4"})

    read = (await world.ask("GET", f"{PATH}/{made['id']}", ROOT)).json()
    listed = (await world.ask("GET", PATH, ROOT)).json()

    used = {"ip": "192.0.2.1", "user_agent": "make/4", "last_used_at": "2026-02-03T04:05:06Z"}
    assert list(read) == list(made)[:-2]
    assert read == {key: made[key] for key in read} | used | {"access_token": ""}
    assert list(listed["data"][0].items()) == [
        ("id", made["id"]),
        ("creator_id", ROOT.id),
        ("customer_id", ACME.id),
        ("name", "ci"),
        ("access_token", ""),
        ("role", "engineer"),
        ("ip", "192.0.2.1"),
        ("user_agent", "make/4"),
        ("scopes", "global"),
        ("services", [SHOP.id]),
        ("service_id", SHOP.id),
        ("sudo_expires_at", None),
        ("last_used_at", "2026-02-03T04:05:06Z"),
        ("created_at", "2026-02-03T04:05:06Z"),
        ("expires_at", None),
        ("tls_access", True),
    ]
    assert listed["meta"] == {"per_page": 100, "current_page": 1, "record_count": 1, "total_pages": 1}


async def test_a_long_list_comes_in_pages_that_link_to_the_next_and_the_last(world: World, root: str) -> None:
    for number in range(5):
        await make(world, root, name=f"ci {number}")
        world.clock.move(1)

    pages = [await world.ask("GET", f"{PATH}?page={page}&per_page=2&x=1", ROOT) for page in (1, 2, 3, 4)]

    names = [[one["name"] for one in page.json()["data"]] for page in pages]
    assert names == [["ci 0", "ci 1"], ["ci 2", "ci 3"], ["ci 4"], []]
    assert [page.headers.get("link") for page in pages] == [
        f'<{PATH}?page=2&per_page=2>; rel="next", <{PATH}?page=3&per_page=2>; rel="last"',
        f'<{PATH}?page=3&per_page=2>; rel="next", <{PATH}?page=3&per_page=2>; rel="last"',
        None,
        None,
    ]
    assert pages[1].json()["meta"] == {"per_page": 2, "current_page": 2, "record_count": 5, "total_pages": 3}


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=-1", "page=", "per_page=0", "per_page=1001", "page=1&page=2"]
)
async def test_pages_that_are_none_are_refused(world: World, query: str) -> None:
    assert problem_of(await world.ask("GET", f"{PATH}?{query}", ROOT))[0] == 400


@pytest.mark.parametrize("agent", ["fastly-py/15.0.0", "fastly-ruby/17.0.0", "fastly-js/13.0.0", "fastly-php/13.1.0"])
async def test_the_generated_clients_get_the_bare_list_that_they_can_read(world: World, root: str, agent: str) -> None:
    made = await make(world, root)

    response = await world.ask("GET", PATH, ROOT, headers={"user-agent": agent})

    assert [one["id"] for one in response.json()] == [made["id"]]


async def test_its_services_are_listed_in_pages_and_there_are_no_workspaces(world: World, root: str) -> None:
    made = await make(world, root, services=[SHOP.id, BLOG.id])

    services = await world.ask("GET", f"{PATH}/{made['id']}/services?per_page=1", ROOT)
    workspaces = await world.ask("GET", f"{PATH}/{made['id']}/workspaces", ROOT)

    assert services.json() == {
        "data": [SHOP.id],
        "meta": {"per_page": 1, "current_page": 1, "record_count": 2, "total_pages": 2},
    }
    assert 'rel="next"' in services.headers["link"]
    assert workspaces.json() == {
        "data": [],
        "meta": {"limit": 20, "next_cursor": "", "previous_cursor": ""},
        "limit_workspaces": False,
    }


@pytest.mark.parametrize("limit, status", [("1", 200), ("100", 200), ("0", 400), ("101", 400)])
async def test_workspaces_are_asked_for_by_limit(world: World, root: str, limit: str, status: int) -> None:
    made = await make(world, root)

    response = await world.ask("GET", f"{PATH}/{made['id']}/workspaces?limit={limit}", ROOT)

    assert response.status_code == status
    assert status == 400 or response.json()["meta"]["limit"] == int(limit)


async def test_strangers_and_ordinary_users_learn_nothing(world: World, root: str) -> None:
    made = await make(world, root)

    for tail in ("", "/services", "/workspaces"):
        for who in (ANNA, STRANGER):
            real = await world.ask("GET", f"{PATH}/{made['id']}{tail}", who)
            unknown = await world.ask("GET", f"{PATH}/{'x' * 22}{tail}", who)
            assert problem_of(real) == (404, problem_of(unknown)[1].replace("x" * 22, made["id"]))
        assert problem_of(await world.ask("GET", f"{PATH}/{main_id(ROOT)}{tail}", ROOT))[0] == 404
    assert problem_of(await world.ask("GET", PATH, ANNA))[0] == 403
    assert (await world.ask("GET", PATH, STRANGER)).json()["data"] == []


# --- What it may do -------------------------------------------------------------------------------------------------------


async def test_it_reads_itself_and_nobody_else(world: World, root: str) -> None:
    made = await make(world, root)
    secret = made["access_token"]

    self_ = (await world.ask("GET", "/tokens/self", secret)).json()
    own = (await world.ask("GET", "/tokens", secret)).json()

    assert (self_["id"], self_["user_id"], self_["customer_id"]) == (made["id"], None, ACME.id)
    assert own == [self_]
    assert (await world.ask("GET", f"{PATH}/{made['id']}", secret)).status_code == 200
    assert (await world.ask("GET", f"/tokens/{main_id(ROOT)}", secret)).status_code == 404
    assert (await world.ask("DELETE", f"/tokens/{main_id(ROOT)}", secret)).status_code == 404
    for path in (
        PATH,
        f"/customer/{ACME.id}/tokens",
        f"/customer/{ACME.id}/users",
        "/current_user",
        f"/user/{ROOT.id}",
    ):
        assert (await world.ask("GET", path, secret)).status_code == 403


async def test_nobodys_password_raises_it_or_makes_a_users_token_of_it(world: World, root: str) -> None:
    secret = (await make(world, root))["access_token"]

    for path in ("/sudo", "/tokens"):
        form = {"username": ROOT.login, "password": PASSWORD}
        response = await world.ask("POST", path, secret, data=form)
        assert (response.status_code, response.json()["msg"]) == (
            403,
            "Automation tokens are not allowed to access this endpoint",
        )


async def test_clients_that_want_a_user_are_shown_its_name(world: World, root: str) -> None:
    made = await make(world, root)

    verified = (await world.ask("GET", "/verify", made["access_token"])).json()

    assert verified["user"] == {"id": "", "name": "ci", "login": ""}
    assert (verified["token"]["id"], verified["services"]) == (made["id"], {SHOP.id: "shop"})


async def test_python_is_not_shown_the_user_that_it_has_not(world: World, root: str) -> None:
    secret = (await make(world, root))["access_token"]

    response = await world.ask("GET", "/tokens/self", secret, headers={"user-agent": "fastly-py/15.0.0"})

    assert "user_id" not in response.json()


@pytest.mark.parametrize("role, status", [("engineer", 200), ("billing", 403), ("user", 403)])
async def test_its_role_decides_what_it_may_change(world: World, root: str, role: str, status: int) -> None:
    secret = (await make(world, root, role=role, services=None))["access_token"]

    assert (await world.ask("POST", "/service", secret, data={"name": "new"})).status_code == status


async def test_it_has_a_budget_of_its_own(world: World, root: str) -> None:
    secret = (await make(world, root, services=None))["access_token"]

    response = await world.ask("POST", "/service", secret, data={"name": "new"})

    assert response.headers["fastly-ratelimit-remaining"] == "999"


async def test_it_outlives_whoever_made_it(world: World, root: str) -> None:
    secret = (await make(world, root))["access_token"]
    people = world.store.people
    await people.change_user(BERT.id, customer_id=ACME.id, change=UserChange(role=Role.SUPERUSER), by=at(NOW))
    everything = [
        token async for batch in world.store.tokens.batches(Reach(ACME.id, ROOT.id), size=99) for token in batch
    ]
    await world.store.tokens.revoke_all([one.id for one in everything], reach=Reach(ACME.id, None), by=at(NOW))
    await people.remove_user(ROOT.id, customer_id=ACME.id, by=at(NOW))

    assert await people.user(ROOT.id) is None
    assert (await world.ask("GET", "/tokens/self", secret)).status_code == 200


# --- Its end --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, "/tokens"])
async def test_a_superuser_ends_it_at_either_address(world: World, root: str, path: str) -> None:
    made = await make(world, root)

    response = await world.ask("DELETE", f"{path}/{made['id']}", ROOT)

    assert (response.status_code, response.content) == (204, b"")
    assert (await world.ask("GET", "/tokens/self", made["access_token"])).status_code == 401
    assert problem_of(await world.ask("GET", f"{PATH}/{made['id']}", ROOT))[0] == 404
    assert problem_of(await world.ask("DELETE", f"{PATH}/{made['id']}", ROOT))[0] == 404


@pytest.mark.parametrize("path", [PATH, "/tokens"])
async def test_it_ends_itself(world: World, root: str, path: str) -> None:
    made = await make(world, root, scope="purge_select")

    assert (await world.ask("DELETE", f"{path}/{made['id']}", made["access_token"])).status_code == 204
    assert not await world.live(made["id"])


@pytest.mark.parametrize("who", [ANNA, STRANGER])
async def test_nobody_else_ends_it(world: World, root: str, who: Any) -> None:
    made = await make(world, root)

    for path in (PATH, "/tokens"):
        assert (await world.ask("DELETE", f"{path}/{made['id']}", who)).status_code == 404
    assert problem_of(await world.ask("DELETE", f"{PATH}/{main_id(ANNA)}", ROOT))[0] == 404
    assert await world.live(made["id"])
    assert await world.live(main_id(ANNA))


async def test_it_ends_when_it_expires(world: World, root: str) -> None:
    made = await make(world, root, expires_at="2026-02-03T04:05:07Z")
    world.clock.move(SECOND)

    response = await world.ask("GET", "/tokens/self", made["access_token"])

    assert response.json()["msg"] == f"Token {made['id']} expired at 2026-02-03T04:05:07Z"


@pytest.mark.parametrize("agent", ["fastly-py/15.0.0", "fastly-rust/13.1.0"])
async def test_two_clients_are_answered_an_object_after_the_end(world: World, root: str, agent: str) -> None:
    made = await make(world, root)

    response = await world.ask("DELETE", f"{PATH}/{made['id']}", ROOT, headers={"user-agent": agent})

    assert (response.status_code, response.json()) == (200, {})


async def test_it_is_in_the_customers_list_of_tokens(world: World, root: str) -> None:
    made = await make(world, root)

    listed = (await world.ask("GET", f"/customer/{ACME.id}/tokens", ROOT)).json()
    foreign = (await world.ask("GET", f"/customer/{OTHER.id}/tokens", STRANGER)).json()

    assert [one["user_id"] for one in listed if one["id"] == made["id"]] == [None]
    assert made["id"] not in {one["id"] for one in foreign}


async def test_without_a_token_it_is_a_problem_too(world: World) -> None:
    assert problem_of(await world.ask("GET", PATH)) == (401, "Provided credentials are missing or invalid")
    assert problem_of(await world.ask("PUT", PATH, ROOT))[0] == 405


async def test_an_expired_token_is_told_so_here_too(world: World) -> None:
    one, secret = await world.give(ROOT, "short", expires_at=NOW + SECOND, created_at=NOW - DAY)
    world.clock.move(SECOND)

    assert problem_of(await world.ask("GET", PATH, secret)) == (401, f"Token {one.id} expired at 2026-02-03T04:05:07Z")
