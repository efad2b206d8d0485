"""`tallystick admin set-password`, `enrol-totp`, `remove-totp`: what proves who somebody is."""

import click
import segno

from tallystick.cli import terminal
from tallystick.cli.admin import holdings, options, show
from tallystick.cli.offline import Desk, Office
from tallystick.core.people import User
from tallystick.identity import totp
from tallystick.identity.accounts import known_words


@click.command("set-password")
@click.argument("login")
@options.password_stdin
@click.option(
    "--end-tokens/--keep-tokens",
    "ends",
    default=None,
    help="End all sessions and tokens of the user as well.  Asked for on a terminal; elsewhere they are kept.",
)
def set_password(login: str, password_stdin: bool, ends: bool | None) -> None:
    """Give a user a new password.  It is asked for twice, and not shown."""
    office = options.office()
    known = office.run(lambda desk: desk.accounts.by_login(login))
    password = terminal.new_password(words=known_words(known.login, known.name), from_stdin=password_stdin)
    if ends is None:
        ends = terminal.is_interactive() and _asked_to_end(office, known)
    office.run(lambda desk: desk.accounts.set_password(known, password, end_tokens=ends, by=desk.by))
    click.echo(f"{known.login} has a new password{', and none of their tokens works any more' if ends else ''}.")


def _asked_to_end(office: Office, known: User) -> bool:
    """Who changes a password because somebody else knows it wants this; who has merely forgotten it does not."""
    number = len(office.run(lambda desk: holdings.live_tokens(desk, known)))
    return number > 0 and click.confirm(f"End all other sessions and tokens, too ({show.live(number)})?", err=True)


@click.command("enrol-totp")
@click.argument("login")
@click.option("--no-confirm", is_flag=True, help="Do not ask for a code first: for scripts.")
def enrol_totp(login: str, no_confirm: bool) -> None:
    """Have a one-time code asked for besides the password.  Shows the secret, once, as a QR code and as a URI."""
    office = options.office()
    known = office.run(lambda desk: desk.accounts.by_login(login))
    secret = totp.new_secret()
    _show_secret(totp.otpauth_uri(secret, login=known.login))
    code = None if no_confirm else terminal.ask("Code that the app shows now")
    office.run(lambda desk: desk.accounts.enrol_totp(known, secret, code=code, by=desk.by))
    click.echo(f"From now on {known.login} needs a one-time code.")


@click.command("remove-totp")
@click.argument("login")
def remove_totp(login: str) -> None:
    """Have the password be enough again."""

    async def remove(desk: Desk) -> User:
        known = await desk.accounts.by_login(login)
        await desk.accounts.remove_totp(known, by=desk.by)
        return known

    click.echo(f"From now on {options.office().run(remove).login} needs no one-time code.")


def _show_secret(uri: str) -> None:
    code = segno.make(uri, error="l", micro=False)
    if terminal.is_shown():
        code.terminal(compact=True)
    click.echo(uri)
