"""Imports point one way.  The contracts are in pyproject.toml, each with the sentence it defends."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# import-linter's command, started by the interpreter that runs the tests: nothing has to be on the PATH.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_imports_point_one_way() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
    assert "0 broken" in ran.stdout
