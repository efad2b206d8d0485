"""The options that commands of `tallystick admin` share, and what they name."""

import click

from tallystick.cli import offline
from tallystick.cli.offline import Desk, Office
from tallystick.core.errors import Invalid, NotFound

in_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
of_customer = click.option("--customer", "customer_id", metavar="ID", help="Needed only when there are several.")
only_customer = click.option("--customer", "customer_id", metavar="ID", help="Only this customer's.")
password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from the first line of standard input."
)
unasked = click.option("--yes", is_flag=True, help="Do not ask first.")


def office() -> Office:
    """The database that the flags of `tallystick admin` name."""
    return offline.office(click.get_current_context().find_object(dict) or {})


async def the_customer(desk: Desk, customer_id: str | None) -> str:
    """The one that was named, or the only one there is."""
    known = [one.id for one in await desk.store.people.customers()]
    if customer_id is not None and customer_id not in known:
        raise NotFound(f"no customer has the id {customer_id}")
    if customer_id is None and len(known) != 1:
        raise Invalid(f"there are {len(known)} customers: say which one with --customer ID")
    return customer_id or known[0]
