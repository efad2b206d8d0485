"""To which service a command of `tallystick token` speaks, as whom, and how whoever sits there proves to be them.

A secret is never taken from the command line, where every user of the machine could read it: it comes from FASTLY_API_TOKEN,
from a file, or from whoever sits at the terminal.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from tallystick.cli import output, terminal
from tallystick.client.errors import NEEDS_OTP, NEEDS_SUDO
from tallystick.client.sync import TokensApi
from tallystick.core.errors import Forbidden, Invalid, TallystickError, Unauthenticated
from tallystick.core.secret import Secret

C = TypeVar("C", bound=Callable[..., None])
T = TypeVar("T")

_CODES_ASKED: Final = 3
"""A code may be mistyped or run out; who has none will not find it by guessing."""

NO_TOKEN: Final = "There is no token: set FASTLY_API_TOKEN, or give --token-file"


def connected(command: C) -> C:
    """Give `command` the options that say where to and as whom: see `api_of`."""
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


def proving(command: C) -> C:
    """Give `command` the options with which a password and a one-time code come without a terminal: see `proven`."""
    options = (
        click.option(
            "--password-stdin", is_flag=True, help="Read the password from standard input instead of the terminal."
        ),
        click.option("--otp", metavar="CODE", help="One-time code of a user with two-factor authentication."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def api_of(*, url: str | None, token_file: Path | None, may_be_without: bool = False) -> TokensApi:
    """A client that speaks with the token of the file, else of the environment, else of whoever is asked.

    `may_be_without`: nobody is asked, because the command can be done by password.
    """
    found = TokensApi(None if token_file is None else _content(token_file), url=url)
    if found.has_token or may_be_without:
        return found
    found.close()
    return TokensApi(answer("Token", otherwise=Unauthenticated(f"{NO_TOKEN}."), hide=True), url=url)


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


def answer(what: str, *, otherwise: TallystickError, hide: bool = False) -> str:
    """Ask on the terminal; raises `otherwise` where nobody is there to be asked."""
    if not terminal.is_interactive():
        raise otherwise
    # On standard error, so that `SECRET=$(tallystick token create)` works and still asks.
    text: str = click.prompt(what, hide_input=hide, err=True)
    return text


def first_line() -> str:
    """A password that comes on standard input."""
    line = sys.stdin.buffer.readline(_LONGEST_PASSWORD).rstrip(b"\r\n")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise Invalid("The password on standard input is not UTF-8.") from None
    if not password:
        raise Invalid("No password came on standard input.")
    return password


def proven(wish: Callable[..., T], password: str | None, otp: str | None) -> T:
    """What `wish` returns when the proof is there; asks for what the service misses as long as somebody is there to answer."""
    asked = 0
    while True:
        try:
            return wish(password=password, otp=otp)
        except Forbidden as error:
            if password is not None or NEEDS_SUDO not in error.msg:
                raise
            error.detail = "Give the password with --password-stdin."
            password = answer("Password", otherwise=error, hide=True)
        except Invalid as error:
            if error.code != NEEDS_OTP:
                raise
            needed = Invalid("A current one-time code is needed: give --otp.", code=NEEDS_OTP, status=error.status)
            if asked == _CODES_ASKED:
                raise needed from error
            if otp is not None and terminal.is_interactive():
                output.note("That code is wrong, or was used before.")
            otp = answer("One-time code", otherwise=needed)
            asked += 1


_LONGEST_PASSWORD: Final = 4_096
