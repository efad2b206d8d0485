"""A token's own limits on the command line, against a real server: what goes into a pipe, and what somebody who looks sees."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import httpx2
import pytest
from click.testing import CliRunner, Result

from tallystick import IssuedToken, Limits, TokensApi
from tallystick.cli import automation, limiting, tokens
from tallystick.cli.explaining import explain
from tallystick.testing import RunningServer, running_server
from tests.cli.program import until
from tests.cli.test_tokens_terminal import granted, plain, terminal


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


@pytest.fixture(autouse=True)
def environment(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_URL", server.url)
    monkeypatch.setenv("FASTLY_API_TOKEN", server["SUPERUSER_TOKEN"])


def run(*arguments: str, stdin: str | None = None, group: click.Command = tokens.token, code: int = 0) -> Result:
    result = CliRunner().invoke(group, arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result


def api(server: RunningServer) -> TokensApi:
    return TokensApi(server["USER_TOKEN"], url=server.url)


def limited(server: RunningServer, **limits: object) -> IssuedToken:
    with api(server) as own:
        return own.create_token(password=server["USER_PASSWORD"], **limits)  # type: ignore[arg-type]


WISHED = (
    "--network", "192.0.2.0/24", "--network", "2001:db8::1", "--not-before", "2026-02-03T04:05:06Z", "--rule", "GET /orders/*",
    "--per-second", "5", "--per-minute", "60", "--per-day", "1000", "--uses", "9000", "--shadow", "rules", "--shadow", "uses",
)  # fmt: skip
IN_WORDS = (
    "networks 192.0.2.0/24, 2001:db8::1/128; not before 2026-02-03T04:05:06Z; rules GET /orders/* (only reported);"
    " 5 requests a second; 60 requests a minute; 1,000 requests a day; 9,000 requests ever (only reported)"
)


@pytest.mark.parametrize(
    "group, arguments",
    [(tokens.token, ("create",)), (automation.automation, ("create", "deploy", "--role", "engineer"))],
    ids=["token", "automation"],
)
def test_a_token_is_made_with_limits_and_every_command_says_them_in_words(
    server: RunningServer, group: click.Group, arguments: tuple[str, ...]
) -> None:
    made = run(
        *arguments, *WISHED, "--json", "--password-stdin", stdin=server["SUPERUSER_PASSWORD"] + "\n", group=group
    )

    record = json.loads(made.stdout)
    assert record["limits"]["shadow"] == ["rules", "uses"]
    assert IN_WORDS in made.stderr
    listed = next(line for line in run("list", group=group).stdout.splitlines() if line.startswith(record["id"]))
    assert listed.split("\t")[-1] == IN_WORDS
    shown = dict(line.split("\t") for line in run("show", record["id"], group=group).stdout.splitlines())
    assert shown["networks"] == "192.0.2.0/24, 2001:db8::1/128"
    assert shown["rules"] == "GET /orders/* (only reported)"
    assert shown["per minute"] == "60 requests a minute"
    own = dict(line.split("\t") for line in run("limits", record["id"], group=group).stdout.splitlines())
    assert own["uses"] == "9,000 requests ever (only reported)"
    assert own["used"] == "0"


def test_what_is_named_changes_and_the_rest_stays(server: RunningServer) -> None:
    one = limited(server, networks=["192.0.2.0/24"], per_minute=60, shadow=["networks"])

    narrow = run("limits", one.id, "--uses", "3", "--enforce", "networks")
    wide = run("limits", one.id, "--drop", "per_minute", "--password-stdin", stdin=server["SUPERUSER_PASSWORD"] + "\n")

    assert re.search(
        r"^Limited; known everywhere after \d+ ms, 1 verifier \(receipt \d+\)\.$", narrow.stderr, re.MULTILINE
    )
    assert "per minute" in narrow.stdout
    assert "only reported" not in narrow.stdout
    assert "per minute" not in wide.stdout
    with api(server) as own:
        assert own.get_token_limits(one.id).limits == Limits(networks=("192.0.2.0/24",), uses=3)


def test_all_of_them_are_taken_away(server: RunningServer) -> None:
    one = limited(server, uses=3, networks=["192.0.2.0/24"])

    cleared = run("limits", one.id, "--clear", "--password-stdin", stdin=server["SUPERUSER_PASSWORD"] + "\n")

    assert "It has no limits of its own." in cleared.stderr
    with api(server) as own:
        assert own.get_token(one.id).limits is None


@pytest.mark.parametrize(
    "arguments", [("--clear", "--uses", "3"), ("--drop", "uses"), ("--enforce", "networks"), ("--uses", "0")]
)
def test_what_makes_no_sense_changes_nothing(server: RunningServer, arguments: tuple[str, ...]) -> None:
    one = limited(server, networks=["192.0.2.0/24"])

    run("limits", one.id, *arguments, code=2)

    with api(server) as own:
        assert own.get_token_limits(one.id).limits == Limits(networks=("192.0.2.0/24",))


def test_a_limit_that_is_none_is_refused_by_its_words(server: RunningServer) -> None:
    one = limited(server)

    refused = run("limits", one.id, "--rule", "GET orders", code=6)

    assert "is no access rule" in refused.stderr


def test_to_narrow_nobody_is_asked_and_to_widen_the_password_is(server: RunningServer, tmp_path: Path) -> None:
    one = limited(server, uses=3)
    who = granted(server, "USER")

    narrow = terminal(server.url, who, tmp_path, "limits", one.id, "--uses", "2").end()
    asked = terminal(server.url, who, tmp_path, "limits", one.id, "--uses", "4")
    asked.answer("Password: ", server["USER_PASSWORD"])
    wide = asked.end()

    assert (narrow.code, wide.code) == (0, 0)
    assert "2 requests ever" in plain(narrow.screen)
    assert "4 requests ever" in plain(wide.screen)


def test_the_table_has_a_column_for_them_when_there_are_any(server: RunningServer, tmp_path: Path) -> None:
    limited(server, networks=["192.0.2.0/24"], uses=3, shadow=["uses"])

    table = plain(terminal(server.url, server["USER_TOKEN"], tmp_path, "list").end().screen)

    assert "LIMITS" in table.splitlines()[0]
    assert "networks" in table
    assert "(uses)" in table


def test_what_would_be_refused_is_shown_before_it_is_switched_on(server: RunningServer, tmp_path: Path) -> None:
    one = limited(server, rules=["GET /orders/*"], shadow=["rules"])
    headers = {"Fastly-Key": one.secret.reveal(), "X-Original-Method": "GET", "User-Agent": "shop/1"}
    for path in ("/orders/7", "/admin", "/admin"):
        httpx2.get(f"{server.url}/check", headers=headers | {"X-Original-URI": path}).raise_for_status()
    until(lambda: "\t2\t" in run("shadow", one.id).stdout, "both are reported")

    piped = run("shadow", one.id).stdout.split("\t")
    seen = plain(terminal(server.url, server["USER_TOKEN"], tmp_path, "shadow", one.id).end().screen)
    data = json.loads(run("shadow", one.id, "--json").stdout)

    assert (piped[:3], piped[4:]) == (["rules", "GET /admin", "2"], ["127.0.0.1", "shop/1\n"])
    assert "Only reporting: rules.  Would have been refused: 2 requests." in seen
    assert data["would_refuse"][0]["detail"] == "GET /admin"


def test_a_refusal_is_explained_to_a_superuser_and_to_nobody_else(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = limited(server, rules=["GET /orders/*"])
    headers = {"Fastly-Key": one.secret.reveal(), "X-Original-Method": "GET", "X-Original-URI": "/admin"}
    name = httpx2.get(f"{server.url}/check", headers=headers).headers["Tallystick-Refusal"]

    told = dict(line.split("\t") for line in run(name, group=explain).stdout.splitlines())
    data = json.loads(run(name, "--json", group=explain).stdout)
    run("ref_nonsense", group=explain, code=6)
    monkeypatch.setenv("FASTLY_API_TOKEN", server["USER_TOKEN"])
    refused = run(name, group=explain, code=4)

    assert (told["token"], told["because"]) == (one.id, "rules: it was GET /admin, the token is for GET /orders/*")
    assert told["to let it in"] == "a rule for it, such as 'GET /admin'"
    assert (data["why"], data["token_id"]) == ("rules", one.id)
    assert (refused.stdout, refused.stderr.count("\n")) == ("", 1)


@pytest.mark.parametrize("command", [limiting.limits, limiting.shadow, explain])
def test_every_option_says_what_it_is_for(command: click.Command) -> None:
    assert command.help
    assert all(each.help for each in command.params if isinstance(each, click.Option))
