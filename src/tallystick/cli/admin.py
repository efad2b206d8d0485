"""`tallystick admin`: people, services, passwords and one-time codes, straight in the database.

Whoever can read the key file and the database may do anything here: no password is asked for.
"""

from collections.abc import Sequence
from typing import Any

import click
import msgspec
import segno

from tallystick.cli import offline, settings, terminal
from tallystick.cli.offline import Desk, Office
from tallystick.core.errors import Invalid, NotFound
from tallystick.core.people import Customer, Role, Service, User
from tallystick.identity import guess, totp
from tallystick.identity.accounts import NewUser, known_words

_Record = Customer | User | Service


@click.group()
@settings.options("database", "key_file", "hashing")
def admin(**flags: str | None) -> None:
    """Customers, users, services, passwords and one-time codes.

    Works directly on the database, whether the server runs or not.
    """
    click.get_current_context().obj = flags


@admin.group()
def customer() -> None:
    """Customers: the accounts that keep people and services apart."""


@admin.group()
def user() -> None:
    """Users."""


@admin.group()
def service() -> None:
    """Services: what a token can be limited to."""


_in_json = click.option("--json", "as_json", is_flag=True, help="One JSON array.")
_of_customer = click.option("--customer", "customer_id", metavar="ID", help="Needed only when there are several.")
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from the first line of standard input."
)


@customer.command("add")
@click.argument("name")
def customer_add(name: str) -> None:
    """Make a customer, and print its id."""
    click.echo(_office().run(lambda desk: desk.accounts.add_customer(name, by=desk.by)).id)


@customer.command("list")
@_in_json
def customer_list(as_json: bool) -> None:
    """List all customers, oldest first."""
    _show(_office().run(lambda desk: desk.store.people.customers()), ("id", "name"), as_json=as_json)


@user.command("add")
@click.argument("login")
@click.option("--name", help="As it is shown; the login when absent.")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.USER.value, show_default=True)
@_of_customer
@_password_stdin
def user_add(login: str, name: str | None, role: str, customer_id: str | None, password_stdin: bool) -> None:
    """Make a user, and print their id.  The password is asked for."""
    office = _office()
    of_customer = office.run(lambda desk: _the_customer(desk, customer_id))
    password = terminal.new_password(words=known_words(login, name or login), from_stdin=password_stdin)
    new = NewUser(customer_id=of_customer, login=login, name=name or login, role=Role(role), password=password)
    click.echo(office.run(lambda desk: desk.accounts.add_user(new, by=desk.by)).id)


@user.command("list")
@click.option("--customer", "customer_id", metavar="ID", help="Only this customer's.")
@_in_json
def user_list(customer_id: str | None, as_json: bool) -> None:
    """List users, oldest first."""
    shown = ("id", "login", "name", "role", "two_factor", "customer_id")
    _show(_office().run(lambda desk: desk.store.people.users(customer_id)), shown, as_json=as_json)


@service.command("add")
@click.argument("name")
@_of_customer
def service_add(name: str, customer_id: str | None) -> None:
    """Make a service, and print its id."""

    async def add(desk: Desk) -> Service:
        return await desk.accounts.add_service(await _the_customer(desk, customer_id), name, by=desk.by)

    click.echo(_office().run(add).id)


@service.command("list")
@click.option("--customer", "customer_id", metavar="ID", help="Only this customer's.")
@_in_json
def service_list(customer_id: str | None, as_json: bool) -> None:
    """List services, oldest first."""
    shown = ("id", "name", "customer_id")
    _show(_office().run(lambda desk: desk.store.people.services(customer_id)), shown, as_json=as_json)


@admin.command("set-password")
@click.argument("login")
@_password_stdin
def set_password(login: str, password_stdin: bool) -> None:
    """Give a user a new password.  It is asked for twice, and not shown."""
    office = _office()
    known = office.run(lambda desk: desk.accounts.by_login(login))
    password = terminal.new_password(words=known_words(known.login, known.name), from_stdin=password_stdin)
    office.run(lambda desk: desk.accounts.set_password(known, password, by=desk.by))
    click.echo(f"{known.login} has a new password.")


@admin.command("enrol-totp")
@click.argument("login")
@click.option("--no-confirm", is_flag=True, help="Do not ask for a code first: for scripts.")
def enrol_totp(login: str, no_confirm: bool) -> None:
    """Have a one-time code asked for besides the password.  Shows the secret, once, as a QR code and as a URI."""
    office = _office()
    known = office.run(lambda desk: desk.accounts.by_login(login))
    secret = totp.new_secret()
    _show_secret(totp.otpauth_uri(secret, login=known.login))
    code = None if no_confirm else terminal.ask("Code that the app shows now")
    office.run(lambda desk: desk.accounts.enrol_totp(known, secret, code=code, by=desk.by))
    click.echo(f"From now on {known.login} needs a one-time code.")


@admin.command("remove-totp")
@click.argument("login")
def remove_totp(login: str) -> None:
    """Have the password be enough again."""

    async def remove(desk: Desk) -> User:
        known = await desk.accounts.by_login(login)
        await desk.accounts.remove_totp(known, by=desk.by)
        return known

    click.echo(f"From now on {_office().run(remove).login} needs no one-time code.")


@admin.command()
@click.argument("login")
def unlock(login: str) -> None:
    """Forget the failed guesses at a login, so that it neither waits nor is locked."""

    async def forget(desk: Desk) -> User:
        known = await desk.accounts.by_login(login)
        await desk.store.guesses.unlock([guess.login_key(known.login, key=desk.keys.guesses)], user=known, by=desk.by)
        return known

    click.echo(f"{_office().run(forget).login} may try again.")


def _office() -> Office:
    return offline.office(click.get_current_context().find_object(dict) or {})


async def _the_customer(desk: Desk, customer_id: str | None) -> str:
    """The one that was named, or the only one there is."""
    known = [one.id for one in await desk.store.people.customers()]
    if customer_id is not None and customer_id not in known:
        raise NotFound(f"no customer has the id {customer_id}")
    if customer_id is None and len(known) != 1:
        raise Invalid(f"there are {len(known)} customers: say which one with --customer ID")
    return customer_id or known[0]


def _show_secret(uri: str) -> None:
    code = segno.make(uri, error="l", micro=False)
    if terminal.is_shown():
        code.terminal(compact=True)
    click.echo(uri)


def _show(records: Sequence[_Record], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(records)))
        return
    rows = [[_cell(getattr(record, column)) for column in columns] for record in records]
    if not terminal.is_shown():
        # As `tallystick token list`: lines for cut and awk.
        click.echo("".join("\t".join(row) + "\n" for row in rows), nl=False)
        return
    table = [columns, *rows]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
