"""Scopes: those that are built in, and those that a customer, or the operator for all, has defined.  Not Fastly's."""

from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import catalogue
from tallystick.core.people import Role
from tallystick.core.scope import FASTLYS, GLOBAL, MEANINGS, VERIFY, Scope, own_words, require_read
from tallystick.core.scopes import Catalogue, Defined, wished
from tallystick.http import bodies
from tallystick.http.routes import Ask, json_answer, no_content


class ScopeForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`includes`: names of other scopes, which whoever has this one has too.  `roles`: who may have it, beside superusers."""

    description: str = ""
    includes: list[str] = []
    roles: list[Role] = []


class ScopeShown(msgspec.Struct, kw_only=True):
    """A scope.  `built_in`: it is the same everywhere, and not to be changed."""

    name: str
    description: str
    includes: list[str]
    roles: list[Role]
    built_in: bool = False


class Scopes(msgspec.Struct):
    """All that a token can carry.  `by_file`: those that are not built in are the operator's, and are not changed here."""

    scopes: list[ScopeShown]
    by_file: bool


async def list_scopes(ask: Ask) -> Response:
    """List the scopes that there are: those that are built in, then those of one's customer by name."""
    require_read(ask.caller.token.scope)
    found = await ask.wiring.store.catalogues.of(ask.caller.customer_id)
    return json_answer(Scopes([*_BUILT_IN, *map(_shown, found.scopes)], found.by_file))


async def put_scope(ask: Ask) -> Response:
    """Define a scope, or define it otherwise, as a superuser, with a token in sudo.

    Tokens that carry it, or one that includes it, give what it says now; when this has answered no verifier goes by what was
    before.
    """
    form = await bodies.read(ask.request, ScopeForm, forms=False)
    catalogue.require_may_define(ask.caller, now=ask.now)
    defined = Defined(
        name=ask.param("scope_name"),
        description=form.description.strip(),
        includes=tuple(dict.fromkeys(form.includes)),
        roles=tuple(dict.fromkeys(role for role in form.roles if role is not Role.SUPERUSER)),
    )
    await catalogue.define(ask.wiring.store.catalogues, ask.caller.customer_id, defined, by=ask.by())
    return json_answer(_shown(defined))


async def delete_scope(ask: Ask) -> Response:
    """Take a scope away, as a superuser, with a token in sudo, unless live tokens carry it or other scopes include it."""
    catalogue.require_may_define(ask.caller, now=ask.now)
    name = ask.param("scope_name")
    await catalogue.remove(ask.wiring.store.catalogues, ask.caller.customer_id, name, by=ask.by())
    return no_content()


async def asked_scope(ask: Ask, text: str | None, *, customer_id: str, role: Role) -> Scope:
    """What somebody with this role asks for in a new token; everything if they do not say.  Raises as `wished` does."""
    text = GLOBAL if text is None else text
    found = Catalogue(customer_id=customer_id)
    if own_words(text.split()):
        found = await ask.wiring.store.catalogues.of(customer_id)
    return wished(text, found, by=role)


def _shown(defined: Defined) -> ScopeShown:
    return ScopeShown(
        name=defined.name,
        description=defined.description,
        includes=list(defined.includes),
        roles=[*defined.roles, Role.SUPERUSER],
    )


_BUILT_IN: Final = [
    ScopeShown(
        name=word,
        description=meaning,
        includes=[each for each in FASTLYS if word == GLOBAL != each],
        roles=[Role.SUPERUSER] if word == VERIFY else list(Role),
        built_in=True,
    )
    for word, meaning in MEANINGS.items()
]
