"""`tallystick token`: the client's operations, for people and for scripts.

A secret is never taken from the command line, where every user of the machine could read it: it comes from FASTLY_API_TOKEN,
from a file, or from whoever sits at the terminal.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from tallystick.cli import ending, find, moments, output, terminal
from tallystick.client.errors import NEEDS_OTP, NEEDS_SUDO
from tallystick.client.models import IssuedToken
from tallystick.client.sync import TokensApi
from tallystick.core.errors import Forbidden, Invalid, TallystickError, Unauthenticated
from tallystick.core.secret import Secret

BULK: Final = 1_000
"""Ids in one request: few enough that each is quick, and that a failure leaves most of the work done."""

_CODES_ASKED: Final = 3
"""A code may be mistyped or run out; who has none will not find it by guessing."""

C = TypeVar("C", bound=Callable[..., None])


@click.group(cls=ending.Commands)
def token() -> None:
    """Create, list, show and revoke tokens of a running service.

    The token to speak with is never given on the command line: it comes from --token-file, else from FASTLY_API_TOKEN,
    else you are asked for it.  The service is that of --url, else of TALLYSTICK_URL, else Fastly itself.

    \b
    Exit codes: 0 done · 1 failed · 2 usage · 3 no valid token · 4 forbidden
                5 not found · 6 invalid · 7 too often · 8 unavailable · 9 in the way
    """  # noqa: D301 - \b is click's sign for lines that are to be kept


def _connected(command: C) -> C:
    """Give `command` the options that say where to and as whom: see `_api`."""
    options = (
        click.option("--url", metavar="URL", help="Address of the service, such as https://tokens.example.com."),
        click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A file that holds the token to speak with, and nothing else.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@token.command()
@click.option("--name", help="What it is for, so that others recognise it in lists.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may do; repeat for more than one.")
@click.option("--service", "services", multiple=True, metavar="ID", help="A service it is limited to; repeat for more.")
@click.option(
    "--expires",
    callback=moments.ahead,
    metavar="WHEN",
    help="RFC 3339, or 90d, 12h, 30m, 2w from now.  Default: never.",
)
@click.option("--username", metavar="LOGIN", help="Login of the user; needed where there is no token yet.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of the terminal.")
@click.option("--otp", metavar="CODE", help="One-time code of a user with two-factor authentication.")
@_json
@_connected
def create(
    name: str | None,
    scopes: tuple[str, ...],
    services: tuple[str, ...],
    expires: datetime | None,
    username: str | None,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Create a token.  Its secret goes to standard output, everything else to standard error.

    Who creates a token proves by password who they are: you are asked for it, and for a one-time code, when the service
    wants them.
    """
    password = _first_line() if password_stdin else None
    with _api(**where, may_be_without=True) as api:
        if not api.has_token and username is None:
            username = _answer("Login", otherwise=Unauthenticated(f"{_NO_TOKEN}, or --username."))
        if username is not None and password is None:
            password = _answer("Password", otherwise=Invalid("A password is needed: give --password-stdin."), hide=True)
        wish = partial(
            api.create_token,
            name=name,
            scope=" ".join(scopes) or None,
            services=services,
            expires_at=expires,
            username=username,
        )
        output.show_issued(_create(wish, password, otp), as_json=as_json)


def _create(wish: Callable[..., IssuedToken], password: str | None, otp: str | None) -> IssuedToken:
    """Create it, and ask for what the service misses as long as somebody is there to answer."""
    asked = 0
    while True:
        try:
            return wish(password=password, otp=otp)
        except Forbidden as error:
            if password is not None or NEEDS_SUDO not in error.msg:
                raise
            error.detail = "Give the password with --password-stdin."
            password = _answer("Password", otherwise=error, hide=True)
        except Invalid as error:
            if error.code != NEEDS_OTP:
                raise
            needed = Invalid("A current one-time code is needed: give --otp.", code=NEEDS_OTP, status=error.status)
            if asked == _CODES_ASKED:
                raise needed from error
            if otp is not None and terminal.is_interactive():
                output.note("That code is wrong, or was used before.")
            otp = _answer("One-time code", otherwise=needed)
            asked += 1


