"""POST /sudo: five minutes, on the token that asks, for who proves the password again."""

from datetime import datetime

import pytest

from tests.core.world import ANNA, BERT, MINUTE, ROOT, SECOND
from tests.http.world import OTP_USER, PASSWORD, World, error_of, main_id

WRONG = {
    "msg": "Invalid username or password",
    "detail": "The username or the password is wrong",
    "code": "forbidden",
}


async def sudo_expires_at(world: World) -> str | None:
    answer: dict[str, str | None] = (await world.ask("GET", "/tokens/self", ANNA)).json()
    return answer["sudo_expires_at"]


@pytest.mark.parametrize("form", [{"password": PASSWORD}, {"username": ANNA.login, "password": PASSWORD}])
@pytest.mark.parametrize("kind", ["data", "json"])
async def test_the_password_raises_the_token_for_five_minutes(world: World, form: dict[str, str], kind: str) -> None:
    response = await world.ask("POST", "/sudo", ANNA, **{kind: form})

    assert response.status_code == 200
    # 04:05:06.789 and five minutes, rounded up to a whole second.
    assert response.json() == {"expiry_time": "2026-02-03T04:10:07+00:00"}
    assert await sudo_expires_at(world) == "2026-02-03T04:10:07Z"


async def test_what_the_answer_says_is_what_holds(world: World) -> None:
    until = datetime.fromisoformat(
        (await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})).json()["expiry_time"]
    )

    world.clock.move(int(until.timestamp() * SECOND) - world.clock.now() - 1)
    last = await world.create(ANNA)
    world.clock.move(1)
    over = await world.create(ANNA)

    assert (last.status_code, over.status_code) == (200, 403)
    assert await sudo_expires_at(world) == "2026-02-03T04:10:07Z", "it stays after it has passed"


async def test_only_the_token_that_asks_is_raised(world: World) -> None:
    _, other = await world.give(ANNA, "other")

    await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})

    assert (await world.create(other)).status_code == 403
    assert (await world.create(ANNA)).status_code == 200


async def test_the_other_fields_of_a_create_ride_along_and_are_ignored(world: World) -> None:
    content = f"expires_at=2031-01-01T00%3A00%3A00Z&name=n&password={PASSWORD.replace(' ', '+')}&scope=global&services%5B%5D=a&services%5B%5D=b&username=anna%40example.com"

    response = await world.ask(
        "POST", "/sudo", ANNA, content=content, headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert response.status_code == 200


async def test_a_repeated_sudo_renews_it(world: World) -> None:
    await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})
    world.clock.move(MINUTE)

    response = await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})

    assert response.json() == {"expiry_time": "2026-02-03T04:11:07+00:00"}


@pytest.mark.parametrize(
    "wished, until",
    [
        ("2026-02-03T04:06:00Z", "2026-02-03T04:06:00+00:00"),
        ("2031-01-01T00:00:00Z", "2026-02-03T04:10:07+00:00"),
        ("0001-01-01T00:00:00Z", "2026-02-03T04:10:07+00:00"),
    ],
    ids=["sooner", "later", "Go's zero"],
)
async def test_less_may_be_wished_for_never_more(world: World, wished: str, until: str) -> None:
    response = await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD, "expiry_time": wished})

    assert response.json() == {"expiry_time": until}


@pytest.mark.parametrize("wished, said", [("soon", "expiry_time cannot be read"), ("1999-01-01T00:00:00Z", "future")])
async def test_a_wish_that_cannot_work_is_422(world: World, wished: str, said: str) -> None:
    response = await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD, "expiry_time": wished})

    assert response.status_code == 422
    error = error_of(response)
    assert said in error["msg"] + error["detail"]
    assert await sudo_expires_at(world) is None


@pytest.mark.parametrize(
    "form",
    [
        {"password": "wrong password"},
        {"username": ROOT.login, "password": PASSWORD},
        {"username": "nobody", "password": PASSWORD},
    ],
    ids=["wrong", "somebody else's", "nobody's"],
)
async def test_a_wrong_password_is_403_forbidden_and_raises_nothing(world: World, form: dict[str, str]) -> None:
    response = await world.ask("POST", "/sudo", ANNA, data=form)

    assert (response.status_code, error_of(response)) == (403, WRONG)
    assert await sudo_expires_at(world) is None


@pytest.mark.parametrize("form", [{}, {"username": ANNA.login}, {"password": ""}])
async def test_no_password_is_400_never_a_silent_nothing(world: World, form: dict[str, str]) -> None:
    response = await world.ask("POST", "/sudo", ANNA, data=form)

    assert response.status_code == 400
    assert error_of(response) == {
        "msg": "Invalid request",
        "detail": "password is missing",
        "code": "invalid_request",
    }


async def test_who_has_a_second_factor_needs_it_here_too(world: World) -> None:
    refused = [
        await world.ask("POST", "/sudo", OTP_USER, data={"password": PASSWORD}, headers=headers)
        for headers in ({}, {"Fastly-OTP": "000000"}, world.otp(2))
    ]
    raised = await world.ask("POST", "/sudo", OTP_USER, data={"password": PASSWORD}, headers=world.otp())
    again = await world.ask("POST", "/sudo", OTP_USER, data={"password": PASSWORD}, headers=world.otp())

    bad_code = {"msg": "2fa.verify", "detail": "Invalid one-time password", "code": "2fa.verify"}
    assert [(one.status_code, error_of(one)) for one in [*refused, again]] == [(400, bad_code)] * 4
    assert raised.status_code == 200


async def test_a_wrong_password_is_403_also_for_who_has_a_second_factor(world: World) -> None:
    response = await world.ask("POST", "/sudo", BERT, data={"password": "wrong password"}, headers=world.otp())

    assert (response.status_code, error_of(response)) == (403, WRONG)


@pytest.mark.parametrize("scope", ["global:read", "purge_all", "purge_select"])
async def test_a_token_without_global_cannot_be_raised(world: World, scope: str) -> None:
    _, narrow = await world.give(ANNA, "narrow", scope)

    response = await world.ask("POST", "/sudo", narrow, data={"password": PASSWORD})

    assert response.status_code == 403
    assert "not allowed to access this endpoint" in error_of(response)["msg"]


async def test_without_a_token_it_is_401_even_with_the_password(world: World) -> None:
    response = await world.ask("POST", "/sudo", data={"username": ANNA.login, "password": PASSWORD})

    assert response.status_code == 401


async def test_a_guesser_waits_and_is_locked_here_too(world: World) -> None:
    statuses = [(await world.ask("POST", "/sudo", ANNA, data={"password": "wrong"})).status_code for _ in range(6)]
    for _ in range(95):
        world.clock.move(16 * MINUTE)
        await world.ask("POST", "/sudo", ANNA, data={"password": "wrong"})
    locked = await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})

    assert statuses == [403] * 5 + [429]
    assert (locked.status_code, error_of(locked)["code"]) == (403, "account_locked")


async def test_a_token_is_raised_after_a_restart_too(world: World) -> None:
    await world.ask("POST", "/sudo", ANNA, data={"password": PASSWORD})

    # The store has it, not the process.
    kept = await world.store.tokens.get(main_id(ANNA))

    assert kept is not None
    assert kept.is_in_sudo(world.clock.now())
