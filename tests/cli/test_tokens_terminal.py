"""`tallystick token` and `tallystick automation` on a real terminal, against a real server: it asks for what is missing, and shows tables and bars."""

import base64
import hashlib
import hmac
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallystick import TokensApi, Unauthenticated
from tallystick.testing import RunningServer, running_server
from tests.cli.program import SECONDS_MAX, Terminal, command, environment
from tests.client.server import serving
from tests.client.shapes import CREATED, NEEDS_OTP, NEEDS_SUDO, READ, SECRET


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


def terminal(url: str, token: str, directory: Path, *arguments: str, group: str = "token") -> Terminal:
    file = directory / "token"
    file.write_text(token)
    return Terminal(group, *arguments, "--url", url, "--token-file", str(file), cwd=directory)


def one_time_code(secret: str) -> str:
    """RFC 6238, with the usual 30 seconds, SHA-1 and six digits."""
    step = (int(time.time()) // 30).to_bytes(8, "big")
    digest = hmac.new(base64.b32decode(secret), step, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def granted(server: RunningServer, who: str) -> str:
    """A token by password alone, which is not in sudo."""
    with TokensApi("", url=server.url) as api:
        return api.create_token(username=server[f"{who}_LOGIN"], password=server[f"{who}_PASSWORD"]).secret.reveal()


def plain(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)


def test_the_password_is_asked_for_unseen_and_the_secret_comes_with_a_warning(
    server: RunningServer, tmp_path: Path
) -> None:
    asked = terminal(server.url, server["SUPERUSER_TOKEN"], tmp_path, "create", "--name", "ci")
    asked.answer("Password: ", server["SUPERUSER_PASSWORD"])
    ended = asked.end()

    assert ended.code == 0
    assert re.search(r"^tly_[0-9A-Za-z]{38}$", ended.screen, re.MULTILINE)
    assert "shown this once" in ended.screen
    assert server["SUPERUSER_PASSWORD"] not in ended.screen


def test_a_code_is_asked_for_when_the_server_wants_one_and_again_when_it_is_wrong(
    server: RunningServer, tmp_path: Path
) -> None:
    asked = terminal(server.url, server["OTP_TOKEN"], tmp_path, "create")
    asked.answer("Password: ", server["OTP_PASSWORD"])
    asked.answer("One-time code: ", "000000")
    asked.wait_for("That code is wrong, or was used before.")
    asked.answer("One-time code: ", one_time_code(server["OTP_SECRET"]))
    ended = asked.end()

    assert ended.code == 0
    assert "Created token" in ended.screen


def test_whoever_has_no_right_code_is_not_asked_for_ever(tmp_path: Path) -> None:
    with serving(POST_sudo=[(400, NEEDS_OTP, {})], POST_tokens=[(403, NEEDS_SUDO, {})]) as fake:
        asked = terminal(fake.url, "key", tmp_path, "create")
        asked.answer("Password: ", "correct horse")
        for code in ("000001", "000002", "000003"):
            asked.answer("One-time code: ", code)
        ended = asked.end()

    assert ended.code == 6
    assert ended.screen.splitlines()[-1] == "tallystick: A current one-time code is needed: give --otp."


def test_questions_are_not_in_the_pipe_that_gets_the_secret() -> None:
    terminal_, stdin = pty.openpty()
    with serving(POST_tokens=[(200, CREATED, {})]) as fake:
        process = subprocess.Popen(
            command("token", "create", "--url", fake.url),
            env=environment({}),
            stdin=stdin,
            stderr=stdin,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for question, answer in (("Login: ", "ada"), ("Password: ", "correct horse")):
            screen = ""
            while not screen.endswith(question):
                assert select.select([terminal_], [], [], 10)[0], f"no {question!r} on the terminal, only {screen!r}"
                screen += os.read(terminal_, 4096).decode()
            os.write(terminal_, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=SECONDS_MAX)
    os.close(terminal_)
    os.close(stdin)

    assert out == f"{SECRET}\n"


def test_without_a_token_the_login_is_asked_for(server: RunningServer, tmp_path: Path) -> None:
    asked = Terminal("token", "create", "--url", server.url, cwd=tmp_path)
    asked.answer("Login: ", server["USER_LOGIN"])
    asked.answer("Password: ", server["USER_PASSWORD"])

    assert asked.end().code == 0


def test_without_a_token_the_token_is_asked_for_unseen(server: RunningServer, tmp_path: Path) -> None:
    asked = Terminal("token", "whoami", "--url", server.url, cwd=tmp_path)
    asked.answer("Token: ", server["USER_TOKEN"])
    ended = asked.end()

    assert ended.code == 0
    assert server["USER_LOGIN"] in ended.screen
    assert server["USER_TOKEN"] not in ended.screen


def test_a_list_is_a_table_with_times_as_distances(tmp_path: Path) -> None:
    rows = [READ | {"id": "a" * 22, "name": "ci"}, READ | {"id": "b" * 22, "services": ["s1", "s2"]}]
    rows[1] |= {
        "created_at": "2020-01-01T00:00:00Z",
        "expires_at": "2999-01-01T00:00:00Z",
        "name": "\x1b[31mlong " * 40,
    }
    with serving(GET_tokens=[(200, rows, {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "list").end()

    lines = plain(ended.screen).splitlines()
    assert lines[0].split() == ["ID", "NAME", "SCOPE", "SERVICES", "USED", "EXPIRES"]
    assert lines[1].startswith("a" * 22)
    assert lines[2].startswith("b" * 22)
    assert re.search(r"…  global +2 +never +in \d+y *$", lines[2])
    assert lines[3] == "2 tokens"
    assert max(map(len, lines)) <= 80
    assert "\x1b[31m" not in ended.screen


def test_an_automation_token_is_made_by_password_stands_in_a_table_and_is_revoked(
    server: RunningServer, tmp_path: Path
) -> None:
    def on_terminal(*arguments: str) -> Terminal:
        return terminal(server.url, root, tmp_path, *arguments, group="automation")

    # Not the one that others here may have raised.
    root = granted(server, "SUPERUSER")
    asked = on_terminal("create", "deploy", "--role", "engineer", "--expires", "90d")
    asked.answer("Password: ", server["SUPERUSER_PASSWORD"])
    made = asked.end()
    on_terminal("create", "nightly", "--role", "user", "--service", server["SERVICE_1"]).end()
    listed = plain(on_terminal("list").end().screen).splitlines()
    ids = [line.split()[0] for line in listed[1:3]]
    shown = plain(on_terminal("show", ids[0]).end().screen).splitlines()
    asked = on_terminal("revoke", *ids)
    asked.answer("Revoke 2 tokens? [y/N]: ", "y")
    revoked = asked.end()

    assert re.search(r"^tly_[0-9A-Za-z]{38}$", made.screen, re.MULTILINE)
    assert "shown this once" in made.screen
    assert server["SUPERUSER_PASSWORD"] not in made.screen
    assert [line.split()[1:] for line in listed] == [
        ["NAME", "ROLE", "SCOPE", "USED", "EXPIRES"],
        ["deploy", "engineer", "global", "never", "in", "89d"],
        ["nightly", "user", "global", "never", "never"],
        ["tokens"],
    ]
    assert [line.split() for line in shown[:4]] == [
        ["id", ids[0]],
        ["name", "deploy"],
        ["kind", "automation"],
        ["role", "engineer"],
    ]
    assert revoked.code == 0
    assert "Revoked 2 tokens; dead everywhere after " in revoked.screen


def test_in_a_table_of_everybodys_tokens_automation_stands_where_a_user_would(tmp_path: Path) -> None:
    rows = [READ, READ | {"id": "b" * 22, "user_id": None}]
    with serving(GET_customer_c_tokens=[(200, rows, {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "list", "--customer", "c").end()

    assert [line.split()[:2] for line in plain(ended.screen).splitlines()[:3]] == [
        ["ID", "USER"],
        [READ["id"], READ["user_id"]],
        ["b" * 22, "automation"],
    ]


def test_no_to_the_question_revokes_nothing(tmp_path: Path) -> None:
    with serving() as fake:
        asked = terminal(fake.url, "key", tmp_path, "revoke", "t1", "t2")
        asked.answer("Revoke 2 tokens? [y/N]: ", "n")
        ended = asked.end()

    assert ended.code == 1
    assert fake.asked == []


def test_many_revocations_show_how_far_they_are(tmp_path: Path) -> None:
    ids = [f"t{number}" for number in range(1_500)]
    with serving(DELETE_tokens=[(204, None, {})]) as fake:
        asked = terminal(fake.url, "key", tmp_path, "revoke", *ids)
        asked.answer("Revoke 1,500 tokens? [y/N]: ", "y")
        ended = asked.end()

    assert ended.code == 0
    assert "Revoking" in ended.screen
    assert "100%" in ended.screen
    assert "Revoked 1,500 tokens." in ended.screen
    assert len(fake.asked) == 2


def one_more(server: RunningServer, name: str, who: str = "USER") -> tuple[str, str]:
    """Id and secret of a new token."""
    with TokensApi("", url=server.url) as api:
        login, password = server[f"{who}_LOGIN"], server[f"{who}_PASSWORD"]
        issued = api.create_token(name=name, username=login, password=password)
    return issued.id, issued.secret.reveal()


def is_live(server: RunningServer, secret: str) -> bool:
    try:
        with TokensApi(secret, url=server.url) as api:
            return api.get_token_current().id != ""
    except Unauthenticated:
        return False


def test_what_a_rule_would_revoke_is_shown_before_it_is_asked_for_and_a_yes_shows_how_long_it_takes(
    server: RunningServer, tmp_path: Path
) -> None:
    (first, secret), (second, _) = one_more(server, "by rule, yes"), one_more(server, "by rule, yes")
    _, asking = one_more(server, "by rule, yes, asking", "SUPERUSER")
    words = ("revoke-matching", "--search", "by rule, yes", "--reason", "superseded")

    asked = terminal(server.url, asking, tmp_path, *words)
    asked.answer("Password: ", server["SUPERUSER_PASSWORD"])
    asked.wait_for("2 tokens.  The token you speak with is spared.")
    shown = plain(asked.screen_so_far())
    live = is_live(server, secret)
    asked.answer("Revoke 2 tokens? [y/N]: ", "y")
    ended = asked.end()

    assert (ended.code, live) == (0, True)
    assert first in shown
    assert second in shown
    assert re.search(r"Revoking 2 tokens .*0:00:0\d", plain(ended.screen))
    assert plain(ended.screen).splitlines()[-1].startswith("Revoked 2 tokens; dead everywhere after ")
    assert not is_live(server, secret)
    assert is_live(server, asking)


def test_no_to_a_rule_revokes_nothing(server: RunningServer, tmp_path: Path) -> None:
    _, secret = one_more(server, "by rule, no")
    _, asking = one_more(server, "asking", "SUPERUSER")

    asked = terminal(server.url, asking, tmp_path, "revoke-matching", "--search", "by rule, no")
    asked.answer("Password: ", server["SUPERUSER_PASSWORD"])
    asked.answer("Revoke 1 token? [y/N]: ", "n")
    ended = asked.end()

    assert ended.code == 1
    assert is_live(server, secret)


def test_when_a_rule_finds_nothing_nothing_is_asked(server: RunningServer, tmp_path: Path) -> None:
    _, asking = one_more(server, "asking", "SUPERUSER")

    asked = terminal(server.url, asking, tmp_path, "revoke-matching", "--search", "nothing is called so")
    asked.answer("Password: ", server["SUPERUSER_PASSWORD"])
    ended = asked.end()

    assert ended.code == 0
    assert ended.screen.splitlines()[-1] == "There are none."


def test_a_code_is_asked_for_once_for_look_and_end(tmp_path: Path) -> None:
    sample = [READ | {"id": "a" * 22}]
    plan = {"count": 2, "dry_run": True, "reason": "unspecified", "sample": sample}
    raised: tuple[int, dict[str, str], dict[str, str]] = (200, {"expiry_time": "2026-02-03T04:10:07+00:00"}, {})
    with serving(
        POST_sudo=[(400, NEEDS_OTP, {}), raised],
        POST_revocations=[(403, NEEDS_SUDO, {}), (200, plan, {}), (200, {**plan, "count": 3, "dry_run": False}, {})],
    ) as fake:
        asked = terminal(fake.url, "key", tmp_path, "revoke-matching", "--kind", "user")
        asked.answer("Password: ", "correct horse")
        asked.answer("One-time code: ", "123456")
        asked.wait_for("2 tokens; the oldest 1 are shown.")
        asked.answer("Revoke 2 tokens? [y/N]: ", "y")
        ended = asked.end()

    assert ended.code == 0
    assert plain(ended.screen).splitlines()[-1] == "Revoked 3 tokens."
    assert fake.asked == ["POST /revocations", "POST /sudo", "POST /sudo", "POST /revocations", "POST /revocations"]


def test_a_code_that_was_given_is_not_sent_a_second_time(tmp_path: Path) -> None:
    plan = {"count": 1, "dry_run": True, "reason": "unspecified", "sample": [READ]}
    raised: tuple[int, dict[str, str], dict[str, str]] = (200, {"expiry_time": "2026-02-03T04:10:07+00:00"}, {})
    words = ("revoke-matching", "--kind", "user", "--password-stdin", "--otp", "123456")
    with serving(POST_sudo=[raised], POST_revocations=[(200, plan, {})]) as fake:
        asked = terminal(fake.url, "key", tmp_path, *words)
        asked.answer("", "correct horse")
        asked.answer("Revoke 1 token? [y/N]: ", "y")
        ended = asked.end()

    assert ended.code == 0
    assert fake.asked == ["POST /sudo", "POST /revocations", "POST /revocations"]


def usage_of(hours: int, *told: tuple[int, dict[str, int]]) -> dict[str, object]:
    """What a server says at ten past twelve of so many hours; `told`: how many hours before noon, what was counted."""
    noon = datetime(2026, 2, 3, 12, tzinfo=UTC)
    nothing = dict.fromkeys(("allowed", "expired", "revoked", "locked", "scope", "service"), 0)
    return {
        "token_id": "t1",
        "since": (noon - timedelta(hours=hours - 1)).isoformat(),
        "until": (noon + timedelta(minutes=10)).isoformat(),
        "hours": [{"hour": (noon - timedelta(hours=back)).isoformat(), **nothing, **counts} for back, counts in told],
    }


def test_usage_is_a_table_with_a_bar_for_every_hour_and_what_is_not_nothing_can_be_seen(tmp_path: Path) -> None:
    answer = usage_of(
        5, (4, {"allowed": 2800}), (2, {"allowed": 1400, "scope": 90, "service": 10}), (0, {"allowed": 1})
    )
    with serving(GET_tokens_t1_usage=[(200, answer, {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "usage", "t1").end()

    assert [line.rstrip() for line in plain(ended.screen).splitlines()] == [
        "HOUR (UTC)        ALLOWED  REFUSED",
        "2026-02-03 08:00    2,800        -  ████████████████████████████",
        "2026-02-03 09:00        -        -",
        "2026-02-03 10:00    1,400      100  ███████████████               90 scope, 10",
        "                                                                  service",
        "2026-02-03 11:00        -        -",
        "2026-02-03 12:00        1        -  ▏",
        "Let in 4,201 times, refused 100 times.",
    ]


def test_usage_of_many_days_has_a_line_for_each_day(tmp_path: Path) -> None:
    answer = usage_of(72, (60, {"allowed": 10}), (59, {"allowed": 5}), (0, {"expired": 1}))
    with serving(GET_tokens_t1_usage=[(200, answer, {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "usage", "t1").end()

    lines = [line.split() for line in plain(ended.screen).splitlines()]
    assert [line[:3] for line in lines[:-1]] == [
        ["DAY", "(UTC)", "ALLOWED"],
        ["2026-01-31", "-", "-"],
        ["2026-02-01", "15", "-"],
        ["2026-02-02", "-", "-"],
        ["2026-02-03", "-", "1"],
    ]


def test_usage_of_a_token_that_was_not_used_is_one_sentence(tmp_path: Path) -> None:
    with serving(GET_tokens_t1_usage=[(200, usage_of(24), {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "usage", "t1").end()

    assert ended.screen.splitlines() == ["Let in 0 times, refused 0 times."]


def test_whatever_a_server_says_of_usage_the_table_ends(tmp_path: Path) -> None:
    answer = usage_of(1, (0, {})) | {"since": "0002-01-01T00:00:00Z"}
    with serving(GET_tokens_t1_usage=[(200, answer, {})]) as fake:
        ended = terminal(fake.url, "key", tmp_path, "usage", "t1").end()

    assert ended.code == 0
    assert len(ended.screen.splitlines()) < 60
