"""Which tokens are meant: the service's filters and orders as options."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import click

from tallystick.cli.moments import ago, ahead
from tallystick.client.models import Token
from tallystick.client.sync import TokensApi
from tallystick.core.find import Kind, SortBy

C = TypeVar("C", bound=Callable[..., None])

_AT_A_TIME: Final = 1_000
_SORTS: Final = [f"{turned}{by}" for by in SortBy for turned in ("", "-")]
_FILTERS: Final = (
    click.option("--created-before", callback=ago, metavar="WHEN", help="Created before this; 30d: 30 days ago."),
    click.option("--created-after", callback=ago, metavar="WHEN", help="Created then or later."),
    click.option("--used-before", callback=ago, metavar="WHEN", help="Used, and last before this."),
    click.option("--used-after", callback=ago, metavar="WHEN", help="Last used then or later."),
    click.option("--unused-since", callback=ago, metavar="WHEN", help="Neither used nor created then or later."),
    click.option(
        "--expires-before", callback=ahead, metavar="WHEN", help="That end before this: RFC 3339, or 30d from now."
    ),
    click.option("--search", metavar="TEXT", help="With this in the name, or with this id."),
    click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Of people, or for automation."),
    click.option("--user", "user_id", metavar="ID", help="Of this user."),
    click.option("--service", "service_id", metavar="ID", help="Limited to this service by name."),
)
_ORDER: Final = (
    click.option("--sort", type=click.Choice(_SORTS), help="Default: created_at.  With -: the other way round."),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="The first N only."),
)


def options(command: C) -> C:
    """Give `command` the options that say which tokens, and in which order: see `tokens`."""
    for option in reversed(_ORDER):
        command = option(command)
    return filters(command)


def filters(command: C) -> C:
    """Give `command` those that say which tokens: each under the name that the client has for it."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


# Any: values of options, each of the type that the client takes under that name.
def tokens(api: TokensApi, customer_id: str | None, *, limit: int | None, **wanted: Any) -> Sequence[Token]:
    """One's own tokens or a customer's.  Without any option the service is asked as Fastly can be asked too."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if not given and limit is None:
        return api.list_tokens_user() if customer_id is None else api.list_tokens_customer(customer_id)
    at_a_time = min(limit or _AT_A_TIME, _AT_A_TIME)
    if customer_id is None:
        return list(islice(api.iter_tokens_user(**given, limit=at_a_time), limit))
    return list(islice(api.iter_tokens_customer(customer_id, **given, limit=at_a_time), limit))
