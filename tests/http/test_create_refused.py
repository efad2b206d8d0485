"""POST /tokens: what everybody is told who does not get a token."""

from base64 import b64encode
from typing import Any

import pytest

from tests.core.world import ANNA, BLOG, FOREIGN, MINUTE, NOW, SECOND, SHOP, STRANGER
from tests.http.world import BY_PASSWORD, OTP_USER, PASSWORD, World, error_of

SUDO_NEEDED = {"msg": "You must POST /sudo to access this endpoint"}
NO_CREDENTIALS = {"msg": "Provided credentials are missing or invalid"}
BAD_CODE = {"msg": "2fa.verify", "detail": "Invalid one-time password", "code": "2fa.verify"}


# --- 401 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic Og=="}, {"Fastly-Key": ""}], ids=["", "Og==", "key"])
async def test_nothing_to_go_by_is_401(world: World, headers: dict[str, str]) -> None:
    response = await world.create(headers=headers, data={"name": "n"})

    assert (response.status_code, error_of(response)) == (401, NO_CREDENTIALS)


@pytest.mark.parametrize("key", ["nonsense", "tly_" + "0" * 38])
async def test_a_bad_token_is_401_even_beside_a_good_password(world: World, key: str) -> None:
    response = await world.create(key, data=BY_PASSWORD)

    assert (response.status_code, error_of(response)) == (401, NO_CREDENTIALS)


# --- 403 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"password": "wrong password"},
        {"username": STRANGER.login, "password": PASSWORD},
        {"username": ANNA.login},
        {"password": ""},
    ],
    ids=["neither", "wrong password", "somebody else's", "login alone", "empty"],
)
async def test_a_token_without_sudo_and_without_its_users_password_is_told_to_post_sudo(
    world: World, form: dict[str, str]
) -> None:
    response = await world.create(ANNA, data=form)

    assert (response.status_code, error_of(response)) == (403, SUDO_NEEDED)
    assert await world.count(ANNA) == 1


@pytest.mark.parametrize(
    "scope, msg",
    [
        ("global:read", "Read only tokens are not allowed to access this endpoint"),
        ("purge_all global:read", "Read only tokens are not allowed to access this endpoint"),
        ("purge_all", "Tokens with scope purge_all are not allowed to access this endpoint; it takes global"),
        ("purge_select", "Tokens with scope purge_select are not allowed to access this endpoint; it takes global"),
    ],
)
async def test_a_token_without_global_makes_none_even_with_the_password(world: World, scope: str, msg: str) -> None:
    _, narrow = await world.give(ANNA, "narrow", scope)

    response = await world.create(narrow, data=BY_PASSWORD)

    assert (response.status_code, error_of(response)) == (403, {"msg": msg})


@pytest.mark.parametrize(
    "services", [[], [BLOG.id], [SHOP.id, BLOG.id], [FOREIGN.id]], ids=["none", "other", "more", "foreign"]
)
@pytest.mark.parametrize("proof", [{}, {"password": PASSWORD}], ids=["in sudo", "with password"])
async def test_a_limited_token_never_makes_a_wider_one(
    world: World, services: list[str], proof: dict[str, str]
) -> None:
    until = None if proof else NOW + MINUTE
    _, limited = await world.give(ANNA, "limited", services=(SHOP.id,), sudo_until=until)

    response = await world.create(limited, json={**proof, "services": services})

    assert response.status_code == 403
    assert "limited to services" in error_of(response)["msg"]
    assert await world.count(ANNA) == 2


async def test_a_limited_token_makes_one_with_the_same_services(world: World) -> None:
    _, limited = await world.give(ANNA, "limited", services=(SHOP.id,), sudo_until=NOW + MINUTE)

    response = await world.create(limited, json={"services": [SHOP.id]})

    assert (response.status_code, response.json()["services"]) == (200, [SHOP.id])


# --- 400 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [{"username": ANNA.login, "password": "wrong password"}, {"username": "nobody@example.com", "password": PASSWORD}],
    ids=["wrong password", "unknown login"],
)
async def test_a_wrong_password_and_an_unknown_login_are_the_same_400(world: World, form: dict[str, str]) -> None:
    response = await world.create(data=form)

    assert response.status_code == 400
    assert error_of(response) == {
        "msg": "Invalid username or password",
        "detail": "The username or the password is wrong",
        "code": "invalid_grant",
    }


