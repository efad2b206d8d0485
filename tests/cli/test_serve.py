"""`tallystick serve`: everything that can be wrong is one clear line, before anything is started."""

import contextlib
import http.client
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import CHEAP, SECONDS_MAX, environment, running, signals, tallystick

PASSWORD = "correct horse battery"
ANSWERS = ("--customer", "Acme", "--login", "ada@example.com", "--name", "Ada", "--password-stdin", *CHEAP)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory in which `tallystick init` has been."""
    assert tallystick("init", *ANSWERS, stdin=PASSWORD, cwd=tmp_path).returncode == 0
    return tmp_path


def refused(*arguments: str, cwd: Path, **environ: str) -> str:
    """The one line that a server says which does not start."""
    ended = tallystick("serve", "--port", "0", *CHEAP, *arguments, cwd=cwd, **environ)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tallystick: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.removeprefix("tallystick: ").strip()


def test_it_answers_on_the_port_it_names_until_it_is_told_to_stop(home: Path) -> None:
    with running("serve", "--port", "0", "--workers", "2", *CHEAP, cwd=home) as server:
        made = server.ask("POST", "/tokens", form=f"username=ada@example.com&password={PASSWORD.replace(' ', '+')}")

        assert server.get("/tokens/self", made["access_token"])["id"] == made["id"]
        assert server.stop(signal.SIGTERM) == 0
        assert server.said == [f"Tallystick listens on {server.url}\n"]
        assert server.stderr == ""


@pytest.mark.parametrize(
    "options, status",
    [((), 404), (("--metrics", "off"), 404), (("--metrics", "token"), 401), (("--metrics", "open"), 200)],
)
def test_the_metrics_are_for_those_whom_the_setting_says_and_off_by_itself(
    home: Path, options: tuple[str, ...], status: int
) -> None:
    with running("serve", "--port", "0", *CHEAP, *options, cwd=home) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=SECONDS_MAX)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            body = answer.read()

        assert answer.status == status
        assert (b'\ntallystick_lease_held{worker="1"} 1.0\n' in body) is (status == 200)
        assert server.stop() == 0
        assert server.stderr == ""


def test_what_it_keeps_is_private(home: Path) -> None:
    kept = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.glob("tallystick.*")}

    assert kept == {"tallystick.db": 0o600, "tallystick.key": 0o600}


def test_the_threads_of_a_worker_do_not_push_each_other_aside(home: Path) -> None:
    with running("serve", "--port", "0", *CHEAP, cwd=home) as server:
        (worker,) = server.workers()

        policies = {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{worker}/task").iterdir()}

    assert policies == {os.SCHED_BATCH}


def test_who_says_how_it_is_to_be_scheduled_is_not_contradicted(home: Path) -> None:
    before = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        with running("serve", "--port", "0", *CHEAP, cwd=home) as server:
            assert [os.sched_getscheduler(pid) for pid in server.workers()] == [os.SCHED_IDLE]
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))


def test_all_mistakes_in_the_settings_are_reported_at_once(home: Path) -> None:
    said = refused("--workers", "0", "--host", "a b", cwd=home, TALLYSTICK_PROT="1", TALLYSTICK_DATABASE="mysql:x")

    assert [
        name for name in ("--workers", "--host", "TALLYSTICK_PROT", "TALLYSTICK_DATABASE") if name not in said
    ] == []


def test_without_a_key_file_it_says_what_makes_one(tmp_path: Path) -> None:
    assert refused(cwd=tmp_path) == (
        "there is no key file at tallystick.key: `tallystick init` makes one, or name it with --key-file"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_can_read_is_refused(home: Path) -> None:
    (home / "tallystick.key").chmod(0o644)

    assert refused(cwd=home) == ("key file tallystick.key can be used by others (mode 0644): chmod 600 tallystick.key")


def test_the_key_file_of_another_database_is_refused(home: Path) -> None:
    (home / "other").mkdir()
    assert tallystick("init", *ANSWERS, stdin=PASSWORD, cwd=home / "other").returncode == 0

    said = refused("--key-file", "other/tallystick.key", cwd=home)

    assert said.startswith("the key file does not belong to tallystick.db")


def test_a_mistyped_database_is_not_served_as_an_empty_one(home: Path) -> None:
    assert refused("--database", "sqlite:tallistick.db", cwd=home) == (
        "sqlite:tallistick.db is empty: `tallystick init` sets it up, or name another one with --database"
    )


def test_a_database_that_is_none_is_refused(home: Path) -> None:
    (home / "letter").write_text(
        "Dear Ada, this is long enough to be taken for a header of a database, which it is not." * 9
    )

    assert "not a database" in refused("--database", "sqlite:letter", cwd=home)


def test_a_busy_port_is_one_clear_line(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        said = refused("--port", str(port), cwd=home)

    assert said == f"port {port} on 127.0.0.1 is in use: stop that program or choose another with --port"


def test_workers_that_cannot_start_end_the_server_with_their_reason_once(home: Path) -> None:
    """The parent looks first, but between its look and theirs a disk can go away."""
    script = """
from pathlib import Path
from tallystick.cli import serve, settings, supervise, worker
from tallystick.cli.listen import reserved
from tallystick.core.errors import TallystickError
if __name__ == "__main__":
    plan = worker.Plan("sqlite:gone.db", Path("tallystick.key"), settings.Hashing.CHEAPEST, 1000)
    with reserved("127.0.0.1", 0) as address:
        try:
            supervise.supervise(plan, address, workers=2, announce=lambda: print("listens"))
        except TallystickError as error:
            raise SystemExit(f"tallystick: {error}")
"""
    (home / "start.py").write_text(script)

    ended = subprocess.run(
        [sys.executable, "start.py"],
        cwd=home,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "tallystick: cannot open gone.db: is it there, and may this user read and write it?\n"


def test_under_nohup_it_stays_when_the_terminal_closes(home: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running("serve", "--port", "0", *CHEAP, cwd=home) as server:
            server.process.send_signal(signal.SIGHUP)

            assert signal.SIGHUP in signals(server.process.pid, "SigIgn")
            assert server.get("/healthz") == {"status": "alive"}
            assert server.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_more_connections_than_granian_takes_by_itself_keep_nobody_out(home: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running("serve", "--port", "0", *CHEAP, cwd=home) as server, contextlib.ExitStack() as idle:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        idle.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            idle.enter_context(socket.create_connection((server.host, server.port), SECONDS_MAX))

        assert server.get("/healthz") == {"status": "alive"}
