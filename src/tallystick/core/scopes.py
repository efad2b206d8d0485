"""Scopes of your own: which there are, what each includes, and what a token that carries some of them gives.

They are for `/check` and what asks like it.  Our own operations take none of them; no scope that is built in includes one, and
they include none of those: so what is defined here neither widens Fastly's words nor gives more of this service to anybody.

Each customer has a catalogue of its own, kept by its superusers.  The operator's file stands for all customers, in place of theirs.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

import msgspec

from tallystick.core.errors import Conflict, Forbidden, Invalid, NotFound
from tallystick.core.people import Role
from tallystick.core.scope import WORDS, Scope, own_words

FOR_ALL: Final = ""
"""Whose catalogue the operator's file is: no customer's id."""

SCOPES_MAX: Final = 500
NAME_CHARS_MAX: Final = 64
DESCRIPTION_CHARS_MAX: Final = 200
# A scope-token of RFC 6749, 3.3, that needs no quoting anywhere.  Fastly's have no colon, but for `global:read`.
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*(?::[a-z0-9_-]+)+")
_RESERVED: Final = frozenset({"global", "purge", "purge_all", "purge_select", "verify", "fastly", "tallystick"})
_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Defined(msgspec.Struct, frozen=True, kw_only=True):
    """One scope.  `includes`: names of others, which whoever has it has too.

    `roles`: who may have it beside superusers, by the role that they have at the moment.
    """

    name: str
    description: str = ""
    includes: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()

    def is_for(self, role: Role) -> bool:
        """Whether somebody with this role may have it."""
        return role is Role.SUPERUSER or role in self.roles

    def __str__(self) -> str:
        included = f"; includes {', '.join(self.includes)}" if self.includes else ""
        return f"{self.description or 'no description'}{included}; for {', '.join((*self.roles, Role.SUPERUSER))}"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer's tokens can carry beside what is built in, by name.

    `version`: counts its changes, 0 = it was never written.  `by_file`: it is the operator's, and the same for all.
    """

    customer_id: str
    scopes: tuple[Defined, ...] = ()
    version: int = 0
    by_file: bool = False

    @property
    def id(self) -> str:
        """Each customer has one: it is called as they are."""
        return self.customer_id

    def get(self, name: str) -> Defined:
        """Raises `NotFound`."""
        found = next((each for each in self.scopes if each.name == name), None)
        if found is None:
            raise NotFound("Record not found", detail=f"Cannot find scope {name!r}")
        return found

    def having(self, defined: Defined) -> tuple[Defined, ...]:
        """Its scopes, with this one in place of what had its name.  Raises `Invalid` when they do not fit together."""
        others = (each for each in self.scopes if each.name != defined.name)
        return checked((*others, defined))

    def without(self, name: str) -> tuple[Defined, ...]:
        """Its scopes, but this.  Raises `NotFound`, and `Conflict` while others include it."""
        gone = self.get(name)
        including = [each.name for each in self.scopes if name in each.includes]
        if including:
            raise Conflict(f"{name} is included in {', '.join(including)}: change that first")
        return tuple(each for each in self.scopes if each is not gone)


def checked(scopes: Iterable[Defined]) -> tuple[Defined, ...]:
    """The same, by name.  Raises `Invalid` that says what is wrong with which, and what to do."""
    ordered = tuple(sorted(scopes, key=lambda each: each.name))
    if len(ordered) > SCOPES_MAX:
        raise Invalid(
            f"there are {len(ordered)} scopes, and at most {SCOPES_MAX} can be defined", code="invalid_request"
        )
    by_name = {each.name: each for each in ordered}
    for each in ordered:
        _check_one(each, by_name)
    _require_no_circle(ordered)
    return ordered


def wished(text: str, catalogue: Catalogue, *, by: Role) -> Scope:
    """The scope that somebody with this role asks for in a new token.  Raises `Invalid` for an unknown word.

    Raises `Forbidden` for one that is not for them.  It depends on who asks, and not on what their token has itself, as for
    `verify`: to make a token takes their password.
    """
    scope = Scope.parse(text, more=[each.name for each in catalogue.scopes])
    for word in own_words(scope.words):
        defined = catalogue.get(word)
        if not defined.is_for(by):
            allowed = " or ".join((*defined.roles, Role.SUPERUSER))
            raise Forbidden(f"Only a user with role {allowed} may create tokens with scope {word}")
    return scope


def resolved(scope: Scope, scopes: tuple[Defined, ...], role: Role | None) -> Scope:
    """The same scope, with what it gives.  `role`: its user's; None of an automation token, which a superuser has made.

    What is not defined gives nothing, nor what its user may not have (any more).
    """
    by_name = {each.name: each for each in scopes}
    carried = [by_name[word] for word in own_words(scope.words) if word in by_name]
    had = [each.name for each in carried if role is None or each.is_for(role)]
    return Scope(scope.words, tuple(_with_included(had, by_name)))


def _with_included(names: Iterable[str], by_name: Mapping[str, Defined]) -> Iterator[str]:
    """The names, and what they include, each once."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name not in seen and name in by_name:
            seen.add(name)
            waiting += by_name[name].includes
            yield name


def _check_one(defined: Defined, known: Collection[str]) -> None:
    name = defined.name
    if _NAME.fullmatch(name) is None or len(name) > NAME_CHARS_MAX:
        raise Invalid(
            f"{name!r} is no name for a scope: write an area and what may be done in it, such as orders:read, in lower case, "
            f"with at most {NAME_CHARS_MAX} characters",
            code="invalid_request",
        )
    if (area := name.partition(":")[0]) in _RESERVED:
        raise Invalid(f"{name}: what begins with {area}: is kept for scopes that are built in", code="invalid_request")
    if len(defined.description) > DESCRIPTION_CHARS_MAX or _UNSHOWABLE.search(defined.description):
        said = f"{name}: a description is one line of at most {DESCRIPTION_CHARS_MAX} characters"
        raise Invalid(said, code="invalid_request")
    for included in defined.includes:
        _check_included(name, included, known)


def _check_included(name: str, included: str, known: Collection[str]) -> None:
    if included in WORDS:
        said = f"{name} includes {included}: what is built in cannot be included, only given to a token by name"
        raise Invalid(said, code="invalid_request")
    if included not in known:
        raise Invalid(f"{name} includes {included!r}, which is not there: define that first", code="invalid_request")


def _require_no_circle(scopes: Iterable[Defined]) -> None:
    try:
        TopologicalSorter({each.name: each.includes for each in scopes}).prepare()
    except CycleError as error:
        circle = ", which includes ".join(reversed(error.args[1]))
        said = f"{circle.replace(', which includes', ' includes', 1)}: no scope can include itself, so take one of these out"
        raise Invalid(said, code="invalid_request") from error
