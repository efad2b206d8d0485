"""The demo world, as somebody meets it who has just installed Tallystick."""

import base64
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tallystick import storage
from tallystick.identity import totp
from tests.cli.program import (
    CHEAP,
    SECONDS_MAX,
    cmdline,
    command,
    demo,
    environment,
    read_env,
    running,
    signals,
    tallystick,
    until,
    wait_for_end,
)
from tests.postgres import Cluster

NAMES = [
    "API_URL",
    "CUSTOMER_ID",
    "SERVICE_1",
    "SERVICE_2",
    *(f"{who}_{what}" for who in ("SUPERUSER", "USER", "OTP") for what in ("LOGIN", "PASSWORD", "TOKEN")),
    "OTP_SECRET",
]
SECRETS = [name for name in NAMES if name.endswith(("_PASSWORD", "_TOKEN", "_SECRET"))]


def test_the_environment_file_is_there_whole_and_private_when_the_server_listens(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        mode = stat.S_IMODE((tmp_path / "env").stat().st_mode)

        assert list(env) == NAMES
        assert all(re.fullmatch(r"[A-Za-z0-9@:/._-]+", value) for value in env.values())
        assert mode == 0o600
        assert env["API_URL"] == server.url


def test_everybody_in_it_is_who_the_file_says(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        users = {who: server.get("/current_user", env[f"{who}_TOKEN"]) for who in ("SUPERUSER", "USER", "OTP")}
        scopes = [server.get("/tokens/self", env[f"{who}_TOKEN"])["scope"] for who in users]
        code = totp.code_at(base64.b32decode(env["OTP_SECRET"]), time.time_ns() // 1_000_000)
        by_password = server.ask(
            "POST", "/tokens", form=f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}"
        )
        listed = server.get(f"/customer/{env['CUSTOMER_ID']}/tokens", env["SUPERUSER_TOKEN"])

        assert {who: user["login"] for who, user in users.items()} == {who: env[f"{who}_LOGIN"] for who in users}
        assert [users[who]["role"] for who in ("SUPERUSER", "USER")] == ["superuser", "user"]
        assert [users[who]["two_factor_auth_enabled"] for who in ("SUPERUSER", "USER", "OTP")] == [False, False, True]
        assert scopes == ["global"] * 3
        assert by_password["user_id"] == users["USER"]["id"]
        assert len(listed) == 4
        assert code.isdigit()


def test_a_second_start_finds_everything_as_it_was(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        first = env
        made = server.ask(
            "POST", "/tokens", form=f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}&name=mine"
        )
        server.get("/tokens/self", made["access_token"])
        assert server.stop() == 0

    with demo(tmp_path) as (server, env):
        found = server.get(f"/tokens/{made['id']}", env["SUPERUSER_TOKEN"])

        assert {**env, "API_URL": ""} == {**first, "API_URL": ""}
        assert found["name"] == "mine"
        # A use just before the stop is written before the end.
        assert found["last_used_at"] is not None


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_cleanly_when_told_to(tmp_path: Path, sent: signal.Signals) -> None:
    # Under nohup the server would ignore SIGHUP, as it should, and so would what is started by who is under it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with demo(tmp_path, "--workers", "2") as (server, _):
        workers = server.workers()

        assert server.stop(sent) == 0
        assert server.stderr == ""
        for pid in workers:
            wait_for_end(pid)


def test_ctrl_c_reaches_the_workers_only_through_their_parent(tmp_path: Path) -> None:
    """On a terminal these signals go to all of them at once; a worker that followed by itself would seem to have crashed."""
    with demo(tmp_path, "--workers", "2") as (server, _):
        workers = server.workers()

        for pid in workers:
            assert {signal.SIGINT, signal.SIGHUP} <= signals(pid, "SigBlk")
            os.kill(pid, signal.SIGINT)
        assert server.get("/healthz") == {"status": "alive"}
        assert server.stop(signal.SIGINT) == 0
        assert server.stderr == ""


def test_a_stop_that_reaches_the_workers_first_is_a_clean_one(tmp_path: Path) -> None:
    """As when a service manager signals the whole group and the parent is slow to hear it."""
    with demo(tmp_path, "--workers", "2") as (server, _):
        workers = server.workers()

        server.process.send_signal(signal.SIGSTOP)
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
            wait_for_end(pid)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)

        assert server.process.wait(SECONDS_MAX) == 0


def test_what_is_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        form = f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}".encode()
        head = "POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        with socket.create_connection((server.host, server.port), timeout=SECONDS_MAX) as call:
            call.sendall(f"{head}Content-Length: {len(form)}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert call.recv(1000).startswith(b"HTTP/1.1 100")

            server.process.terminate()
            until(lambda: not server.answers(), "it accepts nobody new")
            call.sendall(form)

            assert call.recv(1000).startswith(b"HTTP/1.1 200")
        assert server.process.wait(SECONDS_MAX) == 0


def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, _):
        ended = tallystick("demo", "--port", str(server.port), "--dir", "other", *CHEAP, cwd=tmp_path)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"tallystick: port {server.port} on 127.0.0.1 is in use: stop that program or choose another with --port\n"
    )


