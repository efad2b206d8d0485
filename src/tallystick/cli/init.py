"""`tallystick init`: key file, database and first superuser.  Each step is whole or not there, so it can be run again."""

import click

from tallystick import storage
from tallystick.cli import settings, terminal
from tallystick.cli.database import claim, fingerprint_in
from tallystick.cli.keyfile import load_keys, make_key_file
from tallystick.cli.offline import Desk, Office
from tallystick.cli.settings import Settings
from tallystick.core.errors import NotFound
from tallystick.core.people import Role, User
from tallystick.identity.accounts import NewUser, known_words
from tallystick.identity.keys import Keys


@click.command()
@settings.options("database", "key_file", "hashing")
@click.option("--customer", metavar="NAME", help="Name of the customer; asked for when absent.")
@click.option("--login", help="Login of the superuser; asked for when absent.")
@click.option("--name", help="Name of the superuser; asked for when absent.")
@click.option("--password-stdin", is_flag=True, help="Take the password from the first line of standard input.")
def init(customer: str | None, login: str | None, name: str | None, password_stdin: bool, **flags: str | None) -> None:
    """Make the key file, the database and the first superuser.

    What exists is kept: a second run says so and changes nothing, and one that was interrupted is finished.
    """
    given = settings.read(flags)
    keys = _keys(given)
    claim(given.database, keys)
    _say("Database", storage.shown(given.database))
    office = Office(given.database, keys, given.hashing)
    known = office.run(_known_superuser)
    if known is not None:
        _say("Superuser", f"{known.login} (was here already)")
        click.echo("Nothing was changed.")
        return
    customer_id = _customer(office, customer)
    _superuser(office, customer_id, login=login, name=name, password_stdin=password_stdin)
    click.echo(_NEXT)


def _keys(given: Settings) -> Keys:
    path = given.key_file
    if path.exists():
        _say("Key file", f"{path} (was here already)")
        return load_keys(path)
    if fingerprint_in(given.database) is not None:
        # A new key would make all that is in the database useless, and only look like a way out.
        raise NotFound(
            f"{storage.shown(given.database)} belongs to a key file that is not at {path}: put it back, or name it with --key-file"
        )
    make_key_file(path)
    _say("Key file", f"{path} (new: back it up, apart from the database)")
    return load_keys(path)


async def _known_superuser(desk: Desk) -> User | None:
    superusers = (user for user in await desk.store.people.users() if user.role is Role.SUPERUSER)
    return next(superusers, None)


def _customer(office: Office, name: str | None) -> str:
    known = office.run(lambda desk: desk.store.people.customers())
    if known:
        _say("Customer", f"{known[0].name} (was here already)")
        return known[0].id
    asked = name or terminal.ask("Name of the customer (your team, say)")
    customer = office.run(lambda desk: desk.accounts.add_customer(asked, by=desk.by))
    _say("Customer", f"{customer.name} (new)")
    return customer.id


def _superuser(office: Office, customer_id: str, *, login: str | None, name: str | None, password_stdin: bool) -> None:
    login = login or terminal.ask("Login of the first superuser (an e-mail address, say)")
    name = name or terminal.ask("Their name")
    password = terminal.new_password(words=known_words(login, name), from_stdin=password_stdin)
    new = NewUser(customer_id=customer_id, login=login, name=name, role=Role.SUPERUSER, password=password)
    _say("Superuser", f"{office.run(lambda desk: desk.accounts.add_user(new, by=desk.by)).login} (new)")


def _say(what: str, how: str) -> None:
    click.echo(f"{what:<10} {how}")


_NEXT = """
Next:
  tallystick serve            answers requests (the same settings, from flags or the environment)
  tallystick admin --help     more people, services, one-time codes"""
