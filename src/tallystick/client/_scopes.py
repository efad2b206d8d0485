"""Scopes: what each operation sends, and how its answer is read.  No I/O."""

import re
from collections.abc import Iterable
from typing import Final

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._given import several
from tallystick.client._line import Line, json
from tallystick.client._sudo import in_sudo
from tallystick.client.models import Receipt, ScopeDefinition
from tallystick.core.errors import Invalid

_NAME: Final = re.compile(r"[A-Za-z0-9_:-]{1,128}")  # what is one segment of a path; the rest the server says
_GONE: Final = frozenset({404})
_WHAT: Final = "scopes of your own"


def delete_scope(line: Line, name: str, *, password: str | None, otp: str | None) -> Flow[Receipt | None]:
    line.require_tallystick(_WHAT)
    answer = yield from in_sudo(line, "DELETE", _path(name), None, password=password, otp=otp, gone=_GONE)
    return models.told_receipt(answer.headers)


def list_scopes(line: Line) -> Flow[list[ScopeDefinition]]:
    line.require_tallystick(_WHAT)
    answer = yield from line.ask("GET", "/scopes")
    return models.read_scopes(answer.body)


def put_scope(
    line: Line,
    name: str,
    *,
    description: str,
    includes: Iterable[str],
    roles: Iterable[str],
    password: str | None,
    otp: str | None,
) -> Flow[ScopeDefinition]:
    line.require_tallystick(_WHAT)
    wanted = {
        "description": description,
        "includes": several(includes, "includes"),
        "roles": several(roles, "roles"),
    }
    answer = yield from in_sudo(line, "PUT", _path(name), json(wanted), password=password, otp=otp)
    return models.read_scope(answer.body)


def _path(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise Invalid("The name of a scope must be 1 to 128 letters, digits, -, _ or :, such as orders:read.")
    return f"/scopes/{name}"