@pytest.mark.parametrize(
    "form, missing", [({"username": ANNA.login}, "password"), ({"password": PASSWORD}, "username")]
)
@pytest.mark.parametrize("empty", [True, False])
async def test_half_of_a_password_grant_says_which_half_is_missing(
    world: World, form: dict[str, str], missing: str, empty: bool
) -> None:
    response = await world.create(data={**form, **({missing: ""} if empty else {})})

    assert response.status_code == 400
    assert error_of(response) == {
        "msg": "username and password are needed",
        "detail": f"{missing} is missing",
        "code": "invalid_request",
    }


@pytest.mark.parametrize("content", [b"!", b64encode(b"\xff:x"), b"AGE6Yg==", b"\xff\xff"])
async def test_basic_credentials_that_cannot_be_read_are_400(world: World, content: bytes) -> None:
    response = await world.create(headers={b"Authorization": b"Basic " + content})

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "more, code, said",
    [
        ({"scope": "root"}, "invalid_scope", "unknown scope 'root'"),
        ({"scope": ""}, "invalid_scope", "scope is empty"),
        ({"services": ["nothing"]}, "invalid_request", "no such service: nothing"),
        ({"services": [SHOP.id, FOREIGN.id]}, "invalid_request", f"no such service: {FOREIGN.id}"),
        ({"services": ""}, "invalid_request", "no such service"),
        ({"services": ["s" + str(n) for n in range(1001)]}, "invalid_request", "at most 1000 services"),
        ({"name": "x" * 256}, "invalid_request", "name is longer than 255 characters"),
        ({"name": 7}, "invalid_request", "the body does not fit"),
        ({"name": "a\0b"}, "invalid_request", "NUL"),
        ({"services": ["a\0b"]}, "invalid_request", "NUL"),
    ],
    ids=["scope", "no scope", "service", "foreign", "empty service", "1001", "name", "type", "NUL", "NUL in a list"],
)
async def test_a_wish_that_cannot_be_met_is_400_with_code_and_detail(
    world: World, more: dict[str, Any], code: str, said: str
) -> None:
    response = await world.create(json={**BY_PASSWORD, **more})

    assert response.status_code == 400
    error = error_of(response)
    assert (error["code"], said in error["detail"]) == (code, True)
    assert error["msg"] in {"Invalid request", "Invalid scope"}
    assert await world.count(ANNA) == 1


async def test_a_spelling_of_services_that_we_do_not_read_never_makes_an_unlimited_token(world: World) -> None:
    form = await world.create(data={**BY_PASSWORD, "services[first]": SHOP.id})
    json = await world.create(json={**BY_PASSWORD, "services[]": [SHOP.id]})

    assert [form.status_code, json.status_code] == [400, 400]
    assert error_of(form)["detail"] == "services[first] is not understood: write services[]"
    assert error_of(json)["detail"] == "services[] is not understood: write services"
    assert await world.count(ANNA) == 1


@pytest.mark.parametrize(
    "name, right",
    [
        ("service", "services"),
        ("service_id", "services"),
        ("service[]", "services"),
        ("Services", "services"),
        (" services", "services"),
        ("[services]", "services"),
        ("\ufeffservices", "services"),
        ("serviceIds", "services"),
        ("scopes", "scope"),
        ("scope[]", "scope"),
        ("SCOPE", "scope"),
        ("_scope", "scope"),
        ("expires", "expires_at"),
        ("expires_in", "expires_at"),
        ("expiresAt", "expires_at"),
        ("expiry_time", "expires_at"),
    ],
)
async def test_a_limit_under_a_name_that_is_not_read_is_refused_naming_the_right_one(
    world: World, name: str, right: str
) -> None:
    form = await world.create(data={**BY_PASSWORD, name: "x"})
    json = await world.create(json={**BY_PASSWORD, name: "x"})

    in_form = "services[]" if right == "services" else right
    assert [form.status_code, json.status_code] == [400, 400]
    assert error_of(form)["detail"] == f"{name} is not understood: write {in_form}"
    assert error_of(json)["detail"] == f"{name} is not understood: write {right}"
    assert await world.count(ANNA) == 1


