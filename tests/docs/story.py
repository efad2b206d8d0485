"""Stories in the documentation: blocks of commands, and what they show."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.cli.program import SECONDS_MAX

URL: Final = "http://127.0.0.1:8080"
"""Where the pages say that the server is."""

_LINES: Final = "(?s:.*)"
_WORDS: Final = "[^,\n]*"


class Story(NamedTuple):
    """Commands for one bash, and all that they print; `…` is what differs each time, on a line of its own any lines."""

    commands: list[str]
    shown: list[str]

    def is_told_by(self, printed: str) -> bool:
        """Whether it was printed as it is shown."""
        pattern = r"\s*".join(_LINES if line == "…" else re.escape(line).replace("…", _WORDS) for line in self.shown)
        return re.fullmatch(pattern, printed.strip()) is not None


def story(text: str) -> Story:
    """What stands in these lines."""
    lines = [line for line in text.splitlines() if line]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return Story(commands, [line for line in lines if not line.startswith("$ ")])


def run(told: Story, directory: Path, url: str = URL) -> str:
    """All of it in one bash, which ends at the first command that fails; what it prints."""
    script = "set -eu -o pipefail\n" + "\n".join(told.commands).replace(URL, url)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=directory,
        env={"PATH": path, "LC_ALL": "C.UTF-8", "TALLYSTICK_HASHING": "cheapest"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
