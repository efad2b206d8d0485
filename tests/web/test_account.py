"""One's password, second factor and recovery codes."""

import base64
import re

import pytest

from tallystick.core.events import Sought
from tallystick.identity import totp
from tests.core.world import ACME, ANNA, BERT, MINUTE, ROOT
from tests.http.world import PASSWORD, main_id
from tests.web.world import Visit, browsing

NEW = "quite another horse 42"
CODE = re.compile(r"\b[2-9a-z]{5}-[2-9a-z]{5}\b")


@pytest.fixture
async def annas(visit: Visit) -> Visit:
    await visit.sign_in(ANNA)
    return visit


def codes(visit: Visit) -> list[str]:
    return CODE.findall(visit.page.text)


async def offered(visit: Visit) -> bytes:
    """The secret that the page shows."""
    await visit.open("/console/account/two-factor")
    found = re.search(r'<code class="wrap" id="secret" data-once>(\w+)</code>', visit.page.text)
    assert found is not None
    return base64.b32decode(found[1])


async def enrolled(visit: Visit) -> bytes:
    secret = await offered(visit)
    await visit.send("/console/account/two-factor", {"new_code": totp.code_at(secret, visit.world.clock.now())})
    return secret


async def test_a_new_password_takes_the_old_one_and_can_end_everything_else(annas: Visit) -> None:
    form = {"old_password": PASSWORD, "new_password": NEW, "repeated": NEW}
    await annas.open("/console/account")
    for wrong, said in (
        ({"old_password": "wrong"}, "That is not your password"),
        ({"repeated": "another"}, "the same both times"),
        ({"new_password": "password1", "repeated": "password1"}, "too easy to guess"),
    ):
        page = await annas.send("/console/account/password", {**form, **wrong})
        assert page.status_code == 400
        assert said in annas.text

    await annas.send("/console/account/password", {**form, "end_tokens": "1"})

    assert "Revoked “main”: dead everywhere" in annas.text
    assert not await annas.world.live(main_id(ANNA))
    async with browsing(annas.world) as other:
        assert (await other.sign_in(ANNA)).status_code == 400
        assert (await other.sign_in(ANNA, NEW)).url.path == "/console/tokens"


async def test_the_second_factor_begins_when_the_app_shows_a_code_that_fits(annas: Visit) -> None:
    await annas.open("/console/account/two-factor")
    assert annas.page.text.count("<svg") >= 2
    wrong = await annas.send("/console/account/two-factor", {"new_code": "000000"})
    assert wrong.status_code == 400

    secret = await enrolled(annas)

    assert len(set(codes(annas))) == 10
    annas.world.clock.move(MINUTE)
    async with browsing(annas.world) as other:
        await other.sign_in(ANNA)
        assert "One-time code" in other.text
        await other.send("/console/sign-in", {"code": totp.code_at(secret, annas.world.clock.now())})
        assert other.page.url.path == "/console/tokens"
    actions = [
        event.action
        for event in await annas.world.store.events.find(ACME.id, Sought(target_id=ANNA.id), after=None, size=9)
    ]
    assert {"user.recovery_codes", "user.two_factor"} <= set(actions)


async def test_a_recovery_code_works_once_however_it_is_typed_and_in_the_api_too(annas: Visit) -> None:
    await enrolled(annas)
    first, second, *_ = codes(annas)
    async with browsing(annas.world) as other:
        await other.sign_in(ANNA)
        await other.send("/console/sign-in", {"code": first.replace("-", " ").upper()})
        assert other.page.url.path == "/console/tokens"
        await other.sign_in(ANNA)
        assert (await other.send("/console/sign-in", {"code": first})).status_code == 400
    by_api = {"username": ANNA.login, "password": PASSWORD}
    assert (await annas.world.create(data=by_api, headers={"Fastly-OTP": second})).status_code == 200
    assert (await annas.world.create(data=by_api, headers={"Fastly-OTP": second})).status_code == 400
    await annas.open("/console/account")
    assert "8 recovery codes left" in annas.text


