"""docs/organisation.md is run as it stands: by a stranger, in an empty directory, against a server of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.program import SECONDS_MAX, running
from tests.docs.story import Story, story

PAGE = Path(__file__).parents[2].joinpath("docs", "organisation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
BEFORE, SERVED, AFTER = "".join(BLOCKS).partition("$ tallystick serve\n")
URL = "http://127.0.0.1:8080"
PASSWORDS = {"root.password": "correct horse battery", "anna.password": "battery staple, correct"}


def test_an_organisation_is_run_as_the_page_says(tmp_path: Path) -> None:
    for name, password in PASSWORDS.items():
        tmp_path.joinpath(name).write_text(password)
    before, after = story(BEFORE), story(AFTER)

    begun = run(before, tmp_path)
    with running("serve", "--port", "0", "--hashing", "cheapest", cwd=tmp_path) as server:
        done = run(after, tmp_path, url=server.url)

    assert before.is_told_by(begun), begun
    assert after.is_told_by(done), done


def test_the_page_is_short_and_shows_nothing_that_is_not_run() -> None:
    assert PAGE.count("\n") <= 130
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert SERVED
    assert PAGE.count(URL) == 1


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