def test_when_the_parent_is_killed_no_worker_stays_and_the_port_is_free(tmp_path: Path) -> None:
    with demo(tmp_path, "--workers", "2") as (server, _):
        workers = server.workers()
        assert len(workers) == 2

        server.process.kill()

        for pid in workers:
            wait_for_end(pid)
        with socket.create_server((server.host, server.port)) as free:
            assert free.getsockname()[1] == server.port


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        (killed,) = server.workers()

        os.kill(killed, signal.SIGKILL)

        wait_for_end(killed)
        until(server.answers, "another worker answers")
        assert killed not in server.workers()
        assert server.get("/tokens/self", env["USER_TOKEN"])["name"] == "demo"
        assert server.stop() == 0


def test_a_start_that_was_interrupted_is_made_good_by_the_next(tmp_path: Path) -> None:
    """Killed at whatever point: as soon as the directory is there, as soon as it is marked, a little later."""
    world = tmp_path / "tallystick-demo"
    for seen in (world, world / "unfinished", world / "tallystick.key", world / "tallystick.db", world / "world.json"):
        shutil.rmtree(world, ignore_errors=True)
        process = subprocess.Popen(
            command("demo", "--port", "0", *CHEAP), cwd=tmp_path, env=environment({}), stdout=subprocess.DEVNULL
        )
        until(seen.exists, f"{seen} is there")
        process.kill()
        process.wait(SECONDS_MAX)

        with demo(tmp_path) as (server, env):
            assert server.get("/tokens/self", env["USER_TOKEN"])["name"] == "demo"
        assert {path.name for path in world.iterdir()} >= {"tallystick.db", "tallystick.key", "world.json"}
        assert not (world / "unfinished").exists()


def test_a_start_that_was_interrupted_at_its_very_end_is_kept(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        first = env["USER_TOKEN"]
        assert server.stop() == 0
    (tmp_path / "tallystick-demo" / "unfinished").touch()

    with demo(tmp_path) as (_, env):
        assert env["USER_TOKEN"] == first
    assert not (tmp_path / "tallystick-demo" / "unfinished").exists()


def test_what_is_not_a_demo_world_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tallystick.db").write_text("precious")

    ended = tallystick("demo", "--port", "0", "--dir", ".", *CHEAP, cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stderr == "tallystick: tallystick.db is not of a demo world: choose another directory with --dir\n"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("tallystick.db", "precious")]


def test_two_that_start_at_once_make_one_world(tmp_path: Path) -> None:
    arguments = ("demo", "--port", "0", "--dir", "world", *CHEAP)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    starts = [
        subprocess.Popen(
            command(*arguments, "--env-file", f"{name}/env"),
            cwd=tmp_path,
            env=environment({}),
            stdout=subprocess.DEVNULL,
        )
        for name in ("a", "b")
    ]
    try:
        for name in ("a", "b"):
            until((tmp_path / name / "env").exists, "it listens")
        worlds = [{**read_env(tmp_path / name / "env"), "API_URL": ""} for name in ("a", "b")]
        assert worlds[0] == worlds[1]
    finally:
        for process in starts:
            process.terminate()
            assert process.wait(SECONDS_MAX) == 0


def test_a_world_that_lost_its_database_says_what_to_do(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, _):
        assert server.stop() == 0
    (tmp_path / "tallystick-demo" / "tallystick.db").unlink()

    ended = tallystick("demo", "--port", "0", *CHEAP, cwd=tmp_path)

    assert ended.stderr == (
        "tallystick: the demo world in tallystick-demo is not in sqlite:tallystick-demo/tallystick.db:"
        " name its database with --database, or remove that directory to begin with a new one\n"
    )
    assert ended.returncode == 1


def test_a_world_on_a_server_is_made_once_and_only_in_a_new_database(tmp_path: Path, cluster: Cluster) -> None:
    database = cluster.dsn(cluster.new_database()).replace("tally@", "tally:hunter2@")
    with demo(tmp_path, "--database", database) as (server, env):
        made = server.ask(
            "POST", "/tokens", form=f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}&name=mine"
        )
        assert server.stop() == 0
        said = "".join(server.said) + server.stderr

    with demo(tmp_path, "--database", database) as (server, again):
        assert server.get("/tokens/self", made["access_token"])["name"] == "mine"
        assert again["USER_TOKEN"] == env["USER_TOKEN"]
    assert not (tmp_path / "tallystick-demo" / "tallystick.db").exists()
    assert "hunter2" not in said
    without = tallystick("demo", "--port", "0", *CHEAP, cwd=tmp_path)
    other = tallystick("demo", "--port", "0", "--dir", "other", *CHEAP, cwd=tmp_path, TALLYSTICK_DATABASE=database)
    assert (without.returncode, other.returncode) == (1, 1)
    assert "name its database with --database" in without.stderr
    assert "is in use" in other.stderr
    assert "hunter2" not in other.stderr


