"""The operator's file of scopes (`TALLYSTICK_SCOPES`): read and checked as a whole, with the line of what is wrong.

[scopes."orders:write"]
description = "Change orders"
includes = ["orders:read"]
roles = ["engineer"]
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.core.errors import Invalid
from tallystick.core.people import Role
from tallystick.core.scopes import Defined, checked

_TABLE: Final = "scopes"
_NAMED: Final = re.compile(r"[a-z0-9_-]+(?::[a-z0-9_-]+)+|'[^']*'")


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    description: str = ""
    includes: list[str] = []
    roles: list[Role] = []


def read(path: Path) -> tuple[Defined, ...]:
    """The scopes that a file defines, by name.  Raises `Invalid` that names the file, the line, and what to do about it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid(f"{path} cannot be read: {said}") from error
    try:
        return checked(_defined(name, entry) for name, entry in _entries(text).items())
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not TOML: {error}") from error
    except Invalid as error:
        raise Invalid(f"{path}{_line(text, error.msg)}: {error.msg}") from error


def _entries(text: str) -> dict[str, Any]:  # Any: whatever TOML can hold
    whole = tomllib.loads(text)
    others = [name for name in whole if name != _TABLE]
    if others:
        raise Invalid(f'{others[0]!r} is not understood: each scope is a table, such as [{_TABLE}."orders:read"]')
    entries = whole.get(_TABLE, {})
    if not isinstance(entries, dict):
        raise Invalid(f'{_TABLE!r} holds no tables: each scope is one, such as [{_TABLE}."orders:read"]')
    return entries


def _defined(name: str, entry: object) -> Defined:
    try:
        one = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError as error:
        raise Invalid(f"{name}: {error}; there are description, includes and roles") from error
    roles = tuple(dict.fromkeys(role for role in one.roles if role is not Role.SUPERUSER))
    return Defined(
        name=name,
        description=one.description.strip(),
        includes=tuple(dict.fromkeys(one.includes)),
        roles=roles,
    )


def _line(text: str, said: str) -> str:
    """Where that begins which a sentence is about; empty where it is about no one scope."""
    name = _NAMED.match(said)
    if name is None:
        return ""
    meant = re.escape(name[0].strip("'"))
    begins = re.compile(rf"""\s*\[?\s*(?:{_TABLE}\s*\.\s*)?["']?{meant}["']?\s*[]=.]""")
    return next((f", line {number}" for number, line in enumerate(text.split("\n"), 1) if begins.match(line)), "")
