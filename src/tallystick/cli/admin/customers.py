"""`tallystick admin customer`: the accounts that keep people and services apart."""

import click

from tallystick.cli.admin import options, show
from tallystick.cli.offline import Desk
from tallystick.core.errors import NotFound
from tallystick.core.people import Customer


@click.group()
def customer() -> None:
    """Customers: the accounts that keep people and services apart."""


@customer.command()
@click.argument("name")
def add(name: str) -> None:
    """Make a customer, and print its id."""
    click.echo(options.office().run(lambda desk: desk.accounts.add_customer(name, by=desk.by)).id)


@customer.command(name="list")
@options.in_json
def list_(as_json: bool) -> None:
    """List all customers, oldest first."""
    found = options.office().run(lambda desk: desk.store.people.customers())
    show.records(found, ("id", "name"), as_json=as_json)


@customer.command()
@click.argument("customer_id", metavar="ID")
@click.argument("name")
def rename(customer_id: str, name: str) -> None:
    """Give a customer another name."""

    async def change(desk: Desk) -> Customer:
        found = await desk.store.people.customer(customer_id)
        if found is None:
            raise NotFound(f"no customer has the id {customer_id}")
        await desk.accounts.rename_customer(found.id, name, by=desk.by)
        return found

    click.echo(f"{options.office().run(change).name} is called {name.strip()} now.")
