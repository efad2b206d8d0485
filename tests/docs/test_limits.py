"""docs/limits.md is run as it stands, and names what there is."""

import re
from pathlib import Path

from tallystick.core.access import read_rule
from tallystick.core.limits import Limit
from tests.cli.program import running
from tests.docs.story import URL, run, story

ROOT = Path(__file__).parents[2]
PAGE = ROOT.joinpath("docs", "limits.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
BEFORE, SERVED, AFTER = "".join(BLOCKS).partition("$ tallystick serve\n")


def test_a_token_is_limited_as_the_page_says(tmp_path: Path) -> None:
    tmp_path.joinpath("root.password").write_text("correct horse battery")
    before, after = story(BEFORE), story(AFTER)

    begun = run(before, tmp_path)
    with running("serve", "--port", "0", "--hashing", "cheapest", cwd=tmp_path) as server:
        done = run(after, tmp_path, url=server.url)

    assert before.is_told_by(begun), begun
    assert after.is_told_by(done), done


def test_it_shows_nothing_that_is_not_run() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert SERVED
    assert PAGE.count(URL) == 1


def test_every_limit_is_said_with_its_refusal() -> None:
    first, _, rest = PAGE.partition("## Try it out")
    refusals = rest.partition("## What a refusal looks like")[2].partition("## How exact")[0]

    for limit in Limit:
        assert f"`{limit}`" in first
        assert f"`{limit}`" in refusals


def test_the_rules_that_it_shows_are_some() -> None:
    rules = re.findall(r"^    (\S+ \S+)  ", PAGE, re.MULTILINE)

    assert len(rules) == 4
    for rule in rules:
        read_rule(rule)


def test_the_tests_that_it_names_are_there() -> None:
    folder = ROOT
    for path in re.findall(r"`((?:tests/\w+/)?test_\w+\.py)`", PAGE):
        folder = (ROOT / path).parent if "/" in path else folder
        assert (folder / Path(path).name).is_file(), path
