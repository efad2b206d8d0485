"""The command line, as transcripts that anyone can read and add: `scripts/*.txt`, each against a server of its own.

    $ command      runs in sh, in an empty directory, with the names of `tallystick demo --env-file`, TALLYSTICK_URL,
                   FASTLY_API_TOKEN set to USER_TOKEN, and the settings with which `tallystick admin` finds the database
    > line         what it says on standard output
    ! line         what it says on standard error
    ? number       how it ends; 0 if nothing is said

Everything else is prose.  What differs from run to run is masked: SECRET, ID, TIME, N, VERSION, and $NAME for what the server told.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
import pytest

from tallystick import __version__
from tallystick.testing import running_server

SCRIPTS: Final = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
MASKS: Final = (
    (re.compile(r"\btly_[0-9A-Za-z]{38}\b"), "SECRET"),
    (re.compile(r"\b(?!2031|2100)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z"), "TIME"),
    (re.compile(r"(?!0{22})\b[0-9A-Za-z]{22}\b|(?<=token )[0-9A-Za-z]{6}(?=\))"), "ID"),
    (re.compile(r"(?<=after )\d+(?= ms)|(?<=after at most )\d+(?= ms)|(?<=receipt )\d+(?=\))"), "N"),
    (re.compile(re.escape(__version__)), "VERSION"),
)


class Step(msgspec.Struct):
    """One command and how it ends."""

    command: str
    out: list[str] = []
    err: list[str] = []
    code: int = 0

    def __str__(self) -> str:
        lines = [f"$ {self.command}", *(f"> {line}" for line in self.out), *(f"! {line}" for line in self.err)]
        return "\n".join([*lines, f"? {self.code}"])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_command_says_and_ends_as_written(path: Path, tmp_path: Path) -> None:
    with running_server() as server:
        environ = {
            **server.values,
            "TALLYSTICK_URL": server.url,
            "FASTLY_API_TOKEN": server["USER_TOKEN"],
            "TALLYSTICK_DATABASE": f"sqlite:{server.directory}/tallystick.db",
            "TALLYSTICK_KEY_FILE": f"{server.directory}/tallystick.key",
            "TALLYSTICK_HASHING": "cheapest",
        }
        for written in steps(path):
            happened = run(written.command, environ, tmp_path)

            assert str(happened) == str(written)


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 6
    assert all(sum(1 for _ in steps(path)) >= 3 for path in SCRIPTS)


def steps(path: Path) -> Iterator[Step]:
    step = None
    for line in [*path.read_text(encoding="utf-8").splitlines(), "$ "]:
        sign, text = line[:1], line[2:]
        if sign == "$":
            if step is not None:
                yield step
            step = Step(text)
        elif step is not None and sign == ">":
            step.out.append(text)
        elif step is not None and sign == "!":
            step.err.append(text)
        elif step is not None and sign == "?":
            step.code = int(text)


def run(command: str, environ: Mapping[str, str], directory: Path) -> Step:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    result = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env={"PATH": path, "LC_ALL": "C.UTF-8", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    out, err = (masked(text, environ).splitlines() for text in (result.stdout, result.stderr))
    return Step(command, out, err, result.returncode)


def masked(text: str, environ: Mapping[str, str]) -> str:
    for name, value in environ.items():
        if name.startswith(("SERVICE_", "CUSTOMER_")) or name.endswith("_LOGIN"):
            text = text.replace(value, f"${name}")
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text
