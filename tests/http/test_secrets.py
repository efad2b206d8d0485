"""A secret exists in one response and nowhere else."""

import logging
from pathlib import Path

import pytest

from tallystick.core.secret import Secret
from tallystick.http.guards import any_token
from tallystick.http.routes import Ask, Route, json_answer, router
from tests.core.world import ANNA, BERT, ROOT
from tests.http.world import OTP_SECRET, PASSWORD, World, a_world, error_of, main_id, sqlite_in


async def test_a_secret_is_in_the_answer_that_made_it_and_in_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    form = {"username": ANNA.login, "password": PASSWORD, "name": "n"}
    made = (await world.create(data=form)).json()
    secret = made["access_token"]

    answers = [
        await world.ask("GET", "/tokens/self", secret),
        await world.ask("GET", f"/tokens/{made['id']}", secret),
        await world.ask("GET", "/tokens", secret),
        await world.ask("GET", f"/customer/{ROOT.customer_id}/tokens", ROOT),
        await world.ask("GET", "/verify", secret),
        await world.ask("GET", "/current_user", secret),
        await world.create(secret, data={"password": "wrong " + PASSWORD}),
        await world.ask("POST", "/sudo", secret, data={"password": "wrong " + PASSWORD}),
        await world.create(secret, json={"password": PASSWORD, "scope": "bad"}),
        await world.create(secret, json={"password": [PASSWORD]}),
        await world.ask("PUT", "/tokens", secret),
        await world.client.get(
            "/tokens/self", headers=[("Fastly-Key", secret), ("Fastly-Key", world.secrets[BERT.id])]
        ),
        await world.ask("DELETE", "/tokens/self", secret),
        await world.ask("GET", "/tokens/self", secret),
    ]

    assert [one.status_code for one in answers] == [*[200] * 6, 403, 403, 400, 400, 405, 400, 204, 401]
    for shown in [*(one.text + str(one.headers) for one in answers), caplog.text]:
        assert secret not in shown
        assert secret[4:20] not in shown
        assert PASSWORD not in shown


async def test_an_accident_says_nothing_to_the_caller_and_no_secret_to_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(ask: Ask) -> None:
        held = Secret(world.secrets[ANNA.id])
        raise RuntimeError(f"something with {held} and {ask.request.path_params}")

    table = [Route("GET", "/broken/{name}", any_token, broken)]  # type: ignore[arg-type]  # a handler that never answers
    world.client._transport.app = router(table, world.wiring)  # type: ignore[attr-defined]  # one route, as broken as can be

    response = await world.ask("GET", "/broken/x", ANNA)

    assert response.status_code == 500
    assert error_of(response) == {
        "msg": "Internal server error",
        "detail": "This is our fault, and it has been logged",
    }
    assert "something with Secret(…)" in caplog.text
    assert world.secrets[ANNA.id] not in caplog.text


async def test_an_accident_at_a_path_that_holds_a_secret_does_not_log_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_ask: Ask) -> None:
        raise RuntimeError("broken")

    table = [Route("GET", "/tokens/{token_id}", any_token, broken)]  # type: ignore[arg-type]  # a handler that never answers
    world.client._transport.app = router(table, world.wiring)  # type: ignore[attr-defined]  # one route, as broken as can be
    secret = world.secrets[ANNA.id]

    response = await world.ask("GET", f"/tokens/{secret}", ANNA)

    assert response.status_code == 500
    assert "/tokens/{token_id} failed" in caplog.text
    assert secret not in caplog.text


async def test_no_secret_and_no_password_is_in_any_file_of_the_database(tmp_path: Path) -> None:
    async with a_world(sqlite_in(tmp_path)) as world:
        made = (await world.create(data={"username": ANNA.login, "password": PASSWORD})).json()["access_token"]
        await world.ask("POST", "/sudo", made, data={"password": PASSWORD})
        await world.create(data={"username": PASSWORD, "password": ANNA.login})
        secrets = [made, *world.secrets.values()]
        during = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    after = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert main_id(ANNA).encode() in during
    for content in (during, after):
        assert not any(secret.encode() in content or secret[4:20].encode() in content for secret in secrets)
        assert PASSWORD.encode() not in content
        assert OTP_SECRET not in content


def test_openapi_and_json_know_no_secret_by_its_value() -> None:
    with pytest.raises(TypeError):
        json_answer({"access_token": Secret.mint()})
