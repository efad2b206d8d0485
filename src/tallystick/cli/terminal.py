"""Asking people for what must not stand on a command line."""

import sys
from typing import Final

import click

from tallystick.core.errors import Invalid, TallystickError

_PASSWORD_BYTES_MAX: Final = 4096


def is_interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def is_shown(*, err: bool = False) -> bool:
    """Whether somebody looks at what is printed; `err`: on standard error."""
    return (sys.stderr if err else sys.stdout).isatty()


def ask(what: str) -> str:
    """A line of text.  Raises `Invalid` when nobody is there to be asked."""
    return answer(what, otherwise=Invalid(f"there is no terminal to ask on: {what[:1].lower() + what[1:]}"))


def answer(what: str, *, otherwise: TallystickError, hide: bool = False) -> str:
    """A line of text; `hide`: typed unseen.  Raises `otherwise` when nobody is there to be asked."""
    if not is_interactive():
        raise otherwise
    # On standard error, so that `SECRET=$(tallystick token create)` works and still asks.
    answer: str = click.prompt(what, type=str, hide_input=hide, err=True)
    return answer


def confirm(question: str) -> None:
    """Go on after a yes only.  Where nobody is there to be asked, that is a mistake of the command line."""
    if not is_interactive():
        raise click.UsageError(f"{question}  Nobody is here to be asked: say --yes.")
    click.confirm(question, err=True, abort=True)


def new_password(*, words: list[str], from_stdin: bool) -> str:
    """A password that was typed twice, unseen, or the first line of standard input.

    `words`: what it must not be made of.  One that is too easy to guess is asked for again; raises `Invalid` when it
    came from standard input, or when nobody is there to be asked.
    """
    # Here, not above: `tallystick token` asks too, and works where the server's packages are not installed.
    from tallystick.identity.password import check_acceptable

    if from_stdin:
        password = first_line()
        check_acceptable(password, known_words=words)
        return password
    if not is_interactive():
        raise Invalid("there is no terminal to ask for a password on: give it as the first line of --password-stdin")
    while True:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="Password, once more")
        try:
            check_acceptable(password, known_words=words)
        except Invalid as error:
            click.echo(f"Not this one: {error}.", err=True)
        else:
            return password


def first_line() -> str:
    """A password: the first line of standard input.  Raises `Invalid` when there is none, or no text."""
    line = sys.stdin.buffer.readline(_PASSWORD_BYTES_MAX).rstrip(b"\r\n")
    if not line:
        raise Invalid("no password came on standard input")
    try:
        return line.decode()
    except UnicodeDecodeError:
        # Without a cause: it holds the line.
        raise Invalid("the password on standard input is not UTF-8") from None
