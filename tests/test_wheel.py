"""What we publish: a wheel that is whole, and that works with nothing but its own dependencies."""

import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(made.glob("*.whl"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `pip install tallystick` fills it: the wheel, and what it depends on without any extra."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for needed in _needed_by("tallystick", set()):
        for file in distribution(needed).files or []:
            if not {"..", "__pycache__"} & set(file.parts):
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(file.locate())).resolve())
    return site


def test_the_wheel_is_whole(wheel: Path) -> None:
    """Nothing that the package reads at run time stays behind in the checkout."""
    package = ROOT / "src" / "tallystick"
    read = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.suffix in {".sql", ".css", ".html", ".js", ".svg"}
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert read
    assert read | {"tallystick/py.typed"} <= names


def test_the_client_works_without_what_the_server_needs(bare: Path) -> None:
    code = (
        "import sys, tallystick\n"
        "with tallystick.TokensApi('x', url='http://127.0.0.1:1') as tokens:\n"
        "    try: tokens.get_token_current()\n"
        "    except tallystick.Unavailable: print('unreachable, as it should be')\n"
        "print(*{'starlette', 'granian', 'argon2', 'cryptography'} & set(sys.modules))"
    )

    done = _python(bare, "-c", code)

    assert done.stdout.split("\n") == ["unreachable, as it should be", "", ""], done.stderr


def test_the_command_line_without_the_server_says_what_to_install(bare: Path) -> None:
    helped, refused = _python(bare, "-m", "tallystick", "token", "--help"), _python(bare, "-m", "tallystick", "serve")

    assert "Create, list, show and revoke tokens" in helped.stdout
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "pip install 'tallystick[server]'" in refused.stderr


def _python(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # -S and -I: no site-packages, no PYTHONPATH; only the standard library and that folder.
    start = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); "
    if arguments[0] == "-m":
        start += f"sys.argv = {list(arguments[1:])!r}; runpy.run_module({arguments[1]!r}, run_name='__main__')"
    else:
        start += f"exec({arguments[1]!r})"
    command = [sys.executable, "-I", "-S", "-c", start]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _needed_by(name: str, known: set[str]) -> set[str]:
    for requirement in Distribution.from_name(name).requires or []:
        found = re.match(r"[\w.-]+", requirement)
        needed = found[0].lower().replace("_", "-") if found else ""
        if needed and "extra ==" not in requirement and _fits(needed) and needed not in known:
            known.add(needed)
            _needed_by(needed, known)
    return known


def _fits(name: str) -> bool:
    """Whether this platform has it: a requirement for another one is not installed."""
    try:
        distribution(name)
    except ModuleNotFoundError:
        return False
    return True
