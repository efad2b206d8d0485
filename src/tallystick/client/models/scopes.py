"""Scopes: what a token can be made with."""

from typing import Final

import msgspec

from tallystick.client.models._read import decode, known


class ScopeDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A scope.  `includes`: those that whoever has it has too.  `roles`: who may make tokens with it.

    `built_in`: it is there on every server, and cannot be changed.
    """

    name: str
    description: str = ""
    includes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    built_in: bool = False


class _WireScopes(msgspec.Struct):
    scopes: list[ScopeDefinition]


_SCOPE: Final = msgspec.json.Decoder(ScopeDefinition)
_SCOPES: Final = msgspec.json.Decoder(_WireScopes)


def read_scope(body: bytes) -> ScopeDefinition:
    """The answer of `PUT /scopes/{name}`.  Raises `TallystickError` if it is none."""
    return _checked(decode(_SCOPE, body))


def read_scopes(body: bytes) -> list[ScopeDefinition]:
    """The answer of `GET /scopes`."""
    return [_checked(each) for each in decode(_SCOPES, body).scopes]


def _checked(scope: ScopeDefinition) -> ScopeDefinition:
    known(scope.name, "scope")
    return scope
