"""`tallystick admin service`: what a token can be limited to."""

import click

from tallystick.cli import terminal
from tallystick.cli.admin import holdings, options, show
from tallystick.cli.offline import Desk
from tallystick.core.errors import Conflict, NotFound
from tallystick.core.people import Service


@click.group()
def service() -> None:
    """Services: what a token can be limited to."""


@service.command()
@click.argument("name")
@options.of_customer
def add(name: str, customer_id: str | None) -> None:
    """Make a service, and print its id."""

    async def make(desk: Desk) -> Service:
        return await desk.accounts.add_service(await options.the_customer(desk, customer_id), name, by=desk.by)

    click.echo(options.office().run(make).id)


@service.command(name="list")
@options.only_customer
@options.in_json
def list_(customer_id: str | None, as_json: bool) -> None:
    """List services, oldest first."""
    found = options.office().run(lambda desk: desk.store.people.services(customer_id))
    show.records(found, ("id", "name", "customer_id"), as_json=as_json)


@service.command(short_help="Give a service another name.")
@click.argument("service_id", metavar="ID")
@click.argument("name")
def rename(service_id: str, name: str) -> None:
    """Give a service another name.  Tokens know it by its id: they notice nothing."""

    async def change(desk: Desk) -> Service:
        found = await _by_id(desk, service_id)
        await desk.accounts.rename_service(found.customer_id, found.id, name, by=desk.by)
        return found

    click.echo(f"{options.office().run(change).name} is called {name.strip()} now.")


@service.command(short_help="Delete a service that no live token is limited to.")
@click.argument("service_id", metavar="ID")
@options.unasked
def delete(service_id: str, yes: bool) -> None:
    """Delete a service, unless live tokens are limited to it: these are then listed."""
    office = options.office()
    found = office.run(lambda desk: _by_id(desk, service_id))
    if not yes:
        terminal.confirm(f"Delete the service {found.name} ({found.id})?")
    try:
        office.run(lambda desk: desk.accounts.remove_service(found.customer_id, found.id, by=desk.by))
    except Conflict as error:
        ids = error.token_ids
        show.in_the_way(office.run(lambda desk: holdings.by_ids(desk, ids)))
        hint = "a superuser, or whoever holds them, ends them with `tallystick token revoke`"
        stand = f"{show.live(len(ids))} {'is' if len(ids) == 1 else 'are'} limited to it"
        raise Conflict(f"{found.name} is not deleted: {stand}", detail=hint) from error
    click.echo(f"{found.name} is deleted.")


async def _by_id(desk: Desk, service_id: str) -> Service:
    found = await desk.store.people.service(service_id)
    if found is None:
        raise NotFound(f"no service has the id {service_id}")
    return found
