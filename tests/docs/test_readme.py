"""The README's story is run as it stands there, and ARCHITECTURE.md names only what exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.testing import running_server
from tests.docs.story import story

ROOT = Path(__file__).parents[2]
STORY = re.compile(r"```console\n(\$ set -a; \. tallystick-demo/env.*?)```", re.DOTALL)
CONCEPTS = ROOT.joinpath("ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Concept → path")[2]


def test_the_readmes_story_runs_as_written(tmp_path: Path) -> None:
    """The commands, in one bash, print what the README shows; … stands for what differs each time."""
    found = STORY.search(ROOT.joinpath("README.md").read_text(encoding="utf-8"))
    assert found is not None, "the README has lost its story"
    told = story(found[1])
    tmp_path.joinpath(".venv").symlink_to(Path(sys.prefix))
    demo = tmp_path / "tallystick-demo"
    demo.mkdir()

    with running_server() as server:
        demo.joinpath("env").write_text("".join(f"{name}={value}\n" for name, value in server.values.items()))
        script = "set -eu -o pipefail\n" + "\n".join(told.commands)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert told.is_told_by(done.stdout), done.stdout


@pytest.mark.parametrize("path", re.findall(r"`([^`]+)`", CONCEPTS.partition("## ")[0]))
def test_a_concept_is_where_the_architecture_says(path: str) -> None:
    """The one list of concept → path names only what is there."""
    assert (ROOT / path).exists()
