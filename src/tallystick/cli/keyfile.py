"""The key file: made once, never overwritten, and read only while nobody else can."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from tallystick.core.errors import Conflict, Invalid, NotFound
from tallystick.identity.keys import Keys, new_key_file, parse_key_file

_MODE: Final = 0o600
_BYTES_MAX: Final = 4096  # a key file has 62; whatever is named by mistake is not read whole


def load_keys(path: Path) -> Keys:
    """The keys in the file at `path`.

    Raises `NotFound` when there is none, `Invalid` when it is no key file, or others than its owner could read it.
    """
    try:
        with path.open("rb") as file:
            # Of the open file, not of the name: what is checked is what is read.
            _require_private(os.fstat(file.fileno()), path)
            text = file.read(_BYTES_MAX).decode("ascii", "replace")
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no key file at {path}: `tallystick init` makes one, or name it with --key-file"
        ) from error
    except OSError as error:
        raise Invalid(f"key file {path} cannot be read: {reason(error)}") from error
    try:
        return parse_key_file(text)
    except Invalid as error:
        raise Invalid(f"key file {path}: {error}") from error


def make_key_file(path: Path) -> None:
    """Make a new key file.  It is there whole or not at all, and one that exists is never replaced: raises `Conflict`."""
    half_made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            half_made.unlink()
        try:
            _write_whole(half_made, new_key_file())
            # Unlike a rename, a link fails when the name is taken.
            os.link(half_made, path)
        finally:
            half_made.unlink(missing_ok=True)
        sync_directory(path.parent)
    except FileExistsError as error:
        raise Conflict(f"key file {path} exists already") from error
    except OSError as error:
        raise Invalid(f"key file {path} cannot be made: {reason(error)}") from error


def replace_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all, over an older one if need be.  Raises OSError."""
    half_made = path.with_name(f".{path.name}.{os.getpid()}")
    half_made.unlink(missing_ok=True)
    try:
        _write_whole(half_made, text)
        half_made.replace(path)
    finally:
        half_made.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk, so that a power cut does not take a new file away again."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def reason(error: OSError) -> str:
    """What the system says, without number and name."""
    return (error.strerror or type(error).__name__).lower()


def _write_whole(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _require_private(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Invalid(f"key file {path} is not a file")
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~_MODE:
        raise Invalid(f"key file {path} can be used by others (mode {mode:04o}): chmod 600 {path}")
    if status.st_uid != os.geteuid():
        raise Invalid(f"key file {path} belongs to another user: run as its owner, or chown it")
