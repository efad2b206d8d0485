"""Who may change what scopes there are: a superuser, in sudo, unless the operator's file says it for all.

In sudo, because a scope that includes another gives more to tokens that are out already: whoever found a superuser's token
must not be able to do that with it.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from tallystick.core import rights, sudo
from tallystick.core.caller import Caller
from tallystick.core.errors import Conflict
from tallystick.core.events import Origin
from tallystick.core.outcome import Outcome
from tallystick.core.ports import Catalogues
from tallystick.core.scopes import Catalogue, Defined

_TRIES: Final = 3
_BY_FILE: Final = "The scopes come from the operator's file, and are changed there"


def require_may_define(caller: Caller, *, now: int) -> None:
    """Raise `Forbidden` unless a superuser asks, in sudo, with a token for everything."""
    rights.require_may_manage_people(caller)
    sudo.require(caller, now=now)


async def define(catalogues: Catalogues, customer_id: str, defined: Defined, *, by: Origin) -> None:
    """Put a scope into a customer's catalogue, in place of what had its name.

    Raises `Invalid` when it does not fit with the others, `Conflict` when the catalogue comes from the operator's file.
    """
    await _put(catalogues, customer_id, lambda catalogue: catalogue.having(defined), by=by)


async def remove(catalogues: Catalogues, customer_id: str, name: str, *, by: Origin) -> None:
    """Take one out.  Raises `NotFound`, and `Conflict` while live tokens carry it, or others include it, or as `define` does."""
    await _put(catalogues, customer_id, lambda catalogue: catalogue.without(name), dropped=name, by=by)


async def _put(
    catalogues: Catalogues,
    customer_id: str,
    change: Callable[[Catalogue], tuple[Defined, ...]],
    *,
    dropped: str | None = None,
    by: Origin,
) -> None:
    for _ in range(_TRIES):  # others change it too, at times
        catalogue = await catalogues.of(customer_id)
        if catalogue.by_file:
            raise Conflict(_BY_FILE)
        after = replace(catalogue, scopes=change(catalogue))
        removal = await catalogues.put(after, replacing=catalogue.version, dropped=dropped, by=by)
        if removal.outcome is Outcome.IN_USE:
            raise _in_use(dropped or "", removal.token_ids)
        if removal.outcome is Outcome.DONE:
            return
    raise Conflict("The scopes were changed by others meanwhile: ask again")


def _in_use(name: str, token_ids: tuple[str, ...]) -> Conflict:
    count = len(token_ids)
    error = Conflict(
        f"{name} is carried by {count} live token{'' if count == 1 else 's'}: revoke or replace them first"
    )
    error.token_ids = token_ids
    return error
