"""The directory that a server's processes share: private, there while it runs, and gone after it, however it ended."""

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tallystick.cli import scratch
from tallystick.cli.scratch import forget_gauges, shared_directory

HOLD = """
import sys
from tallystick.cli.scratch import shared_directory
with shared_directory() as directory:
    (directory / "kept.db").touch()
    print(directory, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files that no server of other tests has."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def holder(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that has such a directory."""
    script = f"import tempfile\ntempfile.tempdir = {str(temporary)!r}\n{HOLD}"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_ours_alone_and_gone_afterwards_with_all_that_is_in_it(temporary: Path) -> None:
    with shared_directory() as directory:
        (directory / "counter_1.db").touch()

        assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    assert list(temporary.iterdir()) == []


def test_it_goes_when_the_server_fails(temporary: Path) -> None:
    with pytest.raises(RuntimeError), shared_directory():
        raise RuntimeError

    assert list(temporary.iterdir()) == []


def test_what_a_killed_server_left_goes_when_the_next_one_starts(temporary: Path) -> None:
    process, left = holder(temporary)
    with process:
        process.kill()
        process.wait()
    assert (left / "kept.db").exists()

    with shared_directory() as directory:
        assert list(temporary.iterdir()) == [directory]


def test_what_another_server_is_using_stays(temporary: Path) -> None:
    process, theirs = holder(temporary)

    with shared_directory():
        assert (theirs / "kept.db").exists()

    process.communicate()
    assert not theirs.exists()


def test_one_that_is_just_being_made_stays(temporary: Path) -> None:
    half = temporary / f"{scratch._PREFIX}half"
    half.mkdir()
    (half / "making").touch()

    with shared_directory():
        pass

    assert (half / "making").exists()


def test_of_a_worker_that_is_gone_its_gauges_go_and_its_counters_stay(temporary: Path) -> None:
    kinds = ("counter", "histogram", "gauge_liveall", "gauge_livesum", "gauge_livemax")
    for kind in kinds:
        for number in (1, 11, 2):
            (temporary / f"{kind}_{number}.db").touch()

    forget_gauges(temporary, worker=1)

    left = {file.name for file in temporary.iterdir()}
    assert left == {f"{kind}_{number}.db" for kind in kinds for number in (11, 2)} | {"counter_1.db", "histogram_1.db"}