@pytest.mark.parametrize(
    "name", ["customer", "role", "tls_access", "limit", "my_scope", "nameservice", "ex", "ſcope", ""]
)
async def test_other_names_are_passed_over(world: World, name: str) -> None:
    form = await world.create(data={**BY_PASSWORD, name: "x"})
    json = await world.create(json={**BY_PASSWORD, name: "x"})

    assert [form.status_code, json.status_code] == [200, 200]


async def test_a_foreign_service_looks_like_one_that_does_not_exist(world: World) -> None:
    said = []
    for service in (FOREIGN.id, "nothing"):
        response = await world.create(json={**BY_PASSWORD, "services": [service]})
        said.append(response.text.replace(service, "…"))

    assert said[0] == said[1]


async def test_the_hundred_and_first_live_token_is_400_and_revoking_one_makes_room(world: World) -> None:
    for number in range(98):
        await world.give(ANNA, f"n{number}")
    spare, _ = await world.give(ANNA, "spare")
    await world.give(ANNA, "expired", expires_at=NOW)

    refused = await world.create(data=BY_PASSWORD)
    await world.ask("DELETE", f"/tokens/{spare.id}", ANNA)
    made = await world.create(data=BY_PASSWORD)

    assert (refused.status_code, error_of(refused)["code"]) == (400, "invalid_request")
    assert "100 live tokens" in error_of(refused)["detail"]
    assert made.status_code == 200


@pytest.mark.parametrize("with_token", [True, False])
@pytest.mark.parametrize("how", ["missing", "empty", "wrong", "stale", "reused"])
async def test_a_second_factor_that_does_not_hold_is_2fa_verify(world: World, how: str, with_token: bool) -> None:
    form = {"username": OTP_USER.login, "password": PASSWORD}
    if how == "reused":
        assert (await world.create(data=form, headers=world.otp())).status_code == 200
    sent = {
        "missing": {},
        "empty": {"Fastly-OTP": ""},
        "wrong": {"Fastly-OTP": "000000"},
        "stale": world.otp(-2),
        "reused": world.otp(),
    }

    response = await world.create(OTP_USER if with_token else None, data=form, headers=sent[how])

    assert (response.status_code, error_of(response)) == (400, BAD_CODE)


async def test_a_locked_login_is_400_account_locked_known_or_not(world: World) -> None:
    said = []
    for login in (ANNA.login, "nobody@example.com"):
        for _ in range(100):
            await world.create(data={"username": login, "password": "wrong password"})
            world.clock.move(16 * MINUTE)
        response = await world.create(data={"username": login, "password": PASSWORD})
        said.append((response.status_code, error_of(response)["code"], response.text))

    assert said[0] == said[1]
    assert said[0][:2] == (400, "account_locked")


# --- 422 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written, said",
    [
        ("tomorrow", "expires_at cannot be read"),
        ("", "expires_at cannot be read"),
        ("2031-02-30T00:00:00Z", "expires_at cannot be read"),
        ("2031-01-01", "expires_at cannot be read"),
        ("2031-01-01T00:00:00", "expires_at cannot be read"),
        ("2031-01-01T00:00:00+99:00", "expires_at cannot be read"),
        ("1999-12-31T23:59:59Z", "expires_at must be in the future"),
        ("2026-02-03T04:05:06Z", "expires_at must be in the future"),
    ],
)
async def test_an_expiry_that_cannot_work_is_422_saying_which(world: World, written: str, said: str) -> None:
    response = await world.create(data={**BY_PASSWORD, "expires_at": written})

    assert response.status_code == 422
    error = error_of(response)
    assert said in error["msg"] + error["detail"]
    assert await world.count(ANNA) == 1


# --- 429 ------------------------------------------------------------------------------------------------------------------


async def test_a_guesser_is_told_when_to_try_again(world: World) -> None:
    wrong = {"username": ANNA.login, "password": "wrong password"}
    judged = [(await world.create(data=wrong)).status_code for _ in range(5)]

    throttled = await world.create(data=BY_PASSWORD)

    assert judged == [400] * 5
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "1")
    assert "try again in 1 second" in error_of(throttled)["msg"]
    world.clock.move(SECOND)
    assert (await world.create(data=BY_PASSWORD)).status_code == 200
