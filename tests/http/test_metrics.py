"""`/metrics`: who may read it, what it says, and that each number is what its text says."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tallystick.core.changes import Changes
from tallystick.core.errors import Unavailable
from tallystick.core.ports import TokenStore
from tallystick.core.secret import Secret
from tallystick.core.usage import Counts
from tallystick.core.verifier import Verifier
from tallystick.http import guards, measures
from tallystick.http.exposition import Exposition, Number, _OfAll
from tallystick.http.measures import MEASURES, Kind, full_name
from tallystick.http.measuring import Measuring
from tests.core.world import ANNA, BERT, NOW, ROOT, SHOP, add, machine
from tests.http.world import World, a_world, error_of

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
Numbers = dict[str, float]


async def read(world: World) -> Numbers:
    """Every number by its name, with the value of its label if it has one."""
    response = await world.ask("GET", "/metrics", ROOT)
    assert response.status_code == 200
    return {
        sample.name.removeprefix("tallystick_") + "".join(f" {text}" for text in sample.labels.values()): sample.value
        for family in plain(response.text)
        for sample in family.samples
    }


def grown(before: Numbers, after: Numbers) -> Numbers:
    """What is another number, but for what each look at the metrics itself changes, and what depends on the time."""
    looking = {"verifications_total allowed": 1, "lookups_total memory": 1}
    moved = {name: after[name] - before[name] - looking.get(name, 0) for name in after}
    return {name: by for name, by in moved.items() if by and name != "uses_flush_lag_seconds"}


@pytest.fixture
async def seen(world: World) -> World:
    """One in which all has been heard, and the token that reads the metrics is remembered."""
    await world.wiring.memory._catch_up()
    await read(world)
    return world


# --- Who may --------------------------------------------------------------------------------------------------------------


async def test_superusers_and_automation_tokens_may_read_it_with_a_scope_that_reads_and_nobody_else(
    world: World,
) -> None:
    _, reading = await world.give(ROOT, "reading", "global:read")
    _, purging = await world.give(ROOT, "purging", "purge_all")
    _, limited = await world.give(ROOT, "limited", services=(SHOP.id,))
    scraper, useless = Secret.mint(), Secret.mint()
    await add(world.store, machine("scraper", "global:read"), scraper)
    await add(world.store, machine("useless", "purge_all"), useless)

    for allowed in (ROOT, reading, scraper.reveal()):
        assert (await world.ask("GET", "/metrics", allowed)).status_code == 200
    for refused in (ANNA, purging, limited, useless.reveal()):
        assert (await world.ask("GET", "/metrics", refused)).status_code == 403
    assert (await world.ask("GET", "/metrics")).status_code == 401
    bearer = {"Authorization": f"Bearer {scraper.reveal()}"}
    assert (await world.ask("GET", "/metrics", headers=bearer)).status_code == 200


async def test_what_is_off_is_not_there_for_anybody() -> None:
    async with a_world(scraping=guards.nobody) as world:
        for who in (None, ANNA, ROOT):
            response = await world.ask("GET", "/metrics", who)
            assert (response.status_code, error_of(response)["msg"]) == (404, "Not found")


async def test_what_is_open_is_there_for_everybody() -> None:
    async with a_world(scraping=guards.anyone) as world:
        assert (await world.ask("GET", "/metrics")).status_code == 200


# --- What it says ---------------------------------------------------------------------------------------------------------


async def test_every_measure_is_there_from_the_start_with_what_it_means(world: World) -> None:
    response = await world.ask("GET", "/metrics", ROOT)

    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in plain(response.text)}
    assert set(families) == {full_name(each).removesuffix("_total") for each in MEASURES}
    for each in MEASURES:
        family = families[full_name(each).removesuffix("_total")]
        assert family.documentation == each.text
        assert family.type == (each.kind.value.partition(",")[0])
        labels = {text for sample in family.samples for name, text in sample.labels.items() if name == each.label}
        assert labels >= set(each.values)


async def test_who_asks_for_the_newer_format_gets_it(world: World) -> None:
    wanted = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}

    response = await world.ask("GET", "/metrics", ROOT, headers=wanted)

    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert len(list(openmetrics(response.text))) == len(MEASURES)  # type: ignore[no-untyped-call]  # the library's


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_every_text_says_when_to_be_alarmed_or_that_nobody_has_to(measure: measures.Measure) -> None:
    assert ("Alert when " in measure.text) is not measure.text.endswith("For graphs only.")
    assert measure.text.endswith(".")
    assert "\n" not in measure.text


def test_the_page_of_metrics_is_current() -> None:
    assert DOCS.read_text(encoding="utf-8") == measures.page(), (
        "write it anew: python -c 'from tallystick.http.measures import page; print(page(), end=\"\")' > docs/metrics.md"
    )


async def test_nobody_is_named_in_it(seen: World) -> None:
    await seen.ask("DELETE", "/tokens/self", ANNA)

    text = (await seen.ask("GET", "/metrics", ROOT)).text

    for person in (ANNA, BERT, ROOT):
        assert person.id not in text
        assert person.login not in text
        assert seen.secrets[person.id] not in text
    assert SHOP.id not in text


# --- What counts as what --------------------------------------------------------------------------------------------------


async def test_presented_tokens_are_counted_by_what_became_of_them(seen: World) -> None:
    _, narrow = await seen.give(ANNA, "narrow", "purge_select", services=(SHOP.id,))
    _, expired = await seen.give(ANNA, "expired", expires_at=NOW)
    before = await read(seen)

    for path, secret in (
        ("/check", narrow),
        ("/check", narrow),
        ("/tokens/self", narrow),
        ("/check?scope=purge_all", narrow),
        ("/check?service=other", narrow),
        ("/check?service=other", narrow),
        ("/check", expired),
        ("/check", Secret.mint().reveal()),
        ("/check", "tly_nonsense"),
    ):
        await seen.ask("GET", path, secret)

    moved = grown(before, await read(seen))
    assert {name.removeprefix("verifications_total "): by for name, by in moved.items() if "verifications" in name} == {
        "allowed": 3,
        "scope": 1,
        "service": 2,
        "expired": 1,
        "unknown": 1,
        "malformed": 1,
    }


async def test_tokens_that_programs_far_away_ask_about_or_let_in_are_counted_too(seen: World) -> None:
    made, secret = await seen.give(ANNA, "asked about")
    _, verifying = await seen.give(ROOT, "gateway", "verify")
    _, expired = await seen.give(ANNA, "expired", expires_at=NOW)
    before = await read(seen)
    secrets = [secret, secret, expired, Secret.mint().reveal(), "nonsense"]

    checked = await seen.ask("POST", "/check/batch", verifying, json=[{"secret": each} for each in secrets])
    synced = await seen.ask(
        "POST", f"/verifiers/{'v' * 16}/sync", verifying, json={"used": [{"token_id": made.id, "count": 40}]}
    )

    assert (checked.status_code, synced.status_code) == (200, 200)
    moved = {name: by for name, by in grown(before, await read(seen)).items() if "verif" in name}
    assert moved == {
        "verifications_total allowed": 2 + 2,  # and the verifier's own two requests
        "verifications_total expired": 1,
        "verifications_total unknown": 1,
        "verifications_total malformed": 1,
        "reported_verifications_total": 40,
        "remote_verifiers": 1,
    }


async def test_look_ups_are_counted_by_where_they_were_answered(seen: World) -> None:
    before = await read(seen)

    await seen.ask("GET", "/tokens/self", ANNA)  # from the store
    await seen.ask("GET", "/tokens/self", ANNA)  # the lane
    await seen.ask("GET", "/tokens", ANNA)  # memory, on the ordinary route
    await seen.ask("POST", "/sudo", ANNA, data={})  # asked twice: before the body and after
    seen.wiring.memory.verifier.let_go()
    await seen.ask("GET", "/tokens/self", ANNA)
    after = await read(seen)

    looked_up = {name: by for name, by in grown(before, after).items() if name.startswith("lookups")}
    # The look at the metrics had no lease either.
    assert looked_up == {
        "lookups_total store": 1,
        "lookups_total memory": 2 - 1,
        "lookups_total write": 2,
        "lookups_total without_lease": 1 + 1,
    }
    assert (before["lease_held"], after["lease_held"]) == (1, 0)


async def test_a_change_is_heard_and_somebody_waited_for_it(seen: World) -> None:
    await seen.ask("GET", "/check", ANNA)
    before = await read(seen)

    await seen.ask("DELETE", "/tokens/self", ANNA)

    moved = grown(before, await read(seen))
    assert moved["changes_heard_total"] == moved["change_number"] == 1
    assert moved["receipt_waited_milliseconds_count"] == 1
    assert moved["receipt_waited_milliseconds_bucket 2100.0"] == 1
    assert moved["grants"] == -1
    assert (before["verifiers"], before["change_lag"]) == (1, 0)


async def test_writes_are_counted_by_whether_they_were_within_the_limit() -> None:
    async with a_world(writes_per_hour=2) as three:
        await read(three)
        before = await read(three)

        for _ in range(5):
            await three.ask("DELETE", "/tokens/unknown", ANNA)

        moved = grown(before, await read(three))
        assert {name: by for name, by in moved.items() if name.startswith("writes")} == {
            "writes_total allowed": 2,
            "writes_total throttled": 3,
        }


async def test_writes_without_a_limit_are_counted_too() -> None:
    async with a_world(writes_per_hour=0) as free:
        before = await read(free)

        await free.ask("DELETE", "/tokens/unknown", ANNA)

        assert grown(before, await read(free))["writes_total allowed"] == 1


class Away:
    """A store that cannot be reached."""

    def __getattr__(self, name: str) -> Any:
        raise Unavailable("away")


async def test_answers_for_which_the_store_was_away_are_counted_and_the_metrics_are_read_all_the_same(
    seen: World,
) -> None:
    before = await read(seen)
    tokens: TokenStore = seen.wiring.memory._tokens
    changes: Changes = seen.store.changes
    seen.wiring.memory._tokens = seen.store.changes = Away()  # type: ignore[misc]

    assert (await seen.ask("GET", "/tokens/self", BERT)).status_code == 503
    after = await read(seen)

    seen.wiring.memory._tokens, seen.store.changes = tokens, changes  # type: ignore[misc]
    assert after["store_unavailable_total"] - before["store_unavailable_total"] == 1
    assert after["verifiers"] == before["verifiers"]


async def test_what_is_remembered_evicted_waiting_and_lost_is_told(seen: World) -> None:
    seen.wiring.memory.verifier = Verifier(most=2)
    await seen.wiring.memory.start()
    seen.wiring.uses.counts = counts = Counts(most=1)
    for number in range(3):
        _, secret = await seen.give(ANNA, f"{number}")
        await seen.ask("GET", "/tokens", secret)
        counts.allow(f"{number}", NOW)

    told = await read(seen)

    assert (told["grants"], told["grant_bytes"]) == (2, 4200)
    assert told["grants_evicted_total"] >= 1
    assert told["uses_lost_total"] >= 2
    assert told["uses_waiting"] >= 1
    await seen.wiring.memory.finish()


# --- The library ----------------------------------------------------------------------------------------------------------


def test_a_counter_is_there_before_anything_was_counted_so_that_the_first_is_a_growth() -> None:
    text, _ = Exposition(None).text("")

    for each in MEASURES:
        for value in each.values:
            assert f'\n{full_name(each)}{{{each.label}="{value}"}} 0.0\n' in text.decode()


def test_a_counter_grows_by_what_is_new_and_a_gauge_is_what_it_is() -> None:
    told = Exposition(None)
    (sum_,) = [each.name for each in MEASURES if each.kind is Kind.SUM][:1]

    for value in (3, 3, 5):
        told.tell([Number("lease_lapses", value), Number("writes", value, "allowed"), Number(sum_, -value)])

    text, _ = told.text("")
    assert b"\ntallystick_lease_lapses_total 5.0\n" in text
    assert b'\ntallystick_writes_total{outcome="allowed"} 5.0\n' in text
    assert f"\ntallystick_{sum_} -5.0\n".encode() in text


def test_a_file_that_a_worker_has_only_just_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").touch()

    assert list(_OfAll(tmp_path).collect()) == []


async def test_everything_that_is_told_is_among_the_measures_and_the_other_way_round(world: World) -> None:
    told: set[str] = set()

    class Noting(Exposition):
        def tell(self, numbers: Any) -> None:
            told.update(name for name, _, _ in numbers)

        def observe(self, name: str, value: float) -> None:
            told.add(name)

    world.wiring.memory.waited.append(1)

    await Measuring(Noting(None)).copy(world.wiring)

    assert told == {each.name for each in MEASURES}


def test_numbers_that_nobody_has_written_are_0() -> None:
    assert Exposition(None).all()["writes", "of a kind to come"] == 0