def test_a_start_on_a_server_that_was_interrupted_is_made_good_with_a_new_database(
    tmp_path: Path, cluster: Cluster
) -> None:
    first, second = (cluster.dsn(cluster.new_database()) for _ in range(2))
    storage.prepare(first)
    storage.bind_key(first, "of a key file that is cleared away")
    world = tmp_path / "tallystick-demo"
    world.mkdir()
    for name in ("unfinished", "tallystick.key"):
        (world / name).touch()

    refused = tallystick("demo", "--port", "0", "--database", first, *CHEAP, cwd=tmp_path)

    assert "a demo world that was not finished: name a new one" in refused.stderr
    with demo(tmp_path, "--database", second) as (server, env):
        assert server.get("/tokens/self", env["USER_TOKEN"])["name"] == "demo"


def test_an_older_environment_file_is_gone_before_the_start(tmp_path: Path) -> None:
    """Whoever waits for the file must not find yesterday's."""
    (tmp_path / "env").write_text("API_URL=http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        tallystick("demo", "--port", port, "--env-file", "env", *CHEAP, cwd=tmp_path)

    assert not (tmp_path / "env").exists()


def test_without_a_name_the_environment_file_is_in_the_world_s_directory(tmp_path: Path) -> None:
    """What the README's second terminal reads."""
    with running("demo", "--port", "0", *CHEAP, cwd=tmp_path) as server:
        env = read_env(tmp_path / "tallystick-demo" / "env")

        assert (list(env), env["API_URL"]) == (NAMES, server.url)


def test_the_environment_says_where_it_listens_as_it_does_for_the_others(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = tallystick("demo", *CHEAP, cwd=tmp_path, TALLYSTICK_PORT=port)

    assert ended.returncode == 1
    assert port in ended.stderr


def test_an_environment_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    ended = tallystick("demo", "--port", "0", "--env-file", "nowhere/env", *CHEAP, cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stderr == "tallystick: nowhere/env cannot be written: there is no directory nowhere\n"


def test_no_secret_is_in_a_command_line_a_log_or_the_database(tmp_path: Path) -> None:
    with demo(tmp_path, "--workers", "2") as (server, env):
        server.get("/tokens/self", env["USER_TOKEN"])
        lines = b"".join(cmdline(pid) for pid in (server.process.pid, *server.workers()))
        server.stop()
        kept = b"".join(path.read_bytes() for path in (tmp_path / "tallystick-demo").glob("tallystick.*"))

        assert [name for name in SECRETS if env[name].encode() in lines + kept + server.stderr.encode()] == []
        assert env["USER_LOGIN"].encode() in kept


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here: apt-get install curl")
def test_what_it_shows_to_try_works_when_it_is_typed(tmp_path: Path) -> None:
    with demo(tmp_path) as (server, env):
        until(lambda: any("Ctrl-C" in line for line in server.said), "all of it is shown")
        typed = [line.strip() for line in server.said if line.startswith(("  API=", "  TOKEN=", "    curl "))]
        script = "\n".join(line.replace("curl ", "curl -sSf ").replace("/tokens/ID", "/tokens/$ID") for line in typed)
        made = server.ask("POST", "/tokens", form=f"username={env['USER_LOGIN']}&password={env['USER_PASSWORD']}")

        ran = subprocess.run(
            ["sh", "-e", "-c", script], env=environment({"ID": made["id"]}), capture_output=True, text=True, check=False
        )

        assert len(typed) == 7
        assert (ran.returncode, ran.stderr) == (0, "")
