"""Limits and own scopes in the forms of the console: the API's own, with nothing that is allowed here and not there."""

import re
from typing import Any

import pytest

from tallystick.cli.chores import write_shadows
from tallystick.core.people import Role
from tallystick.core.scopes import Catalogue, Defined
from tests.core.world import ACME, ANNA, BERT, MINUTE, NOW, ROOT, SHOP, at
from tests.http.world import PASSWORD, main_id
from tests.web.world import Visit, browsing

WISH = {"name": "shop", "scope": "purge_select", "reach": "all", "ends": "7"}
SECRET = re.compile(r"tly_\w{38}")
OFFICE = ("10.0.0.0/8", "2001:db8::/32")


@pytest.fixture
async def annas(visit: Visit) -> Visit:
    await visit.world.store.catalogues.put(
        Catalogue(
            customer_id=ACME.id,
            scopes=(
                Defined(name="orders:read", description="See orders.", roles=(Role.USER,)),
                Defined(name="orders:sell", includes=("orders:read",)),
            ),
        ),
        replacing=0,
        dropped=None,
        by=at(NOW),
    )
    await visit.sign_in(ANNA)
    return visit


async def created(visit: Visit, **fields: Any) -> dict[str, Any]:
    """What the API says of a token that the form has made."""
    await visit.open("/console/tokens/new")
    await visit.send("/console/tokens/new", {**WISH, **fields})
    found = SECRET.search(visit.page.text)
    assert found is not None, visit.text
    listed = (await visit.world.ask("GET", "/tokens", ANNA)).json()
    (token,) = [each for each in listed if each["name"] == WISH["name"]]
    return dict(token)


async def test_a_form_limits_a_token_as_the_api_does(annas: Visit) -> None:
    token = await created(
        annas,
        networks="10.0.0.0/8\r\n\r\n  2001:db8::/32 \r\n10.0.0.0/8",
        rules="get,POST /orders/*",
        not_before="2026-02-04T08:00",
        per_minute="60",
        uses="5",
        shadow=["rules", "per_day"],
    )

    assert token["limits"] == {
        "networks": list(OFFICE),
        "rules": ["GET,POST /orders/*"],
        "not_before": "2026-02-04T08:00:00Z",
        "per_minute": 60,
        "uses": 5,
        "shadow": ["rules"],
    }
    await annas.open(f"/console/tokens/{token['id']}")
    assert "Networks10.0.0.0/82001:db8::/32" in re.sub(r"\s", "", annas.text)
    assert "GET,POST /orders/* only reports" in annas.text
    assert "Requests so far0" in annas.text
    assert "limited further" in (await annas.open("/console/tokens")).text


async def test_a_form_without_limits_makes_a_token_without(annas: Visit) -> None:
    token = await created(annas, networks=" \r\n", per_day="", shadow="networks")

    assert "limits" not in token


@pytest.mark.parametrize(
    "fields, status, said",
    [
        ({"networks": "10.0.0.0/8\r\nthe office"}, 400, "'the office' is no network"),
        ({"rules": "/orders"}, 400, "is no access rule"),
        ({"not_before": "soon"}, 422, "The beginning cannot be read"),
        ({"not_before": "2027-01-01T00:00"}, 422, "The beginning must be before the end"),
        ({"per_second": "many"}, 400, "Requests a second: write a whole number"),
        ({"per_second": "-1"}, 400, "Requests a second: write a whole number"),
        ({"uses": "0"}, 400, "The number of requests, ever, must be from 1"),
        ({"uses": "9" * 500}, 400, "Requests, ever: write a whole number"),
        ({"scope": "orders:eat"}, 400, "unknown scope 'orders:eat'"),
        ({"scope": "orders:sell"}, 403, "Only a user with role superuser may create tokens with scope orders:sell"),
    ],
)
async def test_what_is_no_limit_is_said_and_nothing_has_to_be_filled_in_again(
    annas: Visit, fields: dict[str, Any], status: int, said: str
) -> None:
    await annas.open("/console/tokens/new")

    page = await annas.send("/console/tokens/new", {**WISH, "per_day": "7", **fields})

    assert page.status_code == status
    assert said in annas.text
    assert 'name="per_day" value="7"' in page.text
    assert "<details open>" in page.text
    assert "the office" in page.text or "networks" not in fields
    assert await annas.world.count(ANNA) == 2


async def test_own_scopes_are_offered_to_whom_they_are_for(annas: Visit) -> None:
    offered = (await annas.open("/console/tokens/new")).text
    assert "orders:read" in offered
    assert "See orders." in offered
    assert "orders:sell" not in offered
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        assert "Includes orders:read." in (await roots.open("/console/automation/new")).text

    token = await created(annas, scope=["purge_all", "orders:read"])

    assert token["scope"] == "purge_all orders:read"


async def test_an_automation_token_can_have_both(annas: Visit) -> None:
    async with browsing(annas.world) as roots:
        await roots.sign_in(ROOT)
        await roots.open("/console/automation/new")
        await roots.send(
            "/console/automation/new", {**WISH, "role": "engineer", "scope": "orders:sell", "networks": OFFICE[0]}
        )
        assert SECRET.search(roots.page.text)

    (listed,) = (await annas.world.ask("GET", "/automation-tokens", ROOT)).json()["data"]
    machine = (await annas.world.ask("GET", f"/automation-tokens/{listed['id']}", ROOT)).json()
    assert (machine["scope"], machine["limits"]) == ("orders:sell", {"networks": [OFFICE[0]]})


