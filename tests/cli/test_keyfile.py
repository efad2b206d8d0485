import os
import stat
from pathlib import Path

import pytest

from tallystick.cli import keyfile
from tallystick.cli.keyfile import load_keys, make_key_file, replace_private
from tallystick.core.errors import Conflict, Invalid, NotFound


def test_a_new_key_file_is_private_and_can_be_read(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")

    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert load_keys(tmp_path / "key").fingerprint == load_keys(tmp_path / "key").fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("precious")

    with pytest.raises(Conflict):
        make_key_file(tmp_path / "key")

    assert (tmp_path / "key").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Conflict):
        make_key_file(tmp_path / "key")

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700, 0o4600])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(mode)

    with pytest.raises(Invalid, match=f"mode {mode:04o}.*chmod 600"):
        load_keys(tmp_path / "key")


def test_a_file_that_only_we_can_read_and_nobody_can_write_is_good(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(0o400)

    assert load_keys(tmp_path / "key").fingerprint


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    ours = (tmp_path / "key").stat()
    theirs = os.stat_result((*ours[:4], os.geteuid() + 1, *ours[5:10]))

    with pytest.raises(Invalid, match="belongs to another user"):
        keyfile._require_private(theirs, tmp_path / "key")


def test_no_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="`tallystick init` makes one"):
        load_keys(tmp_path / "key")


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        load_keys(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"tallystick-key-1:AAAA", b"x" * 10_000])
def test_something_else_is_no_key_file_and_is_not_quoted(tmp_path: Path, content: bytes) -> None:
    replace_private(tmp_path / "key", "")
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(Invalid, match="is not a key file") as caught:
        load_keys(tmp_path / "key")

    assert "AAAA" not in str(caught.value)


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("old")
    (tmp_path / "env").chmod(0o644)

    replace_private(tmp_path / "env", "new")

    assert (tmp_path / "env").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["env"]
