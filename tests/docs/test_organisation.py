"""docs/organisation.md is run as it stands: by a stranger, in an empty directory, against a server of their own."""

import re
from pathlib import Path

from tests.cli.program import running
from tests.docs.story import URL, run, story

PAGE = Path(__file__).parents[2].joinpath("docs", "organisation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
BEFORE, SERVED, AFTER = "".join(BLOCKS).partition("$ tallystick serve\n")
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
