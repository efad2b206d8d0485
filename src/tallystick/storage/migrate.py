"""How a database gets from where it is to what this program expects: numbered files, each applied once, in order.

    sql/<dialect>/migrations/0001_init.sql …

A file that has been released never changes.  Each is applied in one transaction together with its row in `migration`.
"""

import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from tallystick.core.errors import Invalid, TallystickError
from tallystick.storage.statements import SQL

_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")


class Migration(msgspec.Struct, frozen=True):
    """One step: its number, the file's name, and the statements in it."""

    number: int
    name: str
    statements: tuple[str, ...]


@cache
def migrations(dialect: str) -> tuple[Migration, ...]:
    """All steps of a dialect, in order.  Raises when their numbers are not 1, 2, 3 …"""
    return read_folder(SQL / dialect / "migrations")


def read_folder(folder: Path) -> tuple[Migration, ...]:
    """The steps in a folder, in order.  Raises when their numbers are not 1, 2, 3 …"""
    steps = tuple(_read(file) for file in sorted(folder.glob("*.sql")))
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise TallystickError(f"migrations are not numbered 1, 2, 3 …: {', '.join(step.name for step in steps)}")
    return steps


def require_known(version: int, steps: tuple[Migration, ...], *, where: str) -> None:
    """Raise `Invalid` for a database that a newer program has changed: this one cannot know what its tables mean."""
    if version > len(steps):
        raise Invalid(
            f"{where} was written by a newer version of Tallystick (its schema is {version}, this program knows"
            f" {len(steps)}): use that version, or a backup from before the upgrade"
        )


def _read(file: Path) -> Migration:
    match = _NAME.fullmatch(file.name)
    if match is None:
        raise TallystickError(f"not the name of a migration: {file.name}")
    return Migration(int(match[1]), file.stem, tuple(_split(file.read_text(encoding="utf-8"))))


def _split(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit whatever is open before it begins.

    SQLite's own tokenizer decides where a statement ends, so that a semicolon in a comment, text or trigger is none.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    if sqlite3.complete_statement(statement + ";") and not _is_comment(statement):
        yield statement.strip()


def _is_comment(text: str) -> bool:
    return all(not line or line.startswith("--") for line in map(str.strip, text.splitlines()))