@token.command(name="list")
@click.option("--customer", metavar="ID", help="Those of all users of this customer, for superusers.")
@find.options
@_json
@_connected
def list_(customer: str | None, as_json: bool, url: str | None, token_file: Path | None, **wanted: Any) -> None:
    """List your tokens, or those of them that you look for.

    A WHEN is a time in RFC 3339, a date (UTC), or so long ago: 30d, 12h, 30m, 2w.
    """
    with _api(url=url, token_file=token_file) as api:
        found = find.tokens(api, customer, **wanted)
    output.show_tokens(found, with_user=customer is not None, as_json=as_json)


@token.command()
@click.argument("token_id", metavar="ID|self")
@_json
@_connected
def show(token_id: str, as_json: bool, **where: Any) -> None:
    """Show one token, or the one you speak with."""
    with _api(**where) as api:
        found = api.get_token_current() if token_id == "self" else api.get_token(token_id)
    output.show_token(found, as_json=as_json)


@token.command()
@_json
@_connected
def whoami(as_json: bool, **where: Any) -> None:
    """Show whom the token you speak with speaks for."""
    with _api(**where) as api:
        found = api.verify()
    output.show_identity(found, as_json=as_json)


@token.command(short_help="Revoke tokens by id, also many from standard input.")
@click.argument("ids", nargs=-1, metavar="[ID… | -]")
@click.option("--self", "itself", is_flag=True, help="The token you speak with.")
@click.option("--yes", is_flag=True, help="Do not ask before revoking more than one.")
@_connected
def revoke(ids: tuple[str, ...], itself: bool, yes: bool, **where: Any) -> None:
    """Revoke tokens by id; with - the ids come from standard input, one a line."""
    if bool(ids) == itself:
        raise click.UsageError("Name the tokens to revoke by id, or say --self.")
    wanted = list(dict.fromkeys(_expanded(ids)))
    if len(wanted) > 1 and not yes:
        terminal.confirm(f"Revoke {output.count(len(wanted))}?")
    with _api(**where) as api:
        if itself:
            api.revoke_token_current()
        else:
            _revoke(api, wanted)
    output.show_revoked(1 if itself else len(wanted), of=1 if itself else len(wanted))


def _revoke(api: TokensApi, ids: Sequence[str]) -> None:
    if len(ids) == 1:
        api.revoke_token(ids[0])
        return
    done = 0
    try:
        with output.progress(len(ids), "Revoking") as advance:
            for start in range(0, len(ids), BULK):
                some = ids[start : start + BULK]
                api.bulk_revoke_tokens(some)
                done += len(some)
                advance(len(some))
    except TallystickError:
        if done:
            output.show_revoked(done, of=len(ids))
        raise


def _expanded(ids: Sequence[str]) -> Iterator[str]:
    for each in ids:
        if each == "-":
            lines = (line.decode("ascii", "replace").strip() for line in sys.stdin.buffer)
            yield from (line for line in lines if line)
        else:
            yield each


_NO_TOKEN: Final = "There is no token: set FASTLY_API_TOKEN, or give --token-file"


def _api(*, url: str | None, token_file: Path | None, may_be_without: bool = False) -> TokensApi:
    """A client that speaks with the token of the file, else of the environment, else of whoever is asked.

    `may_be_without`: nobody is asked, because the command can be done by password.
    """
    api = TokensApi(None if token_file is None else _content(token_file), url=url)
    if api.has_token or may_be_without:
        return api
    api.close()
    return TokensApi(_answer("Token", otherwise=Unauthenticated(f"{_NO_TOKEN}."), hide=True), url=url)


def _content(token_file: Path) -> Secret:
    try:
        text = token_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise Invalid(f"{token_file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # Without a cause: it holds the whole text.
        text = ""
    if not text:
        raise Invalid(f"There is no token in {token_file}.")
    return Secret(text)


def _answer(what: str, *, otherwise: TallystickError, hide: bool = False) -> str:
    """Ask on the terminal; raises `otherwise` where nobody is there to be asked."""
    if not terminal.is_interactive():
        raise otherwise
    # On standard error, so that `SECRET=$(tallystick token create)` works and still asks.
    answer: str = click.prompt(what, hide_input=hide, err=True)
    return answer


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_LONGEST_PASSWORD).rstrip(b"\r\n")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise Invalid("The password on standard input is not UTF-8.") from None
    if not password:
        raise Invalid("No password came on standard input.")
    return password


_LONGEST_PASSWORD: Final = 4_096
