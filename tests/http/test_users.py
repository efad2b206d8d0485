"""People come, change and go, and their tokens follow at once."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from tallystick.core.people import Role, User, UserChange
from tests.core.world import ACME, ANNA, BERT, NOW, OTHER, ROOT, SHOP, STRANGER, at
from tests.http.world import PASSWORD, World, basic, error_of, main_id

NEW_PASSWORD = "quite another horse 42"
CREDENTIALS = {"msg": "Provided credentials are missing or invalid"}


async def change(world: World, who: User, **wanted: Any) -> None:
    await world.store.people.change_user(who.id, customer_id=who.customer_id, change=UserChange(**wanted), by=at(NOW))


async def log_in(world: World, who: User, password: str = PASSWORD) -> Any:
    return await world.create(json={"username": who.login, "password": password}, headers=world.otp())


async def raised(world: World, who: User) -> str:
    _, secret = await world.give(who, "raised", sudo_until=NOW + 60_000)
    return secret


# --- Reading --------------------------------------------------------------------------------------------------------------


async def test_a_user_reads_like_the_current_user(world: World) -> None:
    current = (await world.ask("GET", "/current_user", ANNA)).json()

    assert (await world.ask("GET", f"/user/{ANNA.id}", ANNA)).json() == current
    assert (await world.ask("GET", f"/user/{ANNA.id}", ROOT)).json() == current
    listed = await world.ask("GET", f"/customer/{ACME.id}/users", ROOT)
    assert [one["id"] for one in listed.json()] == [ANNA.id, BERT.id, ROOT.id]
    assert listed.json()[0] == current


async def test_others_are_a_superusers_to_see_and_whether_they_exist_is_not_said(world: World) -> None:
    for user_id in (BERT.id, STRANGER.id, "nothing"):
        response = await world.ask("GET", f"/user/{user_id}", ANNA)

        assert (response.status_code, error_of(response)) == (403, {"msg": "Only a superuser may do this"})
    for user_id in (STRANGER.id, "nothing"):
        response = await world.ask("GET", f"/user/{user_id}", ROOT)

        assert response.status_code == 404
        assert error_of(response) == {"msg": "Record not found", "detail": f"Cannot find user '{user_id}'"}
    for who, customer_id in ((ANNA, ACME.id), (ROOT, OTHER.id), (ROOT, "nothing")):
        assert (await world.ask("GET", f"/customer/{customer_id}/users", who)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [f"/user/{ROOT.id}", f"/user/{ANNA.id}", "/user/nothing", f"/customer/{ACME.id}/users"],
)
@pytest.mark.parametrize(
    "scope, services, ok", [("global:read", (), True), ("purge_all", (), False), ("global", (SHOP.id,), False)]
)
async def test_people_are_closed_to_limited_tokens_and_to_those_that_cannot_read(
    world: World, path: str, scope: str, services: tuple[str, ...], ok: bool
) -> None:
    _, secret = await world.give(ROOT, "narrow", scope, services=services)

    assert ((await world.ask("GET", path, secret)).status_code != 403) is ok


async def test_the_customer_reads_alike_under_both_paths(world: World) -> None:
    current = await world.ask("GET", "/current_customer", ANNA)

    assert list(current.json().items()) == [
        ("id", ACME.id),
        ("name", "Acme"),
        ("created_at", "2026-02-02T04:05:06Z"),
        ("updated_at", None),
        ("deleted_at", None),
        ("force_2fa", False),
        ("force_sso", False),
    ]
    assert (await world.ask("GET", f"/customer/{ACME.id}", ANNA)).json() == current.json()
    for customer_id in (OTHER.id, "nothing"):
        response = await world.ask("GET", f"/customer/{customer_id}", ROOT)

        assert error_of(response) == {"msg": "Only users of this customer may access this endpoint"}
        assert response.status_code == 403


async def test_the_customer_is_closed_to_tokens_that_cannot_read(world: World) -> None:
    _, secret = await world.give(ROOT, "narrow", "purge_all purge_select")

    for path in ("/current_customer", f"/customer/{ACME.id}"):
        assert (await world.ask("GET", path, secret)).status_code == 403


async def test_a_customer_is_renamed_by_its_superusers(world: World) -> None:
    response = await world.ask("PUT", f"/customer/{ACME.id}", ROOT, data={"name": "Acme & Co", "owner_id": "x"})

    assert (response.status_code, response.json()["name"]) == (200, "Acme & Co")
    assert (await world.ask("PUT", f"/customer/{ACME.id}", ROOT, json={})).json() == response.json()
    for who, customer_id in ((ANNA, ACME.id), (ROOT, OTHER.id), (STRANGER, ACME.id)):
        assert (await world.ask("PUT", f"/customer/{customer_id}", who, json={"name": "x"})).status_code == 403
    _, limited = await world.give(ROOT, "limited", services=(SHOP.id,))
    assert (await world.ask("PUT", f"/customer/{ACME.id}", limited, json={"name": "x"})).status_code == 403
    assert (await world.store.people.customers())[0].name == "Acme & Co"


# --- They come ------------------------------------------------------------------------------------------------------------


async def test_a_new_user_without_a_password_cannot_log_in_yet(world: World) -> None:
    response = await world.ask(
        "POST", "/user", ROOT, data={"login": "eve@example.com", "name": "Eve", "role": "engineer"}
    )

    body = response.json()
    assert (response.status_code, body["login"], body["name"], body["role"]) == (
        200,
        "eve@example.com",
        "Eve",
        "engineer",
    )
    assert (body["customer_id"], body["locked"], body["two_factor_auth_enabled"]) == (ACME.id, False, False)
    assert (await world.ask("GET", f"/user/{body['id']}", ROOT)).json() == body
    for password in ("", "!", PASSWORD):
        answer = await world.create(json={"username": "eve@example.com", "password": password})
        assert answer.status_code == 400


async def test_a_new_user_with_a_password_takes_sudo_and_can_log_in(world: World) -> None:
    wanted = {"login": "eve@example.com", "password": NEW_PASSWORD}

    refused = await world.ask("POST", "/user", ROOT, json=wanted)
    made = await world.ask("POST", "/user", await raised(world, ROOT), json=wanted)

    assert (refused.status_code, error_of(refused)) == (403, {"msg": "You must POST /sudo to access this endpoint"})
    assert (made.status_code, made.json()["name"], made.json()["role"]) == (200, "eve@example.com", "user")
    assert (await world.create(json={"username": "eve@example.com", "password": NEW_PASSWORD})).status_code == 200


@pytest.mark.parametrize(
    "wanted, status",
    [
        ({"login": ANNA.login.upper()}, 409),
        ({"login": STRANGER.login}, 409),
        ({}, 400),
        ({"login": " "}, 400),
        ({"login": "x@example.com", "role": "root"}, 400),
        ({"login": "x@example.com", "name": "a\tb"}, 400),
        ({"login": "x@example.com", "password": "short"}, 400),
    ],
)
async def test_who_cannot_be_made_is_not(world: World, wanted: dict[str, str], status: int) -> None:
    before = await world.store.people.users()

    response = await world.ask("POST", "/user", await raised(world, ROOT), json=wanted)

    assert response.status_code == status
    assert await world.store.people.users() == before


@pytest.mark.parametrize("scope, services", [("global:read", ()), ("purge_all", ()), ("global", (SHOP.id,))])
async def test_people_are_managed_with_a_superusers_token_for_everything(
    world: World, scope: str, services: tuple[str, ...]
) -> None:
    _, narrow = await world.give(ROOT, "narrow", scope, services=services)

    for who in (ANNA, narrow):
        answers = [
            await world.ask("POST", "/user", who, json={"login": "x@example.com"}),
            await world.ask("PUT", f"/user/{BERT.id}", who, json={"name": "x"}),
            await world.ask("DELETE", f"/user/{BERT.id}", who),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert len(await world.store.people.users(ACME.id)) == 3


# --- They change ----------------------------------------------------------------------------------------------------------


async def test_everybody_changes_their_own_name_and_login_but_not_what_they_may(world: World) -> None:
    path = f"/user/{ANNA.id}"

    changed = await world.ask(
        "PUT", path, await raised(world, ANNA), data={"name": "Änne", "login": "aenne@example.com", "role": "user"}
    )
    refused = [
        await world.ask("PUT", path, ANNA, json={"role": "superuser"}),
        await world.ask("PUT", path, ANNA, json={"locked": True}),
        await world.ask("PUT", f"/user/{BERT.id}", ANNA, json={"name": "x"}),
    ]

    body = changed.json()
    assert (changed.status_code, body["name"], body["login"]) == (200, "Änne", "aenne@example.com")
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert (await world.ask("GET", path, ROOT)).json() == body
    assert (await log_in(world, replace(ANNA, login="aenne@example.com"))).status_code == 200


async def test_a_taken_login_is_409_and_what_cannot_be_used_400(world: World) -> None:
    chief = await raised(world, ROOT)
    for wanted, status in (
        ({"login": BERT.login}, 409),
        ({"login": ""}, 400),
        ({"name": "x" * 256}, 400),
        ({"role": "chief"}, 400),
        ({"locked": "maybe"}, 400),
    ):
        assert (await world.ask("PUT", f"/user/{ANNA.id}", chief, data=wanted)).status_code == status
    for user_id in (STRANGER.id, "nothing"):
        assert (await world.ask("PUT", f"/user/{user_id}", ROOT, json={"name": "x"})).status_code == 404

    assert (await world.ask("GET", f"/user/{ANNA.id}", ROOT)).json()["login"] == ANNA.login


async def test_another_login_takes_sudo_or_a_found_token_could_be_used_to_guess_its_password_for_ever(
    world: World,
) -> None:
    for who, path in ((ANNA, f"/user/{ANNA.id}"), (ROOT, f"/user/{BERT.id}")):
        refused = await world.ask("PUT", path, who, json={"login": "new@example.com"})
        before = await world.ask("GET", path, who)
        same = await world.ask("PUT", path, who, json={"login": before.json()["login"].upper()})

        assert (refused.status_code, error_of(refused)) == (403, {"msg": "You must POST /sudo to access this endpoint"})
        assert same.status_code == 200
    for user_id in (STRANGER.id, "nothing"):
        assert (await world.ask("PUT", f"/user/{user_id}", ROOT, json={"login": "new@example.com"})).status_code == 404


async def test_a_lowered_role_reaches_existing_tokens_at_once(world: World) -> None:
    await change(world, ANNA, role=Role.SUPERUSER)
    assert (await world.ask("GET", f"/customer/{ACME.id}/tokens", ANNA)).status_code == 200

    lowered = await world.ask("PUT", f"/user/{ANNA.id}", ROOT, json={"role": "engineer"})

    assert (lowered.status_code, lowered.json()["role"]) == (200, "engineer")
    assert (await world.ask("GET", f"/customer/{ACME.id}/tokens", ANNA)).status_code == 403
    assert (await world.ask("DELETE", f"/tokens/{main_id(BERT)}", ANNA)).status_code == 404
    assert await world.live(main_id(BERT))


@pytest.mark.parametrize("yes, no", [(True, False), ("true", "false"), ("1", "0"), ("TRUE", "False")])
async def test_a_locked_user_is_refused_with_every_token_and_the_password_until_unlocked(
    world: World, yes: object, no: object
) -> None:
    _, other = await world.give(ANNA, "other", expires_at=NOW)

    locked = await world.ask("PUT", f"/user/{ANNA.id}", ROOT, json={"locked": yes})

    assert (locked.status_code, locked.json()["locked"]) == (200, True)
    for secret in (world.secrets[ANNA.id], other):
        answer = await world.ask("GET", "/tokens/self", secret)
        assert (answer.status_code, error_of(answer)) == (401, CREDENTIALS)
    login = await log_in(world, ANNA)
    assert (login.status_code, error_of(login)["code"]) == (400, "account_locked")
    # Who does not know the password learns nothing of it.
    guessed = await log_in(world, ANNA, "wrong")
    assert error_of(guessed)["code"] == "invalid_grant"
    unlocked = await world.ask("PUT", f"/user/{ANNA.id}", ROOT, json={"locked": no})
    assert unlocked.json()["locked"] is False
    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == 200
    assert (await log_in(world, ANNA)).status_code == 200


async def test_a_locked_user_who_logs_in_with_the_right_password_is_no_guesser(world: World) -> None:
    await change(world, ANNA, locked=True)

    answers = [await log_in(world, ANNA) for _ in range(8)]

    assert {error_of(answer)["code"] for answer in answers} == {"account_locked"}
    await change(world, ANNA, locked=False)
    assert (await log_in(world, ANNA)).status_code == 200


async def test_the_last_superuser_stays_one(world: World) -> None:
    path, said = f"/user/{ROOT.id}", {"msg": "Last superuser"}
    answers = [
        await world.ask("PUT", path, ROOT, json={"role": "engineer"}),
        await world.ask("PUT", path, ROOT, json={"locked": True}),
        await world.ask("DELETE", path, ROOT),
    ]

    assert [(one.status_code, error_of(one)["msg"]) for one in answers] == [(409, said["msg"])] * 3
    await change(world, ANNA, role=Role.SUPERUSER)
    assert (await world.ask("PUT", path, ROOT, json={"role": "engineer"})).status_code == 200


# --- They go --------------------------------------------------------------------------------------------------------------


async def test_who_has_live_tokens_is_not_deleted_and_the_tokens_are_named(world: World) -> None:
    more, _ = await world.give(ANNA, "more")

    refused = await world.ask("DELETE", f"/user/{ANNA.id}", ROOT)

    assert (refused.status_code, error_of(refused)["msg"]) == (409, "User has live tokens")
    ids = sorted([main_id(ANNA), more.id])
    assert error_of(refused)["detail"] == f"2 live tokens stand in the way, revoke first: {', '.join(ids)}"
    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == 200


async def test_who_has_none_left_is_deleted_and_known_no_more(world: World) -> None:
    await world.ask("DELETE", f"/tokens/{main_id(ANNA)}", ROOT)

    deleted = await world.ask("DELETE", f"/user/{ANNA.id}", ROOT)

    assert (deleted.status_code, deleted.json()) == (200, {"status": "ok"})
    assert (await world.ask("GET", f"/user/{ANNA.id}", ROOT)).status_code == 404
    assert (await world.ask("DELETE", f"/user/{ANNA.id}", ROOT)).status_code == 404
    answer = await world.ask("GET", "/tokens/self", ANNA)
    assert (answer.status_code, error_of(answer)) == (401, CREDENTIALS)
    assert error_of(await log_in(world, ANNA))["code"] == "invalid_grant"
    for user_id in (STRANGER.id, "nothing"):
        assert (await world.ask("DELETE", f"/user/{user_id}", ROOT)).status_code == 404


# --- Passwords ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends, status", [(None, 200), (False, 200), ("false", 200), (True, 401), ("1", 401)])
async def test_a_changed_password_ends_the_other_tokens_only_when_asked_to(
    world: World, ends: object, status: int
) -> None:
    _, other = await world.give(ANNA, "other")
    form = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "end_other_tokens": ends}

    response = await world.ask("POST", "/current_user/password", ANNA, json=form)

    assert (response.status_code, response.json()["id"]) == (200, ANNA.id)
    assert (await world.ask("GET", "/tokens/self", other)).status_code == status
    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == 200
    assert (await world.ask("GET", "/tokens/self", BERT)).status_code == 200
    assert (await log_in(world, ANNA, NEW_PASSWORD)).status_code == 200
    assert error_of(await log_in(world, ANNA))["code"] == "invalid_grant"


async def test_a_password_is_changed_by_the_old_one_and_the_code_of_those_who_have_one(world: World) -> None:
    form = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}

    missing = await world.ask("POST", "/current_user/password", BERT, data=form)
    done = await world.ask("POST", "/current_user/password", BERT, data=form, headers=world.otp())

    assert (missing.status_code, error_of(missing)["code"]) == (400, "2fa.verify")
    assert done.status_code == 200


@pytest.mark.parametrize(
    "form, code",
    [
        ({"old_password": "wrong", "new_password": NEW_PASSWORD}, "invalid_grant"),
        ({"new_password": NEW_PASSWORD}, "invalid_request"),
        ({"old_password": PASSWORD}, "invalid_request"),
        ({"old_password": PASSWORD, "new_password": "short"}, None),
        ({"old_password": PASSWORD, "new_password": ANNA.login}, None),
        ({"old_password": PASSWORD, "new_password": NEW_PASSWORD, "end_other_tokens": "x"}, "invalid_request"),
    ],
)
async def test_what_does_not_prove_or_cannot_be_used_changes_nothing(
    world: World, form: dict[str, str], code: str | None
) -> None:
    response = await world.ask("POST", "/current_user/password", ANNA, json=form)

    assert (response.status_code, error_of(response).get("code")) == (400, code)
    assert (await log_in(world, ANNA)).status_code == 200


@pytest.mark.parametrize("scope, services", [("global:read", ()), ("purge_all", ()), ("global", (SHOP.id,))])
async def test_a_narrow_token_changes_no_password(world: World, scope: str, services: tuple[str, ...]) -> None:
    _, narrow = await world.give(ANNA, "narrow", scope, services=services)
    form = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}

    assert (await world.ask("POST", "/current_user/password", narrow, json=form)).status_code == 403
    assert (await log_in(world, ANNA)).status_code == 200


async def test_a_password_that_was_kept_under_older_parameters_is_changed_at_the_first_try(world: World) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    await world.store.people.set_password(BERT.id, password_hash=older, replacing=None, by=at(NOW))
    form = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}

    response = await world.ask("POST", "/current_user/password", BERT, data=form, headers=world.otp())

    assert response.status_code == 200
    assert (await log_in(world, BERT, NEW_PASSWORD)).status_code == 400  # the code of this half minute is used
    world.clock.move(30_000)
    assert (await log_in(world, BERT, NEW_PASSWORD)).status_code == 200


# Fastly's generated clients send no token here, whatever they have.


@pytest.mark.parametrize("ends, status", [("false", 200), ("true", 401)])
async def test_a_password_is_changed_without_a_token_by_login_and_old_password(
    world: World, ends: str, status: int
) -> None:
    form = {"old_password": PASSWORD, "new_password": NEW_PASSWORD, "end_other_tokens": ends}

    response = await world.ask("POST", "/current_user/password", data=form, headers=basic(ANNA.login, PASSWORD))

    assert (response.status_code, response.json()["id"]) == (200, ANNA.id)
    assert response.headers["fastly-ratelimit-remaining"] == "999"
    assert (await world.ask("GET", "/tokens/self", ANNA)).status_code == status
    assert (await world.ask("GET", "/tokens/self", BERT)).status_code == 200
    assert (await log_in(world, ANNA, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "login, by_basic, old, status",
    [
        (ANNA.login, "wrong", "wrong", 400),
        (ANNA.login, PASSWORD, "wrong", 400),
        (ANNA.login, "wrong", PASSWORD, 400),
        ("nobody@example.com", PASSWORD, PASSWORD, 400),
        ("", "", PASSWORD, 401),
    ],
)
async def test_without_a_token_login_and_both_passwords_must_be_right(
    world: World, login: str, by_basic: str, old: str, status: int
) -> None:
    form = {"old_password": old, "new_password": NEW_PASSWORD}

    response = await world.ask("POST", "/current_user/password", data=form, headers=basic(login, by_basic))

    assert (response.status_code, error_of(response).get("code")) == (
        status,
        "invalid_grant" if status == 400 else None,
    )
    assert "fastly-ratelimit-remaining" not in response.headers
    assert (await log_in(world, ANNA)).status_code == 200


async def test_guesses_at_the_old_password_are_slowed_as_at_login(world: World) -> None:
    form = {"old_password": "wrong", "new_password": NEW_PASSWORD}
    statuses = [
        (await world.ask("POST", "/current_user/password", data=form, headers=basic(ANNA.login, "wrong"))).status_code
        for _ in range(6)
    ]

    assert statuses == [400] * 5 + [429]
    assert (await log_in(world, ANNA)).status_code == 429
