"""npm `@fastly/cli` as it is: the program `fastly`, aimed at the service under test, with a home directory of its own."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.clients.refusals import Refusal
from tests.clients.world import World

PROGRAM = Path(__file__).parent / "node_modules" / "@fastly" / "cli" / "fastly.js"
# It asks developer.fastly.com for newer versions now and then.  There is no proxy on this port, and the loopback needs none.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended: `err` holds warnings and hints too."""

    code: int
    out: str
    err: str

    def ok(self) -> Self:
        """Itself, when it succeeded."""
        assert self.code == 0, self.err
        return self


@dataclass(frozen=True, slots=True)
class Created:
    """What the program says of a new token."""

    secret: str
    name: str
    id: str
    scope: str
    expires: str


class Fastly:
    """The program.  Its profile is in `home` and nowhere else."""

    def __init__(self, node: str, world: World, home: Path) -> None:
        self.world = world
        self.home = home
        self._command = [node, str(PROGRAM)]

    def run(self, *arguments: str, token: str | None, typed: str = "", **environment: str) -> Done:
        """Run it.  `token` goes into FASTLY_API_TOKEN; `typed` is its stdin, which is no terminal."""
        done = subprocess.run(
            [*self._command, *arguments],
            input=typed,
            capture_output=True,
            env=self._settings(token, environment),
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def converse(self, *arguments: str, answers: Sequence[tuple[str, str]]) -> Done:
        """Run it with a terminal for its stdin: after each prompt the answer is typed.  All that it says is in `out`."""
        ours, its = pty.openpty()
        with subprocess.Popen(
            [*self._command, *arguments],
            stdin=its,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._settings(None, {}),
        ) as process:
            os.close(its)
            assert process.stdout is not None
            said = b""
            for prompt, answer in answers:
                told = b""
                while prompt.encode() not in told:
                    more = os.read(process.stdout.fileno(), 4096)
                    assert more, f"it ended before it asked for {prompt!r}: {(said + told).decode()}"
                    told += more
                said += told
                os.write(ours, f"{answer}\n".encode())
            said += process.stdout.read()
        os.close(ours)
        return Done(process.returncode, said.decode(), "")

    def _settings(self, token: str | None, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "FASTLY_API_ENDPOINT": self.world.api_url,
            "FASTLY_ACCOUNT_ENDPOINT": self.world.api_url,
            **({} if token is None else {"FASTLY_API_TOKEN": token}),
            **more,
        }

    def create(self, *options: str, token: str | None = None, password: str | None = None) -> Created:
        """A new token of the ordinary user's, or of whoever has `token` and `password`."""
        done = self.run(*self.creating(*options, password=password), token=token or self.world.user_token)
        found = re.fullmatch(
            r"SUCCESS: Created token '(\S+)' \(name: (.*), id: (\S+), scope: (.*), expires: (.*)\)",
            done.ok().out.strip(),
        )
        assert found is not None, done.out
        return Created(*found.groups())

    def creating(self, *options: str, password: str | None = None) -> list[str]:
        """The command line for a create."""
        proof = self.world.user_password if password is None else password
        return ["auth-token", "create", "--password", proof, *options]

    def file_of(self, *lines: str) -> str:
        """The path of a file with these lines."""
        file = self.home / "lines"
        file.write_text("".join(f"{line}\n" for line in lines))
        return str(file)

    # Any: whatever the program prints as JSON.
    def describe(self, token: str) -> Any:
        """What it shows of the token that it has."""
        return json.loads(self.run("auth-token", "describe", "--json", token=token).ok().out)

    def list(self, token: str, *options: str) -> Any:
        """What it shows of the user's tokens."""
        return json.loads(self.run("auth-token", "list", "--json", *options, token=token).ok().out)


def assert_refused(done: Done, refusal: Refusal) -> None:
    """It failed, and said what the service said."""
    assert done.code == 1
    assert f"ERROR: {refusal.sentence}" in done.err.splitlines()
