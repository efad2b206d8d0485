"""Asking people for what must not stand on a command line."""

import sys
from typing import Final

import click

from tallystick.core.errors import Invalid

_PASSWORD_BYTES_MAX: Final = 4096


def is_interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def ask(what: str) -> str:
    """A line of text."""
    answer: str = click.prompt(what, type=str)
    return answer


def new_password(*, from_stdin: bool) -> str:
    """A password that was typed twice, unseen, or the first line of standard input.

    Raises `Invalid` when neither is possible, or nothing came.
    """
    if from_stdin:
        return _first_line()
    if not is_interactive():
        raise Invalid("there is no terminal to ask for a password on: give it as the first line of --password-stdin")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Password, once more")
    return password


def _first_line() -> str:
    line = sys.stdin.buffer.readline(_PASSWORD_BYTES_MAX).rstrip(b"\r\n")
    if not line:
        raise Invalid("no password came on standard input")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Invalid("the password on standard input is not UTF-8") from error