# --- Those of a token that is in use --------------------------------------------------------------------------------------


async def change(visit: Visit, token_id: str, **fields: Any) -> int:
    await visit.open(f"/console/tokens/{token_id}/limits")
    await visit.send(f"/console/tokens/{token_id}/limits", fields)
    return visit.page.status_code


async def limits_of(visit: Visit, token_id: str) -> dict[str, Any]:
    return dict((await visit.world.ask("GET", f"/tokens/{token_id}/limits", ROOT)).json()["limits"])


async def test_a_token_is_narrowed_at_once_and_widened_by_password_only(annas: Visit) -> None:
    token = await created(annas, networks="\n".join(OFFICE))
    annas.world.clock.move(6 * MINUTE)

    assert await change(annas, token["id"], networks=OFFICE[0]) == 200
    assert annas.page.url.path == f"/console/tokens/{token['id']}"
    assert "The limits of “shop” are saved. Known everywhere" in annas.text
    assert await limits_of(annas, token["id"]) == {"networks": [OFFICE[0]]}

    assert await change(annas, token["id"], networks="\n".join(OFFICE)) == 403
    assert "Confirm with your password" in annas.text
    assert OFFICE[1] in annas.page.text
    wider = {"networks": "\n".join(OFFICE)}
    await annas.send(f"/console/tokens/{token['id']}/limits", {**wider, "password": "wrong"})
    assert annas.page.status_code == 403
    assert await limits_of(annas, token["id"]) == {"networks": [OFFICE[0]]}
    await annas.send(f"/console/tokens/{token['id']}/limits", {**wider, "password": PASSWORD})
    assert await limits_of(annas, token["id"]) == {"networks": list(OFFICE)}


async def test_what_others_changed_meanwhile_is_not_undone(annas: Visit) -> None:
    token = await created(annas)
    await annas.open(f"/console/tokens/{token['id']}/limits")
    await annas.world.ask("PUT", f"/tokens/{token['id']}/limits", ROOT, json={"uses": 3})

    for _ in range(2):  # the page that says so is none that could be sent instead
        page = await annas.send(f"/console/tokens/{token['id']}/limits", {"uses": "5"})

        assert page.status_code == 409
        assert "were changed meanwhile" in annas.text
        assert "Show what is kept now" in annas.text
    assert await limits_of(annas, token["id"]) == {"uses": 3}


async def test_the_form_shows_what_is_kept_so_that_sending_it_changes_nothing(annas: Visit) -> None:
    given = {"networks": OFFICE[0], "not_before": "2026-02-04T08:00:07", "uses": "2", "shadow": ["networks"]}
    token = await created(annas, **given)
    await annas.open(f"/console/tokens/{token['id']}/limits")
    text = annas.page.text

    assert f">{OFFICE[0]}</textarea>" in text
    assert 'value="2026-02-04T08:00:07"' in text
    assert 'name="shadow" value="networks" checked' in text
    assert 'name="shadow" value="uses" checked' not in text
    await annas.send(f"/console/tokens/{token['id']}/limits", given)
    assert await limits_of(annas, token["id"]) == token["limits"]


async def test_the_limits_of_others_look_like_nothing(annas: Visit) -> None:
    assert (await annas.open(f"/console/tokens/{main_id(BERT)}/limits")).status_code == 404
    await annas.open(f"/console/tokens/{main_id(ANNA)}/limits")

    page = await annas.send(f"/console/tokens/{main_id(BERT)}/limits", {"uses": "1"})

    assert page.status_code == 404
    assert await limits_of(annas, main_id(BERT)) == {}


async def test_what_would_have_been_refused_is_told(annas: Visit) -> None:
    kept, secret = await annas.world.give(ANNA, "watched", services=(SHOP.id,), created_at=NOW)
    await annas.world.ask(
        "PUT", f"/tokens/{kept.id}/limits", ANNA, json={"networks": ["10.0.0.0/8"], "shadow": ["networks"]}
    )
    await annas.world.ask("GET", "/tokens/self", secret, headers={"user-agent": "curl/8"})
    await write_shadows(annas.world.store, annas.world.wiring.admission.shadows)

    await annas.open(f"/console/tokens/{kept.id}")

    assert re.search(
        r"What would have been refused.*Networks\s*192\.0\.2\.1\s*1just now by curl/8 from 192\.0\.2\.1", annas.text
    )


async def test_a_line_ends_where_browsers_end_it_and_nowhere_else(annas: Visit) -> None:
    rule = "GET /a\u0085GET /b"
    token = await created(annas)
    put = await annas.world.ask("PUT", f"/tokens/{token['id']}/limits", ROOT, json={"rules": [rule]})
    assert put.status_code == 200

    await change(annas, token["id"], rules=rule, per_day="5")

    assert await limits_of(annas, token["id"]) == {"rules": [rule], "per_day": 5}


async def test_digits_of_other_scripts_are_no_number(annas: Visit) -> None:
    token = await created(annas)

    assert await change(annas, token["id"], per_day="٥") == 400


async def test_a_beginning_after_the_end_of_the_token_is_refused(annas: Visit) -> None:
    token = await created(annas)

    assert await change(annas, token["id"], not_before="2027-01-01T00:00") == 422
    assert await limits_of(annas, token["id"]) == {}