async def test_new_codes_make_the_old_ones_void_and_turning_off_ends_them(annas: Visit) -> None:
    await enrolled(annas)
    old = codes(annas)
    await annas.open("/console/account/two-factor")
    await annas.send("/console/account/two-factor/codes", {})
    new = codes(annas)
    assert len(set(old) | set(new)) == 20

    await annas.open("/console/account/two-factor")
    await annas.send("/console/account/two-factor/off", {})

    async with browsing(annas.world) as other:
        assert (await other.sign_in(ANNA)).url.path == "/console/tokens"
    assert await annas.world.store.people.recovery_codes_left(ANNA.id) == 0


async def test_loading_the_page_with_new_codes_again_makes_no_others(annas: Visit) -> None:
    await enrolled(annas)
    annas.world.clock.move(MINUTE)
    await annas.open("/console/account/two-factor")
    form = annas.hidden
    await annas.client.post("/console/account/two-factor/codes", data=form)
    annas.world.clock.move(1)
    kept = await annas.world.store.events.find(ACME.id, Sought(target_id=ANNA.id), after=None, size=9)

    again = await annas.client.post("/console/account/two-factor/codes", data=form)

    assert again.status_code == 409
    assert "its codes were shown once" in again.text
    assert await annas.world.store.events.find(ACME.id, Sought(target_id=ANNA.id), after=None, size=9) == kept


async def test_of_two_apps_that_are_set_up_at_once_one_is(annas: Visit) -> None:
    forms = []
    for _ in range(2):
        code = totp.code_at(await offered(annas), annas.world.clock.now())
        forms.append({**annas.hidden, "new_code": code})
    annas.world.clock.move(1)

    answers = [await annas.client.post("/console/account/two-factor", data=form) for form in forms]

    assert [each.status_code for each in answers] == [200, 409]
    assert "has changed since" in answers[1].text
    assert len(CODE.findall(answers[0].text)) == 10


@pytest.mark.parametrize(
    "path", ["/console/account/two-factor", "/console/account/two-factor/codes", "/console/account/two-factor/off"]
)
async def test_after_five_minutes_the_password_is_asked_for(annas: Visit, path: str) -> None:
    await annas.open("/console/account/two-factor")
    annas.world.clock.move(6 * MINUTE)

    page = await annas.send(path, {"new_code": "000000"})

    assert page.status_code == 403
    assert "Confirm with your password" in annas.text


async def test_an_offered_secret_is_its_users_and_for_half_an_hour(annas: Visit) -> None:
    secret = await offered(annas)
    offer = annas.hidden["offer"]
    async with browsing(annas.world) as berts:
        await berts.sign_in(BERT)
        await berts.send("/console/sign-in", {"code": annas.world.otp()["Fastly-OTP"]})
        await berts.open("/console/account")
        stolen = await berts.send("/console/account/two-factor", {"offer": offer, "new_code": "000000"})
    # Nor does it help who has none, with the code that fits.
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        await roots.open("/console/account")
        fits = totp.code_at(secret, annas.world.clock.now())
        await roots.send("/console/account/two-factor", {"offer": offer, "new_code": fits})
        assert roots.page.status_code == 400
        root = await annas.world.store.people.user(ROOT.id)
        assert root is not None
        assert not root.two_factor
    annas.world.clock.move(31 * MINUTE)
    late = await annas.send("/console/account/two-factor", {"new_code": "000000"})

    assert (stolen.status_code, late.status_code) == (400, 400)


async def test_the_page_with_a_secret_is_not_packed_beside_what_others_can_choose(annas: Visit) -> None:
    for path, packed in (("/console/account/two-factor", None), ("/console/account", "gzip")):
        page = await annas.client.get(path, headers={"accept-encoding": "gzip"})
        assert page.headers.get("content-encoding") == packed


async def test_an_offer_is_over_when_two_factors_were_turned_off(annas: Visit) -> None:
    code = totp.code_at(await offered(annas), annas.world.clock.now())
    form = {**annas.hidden, "new_code": code}
    annas.world.clock.move(1)
    assert (await annas.client.post("/console/account/two-factor", data=form)).status_code == 200
    annas.world.clock.move(1)
    await annas.open("/console/account/two-factor")
    await annas.send("/console/account/two-factor/off", {})
    assert "Two-factor authentication is off. Known everywhere" in annas.text

    assert (await annas.client.post("/console/account/two-factor", data=form)).status_code == 409
