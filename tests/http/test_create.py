"""POST /tokens: who gets which token.  Who does not: test_create_refused.py."""

import pytest

from tests.core.world import ANNA, BERT, BLOG, MINUTE, NOW, ROOT, SHOP
from tests.http.world import BY_PASSWORD, OTP_USER, PASSWORD, World, basic, error_of

SUDO_NEEDED = {"msg": "You must POST /sudo to access this endpoint"}
CREATED_KEYS = [
    *("id", "name", "user_id", "customer_id", "service_id", "expires_at", "created_at", "updated_at"),
    *("scope", "services", "access_token"),
]


async def test_with_a_password_alone_a_token_is_made_and_works_at_once(world: World) -> None:
    response = await world.create(data={**BY_PASSWORD, "name": "ci", "scope": "purge_select purge_all"})

    assert response.status_code == 200
    assert list(response.json()) == CREATED_KEYS
    made = response.json()
    assert (made["name"], made["user_id"], made["scope"]) == ("ci", ANNA.id, "purge_select purge_all")
    seen = await world.ask("GET", "/tokens/self", made["access_token"])
    assert (seen.status_code, seen.json()["id"]) == (200, made["id"])


async def test_a_token_in_sudo_makes_others_and_no_longer_when_sudo_is_over(world: World) -> None:
    _, raised = await world.give(ANNA, "raised", sudo_until=NOW + MINUTE)

    first = await world.create(raised)
    world.clock.move(MINUTE)
    second = await world.create(raised)

    assert (first.status_code, first.json()["user_id"]) == (200, ANNA.id)
    assert (second.status_code, error_of(second)) == (403, SUDO_NEEDED)


@pytest.mark.parametrize(
    "form",
    [{"password": PASSWORD}, BY_PASSWORD, {"username": " ANNA@example.com ", "password": PASSWORD}],
    ids=["password", "and login", "and login, spelled otherwise"],
)
async def test_a_token_that_comes_with_its_users_password_needs_no_sudo(world: World, form: dict[str, str]) -> None:
    response = await world.create(ANNA, data=form)

    assert (response.status_code, response.json()["user_id"]) == (200, ANNA.id)


async def test_basic_credentials_are_a_login_and_its_password(world: World) -> None:
    alone = await world.create(headers=basic(ANNA.login, PASSWORD))
    beside_a_token = await world.create(ANNA, headers=basic(ANNA.login, PASSWORD))

    assert (alone.status_code, beside_a_token.status_code) == (200, 200)


async def test_a_colon_in_a_basic_password_belongs_to_it(world: World) -> None:
    response = await world.create(headers=basic(ANNA.login, f"{PASSWORD}:x"))

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_grant")


async def test_what_stands_in_the_body_wins_over_basic(world: World) -> None:
    response = await world.create(headers=basic(ANNA.login, "wrong"), data=BY_PASSWORD)

    assert response.status_code == 200


@pytest.mark.parametrize("drift", [-1, 0, 1])
async def test_a_second_factor_is_asked_of_who_has_one(world: World, drift: int) -> None:
    form = {"username": OTP_USER.login, "password": PASSWORD}

    response = await world.create(data=form, headers=world.otp(drift))

    assert (response.status_code, response.json()["user_id"]) == (200, OTP_USER.id)


async def test_in_sudo_a_second_factor_is_not_asked_again(world: World) -> None:
    _, raised = await world.give(BERT, "raised", sudo_until=NOW + MINUTE)

    response = await world.create(raised, data={"username": BERT.login, "password": PASSWORD})

    assert response.status_code == 200


async def test_without_a_name_it_is_called_after_its_id(world: World) -> None:
    made = (await world.create(data=BY_PASSWORD)).json()

    assert made["name"] == f"token {made['id'][:6]}"


@pytest.mark.parametrize("name", ["x" * 255, "Ünïcödé ✓", "a  b", "<script>"])
async def test_a_name_is_kept_as_it_is(world: World, name: str) -> None:
    made = (await world.create(data={**BY_PASSWORD, "name": name})).json()

    assert (await world.ask("GET", f"/tokens/{made['id']}", ANNA)).json()["name"] == name


async def test_services_keep_their_order_and_the_last_one_is_mirrored(world: World) -> None:
    made = (await world.create(json={**BY_PASSWORD, "services": [BLOG.id, SHOP.id, BLOG.id]})).json()

    assert (made["services"], made["service_id"]) == ([BLOG.id, SHOP.id], SHOP.id)


async def test_the_scope_is_global_unless_said_otherwise_and_null_says_nothing(world: World) -> None:
    left_out = await world.create(json=BY_PASSWORD)
    null = await world.create(json={**BY_PASSWORD, "scope": None, "name": None, "services": None, "expires_at": None})

    assert (left_out.json()["scope"], null.json()["scope"]) == ("global", "global")
    assert (null.json()["services"], null.json()["service_id"], null.json()["expires_at"]) == ([], None, None)


@pytest.mark.parametrize(
    "written, read",
    [
        ("2031-09-15T23:00:00+02:00", "2031-09-15T21:00:00Z"),
        ("2031-01-01 00:00:00 UTC", "2031-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", None),
    ],
    ids=["offset", "Ruby", "Go's zero is never"],
)
async def test_an_expiry_is_read_as_clients_write_it(world: World, written: str, read: str | None) -> None:
    made = (await world.create(data={**BY_PASSWORD, "expires_at": written})).json()

    assert made["expires_at"] == read
    assert (await world.ask("GET", "/tokens/self", made["access_token"])).json()["expires_at"] == read


async def test_unknown_fields_are_ignored_also_when_they_are_repeated(world: World) -> None:
    content = f"username={ANNA.login}&password={PASSWORD}&customer=1&tls_access=false&workspaces[]=a&workspaces[]=b"

    response = await world.create(content=content, headers={"content-type": "application/x-www-form-urlencoded"})

    assert response.status_code == 200


async def test_what_a_superuser_creates_belongs_to_them_alone(world: World) -> None:
    made = (await world.create(ROOT, data={"password": PASSWORD, "user_id": ANNA.id, "customer_id": "c"})).json()

    assert (made["user_id"], made["customer_id"]) == (ROOT.id, ROOT.customer_id)
