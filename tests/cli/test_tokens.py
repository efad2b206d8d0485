"""`tallystick token` and `tallystick automation` against answers that our own server would not give, in process and without a terminal."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import click
import pytest
from click.testing import CliRunner, Result

from tallystick.cli import automation, ending, output, tokens
from tallystick.cli.completion import completion
from tallystick.client.errors import STATUS
from tests.client.server import serving
from tests.client.shapes import (
    AUTOMATION_CREATED,
    AUTOMATION_LISTED,
    CREATED,
    NEEDS_OTP,
    NEEDS_SUDO,
    READ,
    RECEIPT,
    SECRET,
    USAGE,
)

KEY = "a-secret-key"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLY_API_TOKEN", KEY)
    monkeypatch.delenv("TALLYSTICK_URL", raising=False)


def run(*arguments: str, stdin: str | None = None, group: click.Group = tokens.token) -> Result:
    return CliRunner().invoke(group, arguments, input=stdin)


def commands() -> Iterator[tuple[str, click.Command]]:
    for group in (tokens.token, automation.automation):
        for name, command in group.commands.items():
            yield f"{group.name} {name}", command


# failures


@pytest.mark.parametrize(
    "status, code", [(401, 3), (403, 4), (404, 5), (400, 6), (413, 6), (422, 6), (429, 7), (500, 1), (409, 9), (502, 8)]
)
def test_the_exit_code_says_what_kind_of_failure_it_was(status: int, code: int) -> None:
    with serving(GET_tokens=[(status, {"msg": "No", "detail": "really"}, {"Retry-After": "99"})]) as server:
        result = run("list", "--url", server.url)

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("tallystick: No (really)")
    assert result.stderr.count("\n") == 1


def test_every_kind_of_failure_has_an_exit_code_of_its_own_or_of_its_parent() -> None:
    codes = list(ending.EXIT.values())
    told = {kind: next(ending.EXIT[each] for each in kind.__mro__ if each in ending.EXIT) for kind in STATUS.values()}

    assert len(codes) == len(set(codes))
    assert not {0, 2} & set(codes)
    assert 1 not in told.values()


def test_the_exit_codes_in_the_help_are_those_of_the_table() -> None:
    told = {
        int(number) for number in re.findall(r"\b(\d) [a-z]", (tokens.token.help or "").partition("Exit codes:")[2])
    }

    assert told == {0, 2, *ending.EXIT.values()}


def test_too_often_says_when_to_try_again() -> None:
    with serving(GET_tokens=[(429, {"msg": "Slow down"}, {"Retry-After": "99"})]) as server:
        result = run("list", "--url", server.url)

    assert result.stderr == "tallystick: Slow down Try again in 99 s.\n"


def test_what_we_did_not_raise_on_purpose_is_a_traceback_and_not_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "show_tokens", None)
    with serving(GET_tokens=[(200, [], {})]) as server:
        result = run("list", "--url", server.url)

    assert isinstance(result.exception, TypeError)


# secrets


def test_no_option_takes_a_secret_from_the_command_line() -> None:
    """Except a one-time code, which is worth nothing a minute later."""
    options = {
        name for _, command in commands() for each in command.params for name in each.opts if name.startswith("--")
    }

    assert {name for name in options if re.search("token|pass|secret|key", name)} == {
        "--token-file",
        "--password-stdin",
    }


@pytest.mark.parametrize("arguments", [("create",), ("create", "--json")])
def test_the_secret_is_on_standard_output_and_nowhere_else(arguments: tuple[str, ...]) -> None:
    with serving(POST_sudo=[(200, {}, {})], POST_tokens=[(200, CREATED, {})]) as server:
        result = run(*arguments, "--password-stdin", "--url", server.url, stdin=f"{PASSWORD}\n")

    assert result.exit_code == 0
    assert SECRET in result.stdout
    assert SECRET not in result.stderr
    for secret in (KEY, PASSWORD):
        assert secret not in result.output


def test_the_token_comes_from_the_file_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    with serving(GET_tokens=[(200, [], {})]) as server:
        run("list", "--url", server.url)
        run("list", "--url", server.url, "--token-file", str(file))

    keys = [headers["fastly-key"] for headers, _ in server.sent]
    assert keys == [KEY, "from-file"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    result = run("list", "--token-file", str(file))

    assert result.exit_code == 6
    assert "There is no token in" in result.stderr


def test_a_file_with_more_than_a_token_in_it_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("TOKEN=s3cret and more")

    result = run("list", "--token-file", str(file))

    assert result.exit_code == 6
    assert "s3cret" not in result.output


# create


def test_a_wish_is_sent_as_it_was_given() -> None:
    with serving(POST_tokens=[(200, CREATED, {})]) as server:
        run(
            *("create", "--url", server.url, "--name", "ci", "--scope", "purge_all", "--scope", "purge_select"),
            *("--service", "a", "--service", "b", "--expires", "2031-01-01T00:00:00+02:00"),
        )

    _, body = server.sent[0]
    assert parse_qs(body.decode()) == {
        "name": ["ci"],
        "scope": ["purge_all purge_select"],
        "services[]": ["a", "b"],
        "expires_at": ["2031-01-01T00:00:00+02:00"],
    }


@pytest.mark.parametrize(
    "text, length",
    [("90d", timedelta(days=90)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30)), ("2w", timedelta(14))],
)
def test_a_length_counts_from_now(text: str, length: timedelta) -> None:
    before = datetime.now(UTC)
    with serving(POST_tokens=[(200, CREATED, {})]) as server:
        run("create", "--url", server.url, "--expires", text)
    after = datetime.now(UTC)

    _, body = server.sent[0]
    sent = datetime.fromisoformat(parse_qs(body.decode())["expires_at"][0])
    assert before + length <= sent <= after + length


@pytest.mark.parametrize(
    "text", ["", "d", "90", "90x", "-1d", "999999999w", "٣d", "2031-01-01", "2031-13-01T00:00:00Z"]
)
def test_what_is_no_time_is_refused_before_anything_is_sent(text: str) -> None:
    result = run("create", "--expires", text)

    assert result.exit_code == 2
    assert "--expires" in result.stderr


def test_a_wish_for_an_automation_token_is_sent_as_it_was_given() -> None:
    with serving(**{"POST_automation-tokens": [(200, AUTOMATION_CREATED, {})]}) as server:
        result = run(
            *("create", "deploy", "--role", "billing", "--url", server.url, "--scope", "purge_all", "--service", "a"),
            *("--service", "b", "--expires", "2031-01-01T00:00:00+02:00", "--tls-access"),
            group=automation.automation,
        )

    _, body = server.sent[0]
    assert json.loads(body) == {
        "name": "deploy",
        "role": "billing",
        "scope": "purge_all",
        "services": ["a", "b"],
        "expires_at": "2031-01-01T00:00:00+02:00",
        "tls_access": True,
    }
    assert result.stdout == f"{SECRET}\n"
    assert SECRET not in result.stderr


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(POST_sudo=[(400, NEEDS_OTP, {})], POST_tokens=[(403, NEEDS_SUDO, {})]) as server:
        no_password = run("create", "--url", server.url)
        no_code = run("create", "--url", server.url, "--password-stdin", stdin=PASSWORD)
        monkeypatch.delenv("FASTLY_API_TOKEN")
        no_login = run("create", "--url", server.url)
        no_token = run("list", "--url", server.url)

    assert (no_password.exit_code, no_code.exit_code, no_login.exit_code, no_token.exit_code) == (4, 6, 3, 3)
    assert "--password-stdin" in no_password.stderr
    assert "--otp" in no_code.stderr
    assert "--username" in no_login.stderr
    assert "--token-file" in no_token.stderr
    assert server.asked == ["POST /tokens", "POST /sudo"]


def test_a_password_is_the_first_line_without_its_end() -> None:
    with serving(POST_sudo=[(200, {}, {})], POST_tokens=[(200, CREATED, {})]) as server:
        run("create", "--url", server.url, "--password-stdin", stdin=" pass word \r\nsecond line\n")

    assert parse_qs(server.sent[0][1].decode()) == {"password": [" pass word "]}


# list and show


def test_what_a_server_says_cannot_steer_a_terminal_or_break_the_lines() -> None:
    evil = READ | {"name": "a\x1b[2J\tb\nc\x9bd\u202ee"}
    with serving(GET_tokens=[(200, [evil], {})], GET_tokens_self=[(200, evil, {})] * 2) as server:
        listed = run("list", "--url", server.url)
        shown = run("show", "self", "--url", server.url)
        as_json = run("show", "self", "--url", server.url, "--json")

    assert listed.stdout.split("\t")[1] == "a [2J b c d e"
    assert listed.stdout.count("\n") == 1
    assert "name\ta [2J b c d e\n" in shown.stdout
    assert as_json.stdout.replace("\n", "").isprintable()
    assert json.loads(as_json.stdout)["name"] == evil["name"]


def test_an_empty_list_is_nothing_in_a_pipe_and_an_empty_array_in_json() -> None:
    with serving(GET_tokens=[(200, [], {})]) as server:
        plain = run("list", "--url", server.url)
        as_json = run("list", "--url", server.url, "--json")

    assert (plain.exit_code, plain.output) == (0, "")
    assert json.loads(as_json.stdout) == []


@pytest.mark.parametrize(
    "width, columns, titles",
    [
        (200, output.OWN, "ID NAME SCOPE SERVICES CREATED USED EXPIRES LIMITS"),
        (80, output.OWN, "ID NAME SCOPE USED EXPIRES LIMITS"),
        (200, output.OF_ALL[:-1], "ID USER NAME SCOPE SERVICES CREATED USED EXPIRES"),
        (80, output.OF_ALL[:-1], "ID USER NAME SCOPE EXPIRES"),
        (200, output.OWN[:-1], "ID NAME SCOPE SERVICES CREATED USED EXPIRES"),
        (80, output.OWN[:-1], "ID NAME SCOPE SERVICES USED EXPIRES"),
        (10, output.OWN[:-1], "ID NAME SCOPE EXPIRES"),
        (200, output.AUTOMATION[:-1], "ID NAME ROLE SCOPE SERVICES CREATED USED EXPIRES"),
        (80, output.AUTOMATION[:-1], "ID NAME ROLE SCOPE USED EXPIRES"),
    ],
)
def test_a_table_drops_columns_before_it_cuts_ids(width: int, columns: tuple[str, ...], titles: str) -> None:
    assert output._columns_for(width, columns) == titles.split()


@pytest.mark.parametrize(
    "length, words",
    [
        (timedelta(seconds=1), "in 1s"),
        (timedelta(minutes=-90), "90m ago"),
        (timedelta(hours=30), "in 30h"),
        (timedelta(days=90), "in 90d"),
        (timedelta(days=-1000), "2y ago"),
        (None, "never"),
    ],
)
def test_a_distance_is_told_in_the_largest_unit_that_it_holds_two_of(length: timedelta | None, words: str) -> None:
    now = datetime.now(UTC)

    assert output.distance(None if length is None else now + length, now) == words


# revoke


def test_many_ids_go_in_requests_of_a_thousand() -> None:
    ids = [f"t{number}" for number in range(2_500)]
    with serving(DELETE_tokens=[(204, None, {})]) as server:
        result = run("revoke", "-", "--yes", "--url", server.url, stdin="\n".join(ids))

    sent = [[each["id"] for each in json.loads(body)["data"]] for _, body in server.sent]
    assert [len(each) for each in sent] == [1_000, 1_000, 500]
    assert [each for some in sent for each in some] == ids
    assert result.output == "Revoked 2,500 tokens.\n"


def told(seq: int, verifiers: int, waited_ms: int) -> tuple[int, None, dict[str, str]]:
    """A revocation that is done, with its receipt."""
    return 204, None, {"Tallystick-Receipt": f"seq={seq}, verifiers={verifiers}, waited_ms={waited_ms}"}


def test_of_several_requests_the_longest_wait_and_the_most_verifiers_are_told() -> None:
    ids = "\n".join(f"t{number}" for number in range(2_500))
    with serving(DELETE_tokens=[told(12, 2, 6), told(15, 4, 2_003), told(14, 4, 1)]) as server:
        result = run("revoke", "-", "--yes", "--url", server.url, stdin=ids)

    sentence = "dead everywhere after at most 2,003 ms, 4 verifiers (receipts 12 to 15)"
    assert result.output == f"Revoked 2,500 tokens; {sentence}.\n"


def test_where_one_request_has_no_receipt_nothing_is_claimed_of_the_whole() -> None:
    ids = "\n".join(f"t{number}" for number in range(2_500))
    with serving(DELETE_tokens=[told(12, 2, 6), (204, None, {}), told(14, 4, 1)]) as server:
        result = run("revoke", "-", "--yes", "--url", server.url, stdin=ids)

    assert result.output == "Revoked 2,500 tokens.\n"


@pytest.mark.parametrize("arguments", [("t1",), ("--self",)])
def test_one_receipt_is_told_with_its_number(arguments: tuple[str, ...]) -> None:
    with serving(DELETE_tokens_t1=[told(12, 4, 6)], DELETE_tokens_self=[told(12, 4, 6)]) as server:
        result = run("revoke", *arguments, "--url", server.url)

    assert result.stderr == "Revoked 1 token; dead everywhere after 6 ms, 4 verifiers (receipt 12).\n"


def test_a_receipt_says_that_it_is_not_known_yet_and_how_much_more_there_was() -> None:
    unheard = {"heard_at": None, "verifiers": None, "waited_ms": None, "request_id": None, "count": 1_101}
    with serving(GET_revocations_12=[(200, RECEIPT | unheard, {})]) as server:
        result = run("receipt", "12", "--url", server.url)

    assert result.stdout.splitlines() == [
        "receipt\t12",
        "changed\t2026-02-03T04:05:06.789Z",
        "heard\tnot known yet",
        f"token\t{READ['id']}",
        "more\t1,100",
    ]


def test_a_failure_in_the_middle_says_how_much_was_done() -> None:
    ids = "\n".join(f"t{number}" for number in range(2_500))
    with serving(DELETE_tokens=[(204, None, {}), (403, {"msg": "No"}, {})]) as server:
        result = run("revoke", "-", "--yes", "--url", server.url, stdin=ids)

    assert result.exit_code == 4
    assert result.stderr == "Revoked 1,000 of 2,500 tokens; the others are as they were.\ntallystick: No\n"


def test_one_id_needs_no_bulk_and_no_yes() -> None:
    with serving(DELETE_tokens_t1=[(204, None, {})]) as server:
        result = run("revoke", "t1", "--url", server.url)

    assert (result.exit_code, server.asked) == (0, ["DELETE /tokens/t1"])


LISTED_A1: list[tuple[int, object, dict[str, str]]] = [(200, {"data": [AUTOMATION_LISTED | {"id": "a1"}]}, {})]


@pytest.mark.parametrize("ids", [("mine",), ("a1", "mine", "over")])
def test_automation_revoke_ends_nothing_when_a_persons_token_is_among_them(ids: tuple[str, ...]) -> None:
    none: list[tuple[int, object, dict[str, str]]] = [(404, {"msg": "Record not found"}, {})]
    answers = {
        "DELETE_automation-tokens_mine": none,
        "GET_tokens_mine": [(200, READ, {})],
        "GET_tokens_over": none,
    }
    with serving(**answers) as server:
        server.answers["GET /automation-tokens?page=1&per_page=100"] = LISTED_A1
        result = run("revoke", *ids, "--yes", "--url", server.url, group=automation.automation)

    assert result.exit_code == 5
    assert "mine" in result.stderr or "Record not found" in result.stderr
    assert [line for line in server.asked if line.startswith("DELETE /tokens")] == []


def test_automation_revoke_takes_many_in_one_request_also_those_that_are_over_by_now() -> None:
    answers = {
        "GET_tokens_over": [(404, {"msg": "Record not found"}, {})],
        "DELETE_tokens": [(204, None, {})],
    }
    with serving(**answers) as server:
        server.answers["GET /automation-tokens?page=1&per_page=100"] = LISTED_A1
        result = run("revoke", "a1", "over", "--yes", "--url", server.url, group=automation.automation)

    assert (result.exit_code, result.output) == (0, "Revoked 2 tokens.\n")
    assert [json.loads(body)["data"] for _, body in server.sent if body] == [
        [{"type": "token", "id": "a1"}, {"type": "token", "id": "over"}]
    ]


@pytest.mark.parametrize("arguments", [(), ("--self", "t1")])
def test_it_must_be_clear_what_is_to_be_revoked(arguments: tuple[str, ...]) -> None:
    assert run("revoke", *arguments).exit_code == 2


def test_more_than_one_is_not_revoked_without_being_asked() -> None:
    with serving() as server:
        result = run("revoke", "t1", "t2", "--url", server.url)

    assert result.exit_code == 2
    assert server.asked == []


def test_a_line_that_is_no_id_stops_everything(tmp_path: Path) -> None:
    with serving() as server:
        result = run("revoke", "-", "--yes", "--url", server.url, stdin="t1\nt2 with a name\n")

    assert result.exit_code == 6
    assert server.asked == []


# the rest


BY_NAME = [pytest.param(command, id=name) for name, command in [*commands(), ("completion", completion)]]


@pytest.mark.parametrize("command", BY_NAME)
def test_every_command_and_option_says_what_it_is_for(command: click.Command) -> None:
    assert command.help
    for each in command.params:
        assert not isinstance(each, click.Option) or each.help


# usage


def test_of_one_day_the_service_decides_what_it_is_and_of_more_we_ask_for_so_many_full_hours() -> None:
    with serving() as server:
        server.answers = defaultdict(lambda: [(200, USAGE, {})])
        one = run("usage", "t1", "--url", server.url)
        run("usage", "t1", "--days", "3", "--url", server.url)

    assert (one.exit_code, server.asked[0]) == (0, "GET /tokens/t1/usage")
    since = datetime.fromisoformat(parse_qs(server.asked[1].partition("?")[2])["since"][0])
    hours = (datetime.now(UTC) - since) / timedelta(hours=1)
    assert 70.9 < hours < 71.1, "with the hour that is not over they are 72"
