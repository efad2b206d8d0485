"""`tallystick admin user`: people, from the first day to the last."""

import click

from tallystick.cli import terminal
from tallystick.cli.admin import holdings, options, show
from tallystick.cli.admin.holdings import Person
from tallystick.cli.offline import Desk
from tallystick.core.errors import Conflict
from tallystick.core.people import Role, User, UserChange
from tallystick.identity.accounts import NewUser, known_words

_ROLE = click.Choice([role.value for role in Role])


@click.group()
def user() -> None:
    """Users: people, each with a login."""


@user.command()
@click.argument("login")
@click.option("--name", help="As it is shown; the login when absent.")
@click.option("--role", type=_ROLE, default=Role.USER.value, show_default=True)
@options.of_customer
@options.password_stdin
def add(login: str, name: str | None, role: str, customer_id: str | None, password_stdin: bool) -> None:
    """Make a user, and print their id.  The password is asked for."""
    office = options.office()
    of_customer = office.run(lambda desk: options.the_customer(desk, customer_id))
    password = terminal.new_password(words=known_words(login, name or login), from_stdin=password_stdin)
    new = NewUser(customer_id=of_customer, login=login, name=name or login, role=Role(role), password=password)
    click.echo(office.run(lambda desk: desk.accounts.add_user(new, by=desk.by)).id)


@user.command(name="list")
@options.only_customer
@options.in_json
def list_(customer_id: str | None, as_json: bool) -> None:
    """List users, oldest first."""
    found = options.office().run(lambda desk: desk.store.people.users(customer_id))
    shown = ("id", "login", "name", "role", "two_factor", "locked", "customer_id")
    show.records(found, shown, as_json=as_json)


@user.command(name="show", short_help="Show a user and their live tokens.")
@click.argument("login")
@options.in_json
def show_(login: str, as_json: bool) -> None:
    """Show a user: their role, whether they can log in, and their live tokens with when each was last used."""
    show.person(options.office().run(lambda desk: holdings.look_up(desk, login)), as_json=as_json)


@user.command(short_help="Give a user another role.")
@click.argument("login")
@click.argument("role", type=_ROLE)
def set_role(login: str, role: str) -> None:
    """Give a user another role.  It reaches their tokens at once: none gives more than its user has."""
    changed = _change(login, UserChange(role=Role(role)))
    click.echo(f"{changed.login} has the role {changed.role.value} from now on, and so have their tokens.")


@user.command()
@click.argument("login")
@click.option("--login", "new_login", metavar="NEW", help="What they log in with from now on.")
@click.option("--name", help="As it is shown.")
def rename(login: str, new_login: str | None, name: str | None) -> None:
    """Give a user another login, another name, or both.  Id, password and tokens stay."""
    if new_login is None and name is None:
        raise click.UsageError("Say what is to change: --login NEW, --name NAME, or both.")
    changed = _change(login, UserChange(login=new_login, name=name))
    click.echo(f"It is {changed.login} ({changed.name}) now.")


@user.command(short_help="Let a user in no more, nor their tokens.")
@click.argument("login")
def lock(login: str) -> None:
    """Let a user in no more: neither them nor their tokens, which stay for when they are unlocked."""
    changed = _change(login, UserChange(locked=True))
    click.echo(f"{changed.login} is locked: neither they nor their tokens are let in.")


@user.command(short_help="Let a user in again, whoever locked them.")
@click.argument("login")
def unlock(login: str) -> None:
    """Let a user in again, whoever locked them: an administrator, or failed guesses at their password.

    The guesses are forgotten, so that the login does not wait either.
    """

    async def free(desk: Desk) -> Person:
        found = await holdings.look_up(desk, login)
        if found.failures is not None:
            await desk.store.guesses.unlock([holdings.guess_key(desk, found.user)], user=found.user, by=desk.by)
        if found.user.locked:
            await desk.accounts.change_user(found.customer.id, found.user.id, UserChange(locked=False), by=desk.by)
        return found

    before = options.office().run(free)
    click.echo(f"{before.user.login} may log in ({_what_stood_in_the_way(before)}).")


@user.command(short_help="Delete a user who has no live tokens.")
@click.argument("login")
@options.unasked
def delete(login: str, yes: bool) -> None:
    """Delete a user, unless they have live tokens: these are then listed."""
    office = options.office()
    known = office.run(lambda desk: desk.accounts.by_login(login))
    if not yes:
        terminal.confirm(f"Delete the user {known.login} ({known.name}, {known.role.value})?")
    try:
        office.run(lambda desk: desk.accounts.remove_user(known.customer_id, known.id, by=desk.by))
    except Conflict as error:
        ids = error.token_ids
        if not ids:
            raise
        show.in_the_way(office.run(lambda desk: holdings.by_ids(desk, ids)))
        hint = f"`tallystick admin offboard {known.login}` revokes them or hands them over, one by one"
        raise Conflict(f"{known.login} is not deleted: they have {show.live(len(ids))}", detail=hint) from error
    click.echo(f"{known.login} is deleted.")


def _change(login: str, change: UserChange) -> User:
    """The user as they are then."""

    async def work(desk: Desk) -> User:
        known = await desk.accounts.by_login(login)
        await desk.accounts.change_user(known.customer_id, known.id, change, by=desk.by)
        return await desk.accounts.by_login(change.login or login)

    return options.office().run(work)


def _what_stood_in_the_way(before: Person) -> str:
    failures = before.failures
    reasons = [
        *(["the lock is off"] if before.user.locked else []),
        *([f"{show.guesses(failures)} forgotten"] if failures is not None else []),
    ]
    return ", ".join(reasons) or "nothing was in the way"
